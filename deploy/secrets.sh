#!/bin/sh
# Draws every secret that is missing in FILE, and leaves those that are there: secrets.sh FILE [NAME to draw anew]...
# Nothing has a default: what is not in the file does not start.
set -eu
umask 077
file=${1:?usage: secrets.sh FILE [NAME...]}
shift
names="S2V_AUTH_SECRET S2V_WORKER_TOKEN S2V_WORKER_WEBHOOK_SECRET S2V_REDIS_PASSWORD S2V_MINIO_ACCESS_KEY S2V_MINIO_SECRET_KEY
MYSQL_PASSWORD MYSQL_ROOT_PASSWORD POSTGRES_PASSWORD MINIO_ROOT_USER MINIO_ROOT_PASSWORD GRAFANA_PASSWORD FRP_TOKEN FRP_SECRET_KEY"
drawn() { od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'; }
[ -e "$file" ] || : >"$file"
chmod 600 "$file"
for name in "$@"; do
  case " $(echo $names) " in
    *" $name "*) ;;
    *) echo "secrets.sh: $name is none of: $(echo $names)" >&2; exit 2 ;;
  esac
  kept=$(mktemp "$file.XXXXXX")
  grep -v "^$name=" "$file" >"$kept" || true
  mv "$kept" "$file"
done
for name in $names; do
  grep -q "^$name=." "$file" && continue
  case $name in
    *_ACCESS_KEY | MINIO_ROOT_USER) length=10 ;; # MinIO takes 3 to 20 characters
    S2V_MINIO_SECRET_KEY | MINIO_ROOT_PASSWORD) length=20 ;; # and of these 8 to 40
    *) length=32 ;;
  esac
  echo "$name=$(drawn $length)" >>"$file"
  echo "drawn: $name"
done

#!/usr/bin/env bash
# A story becomes a film by curl: story.sh [http://host:port]. Needs curl and jq; prints the film's link.
set -euo pipefail
api="${1:-http://127.0.0.1:8080}/api"

post() { # PATH JSON: the answer, or what went wrong
  local answer
  answer=$(curl -s -X POST "$api$1" -H 'Content-Type: application/json' -d "$2")
  if [ "$(jq .code <<<"$answer")" != 0 ]; then
    jq -r .message <<<"$answer" >&2
    exit 1
  fi
  printf '%s' "$answer"
}

finished() { # TASK: waits until it has succeeded, and prints its result
  local answer
  while :; do
    answer=$(curl -s "$api/tasks/$1/status")
    case $(jq -r .status <<<"$answer") in
      SUCCESS) jq .result <<<"$answer"; return ;;
      PENDING | RUNNING) sleep 1 ;;
      *) jq -r '.err_msg // .message' <<<"$answer" >&2; exit 1 ;;
    esac
  done
}

created=$(post /projects/create '{"title": "灯塔", "style": "watercolour", "story": "小猫住在灯塔里。清晨太阳出来了。", "shot_count": 2}')
project=$(jq -r .project_id <<<"$created")
finished "$(jq -r .task_id <<<"$created")" | jq -r '.shots[] | [.order, .prompt] | @tsv' >&2

film=$(post "/projects/$project/compose" '{"mode": "preview"}') # it waits for the images by itself
finished "$(jq -r .task_id <<<"$film")" | jq -r .video_url

"""What no log line may hold: every secret that a configuration has, wherever it stands."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from config.load import load
from config.masking import SECRETS
from config.secrets import secrets_of

PLANTED = "Planted/secret+of@32=characters#1"
NO_SECRET = {"minio.access_key"}  # stands in every signed link
ADDRESSES = {
    "mysql.dsn": f"user:{PLANTED}@tcp(127.0.0.1:3306)/storytovideo",
    "database.url": "postgresql://user:Planted%2Fsecret%2Bof%4032%3Dcharacters%231@127.0.0.1/storytovideo",
    "log.sentry_dsn": (SENTRY := "https://0123456789abcdef0123456789abcdef@sentry.example/1"),
}


@pytest.mark.parametrize("key", sorted((SECRETS - NO_SECRET) | set(ADDRESSES)))
def test_every_secret_of_the_configuration_is_known_to_the_logs(key: str, tmp_path: Path) -> None:
    section, name = key.split(".")
    values: dict[str, dict[str, str]] = {section: {name: ADDRESSES.get(key, PLANTED)}}
    if key == "minio.cdn_key":
        values["minio"]["cdn"] = "https://cdn.example"
    file = tmp_path / "config.yaml"
    file.write_text(yaml.safe_dump(values), "utf-8")
    expected = SENTRY if key == "log.sentry_dsn" else PLANTED
    assert expected in secrets_of(load(file, {}).settings)


def test_the_page_says_how_each_secret_is_changed() -> None:
    root = Path(__file__).resolve().parents[3]
    page = (root / "doc/deployment.md").read_text("utf-8").partition("## Changing secrets")[2].partition("\n## ")[0]
    drawn = (root / "deploy/secrets.sh").read_text("utf-8").partition('names="')[2].partition('"')[0].split()
    own = {f"S2V_{key.replace('.', '_').upper()}" for key in SECRETS} - {"S2V_MINIO_CDN_KEY"}
    assert [name for name in {*drawn, *own, "minio.cdn_key", "log.sentry_dsn"} if f"`{name}`" not in page] == []

"""config.yaml and the README's tables list every setting, each with its true default."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from config.load import KEYS, load
from config.settings import Settings

ROOT = Path(__file__).resolve().parents[3]
ROW = re.compile(r"^\| `([a-z_.]+)` \| (.*?) \| .+ \|$", re.MULTILINE)
DOCUMENTED = {key for key in KEYS if key != "ai" and not key.startswith("ai.")}


def default(key: str) -> str:
    value: object = Settings()
    for part in key.split("."):
        value = getattr(value, part)
    if isinstance(value, list):
        return ",".join(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def test_shipped_file_is_the_defaults() -> None:
    assert load(ROOT / "config.yaml", {}).settings == Settings()


def test_shipped_file_names_every_key() -> None:
    document = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    named = {"data_dir"} | {
        f"{section}.{key}" for section, keys in document.items() if isinstance(keys, dict) for key in keys
    }
    assert named == DOCUMENTED


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md"])
def test_readme_s_table_is_every_key_with_its_default(name: str) -> None:
    rows = dict(ROW.findall((ROOT / name).read_text(encoding="utf-8")))
    written = {key: text.strip("`").replace("—", "") for key, text in rows.items()}
    assert written == {
        key: default(key).lower() if default(key) in ("True", "False") else default(key) for key in DOCUMENTED
    }

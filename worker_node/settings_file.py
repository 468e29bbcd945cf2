"""The node's configuration file: YAML with the options' names, and a list of providers for each kind."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from worker_node.providers.settings import SettingsError

MAX_FILE = 1 << 20  # bytes


def read_settings_file(source: str, known: Collection[str]) -> dict[str, Any]:
    """What stands in a file, by name; `source` is its path, or the text itself where that begins with `{`. Raises `SettingsError`.

    A server hands the section `node` of its own configuration to its embedded node as such a text.
    """
    if not source:
        return {}
    where, text = ("the configuration", source) if source.startswith("{") else (source, _read(source))
    import yaml  # noqa: PLC0415 - only where there is a file

    try:
        found = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" in line {mark.line + 1}" if mark else ""
        raise SettingsError(f"{where}: not YAML{line}") from None
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise SettingsError(f"{where}: settings by name, as in `port: 8800`")
    for name in found:
        if name not in known:
            raise SettingsError(f"{where}: {str(name)[:200]!r}: no such setting")
    return found


def _read(source: str) -> str:
    try:
        with Path(source).open("rb") as file:
            return file.read(MAX_FILE).decode("utf-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a text in UTF-8"
        raise SettingsError(f"--config: {source[:200]!r} cannot be read: {reason}") from None

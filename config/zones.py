"""Time zones by the names that a Go DSN uses."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from datetime import timezone, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

LOCALTIME = Path("/etc/localtime")
TIMEZONE = Path("/etc/timezone")


def zone_named(name: str, environ: Mapping[str, str] | None = None) -> tzinfo:
    """ "UTC", "Local" (the machine's: TZ, /etc/localtime, /etc/timezone, else UTC) or an IANA name; ValueError for any other."""
    if name in ("", "UTC"):
        return timezone.utc
    if name == "Local":
        return _local(os.environ if environ is None else environ)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError, ValueError) as error:
        raise ValueError(
            f"{name!r} is not a time zone: use UTC, Local or an IANA name such as Asia/Shanghai"
        ) from error


def _local(environ: Mapping[str, str]) -> tzinfo:
    if environ.get("TZ"):
        try:
            return zone_named(environ["TZ"].lstrip(":"))
        except ValueError:
            return timezone.utc  # what Go's time package does with a TZ that it cannot load
    for name in filter(None, _names_on_this_machine()):
        try:
            return zone_named(name)
        except ValueError:
            continue
    if LOCALTIME.exists():  # a copy, not a link: the rules without a name
        with LOCALTIME.open("rb") as file:
            return ZoneInfo.from_file(file, key="Local")
    return timezone.utc


def _names_on_this_machine() -> Iterator[str]:
    if LOCALTIME.is_symlink():
        yield str(LOCALTIME.resolve()).partition("/zoneinfo/")[2]
    if TIMEZONE.exists():
        yield TIMEZONE.read_text(encoding="utf-8", errors="replace").strip()

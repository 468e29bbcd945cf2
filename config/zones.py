"""Time zones by the names that a Go DSN uses."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import timezone, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

LOCALTIME = Path("/etc/localtime")


def zone_named(name: str, environ: Mapping[str, str] | None = None) -> tzinfo:
    """ "UTC", "Local" (the machine's: TZ, then /etc/localtime, then UTC) or an IANA name. Raises ValueError for any other name."""
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
    name = environ.get("TZ", "").lstrip(":")
    if name:
        try:
            return zone_named(name)
        except ValueError:
            return timezone.utc  # what Go's time package does with a TZ that it cannot load
    if LOCALTIME.exists():
        with LOCALTIME.open("rb") as file:
            return ZoneInfo.from_file(file, key="Local")
    return timezone.utc

"""Files that an older backend left in `static/`, in the folder where this process was started."""

from __future__ import annotations

import logging
from pathlib import Path

from werkzeug.security import safe_join

from common.errors import NotFound
from common.host_faults import raise_if_ours

log = logging.getLogger(__name__)

FOLDER = Path("static")
PREFIX = "/static/"


def static_file(name: str, folder: Path = FOLDER) -> Path:
    """The file of this name, which neither `..` nor a link may lead out of the folder; raises `NotFound`.

    Raises `HostUnavailable` where this machine cannot look.
    """
    folder = folder.resolve()
    joined = None if "\x00" in name else safe_join(str(folder), name)
    try:
        path = Path(joined).resolve() if joined else folder
        if path.is_relative_to(folder) and path.is_file():
            return path
    except (
        OSError,
        RuntimeError,
        ValueError,
    ) as error:  # longer than names may be, a circle of links, half a UTF-16 pair
        raise_if_ours(error)
        log.debug("not a valid file name", exc_info=True)
    raise NotFound("文件不存在")

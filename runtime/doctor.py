"""`main.py doctor`: how the configuration is understood, and whether each thing that the server needs is there.

Each check imports what it looks at, so that one which cannot even be imported does not keep the others from being said.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

from common.errors import StartError, StoryToVideoError
from common.host_faults import nearest, prove_space, temporary_folder
from config.addresses import parse_listen
from config.admission import needs_login
from config.admission import warning as warning_of
from config.load import Loaded
from config.masking import masked
from config.processes import described
from config.settings import Settings
from config.version import version
from runtime.embedded.redis import redis_executable
from runtime.listener import listen

Check = Callable[[Settings], str]
Echo = Callable[[str], object]

PATIENCE_S = 30.0
MADE_LATER = "is made at the next start"


class CheckFailed(StartError):
    """What is wrong, and what to do."""


def examine(loaded: Loaded, echo: Echo) -> int:
    """Print everything, change nothing; returns 0 when all is well, else 1."""
    files = ", ".join(str(file) for file in loaded.files) or "none (defaults)"
    echo(
        f"storytovideo {version()}\nPython {platform.python_version()} on {platform.platform()}\nConfiguration files: {files}"
    )
    for warning in loaded.warnings:
        echo(f"  warning: {warning}")
    if text := warning_of(loaded.settings, parse_listen(loaded.settings.server.port).host):
        echo(f"  warning: {text}")
    for key, value in masked(loaded.settings):
        echo(f"  {key} = {value}")
    failures = 0
    for name, check in CHECKS.items():
        try:
            echo(f"[ok]   {name}: {check(loaded.settings)}")
        except (StoryToVideoError, ImportError) as error:
            failures += 1
            echo(f"[FAIL] {name}: {error}\n       {HINTS[name]}")
    echo("All checks passed." if not failures else f"{failures} of {len(CHECKS)} checks failed.")
    return 1 if failures else 0


def _database(settings: Settings) -> str:
    from models.bootstrap import inspect_database

    return inspect_database(settings)


def _queue(settings: Settings) -> str:
    if not settings.redis.addr:
        return f"embedded, {redis_executable()}"
    from runtime.wiring import open_redis
    from service.broker import TaskQueue

    with open_redis(settings.redis) as redis:
        return f"{TaskQueue(redis, settings.redis.queue).check()} at {settings.redis.addr}"


def _storage(settings: Settings) -> str:
    from runtime.stores import open_store, storage_name

    if not settings.minio.endpoint and not settings.data_dir.exists():  # opening the store would make the folder
        return f"{storage_name(settings)}: {_may_be_made(settings.data_dir)}"
    store = open_store(settings)
    if not store.exists():
        return f"{storage_name(settings)}: {MADE_LATER}"
    store.check()
    return storage_name(settings)


def _may_be_made(folder: Path) -> str:
    above = next(parent for parent in folder.absolute().parents if parent.exists())
    if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
        raise CheckFailed(f"{folder} cannot be made: {above} is no folder that this user may write to")
    return MADE_LATER


def _node(settings: Settings) -> str:
    if not settings.worker.nodes:
        return "embedded, offline providers"
    from service.node.client import NodeClient

    said, away = [], False
    for node in settings.worker.nodes:
        try:
            said.append(NodeClient(node.addr, token=node.token).check())
        except StoryToVideoError as error:
            away = True
            said.append(str(error))
    if away:
        raise CheckFailed("; ".join(said))
    return "; ".join(said)


def _ffmpeg(_settings: Settings) -> str:
    from service.film.encoding.ffmpeg import ffmpeg_exe

    command = [ffmpeg_exe(), "-version"]
    try:
        asked = subprocess.run(command, capture_output=True, text=True, check=True, timeout=PATIENCE_S)  # noqa: S603 - ours
    except (OSError, subprocess.SubprocessError) as error:
        raise CheckFailed(str(error)) from error
    return asked.stdout.splitlines()[0]


def _font(settings: Settings) -> str:
    from service.film.subtitles.fonts import usable_font

    return str(usable_font(Path(settings.film.font) if settings.film.font else None))


def _speech(settings: Settings) -> str:
    if settings.worker.nodes:
        return "the model node's own"
    try:
        import espeakng_loader

        return str(espeakng_loader.get_library_path())
    except (ImportError, OSError) as error:
        raise CheckFailed(str(error)) from error


def _disk(settings: Settings) -> str:
    free = []
    for name, folder in (("data_dir", nearest(settings.data_dir)), ("TMPDIR", temporary_folder())):
        prove_space(folder)
        free.append(f"{name} {shutil.disk_usage(folder).free / (1 << 30):.1f} GiB free ({folder})")
    return ", ".join(free)


def _address(settings: Settings) -> str:
    address = parse_listen(settings.server.port)
    listen(address).close()
    return address.url()


def _processes(settings: Settings) -> str:
    return described(settings)


def _access(settings: Settings) -> str:
    host = parse_listen(settings.server.port).host
    return "a login or a key is needed" if needs_login(settings, host) else "open to everybody who reaches the address"


def _lines() -> Iterator[tuple[str, Check, str]]:
    yield "database", _database, "See mysql.dsn and database.url; both empty means SQLite in data_dir."
    yield "queue", _queue, "Start Redis 6.2 or newer or correct redis.addr; empty means an embedded one."
    yield "storage", _storage, "See minio.*; an empty endpoint means a folder in data_dir."
    yield "node", _node, "Start the model node or correct worker.addr and worker.addrs; empty means an embedded one."
    yield "ffmpeg", _ffmpeg, "Run `make setup` (it brings one), or install ffmpeg."
    yield "font", _font, "Run `make setup` (it brings one), or name a CJK font by film.font."
    yield "speech", _speech, "Run `make setup`, which brings espeak-ng."
    yield "disk", _disk, "Make room on the disks of data_dir and TMPDIR, or name others; both must be writable."
    yield "processes", _processes, "See server.processes."
    yield "access", _access, "See auth.* in config.yaml."
    yield "address", _address, "Is the server running already? Another port: server.port."


CHECKS: dict[str, Check] = {name: check for name, check, _ in _lines()}
HINTS: dict[str, str] = {name: hint for name, _, hint in _lines()}

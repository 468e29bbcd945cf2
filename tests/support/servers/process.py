"""A server process of the tests' own."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from common.parent_death import guarded
from tests.support.wait import wait_until

START_TIMEOUT_S = 120.0
TRIES = 3


class MissingServiceError(Exception):
    """The program is not installed; the text names it."""


LOWEST, END = 10_240, 32_768  # from there on Linux gives ports to connections
_CHANCE = (
    random.SystemRandom()
)  # another one in each of the tests' processes, whose `random` pytest-randomly seeds alike


def free_port() -> int:
    """A port that was free a moment ago, and that no connection gets, neither now nor while its server is away."""
    while True:
        port = _CHANCE.randrange(LOWEST, END)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@contextmanager
def silent_port() -> Iterator[int]:
    """A port at which nothing answers: bound, but not listening, so that nobody else gets it."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        yield int(holder.getsockname()[1])


def program(*names: str) -> str:
    """The first of these programs (names or paths) that is installed; `MissingServiceError` otherwise."""
    for name in names:
        found = shutil.which(os.path.expanduser(name))  # noqa: PTH111 - `which` takes a text
        if found:
            return found
    raise MissingServiceError(f"{names[0]} is not installed")


class ServerProcess:
    """A program with a temporary folder; it ends with the tests however they end."""

    def __init__(self, name: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix=f"s2v-test-{name}-"))
        self.log = self.folder / "log.txt"
        self.process: subprocess.Popen[bytes] | None = None

    def start(
        self, command: Callable[[], Sequence[str]], ready: Callable[[], bool], env: dict[str, str] | None = None
    ) -> None:
        """Start it and wait until it is ready. `command` is asked anew for each try: another program may have taken the port."""
        for attempt in range(1, TRIES + 1):
            with self.log.open("ab") as log:
                self.process = subprocess.Popen(
                    guarded(command()),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env={**os.environ, **(env or {})},
                )
            process = self.process
            wait_until(lambda: process.poll() is not None or ready(), START_TIMEOUT_S, f"start of {process.args!r}")  # noqa: B023 - used within this turn
            if process.poll() is None:
                return
            if attempt == TRIES:
                text = self.log.read_text(errors="replace")[-2000:]
                raise AssertionError(f"{command()[0]} ended with {process.returncode}:\n{text}")

    def stop(self) -> None:
        """End the program, keep its folder."""
        if self.process and self.process.poll() is None:
            self.go_on()
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def kill(self) -> None:
        """End the program as a power cut does."""
        if self.process:
            self.process.kill()
            self.process.wait()

    def hang(self) -> None:
        """Stop the program, all of its threads: it still takes connections, and answers nothing."""
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)
        os.waitpid(self.process.pid, os.WUNTRACED)

    def go_on(self) -> None:
        """Let a program that hangs go on."""
        assert self.process is not None
        self.process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        """End the program and remove its folder."""
        if self.process and self.process.poll() is None:
            self.go_on()  # one that hangs would not hear that it shall end
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

"""`main.py serve` as a process of its own, and what it leaves behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import psutil
import requests

from config.addresses import Listen
from service.web_server import listen
from tests.wait import wait_until

ROOT = Path(__file__).resolve().parent.parent
START_S = 180.0
END_S = 60.0  # it should be 5; a noisy machine gets ample time


def clean_environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without any setting of ours."""
    return {name: value for name, value in os.environ.items() if not name.startswith("S2V_")} | dict(more or {})


class ServerUnderTest:
    """A server in `folder` with the given settings (dotted keys), on a free port; all it starts can be looked at."""

    def __init__(
        self, folder: Path, settings: Mapping[str, object] | None = None, *options: str, wait: bool = True
    ) -> None:
        self.folder = folder
        values = {"data_dir": folder / "data", "worker.poll_seconds": 0.2, **(settings or {})}
        environment = {f"S2V_{key.replace('.', '_').upper()}": str(value) for key, value in values.items()}
        listener = listen(Listen("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self.log = folder / "server.log"
        command = [
            sys.executable,
            str(ROOT / "main.py"),
            "serve",
            "--config",
            os.devnull,
            "--fd",
            str(listener.fileno()),
            *options,
        ]
        with listener, self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                env=clean_environment(environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[listener.fileno()],
                start_new_session=True,
            )
        if wait:
            wait_until(self._serves, START_S, f"start of the server, log: {self.log}")

    def family(self) -> list[psutil.Process]:
        """Every process below the server, at this moment."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def named(self, part: str) -> list[psutil.Process]:
        """Those whose command line holds `part`."""
        found = []
        for process in self.family():
            try:
                if any(part in word for word in process.cmdline()):
                    found.append(process)
            except psutil.NoSuchProcess:  # it ended between the two looks
                continue
        return found

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Signal the server and wait until it is gone; returns its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(END_S)

    def lines(self) -> str:
        """What it logged."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def __enter__(self) -> ServerUnderTest:
        return self

    def __exit__(self, *_: object) -> None:
        family = self.family() if self.process.poll() is None else []
        self.end(signal.SIGKILL)
        psutil.wait_procs(family, timeout=END_S)

    def _serves(self) -> bool:
        if self.process.poll() is not None:
            raise AssertionError(f"the server ended with {self.process.returncode}:\n{self.lines()[-3000:]}")
        try:
            return requests.get(f"{self.url}/v1/api/health", timeout=START_S).ok
        except requests.ConnectionError:
            return False


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that still run (a zombie does not)."""
    left = []
    for process in processes:
        try:
            if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                left.append(process)
        except psutil.NoSuchProcess:
            continue
    return left

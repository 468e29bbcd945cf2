"""`main.py serve` and `main.py processor` as processes of their own, and what they leave behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import psutil
import requests
from typing_extensions import Self

from config.addresses import Listen
from runtime.listener import listen
from tests.support.wait import wait_until

ROOT = Path(__file__).resolve().parents[2]
START_S = 180.0
STARTED = " started with "  # part of the line in which a processor says so
END_S = 60.0  # it should be 5; a noisy machine gets ample time


def clean_environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without any setting of ours, but that speech is made by espeak-ng, in a hundredth of the time."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("S2V_")}
    return kept | {"S2V_NODE_TTS_PROVIDER": "offline"} | dict(more or {})


class MainProcess:
    """`main.py` with a command, in `folder`, with the given settings (dotted keys); all it starts can be looked at."""

    def __init__(
        self,
        folder: Path,
        command: Sequence[str],
        settings: Mapping[str, object] | None = None,
        fds: Sequence[int] = (),
    ) -> None:
        self.folder = folder
        values = {"data_dir": folder / "data", "worker.poll_seconds": 0.2, **(settings or {})}
        self.environment = {f"S2V_{key.replace('.', '_').upper()}": str(value) for key, value in values.items()}
        self.log = folder / f"{command[0]}.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "main.py"), *command],
                cwd=folder,
                env=clean_environment(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=fds,
                start_new_session=True,
            )

    def family(self) -> list[psutil.Process]:
        """Every process below it, at this moment."""
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
        """Signal it and wait until it is gone; returns its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(END_S)

    def lines(self) -> str:
        """What it logged."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Kill it with all that it started."""
        family = self.family() if self.process.poll() is None else []
        self.end(signal.SIGKILL)
        psutil.wait_procs(family, timeout=END_S)

    def wait_until(self, ready: Callable[[], object]) -> None:
        """Wait until it serves, or fail with what it logged."""

        def ready_or_ended() -> object:
            if self.process.poll() is not None:
                raise AssertionError(f"{self.log} ended with {self.process.returncode}:\n{self.lines()[-3000:]}")
            return ready()

        wait_until(ready_or_ended, START_S, f"start of {self.log}")


class ServerUnderTest(MainProcess):
    """`main.py serve` on a free port, or on `port`. `config` None means what lies in `folder`."""

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, object] | None = None,
        *options: str,
        wait: bool = True,
        port: int = 0,
        config: str | None = os.devnull,
    ) -> None:
        listener = listen(Listen("127.0.0.1", port))
        self.port = int(listener.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        chosen = ["--config", config] if config else []
        command = ["serve", *chosen, "--fd", str(listener.fileno()), *options]
        with listener:
            super().__init__(folder, command, settings, [listener.fileno()])
        if wait:
            self.wait_until(self.serves)

    def serves(self) -> bool:
        """Whether it answers."""
        try:
            return requests.get(f"{self.url}/v1/api/health", timeout=START_S).ok
        except requests.ConnectionError:
            return False


class ProcessorUnderTest(MainProcess):
    """`main.py processor`."""

    def __init__(self, folder: Path, settings: Mapping[str, object]) -> None:
        before = (folder / "processor.log").stat().st_size if (folder / "processor.log").exists() else 0
        super().__init__(folder, ["processor", "--config", os.devnull], settings)
        self.wait_until(lambda: STARTED in self.log.read_bytes()[before:].decode("utf-8", "replace"))

    def claimed(self) -> list[str]:
        """Ids of the tasks that it took, in order."""
        return re.findall(r"task (\S+) \(\w+\) claimed", self.lines())


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

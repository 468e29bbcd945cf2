"""A process of its own for work that cannot be interrupted: it keeps its model between jobs and is killed to stop one.

The protocol is one JSON object a line. In, on standard input: first the kind and its providers (keys travel here, not on the command
line), then a job at a time. Out: any number of `{"progress", "message"}` and `{"notes"}`, each of which is answered with an empty object
once it is on disk, and then one `{"result"}`, `{"error"}` or `{"cancelled"}`. What the worker prints otherwise goes to standard error (see
`child`).
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from worker_node import PACKAGE_PARENT
from worker_node.errors import DISK_FULL, Cancelled, DiskFull, NoneAble, ProviderError
from worker_node.job_notes import JobNotes
from worker_node.log import log_form
from worker_node.providers.registry import LOADED
from worker_node.providers.settings import ProviderSettings
from worker_node.stopping import ASK

if TYPE_CHECKING:
    from worker_node.providers.base import Report

GRACE_S = 10.0


class WorkProcess:
    """One worker process for one provider. `run` belongs to one thread; `kill` may come from any.

    It must be started from a thread that lives as long as the worker may: Linux kills a child with the thread that made it.
    """

    def __init__(self, kind: str, providers: Sequence[ProviderSettings], slots: Path) -> None:
        self._begin = {
            "kind": kind,
            "providers": [provider.for_child() for provider in providers],
            "slots": str(slots),
            "log_format": log_form(),
        }
        self._gentle = any(provider.provider in LOADED for provider in providers)
        self._last_word: threading.Timer | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start the process where there is none; it sets itself up while the caller goes on."""
        if self._process is not None and self._process.poll() is None:
            return
        self.close()
        environment = dict(os.environ)
        paths = [str(PACKAGE_PARENT), *filter(None, [environment.get("PYTHONPATH")])]
        environment["PYTHONPATH"] = os.pathsep.join(paths)
        environment = {name: value for name, value in environment.items() if not name.startswith("S2V_NODE_")}
        with self._lock:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module, fixed arguments
                [sys.executable, "-m", "worker_node.child", str(os.getpid())],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=environment,
                start_new_session=True,
            )
        self._tell(self._begin)

    def _tell(self, line: dict[str, Any]) -> None:
        process = self._process
        if process is not None and process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):  # it is gone: reading from it will say so
                process.stdin.write(json.dumps(line).encode() + b"\n")
                process.stdin.flush()

    def run(
        self, job: dict[str, Any], report: Report, note: Callable[[JobNotes], None], timeout_s: float
    ) -> dict[str, Any]:
        """Do one job in the started process and return its result; raises `ProviderError`, also when the process dies or is killed.

        `note` is called with what is to be kept of the job, and must have it on disk when it returns.
        """
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise ProviderError("工作进程没有启动")
        overdue = threading.Event()

        def give_up() -> None:
            overdue.set()
            self.kill()

        timer = threading.Timer(timeout_s, give_up)
        timer.daemon = True
        timer.start()
        try:
            self._tell(job)
            for line in process.stdout:
                event = json.loads(line)
                if "result" in event:
                    result: dict[str, Any] = event["result"]
                    return result
                if "cancelled" in event:
                    raise Cancelled
                if event.get("error") == DISK_FULL:
                    raise DiskFull
                if "error" in event:
                    raise (NoneAble if event.get("none_able") else ProviderError)(_encodable(event["error"]))
                if "notes" in event:
                    note(JobNotes.model_validate(event["notes"]))
                    self._tell({})
                    continue
                report(int(event["progress"]), _encodable(event["message"]))
        finally:
            timer.cancel()
            self._withdraw_last_word()
        code = process.wait()
        if overdue.is_set():
            raise ProviderError(f"超过了 {timeout_s / 60:g} 分钟的时限")
        raise ProviderError(f"工作进程意外结束（退出码 {code}）")

    def runs(self) -> bool:
        """Whether there is a process, and it has not ended."""
        return self._process is not None and self._process.poll() is None

    def cancel(self) -> None:
        """End the job that is being done: with the process, or where that holds a model between two steps, after `GRACE_S` with it, too."""
        with self._lock:
            process = self._process
            if self._gentle and process is not None and process.poll() is None:
                self._last_word = threading.Timer(GRACE_S, self.kill)
                self._last_word.daemon = True
                self._last_word.start()
                process.send_signal(ASK)
                return
        self.kill()

    def _withdraw_last_word(self) -> None:
        with self._lock:
            timer, self._last_word = self._last_word, None
        if timer is not None:
            timer.cancel()

    def kill(self) -> None:
        """End the process and whatever it started, now."""
        with self._lock:
            process = self._process  # `close` may take it away meanwhile
            if process is not None and process.poll() is None:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.kill()  # the group may not exist yet in the moment after the start

    def close(self) -> None:
        """End the process and wait until it is gone."""
        self.kill()
        process, self._process = self._process, None
        if process is not None:
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    with contextlib.suppress(BrokenPipeError):
                        stream.close()
            process.wait()


def _encodable(text: object) -> str:
    """A provider's text for the wire: an unpaired surrogate, as out of a model's JSON, would make it unreadable for good."""
    return str(text).encode("utf-8", "replace").decode()

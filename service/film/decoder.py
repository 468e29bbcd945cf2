"""Opening sounds, clips and images that somebody else made, in a child process: they cost this one neither memory nor time.

The child (`decoder_process`) is held to so much memory and time on the processor (as far as the system does that; see
`common.process_limits`) and killed when it says nothing for long. Files that come in are looked at by a child each (`visiting_decoder`),
few at once; a film has one of its own, which is kept as long as the film is made.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from common.errors import DependencyError, DiskFull, HostUnavailable
from common.host_faults import raise_if_killed
from service.film.errors import UnusableMedia
from service.film.orders import BLOCK, FAULT, HEAD, NO_MEMORY, VALUE

log = logging.getLogger(__name__)

_FAULTS = {fault.__name__: fault for fault in (HostUnavailable, DiskFull)}

# What a child has for one order. Two hours of the costliest sound take half of the time; the memory includes 150 MiB of libraries.
PROCESSOR_S = 120
SOUND_MEMORY, PICTURE_MEMORY = 768 << 20, 2 << 30  # bytes; the latter of clips and images
SILENCE_S = 600.0  # a child that says nothing for so long, on however busy a machine, stands still
TOO_MUCH = "打开它需要的内存太多，或其中的轨道太多"  # libav says of either that there is no memory
AT_ONCE = 2  # children of `visiting_decoder`
TURN_S = 60.0  # how long one waits for its turn
POLL_S = 0.05
ROOT = Path(__file__).resolve().parents[2]

_turns = threading.BoundedSemaphore(AT_ONCE)

Check = Callable[[], None]
"""Called often while one waits; may raise to stop."""


def _go_on() -> None:
    return


class Decoder:
    """One child, started when it is needed, and again after one has died. For one thread at a time.

    What it is asked raises UnusableMedia (Chinese) for a file that cannot be used or takes too much to open, `DependencyError` when there
    is no child to be had, `HostUnavailable` where this machine is to blame, and whatever `check` raises; in each of these cases the child
    is gone.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] | None = None
        self._ready = selectors.DefaultSelector()

    def __enter__(self) -> Decoder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()
        self._ready.close()

    def start(self) -> None:
        """Start the child; its imports take a moment, so the sooner the better."""
        if self._process is not None:
            return
        # One arena for the allocator: each would map memory that it does not use.
        environment = os.environ | {"MALLOC_ARENA_MAX": "1", "OPENBLAS_NUM_THREADS": "1"}
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `_end`
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "service.film.decoder_process"],
                cwd=ROOT,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                start_new_session=True,
            )
        except OSError as error:
            self._end()
            raise DependencyError(f"无法启动解码进程：{error.strerror}") from error
        self._ready.register(self._output(), selectors.EVENT_READ)

    def sound(self, path: Path, longest_s: float, check: Check = _go_on) -> Iterator[bytearray]:
        """The file's sound, `longest_s` seconds of it at most, in blocks of about half a second: 48 kHz, 32-bit floats, all of the left
        channel and then all of the right.
        """
        yield from self._ask("sound", path, check, longest_s=longest_s)

    def sound_seconds(self, path: Path, check: Check = _go_on) -> float:
        """How long the file's sound is, counted in decoded samples."""
        return self.look_at_sound(path, check)[0]

    def look_at_sound(self, path: Path, check: Check = _go_on) -> tuple[float, list[str]]:
        """The same, and what there is to tell about the file (Chinese)."""
        seconds, notes = self._value("sound_look", path, check)
        return float(seconds), [str(note) for note in notes]

    def clip_seconds(self, path: Path, check: Check = _go_on) -> float:
        """How long a clip plays."""
        return float(self._value("clip_seconds", path, check))

    def check_clip(self, path: Path, check: Check = _go_on) -> float:
        """A clip's length in seconds; UnusableMedia unless it is whole, of a size, a length and a rate that films can use."""
        return float(self._value("clip", path, check))

    def check_image(self, path: Path, check: Check = _go_on) -> None:
        """See `image_file.check_image`."""
        self._value("image", path, check)

    def thumbnail(self, path: Path, target: Path, width: int, kind: str, at_s: float | None = None) -> None:
        """Write a small picture of an image, or of a film at a moment, to `target`; see `frames.thumbnail`."""
        more: dict[str, Any] = {"target": str(target.absolute()), "width": width, "kind": kind, "at": at_s}
        self._value("thumbnail", path, _go_on, **more)

    @property
    def runs(self) -> bool:
        """Whether there is a child."""
        return self._process is not None

    def _value(self, want: str, path: Path, check: Check, **more: Any) -> Any:
        asked = self._ask(want, path, check, **more)
        while True:
            try:
                next(asked)
            except StopIteration as answer:
                return answer.value

    def _ask(self, want: str, path: Path, check: Check, **more: Any) -> Generator[bytearray, None, Any]:
        """Yields blocks, and returns the value that ends the answer."""
        self.start()
        try:
            # A sound's file is mapped, which counts as memory though it takes none.
            memory = SOUND_MEMORY + _size(path) if want.startswith("sound") else PICTURE_MEMORY
            limits = {"memory": memory, "seconds": PROCESSOR_S}
            self._order({"want": want, "path": str(path.absolute()), **limits, **more})
            while True:
                kind, size = HEAD.unpack(self._read(HEAD.size, check))
                data = self._read(size, check)
                if kind != BLOCK:
                    break
                yield data
            if kind == VALUE:
                return json.loads(data)
            if kind == FAULT:
                name, reason = json.loads(data)
                raise _FAULTS[name](reason)
            raise UnusableMedia(TOO_MUCH if kind == NO_MEMORY else data.decode())
        except BaseException:
            self._end()
            raise

    def _order(self, order: dict[str, Any]) -> None:
        """A child that is dead is noticed when its output is read."""
        if self._process is not None and self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                self._process.stdin.write(json.dumps(order).encode() + b"\n")
                self._process.stdin.flush()

    def _output(self) -> int:
        if self._process is None or self._process.stdout is None:
            raise DependencyError("解码进程没有输出管道")
        return self._process.stdout.fileno()

    def _read(self, size: int, check: Check) -> bytearray:
        data = bytearray(size)
        view, got = memoryview(data), 0
        deadline = time.monotonic() + SILENCE_S
        while got < size:
            check()
            if self._ready.select(POLL_S):
                count = os.readv(self._output(), [view[got:]])
                if count == 0:
                    raise self._death()
                got += count
                deadline = time.monotonic() + SILENCE_S
            elif time.monotonic() > deadline:
                raise UnusableMedia(f"解码进程 {SILENCE_S:.0f} 秒没有反应")
        return data

    def _death(self) -> UnusableMedia:
        code = self._process.wait() if self._process is not None else 0
        if code == -signal.SIGXCPU:
            return UnusableMedia(f"解码用时超过上限 {PROCESSOR_S} 秒")
        raise_if_killed(code, "解码进程")
        log.warning("a decoder ended with %d: %s", code, self._last_words())
        return UnusableMedia("解码时进程意外结束")

    def _last_words(self) -> str:
        if self._errors is None:
            return ""
        size = os.fstat(self._errors.fileno()).st_size
        return os.pread(self._errors.fileno(), 4096, max(0, size - 4096)).decode("utf-8", "replace").strip()

    def _end(self) -> None:
        """End the child at once."""
        process, self._process = self._process, None
        if process is not None:
            if process.stdout is not None:
                self._ready.unregister(process.stdout.fileno())
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout):
                if stream is not None:
                    with contextlib.suppress(BrokenPipeError):
                        stream.close()
        if self._errors is not None:
            self._errors.close()
            self._errors = None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # the child says why


@contextlib.contextmanager
def visiting_decoder(check: Check = _go_on) -> Iterator[Decoder]:
    """A decoder for a file that comes in, once it is its turn. Raises `DependencyError` when that takes too long."""
    deadline = time.monotonic() + TURN_S
    while not _turns.acquire(timeout=POLL_S):
        check()
        if time.monotonic() > deadline:
            raise DependencyError("同时检查的文件太多")
    try:
        with Decoder() as decoder:
            yield decoder
    finally:
        _turns.release()

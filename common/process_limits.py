"""What the kernel lets a process have: memory and time on the processor, for processes that open other people's files."""

from __future__ import annotations

import contextlib
import resource
import time
from collections.abc import Iterator


def limit_memory(size: int) -> None:
    """Let this process map at most `size` bytes; beyond them it gets no memory. macOS does not keep to such a limit."""
    _set_soft(resource.RLIMIT_AS, size)


def limit_processor_time(seconds: int) -> None:
    """Let this process compute for so many seconds from now on; then the kernel ends it with SIGXCPU."""
    _set_soft(resource.RLIMIT_CPU, int(time.process_time()) + 1 + seconds)


@contextlib.contextmanager
def unlimited_memory() -> Iterator[None]:
    """What is started meanwhile may map what it likes."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    _set_soft(resource.RLIMIT_AS, before[1])
    try:
        yield
    finally:
        _set_soft(resource.RLIMIT_AS, before[0])


def _set_soft(kind: int, wanted: int) -> None:
    """The soft limit alone, which a process may raise again, up to what it was given."""
    hard = resource.getrlimit(kind)[1]
    if hard != resource.RLIM_INFINITY:
        wanted = hard if wanted == resource.RLIM_INFINITY else min(wanted, hard)
    with contextlib.suppress(ValueError, OSError):  # a system that does not have it
        resource.setrlimit(kind, (wanted, hard))

"""How a command of the client may end: what is said, and the process's exit code."""

from __future__ import annotations

TASK_FAILED, USAGE, UNREACHABLE, REFUSED, NO_FILE, INTERRUPTED = 1, 2, 3, 4, 5, 130


class Outcome(Exception):
    """Something other than success; the text is for the person at the terminal."""

    code = TASK_FAILED


class TaskFailed(Outcome):
    """A task failed or was cancelled."""


class WrongUsage(Outcome):
    """What was asked for cannot be asked: the configuration is wrong, the story is empty."""

    code = USAGE


class Unreachable(Outcome):
    """No server answers, or none that is ready."""

    code = UNREACHABLE


class Refused(Outcome):
    """The server says no: who asks may not, or what is named is not there."""

    code = REFUSED


class NoFile(Outcome):
    """A file cannot be read or written."""

    code = NO_FILE

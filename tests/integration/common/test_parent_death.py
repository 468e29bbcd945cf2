"""A guarded command ends with the process that started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from common.parent_death import guarded
from tests.support.server_process import ROOT, alive
from tests.support.wait import wait_until

PARENT = """
import signal, subprocess, sys
from common.parent_death import guarded
child = subprocess.Popen(guarded([sys.executable, "-c", sys.argv[1]], signal.Signals(int(sys.argv[2]))), stdout=subprocess.DEVNULL)
print(child.pid, flush=True)
child.wait()
"""
SLEEPER = "import time; time.sleep(600)"


def start(child: str, end_with: signal.Signals) -> tuple[subprocess.Popen[str], psutil.Process]:
    command = [sys.executable, "-c", PARENT, child, str(int(end_with))]
    parent = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    return parent, psutil.Process(int(parent.stdout.readline()))


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_guarded_child_ends_when_its_parent_is_killed(how: signal.Signals) -> None:
    parent, child = start(SLEEPER, signal.SIGKILL)
    with parent:
        wait_until(lambda: child.cmdline()[1:] == ["-c", SLEEPER], 60, "the child's own command")
        assert alive([child])
        parent.send_signal(how)
        parent.wait(60)
        wait_until(lambda: not alive([child]), 60, "the child's end")


def test_child_may_be_told_to_end_in_order(tmp_path: Path) -> None:
    """SIGTERM in place of SIGKILL, for a program that has something to clean up."""
    ready, cleaned = tmp_path / "ready", tmp_path / "cleaned"
    program = (
        "import pathlib, signal, sys, time\n"
        f"signal.signal(signal.SIGTERM, lambda *_: (pathlib.Path({str(cleaned)!r}).touch(), sys.exit(0)))\n"
        f"pathlib.Path({str(ready)!r}).touch()\n"
        "time.sleep(600)"
    )
    parent, _child = start(program, signal.SIGTERM)
    with parent:
        wait_until(ready.exists, 60)
        parent.kill()
        parent.wait(60)
        wait_until(cleaned.exists, 60, "the child's clean-up")


def test_child_of_a_parent_that_is_gone_already_does_not_start(tmp_path: Path) -> None:
    """Between fork and the order to the kernel the parent may die: then no signal would ever come."""
    started = tmp_path / "started"
    command = guarded([sys.executable, "-c", f"open({str(started)!r}, 'w')"])
    orphan = [str(2**22 - 1) if word == str(os.getpid()) else word for word in command]
    assert subprocess.run(orphan, check=False).returncode == 1
    assert not started.exists()


def test_guarded_command_is_the_command_itself() -> None:
    """Same process id, arguments and exit status: nothing stands between."""
    script = "import os, sys; print(os.getpid(), sys.argv[1:]); sys.exit(7)"
    with subprocess.Popen(
        guarded([sys.executable, "-c", script, "a b", ""]), stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.communicate()[0].strip() == f"{process.pid} ['a b', '']"
    assert process.returncode == 7

"""What a shell is given to complete the command line by."""

from __future__ import annotations

import errno
import os
import pty
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

from tests.conftest import leave_out

ROOT = Path(__file__).resolve().parents[3]
RUN = f"'{sys.executable}' '{ROOT / 'main.py'}'"
LINE_START, LINE_END = "\x01", "\x05"  # as Emacs has them
TYPED = """
eval "$({run} completion bash)"
typed() {{ COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _storytovideo_completion "$1"; echo "${{COMPREPLY[@]}}"; }}
typed storytovideo project wa
typed main.py tasks ""
typed main.py project create --te
storytovideo --version
"""


def test_bash_completes_commands_and_options_and_knows_the_program_by_its_name(tmp_path: Path) -> None:
    shell = shutil.which("bash") or leave_out("bash is not installed")
    said = subprocess.run(
        [shell, "-c", TYPED.format(run=RUN)], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60
    )
    assert said.stderr == ""
    watch, tasks, option, version = said.stdout.splitlines()
    assert (watch, option, version.split()[0]) == ("watch", "--telling", "storytovideo")
    assert set(tasks.split()) == {"list", "show", "cancel", "retry", "watch"}


def test_zsh_completes_them_too_at_a_terminal(tmp_path: Path) -> None:
    """Tab is pressed behind each of the beginnings; then the line is kept as it stands, in a file."""
    shell = shutil.which("zsh") or leave_out("zsh is not installed")
    beginnings = ("storytovideo project wa", "main.py tasks canc", "storytovideo project create --te")
    begin = f'bindkey -e; autoload -U compinit; compinit -u -D\neval "$({RUN} completion zsh)"\n'
    keys = "".join(f"{text}\t{LINE_START}print -r -- {LINE_END}>> typed\n" for text in beginnings)
    ours, terminal = pty.openpty()
    with subprocess.Popen(
        [shell, "-f", "-i"],
        cwd=tmp_path,
        env={**os.environ, "TERM": "dumb"},
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    ) as running:
        os.close(terminal)
        os.write(ours, f"{begin}{keys}exit\n".encode())
        shown = b"".join(iter(partial(read, ours), b""))
    os.close(ours)
    assert running.returncode == 0, shown
    assert (tmp_path / "typed").read_text("utf-8").split("\n") == [
        "storytovideo project watch",
        "main.py tasks cancel",
        "storytovideo project create --telling",
        "",
    ], shown


def read(terminal: int) -> bytes:
    """What a terminal shows next; nothing once the shell has gone, which Linux says by an error."""
    try:
        return os.read(terminal, 4096)
    except OSError as error:
        if error.errno != errno.EIO:
            raise
        return b""

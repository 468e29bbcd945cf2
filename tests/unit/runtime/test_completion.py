"""What a shell is given to complete the command line by."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
TYPED = """
eval "$({run} completion bash)"
typed() {{ COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _storytovideo_completion "$1"; echo "${{COMPREPLY[@]}}"; }}
typed storytovideo project wa
typed main.py tasks ""
typed main.py project create --te
storytovideo --version
"""


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_bash_completes_commands_and_options_and_knows_the_program_by_its_name(tmp_path: Path) -> None:
    run = f"'{sys.executable}' '{ROOT / 'main.py'}'"
    said = subprocess.run(
        ["bash", "-c", TYPED.format(run=run)], cwd=tmp_path, capture_output=True, text=True, check=True, timeout=60
    )
    assert said.stderr == ""
    watch, tasks, option, version = said.stdout.splitlines()
    assert (watch, option, version.split()[0]) == ("watch", "--telling", "storytovideo")
    assert set(tasks.split()) == {"list", "show", "cancel", "retry", "watch"}


def test_zsh_gets_a_function_that_calls_this_program() -> None:
    said = subprocess.run(
        [sys.executable, str(ROOT / "main.py"), "completion", "zsh"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    ).stdout
    assert "compdef _storytovideo_completion storytovideo main.py" in said
    assert f"zsh_complete {sys.executable} {ROOT / 'main.py'}" in said
    assert ("$+commands" in said, "%(" in said) == (False, False)

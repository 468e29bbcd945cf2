"""What makes a shell complete the words of the command line: click's own, for a program that is no file in the PATH."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import click
from click.shell_completion import BashComplete, ZshComplete

NAME = "storytovideo"
PROGRAM = Path(__file__).resolve().parents[2] / "main.py"
VARIABLE = "_MAIN_PY_COMPLETE"  # which click looks for, by the program's file
_NOT_A_FILE = "    (( ! $+commands[%(prog_name)s] )) && return 1\n"
FUNCTION = """
command -v {name} > /dev/null || {name}() {{ {run} "$@"; }}
"""


def script(command: click.Command, shell: str) -> str:
    """To be evaluated by the shell: it completes `storytovideo`, which is defined where there is none, and `main.py`."""
    run = f"{shlex.quote(sys.executable)} {shlex.quote(str(PROGRAM))}"
    made = (BashComplete if shell == "bash" else ZshComplete)(command, {}, NAME, VARIABLE)
    values = made.source_vars()
    source = made.source_template.replace(_NOT_A_FILE, "")
    if shell == "bash":
        source = source.replace("bash_complete $1)", f"bash_complete {run})").replace(
            "%(prog_name)s\n}", "%(prog_name)s main.py\n}"
        )
    else:
        source = source.replace("zsh_complete %(prog_name)s)", f"zsh_complete {run})")
        source = source.replace("#compdef %(prog_name)s", "#compdef %(prog_name)s main.py")
        source = source.replace(
            "compdef %(complete_func)s %(prog_name)s", "compdef %(complete_func)s %(prog_name)s main.py"
        )
    return FUNCTION.format(name=NAME, run=run) + source % values

"""How long a start takes, beside another checkout: `python -m bench.startup OTHER [--rounds N]`.

OTHER is a folder with another commit and a `.venv` of its own (`git worktree add ../before 9d22a57 && make -C ../before setup`).
Both take turns. `serve` runs on SQLite with everything embedded, in a folder that is new each time, until `GET /v1/api/health` answers;
`doctor` and `--help` until they end. Prints medians and their ratios, and ends with 1 where a limit is missed.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import requests

from bench.harness import Claim, machine, note, report

HERE = Path(__file__).resolve().parents[1]
PATIENCE_S = 120.0
LOOK_S = 0.01
LIMITS = {"serve": 0.5, "doctor": 0.75, "--help": 0.25}


def main() -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.startup", description=__doc__)
    parser.add_argument("other", type=Path, help="the checkout to compare with")
    parser.add_argument("--rounds", type=int, default=7)
    arguments = parser.parse_args()
    trees = {"before": arguments.other.resolve(), "now": HERE}
    claims = []
    for name, limit in LIMITS.items():
        seconds: dict[str, list[float]] = {tree: [] for tree in trees}
        for number in range(-1, arguments.rounds):  # the first one warms the machine's file cache
            for tree, folder in trees.items():
                took = _timed(name, folder)
                if number >= 0:
                    seconds[tree].append(took)
        medians = {tree: statistics.median(taken) for tree, taken in seconds.items()}
        note(f"  {name}: before {medians['before']:.2f} s, now {medians['now']:.2f} s")
        claims.append(
            Claim(f"main.py {name}", "the other commit", "<=", limit, medians["now"] / medians["before"], "×")
        )
    return report(claims, machine())


def _timed(name: str, tree: Path) -> float:
    with tempfile.TemporaryDirectory(prefix="startup-bench-") as folder:
        return _serve(tree, Path(folder)) if name == "serve" else _run(tree, Path(folder), name)


def _run(tree: Path, folder: Path, name: str) -> float:
    began = time.monotonic()
    subprocess.run(_command(tree, name), env=_environment(folder), cwd=folder, stdout=subprocess.DEVNULL, check=True)
    return time.monotonic() - began


def _serve(tree: Path, folder: Path) -> float:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port, fd = listener.getsockname()[1], listener.fileno()
        began = time.monotonic()
        process = subprocess.Popen(
            [*_command(tree, "serve"), "--fd", str(fd)],
            env=_environment(folder),
            cwd=folder,
            pass_fds=[fd],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    try:
        requests.get(
            f"http://127.0.0.1:{port}/v1/api/health", timeout=PATIENCE_S
        ).raise_for_status()  # waits in the socket's backlog
        return time.monotonic() - began
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _command(tree: Path, name: str) -> list[str]:
    return [str(tree / ".venv" / "bin" / "python"), str(tree / "main.py"), name]


def _environment(folder: Path) -> dict[str, str]:
    """Ours without settings; and what Python compiles is kept, as it is where nobody forbids it."""
    left_out = ("S2V_", "PYTHONDONTWRITEBYTECODE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    return kept | {"S2V_DATA_DIR": str(folder / "data"), "S2V_SERVER_PORT": "127.0.0.1:0"}


if __name__ == "__main__":
    sys.exit(main())

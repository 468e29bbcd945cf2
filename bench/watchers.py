"""What idle watchers cost: `python -m bench.watchers [--watchers N] [--seconds N] [--rounds N] [--processes N]`.

So many WebSockets wait for a task in which nothing happens, on a server of one process and on one of several, which take turns. Prints the
share of a core that each of the server's processes takes meanwhile, and its memory; ends with 1 where a limit is missed. On the server of
S2V_TEST_MYSQL_DSN where that is set, else on SQLite.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import sys
import time
from contextlib import ExitStack

import requests
import websocket

from bench.harness import MIB, Claim, machine, note, report
from bench.serving import PATIENCE_S, serving
from runtime.memory import proportional

SETTLE_S = 2.0
MOST_OF_A_CORE, MOST_MIB = 5.0, 350.0
NO_NODE = {"worker.addr": "127.0.0.1:9", "server.max_sockets": 10_000}


def main() -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.watchers", description=__doc__)
    parser.add_argument("--watchers", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    counts = (1, arguments.processes)
    runs: dict[int, list[dict[str, tuple[float, float]]]] = {count: [] for count in counts}
    for turn in range(arguments.rounds):
        for count in counts if turn % 2 == 0 else reversed(counts):
            runs[count].append(measured(count, arguments.watchers, arguments.seconds))
            note(
                f"  {count} web processes: "
                + ", ".join(f"{k} {c:.2f} %, {m:.0f} MiB" for k, (c, m) in runs[count][-1].items())
            )
    shares = {count: statistics.median(sum(cpu for cpu, _ in run.values()) for run in runs[count]) for count in counts}
    memory = {count: statistics.median(sum(mib for _, mib in run.values()) for run in runs[count]) for count in counts}
    several = f"{arguments.processes} processes"
    claims = [
        Claim(f"{arguments.watchers} watchers, one process: of a core", "-", "<=", MOST_OF_A_CORE, shares[1], " %"),
        Claim(f"the same, {several}", "-", "<=", MOST_OF_A_CORE, shares[arguments.processes], " %"),
        Claim(f"{several}: of a core", "one process", "<=", 3.0, shares[arguments.processes] / shares[1], "×"),
        Claim(
            f"{several}: memory of all (PSS)", "one process", "<=", 2.5, memory[arguments.processes] / memory[1], "×"
        ),
    ]
    return report(claims, machine())


def measured(processes: int, watchers: int, seconds: float) -> dict[str, tuple[float, float]]:
    """Of each process, by its name: per cent of a core, and MiB."""
    with serving(processes, NO_NODE) as server, ExitStack() as opened:
        story = {"StoryText": "从前有一只狐狸。", "ShotCount": 1}
        created = requests.post(f"{server.url}/v1/api/projects", json=story, timeout=PATIENCE_S).json()
        address = f"{server.url.replace('http', 'ws')}/tasks/{created['shot_task_ids'][0]}/wss"  # blocked, and stays so
        for _ in range(watchers):
            client = websocket.create_connection(address, timeout=PATIENCE_S)
            opened.callback(client.shutdown)
            client.recv()
        time.sleep(SETTLE_S)
        found = server.processes()
        before, began = {name: sum(one.cpu_times()[:2]) for name, one in found.items()}, time.monotonic()
        time.sleep(seconds)
        took = time.monotonic() - began
        return {
            name: (100 * (sum(one.cpu_times()[:2]) - before[name]) / took, (proportional(one.pid) or 0) / MIB)
            for name, one in found.items()
        }


if __name__ == "__main__":
    sys.exit(main())

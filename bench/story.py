"""What a story takes beside its model node: `python -m bench.story [--rounds N] [--shots N] [--processes N]`.

The node takes a fixed time for each job, reports its end by webhook and does as many jobs at once as it is given. So a story of no more
shots than `worker.concurrency` takes it two jobs' time, the storyboard's and the images'; what passes beyond that, from the request until
the last image can be read, is the server's. Servers of one process and of several take turns. Prints the overhead and ends with 1 where a
limit is missed. On the server of S2V_TEST_MYSQL_DSN where that is set, else on SQLite.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import requests

from bench.harness import Claim, machine, note, report
from bench.serving import PATIENCE_S, Serving, serving
from routers.api.webhook import canonical, sign
from tests.support.node.scripts import Script, png, scenes
from tests.support.node.stand_in import StandInNode

JOB_S = 1.0
LOOK_S = 0.02
SECRET = "a secret that the node and the server share"
MOST_OF_THE_NODE, MOST_OF_ONE = 0.5, 1.5


class TimedNode(StandInNode):
    """Each job takes `JOB_S` seconds; `report_to` is where its end is reported."""

    def __init__(self) -> None:
        super().__init__()
        self.report_to = ""
        self._done: set[str] = set()
        self.script("generate_storyboard", self._timed(lambda asked: json.dumps(scenes(_shots(asked))).encode()))
        self.script("generate_shot", self._timed(lambda _asked: png()))
        self.on_poll = self._at_work

    def _timed(self, make: Callable[[dict[str, Any]], bytes]) -> Callable[[dict[str, Any]], Script]:
        def begin(envelope: dict[str, Any]) -> Script:
            timer = threading.Timer(JOB_S, self._end, [envelope["id"]])
            timer.daemon = True
            timer.start()
            return Script([{"status": "finished", "progress": 100}], make(envelope))

        return begin

    def _end(self, task_id: str) -> None:
        self._done.add(task_id)
        body: dict[str, Any] = {"task_id": task_id, "timestamp": time.time()}
        body["signature"] = sign(SECRET, canonical(body))
        requests.post(f"{self.report_to}/api/webhook/task_complete", json=body, timeout=PATIENCE_S)

    def _at_work(self, job_id: str) -> tuple[int, Any] | None:
        job = self.jobs.get(job_id)
        if job is None or job.envelope["id"] in self._done:
            return None
        return 200, {"id": job_id, "status": "processing", "progress": 50, "message": "", "error": "", "result": {}}


def _shots(envelope: dict[str, Any]) -> int:
    return int((envelope["parameters"].get("shot_defaults") or {}).get("shot_count") or 1)


def main() -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.story", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--shots", type=int, default=4)
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    counts = (1, arguments.processes)
    overheads: dict[int, list[float]] = {count: [] for count in counts}
    for turn in range(arguments.rounds):
        for count in counts if turn % 2 == 0 else reversed(counts):
            overheads[count].append(overhead(count, arguments.shots))
            note(f"  {count} web processes: {overheads[count][-1]:.2f} s")
    medians = {count: statistics.median(taken) for count, taken in overheads.items()}
    several = f"{arguments.processes} processes"
    ratio = statistics.median(b / a for a, b in zip(overheads[1], overheads[arguments.processes], strict=True))
    claims = [
        Claim("overhead, one process", "the node's own time", "<=", MOST_OF_THE_NODE, medians[1] / (2 * JOB_S), "×"),
        Claim(
            f"overhead, {several}",
            "the node's own time",
            "<=",
            MOST_OF_THE_NODE,
            medians[arguments.processes] / (2 * JOB_S),
            "×",
        ),
        Claim(f"overhead, {several}", "one process", "<=", MOST_OF_ONE, ratio, "×"),
    ]
    return report(claims, f"{', '.join(f'{n}: {s:.2f} s' for n, s in medians.items())}; {machine()}")


def overhead(processes: int, shots: int) -> float:
    """Seconds of one story beside the node's own. A first one, which imports what tasks need, is not counted."""
    with TimedNode() as node:
        settings = {"worker.addr": node.addr, "worker.webhook_secret": SECRET}
        with serving(processes, settings) as server:
            node.report_to = server.url
            told(server, shots)
            return told(server, shots) - 2 * JOB_S


def told(server: Serving, shots: int) -> float:
    """Seconds from the request until every image is there."""
    began = time.monotonic()
    with requests.Session() as session:
        story = {"Title": "狐狸", "StoryText": "从前有一只狐狸。" * shots, "ShotCount": shots}
        created = session.post(f"{server.url}/v1/api/projects", json=story, timeout=PATIENCE_S).json()
        while True:
            path = f"{server.url}/v1/api/projects/{created['project_id']}/tasks"
            states = [task["status"] for task in session.get(path, timeout=PATIENCE_S).json()["tasks"]]
            if set(states) == {"finished"}:
                return time.monotonic() - began
            if "failed" in states or time.monotonic() - began > PATIENCE_S:
                raise AssertionError(f"the story ended as {states}")
            time.sleep(LOOK_S)


if __name__ == "__main__":
    sys.exit(main())

"""One process of the hunt for stale answers: threads that read tasks from the application, and threads that write them.

`python -m tests.support.stale_reader FOLDER DSN REDIS_URL TASKS NUMBER READS`, where FOLDER has `truth`, a shared array: the progress of
each task that is surely committed. Each task is written by one thread of one process, and its progress only grows, so that an answer with
less than what was in the array before the read began is stale. Prints how many reads and writes there were, how many SELECTs they took, and
how many reads were stale.
"""

from __future__ import annotations

import json
import mmap
import random
import sys
import threading
from pathlib import Path
from typing import Any

from sqlalchemy import event, update
from werkzeug.test import EnvironBuilder

from models.task import Task
from routers.app import create_app
from service.container import Services
from tests.support.wait import wait_until
from tests.support.web_app import make_settings, open_services

READERS, WRITERS, PROCESSES = 3, 1, 4
WAYS = ("/v1/api/tasks/{task}", "/v1/api/projects/{project}", "/api/tasks/{task}/status")


class Hunt:
    """What the threads share."""

    def __init__(self, services: Services, truth: Path, tasks: list[tuple[str, str]], reads: int) -> None:
        self.services, self.tasks = services, tasks
        self.app = create_app(services)
        with truth.open("r+b") as file:
            self.truth = memoryview(mmap.mmap(file.fileno(), 0)).cast("Q")
        self.left = reads
        self.counts = {"reads": 0, "stale": 0, "writes": 0, "statements": 0}
        self.over = threading.Event()
        self.lock = threading.Lock()
        for engine in {services.database.engine, services.database.reads}:
            event.listen(engine, "before_cursor_execute", self._statement)

    def _statement(self, _connection: Any, _cursor: Any, sql: str, *_rest: Any) -> None:
        if sql.startswith("SELECT"):
            self.count("statements")

    def count(self, name: str) -> None:
        with self.lock:
            self.counts[name] += 1

    def read(self, rng: random.Random) -> None:
        """Until there were enough reads."""
        while self.left > 0:
            self.left -= 1
            at = rng.randrange(len(self.tasks))
            project, task = self.tasks[at]
            sure = self.truth[at]
            body = self.ask(rng.choice(WAYS[:2]).format(project=project, task=task))
            shown = (body.get("task") or body.get("recent_task"))["progress"]
            self.count("reads")
            if shown < sure:
                self.count("stale")
                sys.stderr.write(f"task {at}: {shown} was shown after {sure} was committed\n")

    def ask(self, path: str) -> Any:
        environ = EnvironBuilder(path=path, base_url="http://localhost:8080").get_environ()
        return json.loads(b"".join(self.app.wsgi_app(environ, lambda *_: lambda _data: None)))

    def write(self, rng: random.Random, own: list[int]) -> None:
        """Until the readers are done."""
        while not self.over.is_set():
            at = rng.choice(own)
            value = self.truth[at] + 1
            with self.services.database.write() as session:
                session.execute(update(Task).where(Task.id == self.tasks[at][1]).values(progress=value))
            self.truth[at] = value
            self.count("writes")


def main(folder: Path, dsn: str, redis_url: str, tasks: Path, number: int, reads: int) -> None:
    """Hunt, and print the counts."""
    with open_services(make_settings(folder, dsn), redis_url) as services:
        services.changes.listen()
        hunt = Hunt(services, folder / "truth", json.loads(tasks.read_text()), reads)
        wait_until(services.changes.reliable, 60)
        own = range(number, len(hunt.tasks), PROCESSES)
        readers = [threading.Thread(target=hunt.read, args=(random.Random(f"{number} {n}"),)) for n in range(READERS)]
        writers = [
            threading.Thread(target=hunt.write, args=(random.Random(n), list(own)[n::WRITERS])) for n in range(WRITERS)
        ]
        for thread in (*readers, *writers):
            thread.start()
        for thread in readers:
            thread.join()
        hunt.over.set()
        for thread in writers:
            thread.join()
        sys.stdout.write(json.dumps(hunt.counts))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], Path(sys.argv[4]), int(sys.argv[5]), int(sys.argv[6]))

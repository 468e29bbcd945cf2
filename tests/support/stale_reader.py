"""The hunt for stale answers: threads of several processes that read projects from the application, and threads that write them.

`python -m tests.support.stale_reader FOLDER DSN REDIS_URL TASKS READS`, where FOLDER has `truth`, a shared array: of each project the
numbers that are surely committed in each of `KINDS`. A project is written by one thread of one process, and its numbers only grow, so that
an answer with less than what was in the array before the read began is stale. Each process prints a line: how many reads and writes it
made, how many reads were stale, and how many asked the database for nothing. They are forked, as a server's are, and share its answers.
"""

from __future__ import annotations

import json
import mmap
import os
import random
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import event, update
from sqlalchemy.orm import Session
from werkzeug.test import EnvironBuilder

from common.parent_death import end_with_parent
from common.shared import Shared
from models import cast_member
from models.cast_member import CastMember
from models.project import Project
from models.shot import Shot
from models.task import Task
from routers.app import create_app
from routers.at_once import AT_ONCE, NotAtOnce
from service.container import Services
from tests.support.wait import wait_until
from tests.support.web_app import make_settings, open_services

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

READERS, WRITERS, PROCESSES = 3, 1, 4
NAME = "狐狸"  # in the title of each project's only shot, whose id is the project's
WAYS = ("/v1/api/tasks/{task}", "/v1/api/projects/{project}", "/v1/api/projects/{project}/shots")


def _task(session: Session, _project: str, task: str, value: int) -> None:
    session.execute(update(Task).where(Task.id == task).values(progress=value))


def _options(session: Session, project: str, _task: str, value: int) -> None:
    session.get_one(Project, project).options = {"seed": value}


def _cast(session: Session, project: str, _task: str, value: int) -> None:
    cast_member.replace(session, project, [CastMember(project_id=project, position=1, id=str(value), name=NAME)])


def _version(session: Session, project: str, _task: str, value: int) -> None:
    session.get_one(Shot, project).image_path = f"/static/{value}"


KINDS = (_task, _options, _cast, _version)


def shown(body: Any) -> dict[int, int]:
    """What an answer shows, by the place in `KINDS`."""
    found = {}
    task = body.get("task") or body.get("recent_task")
    if task:
        found[0] = task["progress"]
    if "options" in body:
        found[1] = body["options"]["seed"] or 0
    if "shots" in body:
        [shot] = body["shots"]
        found |= {2: int(*shot["cast"] or [0]), 3: int(shot["imagePath"].rpartition("/")[2] or 0)}
    return found


class Hunt:
    """What the threads share."""

    def __init__(
        self, services: Services, truth: Path, tasks: list[tuple[str, str]], reads: int, shared: Shared
    ) -> None:
        self.services, self.tasks = services, tasks
        self.app = create_app(services, shared=shared)
        with truth.open("r+b") as file:
            self.truth = memoryview(mmap.mmap(file.fileno(), 0)).cast("Q")
        self.left = reads
        self.least_writes = reads // 100 + 1
        self.counts = {"reads": 0, "stale": 0, "writes": 0, "kept": 0}
        self.asked = threading.local()  # whether this thread sent a statement
        self.over = threading.Event()
        self.lock = threading.Lock()
        for engine in {services.database.engine, services.database.reads}:
            event.listen(engine, "before_cursor_execute", self._statement)

    def _statement(self, *_rest: Any) -> None:
        self.asked.it = True

    def count(self, name: str) -> None:
        with self.lock:
            self.counts[name] += 1

    def read(self, rng: random.Random) -> None:
        """Until there were enough reads, and among them enough writes: on a busy machine a writer waits long for the database."""
        while self.left > 0 or self.counts["writes"] < self.least_writes:
            self.left -= 1
            at = rng.randrange(len(self.tasks))
            project, task = self.tasks[at]
            sure = self.truth[at * len(KINDS) : (at + 1) * len(KINDS)].tolist()
            self.asked.it = False
            found = shown(self.ask(rng.choice(WAYS).format(project=project, task=task)))
            self.count("reads")
            if not self.asked.it:
                self.count("kept")
            if any(value < sure[kind] for kind, value in found.items()):
                self.count("stale")
                sys.stderr.write(f"project {at}: {found} was shown after {sure} was committed\n")

    def ask(self, path: str) -> Any:
        """The answer; as the web server does, at once where that can be."""
        try:
            return self.answered({**environ_of(path), AT_ONCE: True}, path)
        except NotAtOnce:
            return self.answered(environ_of(path), path)

    def answered(self, environ: WSGIEnvironment, path: str) -> Any:
        said: list[str] = []
        body = b"".join(self.app.wsgi_app(environ, lambda status, *_: said.append(status)))  # type: ignore[arg-type]
        if said[-1] != "200 OK":
            raise AssertionError(f"{path} was answered {said[-1]}: {body!r}")
        return json.loads(body)

    def write(self, rng: random.Random, own: list[int]) -> None:
        """Until the readers are done."""
        while not self.over.is_set():
            at, kind = rng.choice(own), rng.randrange(len(KINDS))
            place = at * len(KINDS) + kind
            value = self.truth[place] + 1
            with self.services.database.write() as session:
                KINDS[kind](session, *self.tasks[at], value)
            self.truth[place] = value
            self.count("writes")


def environ_of(path: str) -> WSGIEnvironment:
    return EnvironBuilder(path=path, base_url="http://localhost:8080").get_environ()


def main(folder: Path, dsn: str, redis_url: str, tasks: Path, reads: int) -> int:
    """Hunt in `PROCESSES` processes; returns how many of them failed."""
    end_with_parent(os.getppid(), signal.SIGKILL)
    parent, shared, rows = os.getpid(), Shared(PROCESSES, 1 << 22), json.loads(tasks.read_text())
    children = []
    for number in range(PROCESSES):
        child = os.fork()
        if not child:
            end_with_parent(parent, signal.SIGKILL)
            shared.join(number)
            threading.excepthook = _ended
            with open_services(make_settings(folder, dsn), redis_url) as services:
                counts = hunt(Hunt(services, folder / "truth", rows, reads // PROCESSES, shared), number)
            os.write(sys.stdout.fileno(), json.dumps(counts).encode() + b"\n")
            os._exit(0)
        children.append(child)
    return sum(os.waitpid(child, 0)[1] != 0 for child in children)


def _ended(error: threading.ExceptHookArgs) -> None:
    """End the process with a thread that failed: others would read on in its place."""
    traceback.print_exception(error.exc_value)
    sys.stderr.flush()
    os._exit(1)


def hunt(one: Hunt, number: int) -> dict[str, int]:
    """What one process counts."""
    one.services.changes.listen()
    wait_until(one.services.changes.reliable, 60)
    own = list(range(number, len(one.tasks), PROCESSES))
    readers = [threading.Thread(target=one.read, args=(random.Random(f"{number} {n}"),)) for n in range(READERS)]
    writers = [threading.Thread(target=one.write, args=(random.Random(n), own[n::WRITERS])) for n in range(WRITERS)]
    for thread in (*readers, *writers):
        thread.start()
    for thread in readers:
        thread.join()
    one.over.set()
    for thread in writers:
        thread.join()
    return one.counts


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3], Path(sys.argv[4]), int(sys.argv[5])))

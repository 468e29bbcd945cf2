"""Several model nodes: where jobs go, and what becomes of them when a node goes away and comes back."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest
from sqlalchemy import select

from config.settings import Settings
from models.stray_job import StrayJob
from models.task import Task
from processor import recoverer, stray_jobs
from service import tasks
from service.node import breaker, pool
from service.node.client import NodeClient
from service.node.pool import NodePool, PooledNode
from tests.integration.processor.conftest import Backend, settings_over
from tests.support.columns import DATABASES
from tests.support.node.scripts import Script, finished, png, running
from tests.support.node.stand_in import StandInNode
from tests.support.proxy import Tunnel
from tests.support.soak import soaking
from tests.support.wait import wait_until

PATIENCE_S = 60


class ManyNodes(Backend):
    """A back end with several stand-ins, each behind a tunnel of its own."""

    def __init__(self, settings: Settings, redis_url: str, weights: Sequence[int], patience_s: int) -> None:
        self.stack = ExitStack()
        self.nodes = [self.stack.enter_context(StandInNode()) for _ in weights]
        self.tunnels = [self.stack.enter_context(Tunnel(node.addr)) for node in self.nodes]
        self.weights = weights
        worker = settings.worker.model_copy(update={"node_patience": patience_s})
        super().__init__(settings.model_copy(update={"worker": worker}), redis_url, self.nodes[0], "many")

    def pool(self) -> NodePool:
        nodes = [
            PooledNode(NodeClient(tunnel.addr, read_s=1, poll_s=1, connect_s=1), weight)
            for tunnel, weight in zip(self.tunnels, self.weights, strict=True)
        ]
        return NodePool(nodes)

    def close(self) -> None:
        super().close()
        self.stack.close()

    def script(self, make: Callable[[], Script]) -> None:
        """Let every image's job on every node be one of these."""
        for node in self.nodes:
            node.script("generate_shot", lambda _envelope: make())

    def node_of(self, task_id: str) -> int:
        """Which node the task's row names; -1 while it names none."""
        name = tasks.get(self.services, task_id).node
        names = {f"http://{tunnel.addr}": number for number, tunnel in enumerate(self.tunnels)}
        return names.get(name or "", -1)

    def starts(self, task_id: str) -> list[int]:
        """How many jobs of the task each node ever started."""
        return [node.starts().count(task_id) for node in self.nodes]

    def image(self) -> tuple[str, int]:
        """An image's task that is at work, and the node that has its job."""
        [task_id] = self.create(1).shot_task_ids
        wait_until(lambda: tasks.get(self.services, task_id).job_id, 60, "an image's job")
        return task_id, self.node_of(task_id)

    def seen(self) -> dict[str, str]:
        """The nodes as the first processor sees them."""
        return self._processors[0][1].node.states()

    def strays(self) -> list[StrayJob]:
        with self.services.database.read() as session:
            return list(session.scalars(select(StrayJob)))


Start = Callable[..., ManyNodes]


@pytest.fixture(params=soaking(DATABASES, keep=1))
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    """The database has no part in what is tried here."""
    return settings_over(request, tmp_path)


@pytest.fixture
def many(settings: Settings, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    for module, name in ((recoverer, "PERIOD_S"), (stray_jobs, "PERIOD_S"), (pool, "LOOK_EVERY_S")):
        monkeypatch.setattr(module, name, 0.1)
    monkeypatch.setattr(stray_jobs, "SETTLE_MS", 200)
    monkeypatch.setattr(breaker, "FIRST_PAUSE_S", 0.2)
    monkeypatch.setattr(breaker, "LONGEST_PAUSE_S", 0.4)
    monkeypatch.setattr(pool, "LOOK_WITHIN_S", 1.0)
    with ExitStack() as stack:

        def start(*weights: int, patience_s: int = PATIENCE_S) -> ManyNodes:
            made = ManyNodes(settings, redis_url, weights, patience_s)
            stack.callback(made.close)
            return made

        yield start


def test_jobs_fill_the_nodes_by_their_weights_and_rows_say_where_they_are(many: Start) -> None:
    backend = many(4, 1)
    held = running(png())
    backend.script(lambda: held)
    backend.start()
    created = backend.create(5)
    wait_until(lambda: sum(len(node.of_type("generate_shot")) for node in backend.nodes) == 5, 60, "all jobs")
    assert [len(node.of_type("generate_shot")) for node in backend.nodes] == [4, 1]
    for task_id in created.shot_task_ids:
        wait_until(lambda: tasks.get(backend.services, task_id).job_id, 60)  # noqa: B023 - used within this turn
        assert backend.starts(task_id)[backend.node_of(task_id)] == 1
    held.gate.set()
    for task_id in created.shot_task_ids:
        backend.wait(task_id, "finished")


def test_a_node_that_is_back_in_time_goes_on_with_its_job(many: Start) -> None:
    backend = many(1, 1)
    held = running(png())
    backend.script(lambda: held)
    backend.start()
    task_id, had = backend.image()
    backend.tunnels[had].down()
    wait_until(lambda: "没有响应" in (tasks.get(backend.services, task_id).message or ""), 60, "the silence")
    held.gate.set()
    backend.tunnels[had].up()
    backend.wait(task_id, "finished")
    assert backend.starts(task_id)[had] == sum(backend.starts(task_id)) == 1
    assert backend.node_of(task_id) == had


@pytest.mark.parametrize("how", ["down", "half open", "page"])
def test_a_node_that_stays_away_loses_its_job_to_another_and_is_told_so_when_it_is_back(many: Start, how: str) -> None:
    backend = many(1, 1, patience_s=0)
    held = running(png())
    backend.script(lambda: held)
    backend.start()
    task_id, had = backend.image()
    job_id = tasks.get(backend.services, task_id).job_id
    tunnel, other = backend.tunnels[had], 1 - had
    if how == "down":
        tunnel.down()
    elif how == "half open":
        tunnel.half_open = True
    else:
        tunnel.page = True
        tunnel.cut()
    wait_until(lambda: backend.starts(task_id)[other] == 1, 60, "the job on the other node")
    assert [(stray.task_id, stray.job_id) for stray in backend.strays()] == [(task_id, job_id)]
    held.gate.set()
    backend.wait(task_id, "finished")
    assert backend.node_of(task_id) == other
    assert backend.nodes[had].cancels() == []
    if how == "down":
        tunnel.up()
    tunnel.half_open = tunnel.page = False
    tunnel.cut()
    wait_until(lambda: not backend.strays(), 60, "the deletion of the old job")
    assert set(backend.nodes[had].cancels()) == {job_id}
    assert backend.nodes[other].cancels() == []
    assert sum(backend.starts(task_id)) == 2


def test_what_hangs_when_it_is_given_a_job_is_told_to_forget_it(many: Start) -> None:
    backend = many(1, 1)
    backend.start()
    done = backend.create(1)
    backend.wait(done.shot_task_ids[0], "finished")
    hung = backend.nodes[0]

    def hang(_envelope: object) -> tuple[int, object]:
        hung.ended.wait(3)  # longer than anybody waits for it
        return 200, {}

    hung.on_generate = hang
    created = [backend.create(1).shot_task_ids[0] for _ in range(4)]
    for task_id in created:
        backend.wait(task_id, "finished")
    hung.on_generate = lambda _envelope: None
    wait_until(lambda: not backend.strays(), 60, "the deletion of what it may have begun")
    assert set(hung.cancels()) <= {envelope["id"] for envelope in hung.envelopes}
    assert hung.cancels()
    assert all(backend.starts(task_id)[1] == 1 for task_id in created)


def test_a_job_whose_answer_was_lost_is_not_started_twice(many: Start) -> None:
    backend = many(1, 1)
    held = running(png())
    backend.script(lambda: held)
    lost = {node.addr: 0 for node in backend.nodes}

    def lose(number: int) -> Callable[[object], None]:
        def once(_envelope: object) -> None:
            node = backend.nodes[number]
            if not lost[node.addr]:
                lost[node.addr] = 1
                backend.tunnels[number].lose_answers = 1

        return once

    for number, node in enumerate(backend.nodes):
        node.on_generate = lose(number)
    backend.start()
    created = [backend.create(2) for _ in range(2)]
    held.gate.set()
    for one in created:
        for task_id in (one.text_task_id, *one.shot_task_ids):
            backend.wait(task_id, "finished")
            assert sum(backend.starts(task_id)) == 1
    assert sum(tunnel.resets for tunnel in backend.tunnels) == 2


@pytest.mark.parametrize("answer", [(503, {"detail": "queue full"}), (507, {}), (401, {"detail": "token"}), (500, {})])
def test_what_one_node_does_not_take_another_gets_at_once(many: Start, answer: tuple[int, object]) -> None:
    backend = many(1, 1)
    backend.nodes[0].on_generate = lambda _envelope: answer
    backend.start()
    created = [backend.create(2) for _ in range(2)]
    for one in created:
        for task_id in (one.text_task_id, *one.shot_task_ids):
            backend.wait(task_id, "finished")
            assert backend.node_of(task_id) == 1
            assert tasks.get(backend.services, task_id).attempts == 0
    assert backend.nodes[0].envelopes
    assert backend.strays() == []


def test_a_node_that_has_no_model_gives_way_to_one_that_has(many: Start, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    backend = many(5, 1)
    none = Script([{"status": "failed", "error": "全部不可用", "code": 903}])
    none.gate.set()
    backend.nodes[0].script("generate_shot", lambda _envelope: none)
    backend.start()
    created = backend.create(2)
    for task_id in created.shot_task_ids:
        backend.wait(task_id, "finished")
        assert backend.starts(task_id)[1] == 1
    assert "has no model" in caplog.text
    backend.nodes[1].script("generate_shot", lambda _envelope: none)
    [task_id] = backend.create(1).shot_task_ids
    backend.wait(task_id, "failed")
    assert "903" in (tasks.get(backend.services, task_id).error or "")


def test_what_no_node_does_fails_at_once_in_words(many: Start) -> None:
    backend = many(1, 1)
    for node in backend.nodes:
        node.health["providers"] = {"llm": "x"}
    backend.start()
    [task_id] = backend.create(1).shot_task_ids
    backend.wait(task_id, "failed")
    assert "903" in (tasks.get(backend.services, task_id).error or "")


def test_with_no_node_left_a_task_waits_as_long_as_with_one_and_then_says_why(many: Start) -> None:
    backend = many(1, 1)
    for tunnel in backend.tunnels:
        tunnel.down()
    backend.start()
    created = backend.create(1)
    backend.wait(created.text_task_id, "failed")
    retries = backend.settings.worker.dispatch_retries
    assert f"已重试 {retries} 次" in (tasks.get(backend.services, created.text_task_id).error or "")


def test_a_silent_node_keeps_its_job_while_there_is_no_other(many: Start) -> None:
    backend = many(1, 1, patience_s=0)
    held = running(png())
    backend.script(lambda: held)
    backend.start()
    task_id, had = backend.image()
    backend.tunnels[1 - had].down()
    wait_until(lambda: "down" in backend.seen().values(), 60, "a look at the other node")
    backend.tunnels[had].down()
    wait_until(lambda: "没有响应" in (tasks.get(backend.services, task_id).message or ""), 60, "the silence")
    backend.tunnels[had].up()
    held.gate.set()
    backend.wait(task_id, "finished")
    assert sum(backend.starts(task_id)) == 1
    assert backend.strays() == []


@pytest.mark.parametrize("number", [0, 1])
def test_a_task_whose_processor_died_amid_its_dispatch_is_asked_for_where_it_was(many: Start, number: int) -> None:
    backend = many(1, 1)
    created = backend.create(1)
    with backend.services.database.write() as session:
        session.get_one(Task, created.text_task_id).node = f"http://{backend.tunnels[number].addr}"
    backend.start()
    backend.wait(created.text_task_id, "finished")
    assert backend.starts(created.text_task_id)[number] == 1


def test_a_job_on_a_node_that_is_not_configured_any_more_is_done_anew(many: Start) -> None:
    backend = many(1, 1)
    created = backend.create(1)
    with backend.services.database.write() as session:
        task = session.get_one(Task, created.text_task_id)
        task.node, task.result = "http://gone.example:1", {"resource_id": "its-job"}
        session.add(StrayJob(task_id="t", node="http://gone.example:1", job_id="j"))
    backend.start()
    backend.wait(created.text_task_id, "finished")
    assert sum(backend.starts(created.text_task_id)) == 1
    wait_until(lambda: not backend.strays(), 60, "the row of a node that nobody asks")


def test_a_job_that_came_back_to_its_first_node_is_not_deleted_there(many: Start) -> None:
    """The other node goes away in turn: what was left on the first is deleted before the task may have another job there."""
    backend = many(1, 1, patience_s=0)
    held = running(png())
    backend.script(lambda: held)
    backend.start()
    task_id, had = backend.image()
    other = 1 - had
    backend.tunnels[had].down()
    wait_until(lambda: backend.node_of(task_id) == other and tasks.get(backend.services, task_id).job_id, 60)
    backend.tunnels[other].down()
    backend.tunnels[had].up()
    wait_until(lambda: backend.starts(task_id)[had] == 2, 60, "a new job on the first node")
    held.gate.set()
    backend.wait(task_id, "finished")
    assert backend.node_of(task_id) == had
    first, second = (job.id for job in backend.nodes[had].of_type("generate_shot"))
    assert first in backend.nodes[had].cancels()
    assert second not in backend.nodes[had].cancels()


def test_a_cancel_reaches_the_node_that_has_the_job(many: Start) -> None:
    backend = many(1, 1)
    backend.script(lambda: running(png()))
    backend.start()
    images = [backend.image() for _ in range(2)]
    assert {had for _, had in images} == {0, 1}
    for task_id, had in images:
        job_id = tasks.get(backend.services, task_id).job_id
        tasks.cancel(backend.services, task_id)
        wait_until(lambda: backend.nodes[had].cancels() == [job_id], 60, "the cancel")  # noqa: B023 - used within this turn


def test_a_clip_is_asked_of_the_node_that_makes_clips(many: Start) -> None:
    backend = many(5, 1)
    backend.nodes[1].health["providers"] = {"i2v": "svd"}
    assert backend.services.node.provides("i2v")
    assert backend.services.node.choose("i2v", {}).name == f"http://{backend.tunnels[1].addr}"
    backend.nodes[0].script("generate_shot", lambda _envelope: finished(png()))
    backend.start()
    created = backend.create(1)
    backend.wait(created.shot_task_ids[0], "finished")
    assert backend.starts(created.shot_task_ids[0]) == [1, 0]

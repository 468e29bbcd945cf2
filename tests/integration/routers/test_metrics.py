"""`/metrics`: who may read it, and what it costs."""

from __future__ import annotations

import dataclasses

import pytest
from flask import Flask
from sqlalchemy import select

from config.settings import MetricsSettings, ServerSettings
from models.project import Project
from models.shot import Shot
from models.task import TaskStatus, TaskType
from routers.app import create_app
from service.container import Services
from service.metrics import state
from tests.support.database_work import Work, counted, plans
from tests.support.web_app import NOW, FastClock, new_task


class StandingClock(FastClock):
    """Its time is set."""

    now_s = 0.0

    def monotonic(self) -> float:
        return self.now_s


def selects(work: Work) -> int:
    return sum(sql.startswith("SELECT") for sql, _ in work.statements)


def read(app: Flask, address: str = "127.0.0.1", **headers: str) -> tuple[int, str]:
    answer = app.test_client().get("/metrics", headers=headers, environ_base={"REMOTE_ADDR": address})
    return answer.status_code, answer.text


@pytest.mark.parametrize(
    ("address", "header", "status"),
    [
        ("127.0.0.1", "", 200),
        ("::1", "", 200),
        ("::ffff:127.0.0.1", "", 200),
        ("10.1.2.3", "", 200),
        ("10.1.2.3", "X-Forwarded-For", 404),
        ("127.0.0.1", "X-Real-IP", 404),
        ("192.168.0.9", "", 404),
        ("203.0.113.9", "X-Forwarded-For", 404),
        ("", "", 404),
    ],
)
def test_only_whom_the_configuration_names_may_read(services: Services, address: str, header: str, status: int) -> None:
    """A proxy that is trusted says who asks, for every other address; here its own does not let anybody in either."""
    networks = [*MetricsSettings().allow_networks, "10.0.0.0/8"]
    settings = services.settings.model_copy(
        update={
            "metrics": MetricsSettings(allow_networks=networks),
            "server": ServerSettings(
                trusted_proxies=["10.0.0.0/8", "127.0.0.1", "203.0.113.9"], allowed_hosts=["a.example"]
            ),
        }
    )
    app = create_app(dataclasses.replace(services, settings=settings))
    assert read(app, address, **({header: "127.0.0.1"} if header else {}))[0] == status


def test_reading_it_often_costs_the_database_a_few_statements_that_indexes_answer(services: Services) -> None:
    clock = StandingClock()
    app = create_app(dataclasses.replace(services, clock=clock))
    for status in (TaskStatus.PENDING, TaskStatus.FINISHED, TaskStatus.FINISHED, TaskStatus.FAILED):
        new_task(services, status=status)
    new_task(services, type=TaskType.FILM, status=TaskStatus.PROCESSING, node="http://no-node.invalid:1")
    with services.database.write() as session:
        project_id = session.scalars(select(Project.id)).first()
        shot = Shot(id="s", project_id=project_id, order=1, title="", status="created", created_at=NOW, updated_at=NOW)
        session.add(shot)
    new_task(services, type=TaskType.FILM, shot_id="s", status=TaskStatus.FINISHED)
    of_a_shot_that_is_gone = {"shot": {"shotId": "gone", "prompt": 'a "shotId":"" b'}}
    new_task(services, type=TaskType.FILM, parameters=of_a_shot_that_is_gone, status=TaskStatus.FAILED)
    new_task(services, type=TaskType.FILM, parameters={"shot": {"shotId": ""}}, status=TaskStatus.FAILED)
    with counted(services.database) as work:
        said = [read(app)[1] for _ in range(20)]
    assert selects(work) == 5
    assert [
        plan for plan in plans(services.database, work) if plan.startswith("SCAN task") and "COVERING" not in plan
    ] == []
    assert len(set(said)) > 1, "requests are counted at once"
    clock.now_s += state.KEEP_S
    with counted(services.database) as again:
        _, text = read(app)
    assert selects(again) == 5
    for kind, state_, count in (
        ("image", "pending", 1),
        ("image", "finished", 2),
        ("image", "failed", 1),
        ("film", "processing", 1),
        ("film", "finished", 0),
        ("film", "failed", 1),
        ("clip", "finished", 1),
        ("clip", "failed", 1),
        ("clip", "processing", 0),
        ("narration", "blocked", 0),
    ):
        assert f'storytovideo_tasks{{kind="{kind}",state="{state_}"}} {count}.0\n' in text
    assert 'storytovideo_node_jobs{node="1"} 1.0\n' in text
    assert 'storytovideo_node_up{node="1"} 0.0\n' in text


def test_what_is_away_is_left_out_and_the_rest_is_told(services: Services) -> None:
    app = create_app(dataclasses.replace(services, clock=StandingClock()))
    services.queue.redis.set(services.queue.rq.key, "no list")
    status, text = read(app)
    assert status == 200
    assert "storytovideo_queue_depth" not in text
    assert 'storytovideo_disk_free_bytes{path="data_dir"}' in text

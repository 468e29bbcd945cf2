"""What webhooks are told is written in the commit of what they tell, for those who own it and want it."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from sqlalchemy import event as sqlalchemy_event
from standardwebhooks import Webhook as Verifier

from common.caller import Caller, calling
from models.asset import AssetKind
from models.database_clock import database_now
from models.task import Task, TaskStatus, TaskType
from models.webhook import DeliveryState
from service import projects, tasks
from service.access import accounts
from service.container import Services
from service.schemas import NewProject
from service.webhooks import endpoints
from service.webhooks.requests import NewSecret, WebhookChanges
from service.workflow import completion
from service.workflow.unit_of_work import ProjectUnit, project_unit
from tests.integration.webhooks.conftest import Send, added, log_of
from tests.integration.webhooks.receivers import receiving

STORY = NewProject(title="山", story_text="从前有座山。", shot_count=2)
SOMEBODY, ANOTHER = Caller("somebody"), Caller("another")


def film_of(services: Services, project_id: str, mode: str) -> Task:
    """A film's task at work."""
    with services.database.write() as session:
        now = database_now(session)
        film = Task.new(TaskType.FILM, project_id, now=now, message="", parameters={"video": {"mode": mode}})
        film.status, film.lease_owner = TaskStatus.PROCESSING, "me"
        session.add(film)
    return film


def test_a_cancelled_story_is_told_task_by_task_and_verified_by_the_library(services: Services, send: Send) -> None:
    with receiving() as receiver:
        row, secret = added(services, receiver.url)
        created = projects.create(services, STORY)
        ended = {task.id for task in tasks.of_project(services, created.project_id)}
        for task_id in ended:
            if tasks.get(services, task_id).status not in ("cancelled", "failed"):
                tasks.cancel(services, task_id)
        send()
        told = [Verifier(secret).verify(one.body, one.headers) for one in receiver.received]
    assert {message["data"]["task_id"] for message in told} == ended
    assert {(message["type"], message["data"]["status"]) for message in told} == {("task.ended", "cancelled")}
    assert all(message["data"]["project_id"] == created.project_id for message in told)
    assert len({one.headers["webhook-id"] for one in receiver.received}) == len(ended)
    assert {one.line for one in receiver.received} == {"POST /hook?x=1 HTTP/1.1"}
    assert {one.state for one in log_of(services, row)} == {DeliveryState.DELIVERED}


@pytest.mark.parametrize(
    ("mode", "told"),
    [("final", ["film.made", "project.ready", "task.ended"]), ("preview", ["film.made", "task.ended"])],
)
def test_a_film_is_told_as_made_and_its_project_as_ready_once(services: Services, mode: str, told: list[str]) -> None:
    row, _ = added(services, "https://receiver.example/")
    created = projects.create(services, STORY)
    film = film_of(services, created.project_id, mode)

    def write(unit: ProjectUnit) -> None:
        if mode != "preview" and unit.project is not None:
            unit.project.video_url = f"projects/{created.project_id}/{AssetKind.FILM}/1.mp4"

    completion.finish(services, film, owner="me", result={}, message="", write=write)
    bodies = [json.loads(one.body) for one in log_of(services, row)]
    assert sorted(body["type"] for body in bodies) == told
    assert [body["data"]["mode"] for body in bodies if body["type"] == "film.made"] == [mode]


def test_what_was_not_committed_is_told_to_nobody(services: Services) -> None:
    row, _ = added(services, "https://receiver.example/")
    created = projects.create(services, STORY)

    def cancel_and_fail() -> None:
        with project_unit(services, created.project_id) as unit:
            completion.cancel(unit, [unit.session.get_one(Task, created.text_task_id)], reason="")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        cancel_and_fail()
    assert log_of(services, row) == []


def test_nobody_hears_of_anothers_projects_and_nobody_of_what_is_not_wanted(services: Services) -> None:
    with calling(ANOTHER):
        others, _ = added(services, "https://another.example/")
    with calling(SOMEBODY):
        films_only, _ = added(services, "https://films.example/", ["film.made"])
        off, _ = added(services, "https://off.example/")
        endpoints.change(services, off.id, WebhookChanges(enabled=False))
        mine, _ = added(services, "https://receiver.example/")
        created = projects.create(services, STORY)
        tasks.cancel(services, created.text_task_id)
        assert [one.event for one in log_of(services, mine)] == ["task.ended"] * len(log_of(services, mine)) != []
        assert log_of(services, films_only) == log_of(services, off) == []
    with calling(ANOTHER):
        assert log_of(services, others) == []


def test_an_end_costs_one_statement_more_however_many_webhooks_there_are(services: Services) -> None:
    def statements() -> int:
        created = projects.create(services, STORY)
        counted: list[str] = []

        def count(*given: object) -> None:
            counted.append(str(given[2]))

        sqlalchemy_event.listen(services.database.engine, "before_cursor_execute", count)
        tasks.cancel(services, created.text_task_id)
        sqlalchemy_event.remove(services.database.engine, "before_cursor_execute", count)
        return len(counted)

    without = statements()
    for _ in range(5):
        added(services, "https://receiver.example/")
    assert statements() == without


def test_both_secrets_sign_for_a_day_after_one_was_replaced(services: Services, send: Send) -> None:
    with receiving() as receiver:
        row, old = added(services, receiver.url)
        new = endpoints.rotate(services, row.id, NewSecret())[1]
        endpoints.test(services, row.id)
        send()
        with services.database.write() as session:
            found = session.merge(endpoints.read(services, row.id))
            found.old_until = database_now(session) - timedelta(seconds=1)
        endpoints.test(services, row.id)
        send()
    first, second = receiver.received
    assert new != old
    assert [Verifier(secret).verify(first.body, first.headers)["data"] for secret in (old, new)] == [
        {"webhook_id": row.id}
    ] * 2
    assert Verifier(new).verify(second.body, second.headers)["type"] == "webhook.test"
    assert len(second.headers["webhook-signature"].split()) == 1


def test_a_webhooks_owner_who_is_disabled_is_told_nothing(services: Services, send: Send) -> None:
    with receiving() as receiver:
        accounts.add(services.database, "somebody", "a long password", admin=False, now=services.clock.now())
        (account,) = accounts.everybody(services.database)
        with calling(Caller(account.id)):
            row, _ = added(services, receiver.url)
            endpoints.test(services, row.id)
        accounts.disable(services.database, "somebody", now=services.clock.now())
        send()
    assert receiver.received == []
    assert endpoints.read(services, row.id).disabled_at is None

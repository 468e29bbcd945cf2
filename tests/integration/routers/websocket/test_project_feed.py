"""The feed of a project: what its watchers hear, how they come back, and what it costs the database."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
import websocket
from flask import Flask
from sqlalchemy import delete, insert, update

from common.clock import Clock
from models import queries
from models.asset import Asset
from models.base import new_id
from models.cast_member import CastMember
from models.project import Project
from models.shot import Shot
from models.task import Task
from routers.app import create_app
from routers.websocket import project_rows
from routers.websocket.follow_project import HEARTBEAT_S, follow_project
from routers.websocket.project_feed import KEPT, ProjectFeed
from service import film_contents
from service.container import Services
from tests.integration.routers.websocket.test_follow import HeldSocket
from tests.support.database_work import counted
from tests.support.openapi import check_feed
from tests.support.wait import wait_until
from tests.support.web_app import HEAR_S, NOW, change, closed_with, hear, new_task, serving

COMMON: dict[str, Any] = {"created_at": NOW, "updated_at": NOW}


class Story:
    """A project with one task, and as many shots as are asked for."""

    def __init__(self, services: Services, shots: int = 2) -> None:
        self.services = services
        self.task = new_task(services)
        with services.database.read() as session:
            self.id = session.get_one(Task, self.task).project_id
        self.shots = [self.add(_shot(self.id, number)) for number in range(1, shots + 1)]

    def add(self, row: Shot | Asset | Task) -> str:
        with self.services.database.write() as session:
            session.add(row)
        return row.object_key if isinstance(row, Asset) else row.id

    def write(self, statement: Any) -> None:
        with self.services.database.write() as session:
            session.execute(statement)


def _shot(project: str, order: int) -> Shot:
    return Shot(id=new_id(), project_id=project, order=order, title=f"{order}", status="pending", **COMMON)


def _film(project: str) -> Asset:
    return Asset(
        object_key=f"projects/{project}/films/1.mp4",
        project_id=project,
        kind="film",
        number=1,
        created_at=NOW,
        stored_at=NOW,
    )


@pytest.fixture
def story(services: Services) -> Story:
    return Story(services)


@contextmanager
def listening(address: str, project: str, after: Any = "") -> Iterator[websocket.WebSocket]:
    client = websocket.create_connection(f"ws://{address}/v1/api/projects/{project}/feed?after={after}", timeout=HEAR_S)
    try:
        yield client
    finally:
        client.shutdown()  # type: ignore[no-untyped-call]


def told(client: websocket.WebSocket) -> dict[str, Any]:
    message = hear(client)
    check_feed(message)
    return message


def test_a_project_is_followed_from_all_of_it_through_each_change_to_its_end(app: Flask, story: Story) -> None:
    with serving(app) as address, listening(address, story.id) as client:
        first = told(client)
        assert (first["type"], first["project"]["id"], first["films"]) == ("snapshot", story.id, [])
        assert [shot["id"] for shot in first["shots"]] == story.shots
        assert [task["id"] for task in first["tasks"]] == [story.task]
        assert "storyText" not in first["project"]
        seen = [first["seq"]]
        change(story.services, story.task, progress=40, status="processing")
        heard = told(client)
        assert (heard["type"], heard["task"]["progress"]) == ("task", 40)
        seen.append(heard["seq"])
        path = f"projects/{story.id}/shots/{story.shots[1]}/image-1.png"
        story.write(update(Shot).where(Shot.id == story.shots[1]).values(image_path=path))
        heard = told(client)
        assert (heard["type"], heard["shot"]["id"]) == ("shot", story.shots[1])
        assert path in heard["shot"]["imagePath"]
        seen.append(heard["seq"])
        story.write(update(Project).where(Project.id == story.id).values(status="shots_generated"))
        heard = told(client)
        assert (heard["type"], heard["project"]["status"]) == ("project", "shots_generated")
        story.write(update(Project).where(Project.id == story.id).values(cost="0.125"))
        heard = told(client)
        assert (heard["type"], heard["project"]["cost"]) == ("project", "0.125")
        story.add(_film(story.id))
        heard = told(client)
        assert (heard["type"], heard["film"]["number"]) == ("film", 1)
        seen.append(heard["seq"])
        story.write(delete(Shot).where(Shot.id == story.shots[0]))
        heard = told(client)
        assert heard["type"] == "snapshot"
        assert [shot["id"] for shot in heard["shots"]] == story.shots[1:]
        seen.append(heard["seq"])
        assert all(before < after < 1 << 53 for before, after in pairwise(seen))
        story.write(delete(Project).where(Project.id == story.id))
        assert told(client)["type"] == "gone"
        assert closed_with(client) == 1000


def test_who_comes_back_hears_what_he_missed_once_and_of_another_process_everything(app: Flask, story: Story) -> None:
    with serving(app) as address:
        with listening(address, story.id) as client:
            seq = told(client)["seq"]
        change(story.services, story.task, progress=1)
        change(story.services, story.task, progress=2)
        with listening(address, story.id, seq) as client:
            missed = told(client)
            assert (missed["type"], missed["task"]["progress"]) == ("task", 2)
            change(story.services, story.task, progress=3)
            assert told(client)["task"]["progress"] == 3
        for unknown in (seq + (1 << 22), seq - (1 << 22), 0, "", "x", "-1", "9" * 400, "٣"):
            with listening(address, story.id, unknown) as client:
                assert told(client)["type"] == "snapshot"
    other = create_app(story.services)
    with serving(other) as address, listening(address, story.id, missed["seq"]) as client:
        assert told(client)["type"] == "snapshot"


def test_what_is_deleted_for_an_hour_is_gone_until_it_is_back(app: Flask, story: Story) -> None:
    with serving(app) as address, listening(address, story.id) as client:
        told(client)
        path = f"/v1/api/projects/{story.id}"
        assert app.test_client().delete(f"{path}/shots/{story.shots[0]}?undo=1").status_code == 200
        heard = told(client)
        while heard["type"] != "snapshot":
            heard = told(client)
        assert [shot["id"] for shot in heard["shots"]] == story.shots[1:]
        assert app.test_client().post(f"{path}/shots/{story.shots[0]}/undelete").status_code == 200
        while not (heard["type"] == "shot" and heard["shot"]["id"] == story.shots[0]):
            heard = told(client)
        assert app.test_client().delete(f"{path}?undo=1").status_code == 200
        while heard["type"] != "gone":
            heard = told(client)


def test_a_film_is_told_anew_when_a_shot_makes_it_old(app: Flask, story: Story) -> None:
    film = _film(story.id)
    with story.services.database.read() as session:
        shots = queries.shots(session, story.id)
    film.details = {film_contents.CONTENTS: film_contents.contents(shots, {})}
    story.add(film)
    with serving(app) as address, listening(address, story.id) as client:
        assert told(client)["films"][0]["stale"] is False
        story.write(update(Shot).where(Shot.id == story.shots[1]).values(image_path="projects/x/shots/y/image-9.png"))
        heard = [told(client), told(client)]
        assert [message["type"] for message in heard] == ["shot", "film"]
        assert heard[1]["film"]["stale_shots"] == [story.shots[1]]


def test_a_shot_is_told_anew_when_others_appear_in_it(app: Flask, story: Story) -> None:
    """By a change of the cast alone; a shot of whom nobody came or went is not."""
    story.write(update(Shot).where(Shot.id == story.shots[0]).values(narration="狐狸和鹤"))
    with story.services.database.write() as session:
        session.add(CastMember(project_id=story.id, position=1, id="fox", name="狐狸"))
    crane = {"project_id": story.id, "position": 2, "id": "crane", "name": "鹤"}
    with serving(app) as address, listening(address, story.id) as client:
        assert [shot["cast"] for shot in told(client)["shots"]] == [["fox"], []]
        for statement, cast in (
            (insert(CastMember).values(**crane), ["fox", "crane"]),
            (update(CastMember).where(CastMember.position == 1).values(name="熊"), ["crane"]),
            (delete(CastMember).where(CastMember.project_id == story.id), []),
        ):
            story.write(statement)
            heard = told(client)
            assert (heard["type"], heard["shot"]["id"], heard["shot"]["cast"]) == ("shot", story.shots[0], cast)


def test_an_unknown_project_is_told_and_closed(app: Flask, story: Story) -> None:
    with serving(app) as address:
        for project in ("nobody", story.id.upper() + "x", "x" * 300):
            with listening(address, project) as client:
                assert told(client)["error"] == "项目不存在"
                assert closed_with(client) == 1000


class HeldClock(Clock):
    """A clock that a test moves on; a wait lasts until its event."""

    at = 0.0

    def monotonic(self) -> float:
        return self.at

    def wait(self, event: threading.Event, seconds: float) -> bool:
        return event.wait(HEAR_S if seconds >= 1 else 0)


@pytest.fixture
def clock(services: Services) -> HeldClock:
    held = HeldClock()
    object.__setattr__(services, "clock", held)
    return held


@contextmanager
def following(services: Services, feed: ProjectFeed, project: str) -> Iterator[HeldSocket]:
    socket = HeldSocket()
    thread = threading.Thread(
        target=follow_project,
        args=(socket, feed, services.clock, project, None, lambda row, _stale: {"row": type(row).__name__}),
        daemon=True,
    )
    thread.start()
    yield socket
    socket.leave()
    thread.join(HEAR_S)
    assert not thread.is_alive()


def test_a_quiet_project_has_a_heartbeat(services: Services, story: Story, clock: HeldClock) -> None:
    with following(services, ProjectFeed(services), story.id) as socket:
        seq = socket.hear()["seq"]
        for beat in range(1, 4):
            clock.at = beat * HEARTBEAT_S
            socket.wake()
            assert socket.hear() == {"seq": seq, "type": "heartbeat"}
        clock.at += HEARTBEAT_S - 1
        socket.wake()
        change(services, story.task, progress=1)
        services.events.wake(story.task)
        assert socket.hear()["type"] == "task", "no heartbeat before its time"


def test_an_event_brings_the_look_that_would_have_come_later(
    services: Services, story: Story, clock: HeldClock
) -> None:
    feed = ProjectFeed(services)
    with following(services, feed, story.id) as socket:
        assert socket.hear()["type"] == "snapshot"
        change(services, story.task, status="cancelled")
        services.events.cancelled([story.task])
        assert socket.hear()["type"] == "task"
    wait_until(lambda: not feed.running, what="the thread's end")


def test_a_look_is_one_statement_however_many_watch_and_however_much_there_is(
    services: Services, clock: HeldClock
) -> None:
    reads = []
    for shots, watchers in ((1, 1), (60, 20)):
        story, feed = Story(services, shots), ProjectFeed(services)
        with ExitStack() as open_:
            for _ in range(watchers):
                open_.enter_context(feed.watch(story.id, lambda: None))
            channel = feed._watched[story.id]
            with counted(services.database) as work:
                feed.look(channel)
            selects = [sql for sql, _ in work.statements if not sql.startswith(("BEGIN", "ROLLBACK"))]
            assert len(selects) == 1
            assert work.tasks == 0, "no whole row is read where nothing changed"
            reads.append(work.reads)
    assert reads[1] < reads[0] * 60


def test_of_a_project_that_did_thousands_of_things_the_newest_and_the_open_are_looked_at(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(project_rows, "NEWEST", 3)
    story, feed = Story(services, 1), ProjectFeed(services)
    old = [story.add(_task(story, seq, "finished")) for seq in range(1, 6)]
    with feed.watch(story.id, lambda: None) as watcher:
        seen = {row.id for row in watcher.take().rows if isinstance(row, Task)}  # type: ignore[union-attr]
        assert seen == {story.task, *old[2:]}
        story.add(_task(story, 9, "pending"))
        feed.look(feed._watched[story.id])
        news = watcher.take()
        assert isinstance(news, list), "that an old task leaves the list is no reason to tell everything anew"
        assert [change.kind for change in news] == ["task"]


def _task(story: Story, seq: int, status: str) -> Task:
    later = {"created_at": NOW + timedelta(seconds=seq), "updated_at": NOW}
    return Task(id=new_id(), project_id=story.id, type="generate_shot", status=status, **later)


def test_no_more_projects_are_remembered_than_are_few(services: Services) -> None:
    feed = ProjectFeed(services)
    for _ in range(KEPT + 3):
        with feed.watch(Story(services, 0).id, lambda: None):
            pass
    with feed.watch("nobody", lambda: None) as watcher:
        assert watcher.gone
    assert len(feed._left) == KEPT
    assert feed._watched == {}

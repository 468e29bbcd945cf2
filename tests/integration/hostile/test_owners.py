"""Class: scopes, and other people's ids. What is another's is answered as what is not there, and stays as it was."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import websocket
from sqlalchemy import update

from common.caller import Caller, calling
from models.project import Project
from routers.websocket.task_feed import TaskFeed, Watcher
from service.access import accounts
from tests.integration.hostile.table import CHANGING, OF_SOMEBODY, ROUTES, Route, bearer
from tests.integration.hostile.world import API, UNKNOWN, V1, World, is_socket, told, unknown_like
from tests.support.database_work import counted
from tests.support.web_app import HEAR_S, serving

WAYS: dict[str, Callable[[World, str], dict[str, Any]]] = {
    "login": lambda w, path: {"path": path, "headers": w.attacker.bearer},
    "key": lambda w, path: {"path": path, "headers": bearer(w.attacker.keys["write"])},
    "legacy": lambda w, path: {"path": f"/k/{w.attacker.keys['legacy']}{path}"},
    "query": lambda w, path: {"path": f"{path}{'&' if '?' in path else '?'}token={w.attacker.token}"},
    "cookie": lambda w, path: {
        "path": path,
        "headers": w.attacker.cookies()
        | {"X-CSRF-Token": w.app.extensions["gate"].tokens.form_token(w.attacker.session_id)},
    },
}
BY_SOCKET = [route for route in OF_SOMEBODY if is_socket(route.path)]
NO_PICTURE = ("还没有图片", "影片不存在")
BY_HTTP = [route for route in OF_SOMEBODY if route not in BY_SOCKET]


def asked(world: World, route: Route, way: str, ids: dict[str, str]) -> Any:
    sent = WAYS[way](world, route.address(ids))
    return world.send(route.method, **sent, **route.body(ids))


@pytest.mark.parametrize("route", BY_HTTP, ids=str)
@pytest.mark.parametrize("way", WAYS)
def test_what_is_anothers_is_answered_as_what_is_not_there(closed: World, route: Route, way: str) -> None:
    ids, nobodys = dict(closed.victim.ids), unknown_like(closed.victim.ids)
    before = closed.everything()
    found, unknown = asked(closed, route, way, ids), asked(closed, route, way, nobodys)
    assert found.status_code < 500
    assert told(found, ids) == told(unknown, nobodys)
    assert closed.everything() == before


@pytest.mark.parametrize("route", BY_HTTP, ids=str)
def test_and_costs_as_many_looks_into_the_database(closed: World, route: Route) -> None:
    counts = []
    for ids in (dict(closed.victim.ids), unknown_like(closed.victim.ids)):
        with counted(closed.services.database, here=True) as work:  # not what an open feed looks at
            asked(closed, route, "login", ids)
        counts.append([sql for sql, _ in work.statements])
    assert counts[0] == counts[1]


@pytest.mark.parametrize("route", [route for route in BY_HTTP if "shot_id" in str(route) + str(route.sent)], ids=str)
def test_nor_does_it_help_to_name_it_in_a_project_of_ones_own(closed: World, route: Route) -> None:
    before = closed.everything()
    mixed = {**closed.attacker.ids, "shot_id": closed.victim.ids["shot_id"]}
    unknown = {**closed.attacker.ids, "shot_id": UNKNOWN}
    found = asked(closed, route, "login", mixed)
    assert told(found, mixed) == told(asked(closed, route, "login", unknown), unknown)
    assert closed.everything() == before


@pytest.mark.parametrize("name", ["update_prompt", "generate_image", "generate_video"])
def test_anothers_shot_that_waits_for_its_storyboard_is_as_one_that_is_not_there(fresh: World, name: str) -> None:
    story = {"json": {"story": "一。", "shot_count": 1}}
    made = fresh.send("POST", f"{API}/projects/create", headers=fresh.victim.bearer, **story).get_json()
    waiting, before = made["shots"][0]["id"], fresh.everything()
    said = []
    for id_ in (waiting, UNKNOWN):
        answer = fresh.send("POST", f"{API}/shots/{id_}/{name}", headers=fresh.attacker.bearer, json={})
        said.append(told(answer, {"shot_id": id_}))
    assert said[0] == said[1]
    assert said[0][0] == 404
    own = fresh.send("POST", f"{API}/shots/{waiting}/{name}", headers=fresh.victim.bearer, json={})
    assert own.status_code == 409
    assert fresh.everything() == before


@pytest.mark.parametrize("music", ["1", "999999"])
def test_anothers_music_is_not_laid_under_a_film(closed: World, music: str) -> None:
    before = closed.everything()
    path = f"{V1}/projects/{closed.attacker.ids['project_id']}/video"
    answer = closed.send("POST", path, headers=closed.attacker.bearer, json={"music": music})
    assert answer.status_code == 400
    assert f"没有编号为 {music} 的音乐" in answer.get_json()["message"]
    assert closed.everything() == before


LISTS = [f"{V1}{path}" for path in ("/projects", "/projects?q=狐狸", "/projects?page=2&page_size=1", "/music")]


@pytest.mark.parametrize("path", [*LISTS, f"{API}/projects", f"{API}/projects?q=狐狸"])
@pytest.mark.parametrize("way", WAYS)
def test_lists_hold_nothing_of_anothers(closed: World, path: str, way: str) -> None:
    answer = closed.send("GET", **WAYS[way](closed, path))
    assert answer.status_code == 200
    assert closed.victim.ids["project_id"] not in answer.text
    assert "music/1.mp3" not in answer.text
    assert answer.get_json()["total"] == 1


@pytest.mark.parametrize("route", CHANGING, ids=str)
def test_a_key_that_may_read_changes_nothing(closed: World, route: Route) -> None:
    before, ids = closed.everything(), closed.victim.ids
    answer = closed.send(
        route.method, route.address(ids), headers=bearer(closed.victim.keys["read"]), **route.body(ids)
    )
    assert answer.status_code == 403, answer.text
    assert closed.everything() == before


@pytest.mark.parametrize("scope", ["read", "write", "legacy"])
def test_a_key_of_an_admin_that_is_not_for_that_sees_its_own_only(closed: World, scope: str) -> None:
    headers = bearer(closed.admin.keys[scope])
    assert closed.send("GET", f"{V1}/projects/{closed.victim.ids['project_id']}", headers=headers).status_code == 404
    assert closed.send("GET", f"{V1}/projects", headers=headers).get_json()["total"] == 0


def test_only_an_admin_sees_how_the_whole_server_is(closed: World) -> None:
    address = f"{V1}/admin/overview"
    lesser = [closed.attacker.bearer, *(bearer(closed.admin.keys[scope]) for scope in ("read", "write"))]
    assert [closed.send("GET", address, headers=headers).status_code for headers in lesser] == [403] * 3
    for headers in (closed.admin.bearer, bearer(closed.admin.keys["admin"])):
        found = closed.send("GET", address, headers=headers).get_json()
        assert {"admin", "victim"} <= {user["name"] for user in found["users"]}
        assert {key["scope"] for key in found["keys"] if key["owner"] == "admin"} == {
            "read",
            "write",
            "admin",
            "legacy",
        }
        assert all(text not in str(found) for text in closed.admin.keys.values())


@pytest.mark.parametrize("way", ["login", "key"])
def test_an_admin_sees_everything(closed: World, way: str) -> None:
    headers = closed.admin.bearer if way == "login" else bearer(closed.admin.keys["admin"])
    for route in ROUTES:
        if route.method == "GET" and "project_id" in route.path and not is_socket(route.path):
            answer = closed.send("GET", route.address(closed.victim.ids), headers=headers)
            assert answer.status_code == 200 or answer.get_json()["message"] in NO_PICTURE, str(route)
    assert closed.send("GET", f"{V1}/projects", headers=headers).get_json()["total"] == 2


def test_what_nobody_owns_is_the_admins_until_somebody_adopts_it(fresh: World) -> None:
    project = fresh.victim.ids["project_id"]
    fresh.write(update(Project).where(Project.id == project).values(owner_id=None))

    def seen(headers: dict[str, str]) -> int:
        return fresh.send("GET", f"{V1}/projects/{project}", headers=headers).status_code

    assert (seen(fresh.victim.bearer), seen(fresh.admin.bearer)) == (404, 200)
    assert accounts.adopt(fresh.services.database, "attacker") == 1
    assert (seen(fresh.victim.bearer), seen(fresh.attacker.bearer)) == (404, 200)
    legacy = fresh.send("GET", f"/k/{fresh.attacker.keys['legacy']}{V1}/projects/{project}")
    assert legacy.status_code == 200


@pytest.fixture(scope="module")
def address(closed: World) -> Iterator[str]:
    with serving(closed.app) as found:
        yield found


def heard(address: str, path: str, **options: Any) -> tuple[list[Any], int]:
    """All messages of a socket, and the code of its end."""
    messages: list[Any] = []
    client = websocket.create_connection(f"ws://{address}{path}", timeout=HEAR_S, **options)
    while True:
        opcode, data = client.recv_data()
        if opcode == websocket.ABNF.OPCODE_CLOSE:
            client.shutdown()  # type: ignore[no-untyped-call]
            return messages, int.from_bytes(data[:2], "big")
        messages.append(json.loads(data))


SOCKET_WAYS: dict[str, Callable[[World, str], tuple[str, dict[str, Any]]]] = {
    "header": lambda w, path: (path, {"header": w.attacker.bearer}),
    "query": lambda w, path: (f"{path}?token={w.attacker.token}", {}),
    "key in the query": lambda w, path: (f"{path}?token={w.attacker.keys['write']}", {}),
    "subprotocol": lambda w, path: (path, {"subprotocols": ["bearer", w.attacker.token]}),
    "path": lambda w, path: (f"/k/{w.attacker.keys['legacy']}{path}", {}),
}
SOCKETS = {
    "task": ("/tasks/{}/wss", "task_id", "task not found: <id>"),
    "project": (f"{V1}/projects/{{}}/feed", "project_id", "项目不存在"),
}


@pytest.mark.parametrize("way", SOCKET_WAYS)
@pytest.mark.parametrize("what", SOCKETS)
def test_what_is_anothers_is_on_a_socket_as_what_is_not_there(closed: World, address: str, way: str, what: str) -> None:
    said = []
    pattern, name, words = SOCKETS[what]
    for id_ in (closed.victim.ids[name], UNKNOWN):
        path, options = SOCKET_WAYS[way](closed, pattern.format(id_))
        messages, code = heard(address, path, **options)
        for message in messages:
            message.pop("request_id")
        said.append((json.dumps(messages, ensure_ascii=False).replace(id_, "<id>"), code))
    assert said[0] == said[1]
    assert words in said[0][0]
    path, options = SOCKET_WAYS[way](closed, pattern.format(closed.attacker.ids[name]))
    client = websocket.create_connection(f"ws://{address}{path}", timeout=HEAR_S, **options)
    assert closed.attacker.ids[name] in client.recv()
    client.shutdown()  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("sent", ["nothing", "a key that does not hold", "a read key"])
def test_a_socket_without_a_credential_is_refused_before_it_opens(closed: World, address: str, sent: str) -> None:
    for pattern, name, _ in SOCKETS.values():
        _refused_before_it_opens(closed, address, pattern.format(closed.victim.ids[name]), sent)


def _refused_before_it_opens(closed: World, address: str, path: str, sent: str) -> None:
    if sent == "a read key":
        client = websocket.create_connection(f"ws://{address}{path}?token={closed.victim.keys['read']}", timeout=HEAR_S)
        assert closed.victim.ids["project_id"] in client.recv()
        client.shutdown()  # type: ignore[no-untyped-call]
        return
    query = "?token=s2v_nobodys" if sent == "a key that does not hold" else ""
    with pytest.raises(websocket.WebSocketBadStatusException) as refused:
        websocket.create_connection(f"ws://{address}{path}{query}", timeout=HEAR_S)
    assert refused.value.status_code == 401
    assert json.loads(refused.value.resp_body or b"{}")["code"] == 401


def test_the_thread_that_reads_for_all_sockets_hands_out_nothing_of_anothers(fresh: World) -> None:
    """The first look may fail for want of the database, and then the thread, which works for everybody, looks."""
    feed = TaskFeed(fresh.services)
    with fresh.services.database.read() as session:
        owner = session.get_one(Project, fresh.attacker.ids["project_id"]).owner_id
    with calling(Caller(owner)):
        watchers = [
            Watcher(fresh.victim.ids["task_id"], lambda: None),
            Watcher(fresh.attacker.ids["task_id"], lambda: None),
        ]
    everybodys = Watcher(fresh.victim.ids["task_id"], lambda: None)
    feed.look([*watchers, everybodys])
    assert [(watcher.take() is None, watcher.gone) for watcher in (*watchers, everybodys)] == [
        (True, True),
        (False, False),
        (False, False),
    ]

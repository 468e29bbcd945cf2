"""The cast: read, added to, changed, taken from; pictures of it that reach the node; and the shots painted anew in which it appears."""

from __future__ import annotations

import base64
import io
import struct
import zlib
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from common.errors import ObjectNotFound
from models import cast_member
from models.asset import Asset, AssetKind
from models.cast_member import CastMember
from models.shot import Shot
from service import cast
from tests.integration.processor import test_one_call
from tests.integration.processor.conftest import Backend
from tests.integration.processor.test_one_call import V1
from tests.support.node.scripts import png, running, wav
from tests.support.removals import swept

client, settings = test_one_call.client, test_one_call.settings
__all__ = ["client", "settings"]


@pytest.fixture
def path(backend: Backend, client: FlaskClient) -> str:
    """The address of a project with three shots that are painted, in whose first two a fox appears."""
    backend.start()
    project_id = backend.drawn(3)
    with backend.services.database.write() as session:
        rows = list(session.scalars(select(Shot).order_by(Shot.order)))
        rows[0].narration, rows[1].prompt = "狐狸醒了。", "a wood, RED fur and a white tail"
        session.add(CastMember(project_id=project_id, position=1, name="狐狸", look_en="red fur", id="1"))
    return f"{V1}/projects/{project_id}"


def cast_of(client: FlaskClient, path: str) -> list[dict[str, Any]]:
    return list(client.get(f"{path}/cast").get_json()["cast"])


def shots_of(client: FlaskClient, path: str) -> list[dict[str, Any]]:
    return list(client.get(path).get_json()["shots"])


def png_bomb() -> bytes:
    """A small file that says it is 900 megapixels."""
    head = b"IHDR" + struct.pack(">2I5B", 30_000, 30_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))


def put(client: FlaskClient, path: str, content: bytes, name: str = "a.png") -> Any:
    return client.put(f"{path}/reference", data={"file": (io.BytesIO(content), name)})


def test_a_cast_is_read_added_to_changed_and_taken_from(client: FlaskClient, path: str) -> None:
    [fox] = cast_of(client, path)
    assert (fox["id"], fox["name"], fox["look"], fox["voice"], fox["reference"]) == ("1", "狐狸", "red fur", "", None)
    asked = {"name": "Ann", "look": "grey coat", "voice": "alice"}
    added = client.post(f"{path}/cast", json=asked)
    assert added.status_code == 201, added.text
    ann = added.get_json()["member"]
    assert {name: ann[name] for name in asked} == asked
    assert cast_of(client, path) == [fox, ann]
    address = f"{path}/cast/{ann['id']}"
    changed = client.patch(address, json={"voice": None, "Look": ""}).get_json()["member"]
    assert (changed["name"], changed["voice"], changed["look"]) == ("Ann", "", "")
    assert client.patch(address, json={"name": "Anna"}).get_json()["member"]["name"] == "Anna"
    assert client.delete(address).get_json()["cast_id"] == ann["id"]
    assert cast_of(client, path) == [fox]
    for answer in (client.patch(address, json={}), client.delete(address), client.post(f"{address}/repaint")):
        assert answer.status_code == 404
    for sent, field in (({}, "name"), ({"name": "x" * 101}, "name"), ({"name": "x", "look": "y" * 1001}, "look")):
        refused = client.post(f"{path}/cast", json=sent)
        assert (refused.status_code, refused.get_json()["field"]) == (400, field)
    assert client.post(f"{V1}/projects/nobody/cast", json={"name": "x"}).status_code == 404


def test_shots_say_who_appears_in_them_by_name_or_look(client: FlaskClient, path: str) -> None:
    assert [shot["cast"] for shot in shots_of(client, path)] == [["1"], ["1"], []]
    al = client.post(f"{path}/cast", json={"name": "Al"}).get_json()["member"]["id"]
    shot = shots_of(client, path)[2]["id"]
    for prompt, appears in (("always", False), ("an AL in it", True), ("Al", True), ("Alan", False)):
        client.post(f"{path}/shots/{shot}", json={"prompt": prompt})
        assert (al in client.get(f"{path}/shots/{shot}").get_json()["shot"]["cast"]) == appears


def test_another_look_is_in_the_prompts_and_repaint_paints_those_shots_alone(
    backend: Backend, client: FlaskClient, path: str
) -> None:
    before = shots_of(client, path)
    client.patch(f"{path}/cast/1", json={"look": "blue (fur) \\1"})
    changed = shots_of(client, path)
    assert changed[1]["prompt"] == "a wood, blue (fur) \\1 and a white tail"
    assert [shot["prompt"] for shot in changed[::2]] == [shot["prompt"] for shot in before[::2]]
    backend.node.script("generate_shot", lambda _e: running(png()))
    tasks = client.post(f"{path}/cast/1/repaint").get_json()["tasks"]
    assert [task["shotId"] for task in tasks] == [shot["id"] for shot in before[:2]]
    prompts = [task["parameters"]["shot"]["prompt"] for task in tasks]
    assert prompts == ["prompt 1, blue (fur) \\1", "a wood, blue (fur) \\1 and a white tail"]
    again = client.post(f"{path}/cast/1/repaint").get_json()["tasks"]
    for task in tasks:
        backend.wait(task["id"], "cancelled")
    assert [task["shotId"] for task in again] == [task["shotId"] for task in tasks]
    statuses = [shot["status"] for shot in shots_of(client, path)]
    assert statuses == ["processing", "processing", "completed"]
    nobody = client.post(f"{path}/cast", json={"name": "Zoe"}).get_json()["member"]["id"]
    assert client.post(f"{path}/cast/{nobody}/repaint").get_json()["tasks"] == []


def test_a_picture_is_stored_below_the_cast_and_reaches_the_node(
    backend: Backend, client: FlaskClient, path: str
) -> None:
    pictures = [png((200, 10, 10)), png((10, 10, 200))]
    for content in pictures:
        member = put(client, f"{path}/cast/1", content).get_json()["member"]
    key = f"projects/{path.rpartition('/')[2]}/cast/1-2.png"
    assert key in member["reference"]
    assert backend.stored(key) == pictures[1]
    swept(backend.services)
    with backend.services.database.read() as session:
        kept = list(session.scalars(select(Asset.object_key).where(Asset.kind == AssetKind.CAST)))
    assert kept == [key], "the one before is gone"
    for shot, references in zip(shots_of(client, path), ([pictures[1]], [pictures[1]], None), strict=True):
        task_id = client.post(f"{path}/shots/{shot['id']}", json={"title": "t"}).get_json()["task_id"]
        backend.wait(task_id, "finished")
        [sent] = [envelope for envelope in backend.node.envelopes if envelope["id"] == task_id]
        encoded = sent["parameters"]["shot"].get("reference_images")
        assert (None if encoded is None else [base64.b64decode(text) for text in encoded]) == references
        assert "reference_images" not in str(client.get(f"{V1}/tasks/{task_id}").get_json())
    assert client.delete(f"{path}/cast/1").status_code == 200
    swept(backend.services)
    with pytest.raises(ObjectNotFound):
        backend.stored(key)


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"\x89PNG\r\n\x1a\nbroken", png()[:60], png_bomb()])
def test_what_is_no_picture_is_refused_and_leaves_nothing(
    backend: Backend, client: FlaskClient, path: str, content: bytes
) -> None:
    answer = put(client, f"{path}/cast/1", content)
    assert (answer.status_code, answer.get_json()["field"]) == (400, "file"), answer.text
    assert cast_of(client, path)[0]["reference"] is None
    with backend.services.database.read() as session:
        assert list(session.scalars(select(Asset).where(Asset.kind == AssetKind.CAST))) == []


def test_too_large_a_picture_and_no_file_are_refused(
    client: FlaskClient, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        cast, "MAX_REFERENCE", 100_000
    )  # the client here forgets to close the file in which it keeps a larger form
    for size in (100_001, 200_000):
        assert put(client, f"{path}/cast/1", bytes(size)).status_code == 413
    assert client.put(f"{path}/cast/1/reference", data={"a": "b"}).status_code == 400
    assert put(client, f"{path}/cast/none", png()).status_code == 404


def test_a_new_storyboard_keeps_what_people_gave_its_cast(backend: Backend, client: FlaskClient, path: str) -> None:
    project_id = path.rpartition("/")[2]
    client.patch(f"{path}/cast/1", json={"voice": "alice"})
    ann = client.post(f"{path}/cast", json={"name": "Ann"}).get_json()["member"]
    with backend.services.database.write() as session:
        session.add(CastMember(project_id=project_id, position=9, name="untouched"))
        session.flush()
        told = [CastMember(project_id=project_id, position=n, name=name) for n, name in ((1, "狼"), (2, "狐狸"))]
        cast_member.retell(session, project_id, told)
    found = cast_of(client, path)
    assert [(member["name"], member["voice"]) for member in found] == [("狼", ""), ("狐狸", "alice"), ("Ann", "")]
    assert [member["id"] for member in found][1:] == ["1", ann["id"]]


def spoken(backend: Backend, client: FlaskClient, path: str) -> list[str]:
    """The voices that the project's shots were last spoken in, by what reached the node; "-" where there is no narration."""
    voices = {
        envelope["shot_id"]: envelope["parameters"]["tts"].get("voice", "")
        for envelope in backend.node.envelopes
        if envelope["type"] == "generate_audio"
    }
    return [voices[shot["id"]] if shot["audioPath"] else "-" for shot in shots_of(client, path)]


def speak(backend: Backend, client: FlaskClient, path: str, **asked: str) -> list[str]:
    backend.wait(client.post(f"{path}/tts", json=asked).get_json()["task_id"], "finished")
    return spoken(backend, client, path)


def test_who_is_alone_in_a_shot_speaks_it_in_their_voice(backend: Backend, client: FlaskClient, path: str) -> None:
    client.patch(path, json={"voice": "narrator"})
    client.patch(f"{path}/cast/1", json={"voice": "alice"})
    assert speak(backend, client, path) == ["alice", "alice", "narrator"]
    bear = client.post(f"{path}/cast", json={"name": "醒了", "voice": "bob"}).get_json()["member"]
    assert spoken(backend, client, path) == ["-", "alice", "narrator"], "two have a voice in the first"
    assert speak(backend, client, path) == ["narrator", "alice", "narrator"]
    client.patch(f"{path}/cast/{bear['id']}", json={"voice": ""})
    first = shots_of(client, path)[0]["id"]
    task = client.post(f"{path}/shots/{first}/narrations", json={}).get_json()["task_id"]
    backend.wait(task, "finished")
    assert spoken(backend, client, path) == ["alice", "alice", "narrator"]
    assert speak(backend, client, path, voice="carol") == ["carol"] * 3, "a wish of its own counts before both"
    client.patch(f"{path}/cast/1", json={"voice": "eve"})
    assert spoken(backend, client, path) == ["carol"] * 3, "and stays"
    client.patch(path, json={"telling": "told"})
    assert speak(backend, client, path) == ["narrator"] * 3, "one narrator tells what is told in other words"


def test_another_voice_makes_the_film_stale_by_the_shots_that_it_speaks(
    backend: Backend, client: FlaskClient, path: str
) -> None:
    client.patch(f"{path}/cast/1", json={"voice": "alice"})
    backend.wait(client.post(f"{path}/video", json={"mode": "preview"}).get_json()["task_id"], "finished")
    assert spoken(backend, client, path) == ["alice", "alice", ""], "a film's own narrations follow the cast"
    shots = [shot["id"] for shot in shots_of(client, path)]
    client.post(f"{path}/shots/{shots[1]}/narrations", data={"file": (io.BytesIO(wav(1.0)), "mine.wav")})
    film = client.post(f"{path}/video", json={}).get_json()["task_id"]
    backend.wait(film, "finished")
    before = client.get(path).get_json()["film"]
    client.patch(f"{path}/cast/1", json={"look": "red fur", "voice": "alice"})
    assert client.get(path).get_json()["film"] == before, "nothing is another"
    client.patch(f"{path}/cast/1", json={"voice": "bob"})
    after = client.get(path).get_json()
    assert (before["stale"], after["film"]["stale_shots"]) == (False, shots[:1]), "what was uploaded is nobody's voice"
    kept = client.get(f"{path}/shots/{shots[0]}/narrations/versions").get_json()["versions"]
    assert [one["current"] for one in kept] == [False]
    client.post(f"{path}/shots/{shots[0]}/narrations/versions/{kept[0]['number']}/restore")
    assert client.get(path).get_json()["film"]["stale"] is False
    client.delete(f"{path}/cast/1")
    assert client.get(path).get_json()["film"]["stale_shots"] == shots[:1]


def test_what_is_being_spoken_in_another_voice_is_replaced_and_a_retry_speaks_in_the_new_one(
    backend: Backend, client: FlaskClient, path: str
) -> None:
    held = running(wav())
    backend.node.script("generate_audio", lambda _e: held)
    group = client.post(f"{path}/tts", json={}).get_json()["task_id"]

    def parts() -> list[dict[str, Any]]:
        return [client.get(f"{V1}/tasks/{one}").get_json()["task"] for one in depends_on()]

    def depends_on() -> list[str]:
        return list(client.get(f"{V1}/tasks/{group}").get_json()["task"]["parameters"]["depends_on"])

    before = depends_on()
    client.patch(f"{path}/cast/1", json={"voice": "alice"})
    assert [old == new for old, new in zip(before, depends_on(), strict=True)] == [False, False, True]
    assert [part["parameters"]["tts"]["voice"] for part in parts()] == ["alice", "alice", ""]
    assert [client.get(f"{V1}/tasks/{one}").get_json()["task"]["status"] for one in before[:2]] == ["cancelled"] * 2
    first = depends_on()[0]
    client.post(f"{V1}/tasks/{first}/cancel")
    client.patch(f"{path}/cast/1", json={"voice": "bob"})
    again = client.post(f"{V1}/tasks/{first}/retry").get_json()["task_id"]
    assert client.get(f"{V1}/tasks/{again}").get_json()["task"]["parameters"]["tts"]["voice"] == "bob"
    held.gate.set()
    backend.wait(again, "finished")

"""`main.py project` and `main.py tasks` as people type them, against a running server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import requests

from runtime.client import api, following
from runtime.client.outcomes import NO_FILE, REFUSED, TASK_FAILED, UNREACHABLE, USAGE, Unreachable
from runtime.client.work import Work
from tests.e2e import deployment
from tests.support.node.scripts import Script, finished, png
from tests.support.node.stand_in import StandInNode
from tests.support.server_process import ROOT, ServerUnderTest, clean_environment

STORY = "小猫住在海边的灯塔里。夜里下起了雨。"
PATIENCE_S = 240
SETTINGS = {"film.resolution": "320x180", "film.fps": 15}


@pytest.fixture(scope="module")
def node() -> Iterator[StandInNode]:
    with StandInNode() as made:
        yield made


@pytest.fixture(scope="module")
def server(node: StandInNode, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerUnderTest]:
    folder = tmp_path_factory.mktemp("client")
    with deployment.embedded(folder, {"worker.addr": node.addr, **SETTINGS}) as deployed:
        yield deployed.servers[0]


class Typed:
    """What was typed, how it ended, and what it said."""

    def __init__(
        self, server: str, *words: str, folder: Path = ROOT, given: bytes = b"", who: Mapping[str, str] | None = None
    ) -> None:
        environment = clean_environment({"S2V_CLIENT_SERVER": server, **(who or {})})
        command = [sys.executable, str(ROOT / "main.py"), *words]
        ran = subprocess.run(
            command, cwd=folder, env=environment, input=given, capture_output=True, timeout=PATIENCE_S, check=False
        )
        self.code, self.said, self.told = ran.returncode, ran.stdout.decode(), ran.stderr.decode()

    def objects(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.said.splitlines()]


@pytest.fixture(scope="module")
def film(server: ServerUnderTest) -> str:
    """The id of a project with its film, of a story in GBK on standard input."""
    made = Typed(
        server.url,
        "project",
        "create",
        "-",
        "--title",
        "灯塔 <1>",
        "--shots",
        "2",
        "--film",
        "--watch",
        given=STORY.encode("gbk"),
    )
    assert made.code == 0, made.told
    assert {"storyboard: 1 of 1", "images: 2 of 2", "narration: 2 of 2", "film: 1 of 1"} <= set(made.told.splitlines())
    return made.said.strip()


def test_a_film_is_shown_listed_and_downloaded(server: ServerUnderTest, film: str, tmp_path: Path) -> None:
    shown = Typed(server.url, "project", "show", film)
    assert ("灯塔 <1>\tready" in shown.said, "film 1: " in shown.said) == (True, True)
    [whole] = Typed(server.url, "project", "show", film, "--json").objects()
    assert whole["project_detail"]["storyText"] == STORY
    listed = Typed(server.url, "project", "list").said.splitlines()
    assert film in [line.split("\t")[0] for line in listed]
    said = Typed(server.url, "project", "download", film, "--number", str(whole["film"]["number"]), folder=tmp_path)
    assert (said.code, said.said.strip()) == (0, "灯塔-1.mp4")
    sent = requests.get(whole["film"]["url"], timeout=60).content
    assert sha256((tmp_path / "灯塔-1.mp4").read_bytes()).hexdigest() == sha256(sent).hexdigest()
    [srt] = Typed(
        server.url, "project", "download", film, "--what", "srt", "--output", str(tmp_path), "--json"
    ).objects()
    assert "-->" in Path(srt["path"]).read_text("utf-8")
    assert (
        Typed(server.url, "project", "download", film, "--what", "archive", folder=tmp_path)
        .said.strip()
        .endswith(".zip")
    )
    left = sorted(path.suffix for path in tmp_path.iterdir())
    assert left == [".mp4", ".srt", ".zip"]


def test_another_film_is_asked_for_with_options_and_its_task_is_watched(
    server: ServerUnderTest, film: str, tmp_path: Path
) -> None:
    target = tmp_path / "small.mp4"
    made = Typed(
        server.url, "project", "film", film, "-o", "mode=preview", "-o", "fps=10", "--output", str(target), "--json"
    )
    assert made.code == 0, made.told
    *changes, last = made.objects()
    assert (changes[-1]["status"], last["path"], target.read_bytes()[4:8]) == ("finished", str(target), b"ftyp")
    tasks = Typed(server.url, "tasks", "list", film, "--status", "finished", "--json").objects()[0]["tasks"]
    assert changes[-1]["id"] in [task["id"] for task in tasks]
    shown = Typed(server.url, "tasks", "show", changes[-1]["id"])
    assert (shown.code, "http" in shown.said) == (0, True)
    assert Typed(server.url, "tasks", "watch", changes[-1]["id"]).code == 0


def test_what_failed_ends_with_1_in_words_and_a_retry_mends_it(server: ServerUnderTest, node: StandInNode) -> None:
    node.script("generate_shot", lambda _e: Script([{"status": "failed", "error": "no paint is left"}]))
    made = Typed(server.url, "project", "create", "-", "--shots", "1", "--watch", given=STORY.encode())
    node.script("generate_shot", lambda _e: finished(png()))
    project = made.said.strip()
    assert (made.code, "no paint is left" in made.told) == (TASK_FAILED, True)
    [row] = Typed(server.url, "tasks", "list", project, "--status", "failed").said.splitlines()
    again = Typed(server.url, "tasks", "retry", row.split("\t")[0], "--watch")
    assert again.code == 0, again.told
    assert Typed(server.url, "project", "watch", project).code == 0
    assert Typed(server.url, "tasks", "cancel", again.said.strip()).code == REFUSED


def test_each_way_to_end_has_its_code(server: ServerUnderTest, tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("\n")
    (tmp_path / "wrong.txt").write_bytes(b"\x81")
    nowhere = "http://127.0.0.1:9"
    expected: list[tuple[int, str, tuple[str, ...]]] = [
        (UNREACHABLE, nowhere, ("project", "list")),
        (REFUSED, server.url, ("project", "show", "nobody")),
        (REFUSED, server.url, ("project", "watch", "nobody")),
        (REFUSED, server.url, ("project", "download", "nobody")),
        (REFUSED, server.url, ("project", "create", str(ROOT / "examples" / "story.zh.txt"), "--shots", "1000")),
        (NO_FILE, server.url, ("project", "create", str(tmp_path / "none.txt"))),
        (USAGE, server.url, ("project", "create", str(tmp_path / "empty.txt"))),
        (USAGE, server.url, ("project", "create", str(tmp_path / "wrong.txt"))),
        (USAGE, server.url, ("project", "film", "x", "-o", "mode")),
        (USAGE, server.url, ("tasks", "list")),
    ]
    for code, address, words in expected:
        ended = Typed(address, *words)
        assert (ended.code, ended.said, bool(ended.told)) == (code, "", True), words


def test_without_a_feed_it_looks_for_itself(
    server: ServerUnderTest, film: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: Any) -> Iterator[api.Json]:
        raise api.FeedBroken

    monkeypatch.setattr(api.Api, "feed", broken)
    work = Work(server.url, None, as_json=True)
    work.film(film, {"mode": "preview"}, watch=True, target=None)
    *changes, made = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (changes[-1]["status"], made["mode"]) == ("finished", "preview")


def test_a_feed_that_breaks_off_is_taken_up_again_and_a_server_that_stays_away_is_given_up(
    server: ServerUnderTest, film: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[int | None] = []
    feed = api.Api.feed

    def short(self: api.Api, project_id: str, after: int | None) -> Iterator[api.Json]:
        heard.append(after)
        yield next(feed(self, project_id, after))
        raise api.FeedBroken

    monkeypatch.setattr(api.Api, "feed", short)
    found = following.follow(api.Api(server.url), film)
    rounds = [next(found) for _ in range(3)]
    assert all(any(task["type"] == "generate_video" for task in tasks) for tasks in rounds)
    assert heard[0] is None
    assert heard[1] is not None
    monkeypatch.setattr(following, "PATIENCE_S", 0)
    monkeypatch.setattr(following, "LOOK_S", 0)
    monkeypatch.setattr(api, "PAUSES_S", ())
    with pytest.raises(Unreachable):
        list(following.follow(api.Api("http://127.0.0.1:9"), film))


def test_a_server_that_asks_who_one_is_gets_a_login_or_a_key(tmp_path: Path) -> None:
    environment = {"S2V_DATA_DIR": str(tmp_path / "data"), "S2V_AUTH_REQUIRED": "true"}
    mine = {**environment, "S2V_CLIENT_USER": "ann", "S2V_CLIENT_PASSWORD": "a long password"}
    for words, given in ((("user", "add", "ann"), b"a long password\n"), (("key", "add", "ann"), b"")):
        made = Typed("", *words, "--config", os.devnull, given=given, who=environment)
        assert made.code == 0, made.told
    key = made.said.split()[-1]
    with ServerUnderTest(tmp_path, {"auth.required": "true"}) as server:
        assert Typed(server.url, "project", "list").code == REFUSED
        assert Typed(server.url, "project", "list", who={**mine, "S2V_CLIENT_PASSWORD": "another"}).code == REFUSED
        for who in (mine, {"S2V_CLIENT_TOKEN": key}):
            assert Typed(server.url, "project", "list", who=who).code == 0

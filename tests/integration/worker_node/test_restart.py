"""What a node knows when it starts again after a kill."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.integration.worker_node.conftest import PATIENCE_S, NodeProcess, StartNode, long_clip
from tests.support.server_process import ROOT
from tests.support.soak import soaking
from tests.support.wait import wait_until

STORY = {"storyText": "小猫在河边钓鱼。小狗在山上唱歌。", "shot_count": 2}
# A provider that asks somebody who charges for every answer, part by part, and notes the keys that it was asked with.
SITE = 'from worker_node.providers import registry\nregistry.PROVIDERS["tts"]["offline"] = "paid_provider:Paid"\n'
PROVIDER = """
import os, pathlib, time
from worker_node.providers.base import Spoken, Word

FOLDER = pathlib.Path(os.environ["PAID_FOLDER"])

class Paid:
    def __init__(self, settings):
        pass

    def speak(self, request, target, run):
        for part in "abc":
            run.once(part, lambda key: self.ask(part, key))
            run.used(characters=1)
        run.report(50, "wait")
        while not (FOLDER / "go").exists():
            time.sleep(0.01)
        target.write_bytes(b"sound")
        return Spoken(1.0, (), (Word("a", 0.0, 1.0),))

    def ask(self, part, key):
        with (FOLDER / "asked").open("a") as log:
            log.write(f"{part} {key}\\n")
        while part == "b" and not (FOLDER / "answer").exists():
            time.sleep(0.01)
        return part.encode()
"""


def asked(folder: Path) -> list[str]:
    try:
        return (folder / "asked").read_text().splitlines()
    except FileNotFoundError:
        return []


@pytest.fixture
def paid(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "sitecustomize.py").write_text(SITE)
    (tmp_path / "paid_provider.py").write_text(PROVIDER)
    return {"PYTHONPATH": os.pathsep.join((str(tmp_path), str(ROOT))), "PAID_FOLDER": str(tmp_path)}


def kill(node: NodeProcess) -> None:
    assert node.end(signal.SIGKILL) == -signal.SIGKILL


def test_a_killed_nodes_ended_and_cancelled_jobs_are_remembered_with_their_files(start_node: StartNode) -> None:
    node = start_node()
    ended = node.submit("storyboard", task="one", shot_defaults=STORY)
    before = node.ended(ended)
    cancelled = node.submit("video", task="two", **long_clip())
    node.http.delete(f"{node.url}/v1/jobs/{cancelled}", timeout=PATIENCE_S)
    kill(node)
    again = start_node(output=node.output)
    after = again.job(ended)
    assert after == before
    assert again.job(cancelled)["status"] == "cancelled"
    assert again.submit("storyboard", task="one", shot_defaults=STORY) == ended, "the same envelope is the same job"
    assert json.loads(again.get(after["result"]["resource_url"]).content)[0]["narration"] == "小猫在河边钓鱼。"
    assert not (node.output / ended / "answers").exists()


@pytest.mark.parametrize("how", soaking([signal.SIGKILL, signal.SIGTERM], keep=1))
def test_jobs_that_waited_are_done_after_a_restart_in_their_order(start_node: StartNode, how: signal.Signals) -> None:
    node = start_node()
    running = node.submit("video", **long_clip())
    node.wait_for(running, "processing")
    waiting = [node.submit("video", **long_clip()) for _ in range(2)]
    node.end(how)
    again = start_node(output=node.output)
    again.wait_for(running, "processing")
    assert [again.job(job)["status"] for job in waiting] == ["pending", "pending"]
    for job in (running, *waiting):
        assert again.http.delete(f"{again.url}/v1/jobs/{job}", timeout=PATIENCE_S).status_code == 200
    assert not list((again.output / ".work").iterdir())


def test_a_kill_costs_at_most_the_call_that_was_not_answered(
    tmp_path: Path, start_node: StartNode, paid: dict[str, str]
) -> None:
    node = start_node(env=paid)
    job = node.submit("audio", task="t", tts={"text": "好"})
    wait_until(lambda: len(asked(tmp_path)) == 2, PATIENCE_S, "the second call")
    kill(node)
    (tmp_path / "answer").touch()
    again = start_node(output=node.output, env=paid)
    wait_until(lambda: again.job(job)["progress"] == 50, PATIENCE_S, "all calls")
    kill(again)
    (tmp_path / "go").touch()
    last = start_node(output=node.output, env=paid)
    ended = last.ended(job)
    calls = [line.split() for line in asked(tmp_path)]
    assert [part for part, _ in calls] == ["a", "b", "b", "c"], "only what was asked and not answered is asked again"
    assert calls[1] == calls[2], "under the same key"
    assert len({key for _, key in calls}) == 3
    assert ended["status"] == "finished"
    assert "1 次调用没有得到回答" in ended["message"]
    assert ended["result"]["words"] == [["a", 0.0, 1.0]]
    assert [use["units"] for use in ended["result"]["usage"]] == [{"characters": 3}]


@pytest.mark.parametrize("end", ["cancelled", "failed"])
def test_what_was_paid_is_told_however_a_job_ends_and_after_a_kill(
    tmp_path: Path, start_node: StartNode, paid: dict[str, str], end: str
) -> None:
    (tmp_path / "answer").touch()
    env = {**paid, "S2V_NODE_TTS_OFFLINE_PRICE": '{"characters": "0.01"}', "S2V_NODE_TTS_PROVIDER": "offline"}
    node = start_node(env=env)
    job = node.submit("audio", tts={"text": "好"})
    wait_until(lambda: len(asked(tmp_path)) == 3 and node.job(job)["progress"] == 50, PATIENCE_S, "all calls")
    if end == "cancelled":
        node.http.delete(f"{node.url}/v1/jobs/{job}", timeout=PATIENCE_S)
    else:
        for worker in node.workers():
            worker.kill()
    ended = node.ended(job)
    [usage] = ended["result"]["usage"]
    assert (ended["status"], usage["units"], usage["cost"]) == (end, {"characters": 3}, "0.03")
    kill(node)
    assert start_node(output=node.output, env=env).job(job)["result"] == ended["result"]


def test_jobs_of_another_version_or_torn_ones_do_not_stop_the_start(start_node: StartNode) -> None:
    node = start_node()
    job = node.submit("storyboard", shot_defaults=STORY)
    node.ended(job)
    node.end()
    file = node.output / ".jobs.sqlite"
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("UPDATE job SET entry = '{'")
    again = start_node(output=node.output)
    assert again.get(f"/v1/jobs/{job}").status_code == 404
    again.end()
    file.write_bytes(b"no database" * 500)
    last = start_node(output=node.output)
    assert last.ended(last.submit("storyboard", shot_defaults=STORY))["status"] == "finished"
    assert file.with_name(".jobs.sqlite.broken").exists()


def test_a_job_that_the_node_dies_of_is_given_up(start_node: StartNode) -> None:
    node = start_node()
    job = node.submit("video", **long_clip())
    node.wait_for(job, "processing")
    node.end()
    with closing(sqlite3.connect(node.output / ".jobs.sqlite")) as database, database:
        database.execute("UPDATE job SET notes = '{\"resumed\": 20}'")
    again = start_node(output=node.output)
    ended: dict[str, Any] = again.ended(job)
    assert ended["status"] == "failed"
    assert "重启了 20 次" in ended["error"]

"""The embedded Redis and model node, as the server gets them."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import requests
from redis.exceptions import ConnectionError as RedisConnectionError

from common.errors import DependencyError
from config.settings import RedisSettings, Settings, WorkerSettings
from runtime.embedded.child import ChildFailed
from runtime.embedded.parts import EmbeddedParts
from runtime.embedded.redis import EmbeddedRedis
from runtime.wiring import open_redis
from service.node.client import NodeClient
from tests.support.processes import below
from tests.support.server_process import ROOT, alive
from tests.support.wait import wait_until

NODE_ELSEWHERE = WorkerSettings(addr="127.0.0.1:9")
REDIS_ELSEWHERE = RedisSettings(addr="127.0.0.1:9")


@pytest.fixture
def redis_only(tmp_path: Path) -> Iterator[EmbeddedParts]:
    parts = EmbeddedParts.start(Settings(data_dir=tmp_path, worker=NODE_ELSEWHERE), "http://127.0.0.1:1").wait()
    yield parts
    parts.stop()


def test_redis_is_real_empty_private_and_saves_nothing(redis_only: EmbeddedParts) -> None:
    with open_redis(redis_only.settings.redis) as client:
        assert client.dbsize() == 0
        assert tuple(map(int, client.info("server")["redis_version"].split(".")[:2])) >= (6, 2)
        assert client.config_get("save")["save"] == ""
        assert client.config_get("appendonly")["appendonly"] == "no"
        assert client.config_get("port")["port"] == "0"
    socket = Path(redis_only.settings.redis.addr)
    assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
    assert len(str(socket)) < 100


def test_stop_ends_it_and_removes_its_folder(redis_only: EmbeddedParts) -> None:
    folder = Path(redis_only.settings.redis.addr).parent
    mine = below(str(folder))
    assert mine
    redis_only.stop()
    assert alive(mine) == []
    assert not folder.exists()


def test_redis_that_dies_comes_back_empty_at_its_address(redis_only: EmbeddedParts) -> None:
    with open_redis(redis_only.settings.redis) as client:
        client.set("key", "value")
        psutil.Process(client.info("server")["process_id"]).kill()
    wait_until(lambda: answers(redis_only.settings.redis), 60, "another Redis")
    with open_redis(redis_only.settings.redis) as client:
        assert client.get("key") is None


def answers(settings: RedisSettings) -> bool:
    try:
        with open_redis(settings) as client:
            return bool(client.ping())
    except RedisConnectionError:
        return False


def test_part_that_cannot_be_started_again_is_tried_on_and_the_others_are_kept(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """No file can be opened for a while, so that no process can be started."""
    parts = EmbeddedParts.start(Settings(data_dir=tmp_path), "http://127.0.0.1:1").wait()
    try:
        # Not all below: a server that other tests share has parts of its own.
        (supervisor,) = [process for process in below("runtime.embedded.supervisor") if process.ppid() == os.getpid()]
        (node,) = [process for process in supervisor.children() if "worker_node" in process.cmdline()]
        soft, hard = supervisor.rlimit(psutil.RLIMIT_NOFILE)
        supervisor.rlimit(psutil.RLIMIT_NOFILE, (3, hard))
        with open_redis(parts.settings.redis) as client:
            psutil.Process(client.info("server")["process_id"]).kill()
        said: list[str] = []

        def failures() -> int:
            said.append(capfd.readouterr().err)
            return "".join(said).count("embedded Redis cannot be started")

        wait_until(lambda: failures() >= 2 or not alive([supervisor]), 60, "two failed starts")
        assert alive([supervisor, node]) == [supervisor, node]
        supervisor.rlimit(psutil.RLIMIT_NOFILE, (soft, hard))
        node.kill()
        wait_until(lambda: answers(parts.settings.redis), 60, "another Redis")
        wait_until(lambda: serves(parts.settings.worker.addr), 60, "another node")
    finally:
        parts.stop()


def serves(addr: str) -> bool:
    try:
        return requests.get(f"{addr}/health", timeout=60).ok
    except requests.ConnectionError:
        return False


def test_redis_starts_again_where_its_program_was_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looking for it a second time may fail: by then the machine is too busy, or the folder gone."""
    redis = EmbeddedRedis(tmp_path)
    settings = RedisSettings(addr=str(redis.socket))
    try:
        redis.start()
        redis.wait()
        monkeypatch.setattr("runtime.embedded.redis.redis_executable", pytest.fail)
        with open_redis(settings) as client:
            psutil.Process(client.info("server")["process_id"]).kill()

        def kept() -> bool:
            redis.supervise()
            return answers(settings)

        wait_until(kept, 60, "another Redis")
    finally:
        redis.stop()


def test_redis_program_that_hangs_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "redis-server"
    program.write_text("#!/bin/sh\nexec /bin/sleep 600\n")
    program.chmod(0o700)
    monkeypatch.setattr("runtime.embedded.redis.find_spec", lambda _name: None)
    monkeypatch.setattr("runtime.embedded.redis.START_S", 0.2)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ChildFailed, match="there is neither valkey-server nor redis-server"):
        EmbeddedRedis(tmp_path).start()


def test_node_serves_and_shares_a_secret(tmp_path: Path) -> None:
    parts = EmbeddedParts.start(Settings(data_dir=tmp_path, redis=REDIS_ELSEWHERE), "http://127.0.0.1:1").wait()
    try:
        health = requests.get(f"{parts.settings.worker.addr}/health", timeout=60).json()
        assert health["status"] == "ok"
        assert len(parts.settings.worker.webhook_secret) >= 32
        assert parts.settings.redis == REDIS_ELSEWHERE
    finally:
        parts.stop()


def test_embedded_node_answers_nobody_who_has_not_its_token(tmp_path: Path) -> None:
    """Loopback is open to every user of the machine; a list of processes shows everybody their arguments."""
    parts = EmbeddedParts.start(Settings(data_dir=tmp_path, redis=REDIS_ELSEWHERE), "http://127.0.0.1:1").wait()
    try:
        address = parts.settings.worker.addr
        credentials, _, host = address.removeprefix("http://").rpartition("@")
        token = credentials.partition(":")[2]
        assert len(token) >= 32
        assert NodeClient(address).check()
        for path in ("health", "v1/jobs/a", "v1/download?path=a", "files/a", "docs", "openapi.json"):
            for auth in (None, ("storytovideo", "guess"), (token, "")):
                assert requests.get(f"http://{host}/{path}", auth=auth, timeout=60).status_code == 401
        assert requests.post(f"http://{host}/v1/generate", json={}, timeout=60).status_code == 401
        assert below(token) == []
    finally:
        parts.stop()


def supervisors() -> set[int]:
    return {process.pid for process in below("runtime.embedded.supervisor")}


def test_nothing_is_started_where_everything_has_an_address(tmp_path: Path) -> None:
    before = supervisors()
    settings = Settings(data_dir=tmp_path, redis=REDIS_ELSEWHERE, worker=NODE_ELSEWHERE)
    parts = EmbeddedParts.start(settings, "http://127.0.0.1:1").wait()
    assert parts.settings == settings
    assert supervisors() <= before
    parts.stop()


def test_part_that_does_not_start_is_named(tmp_path: Path) -> None:
    (tmp_path / "node").write_text("a file where the node's folder should be")
    with pytest.raises(DependencyError, match=r"model node does not start.*worker\.addr"):
        EmbeddedParts.start(Settings(data_dir=tmp_path, redis=REDIS_ELSEWHERE), "http://127.0.0.1:1").wait()


OWNER = """
import sys, time
from pathlib import Path
from config.settings import Settings
from runtime.embedded.parts import EmbeddedParts
parts = EmbeddedParts.start(Settings(data_dir=Path(sys.argv[1])), "http://127.0.0.1:1").wait()
print(parts.settings.redis.addr, flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("victim", ["owner", "supervisor"])
def test_kill_leaves_neither_redis_nor_node_behind(tmp_path: Path, victim: str) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout
        socket = Path(owner.stdout.readline().strip())
        family = psutil.Process(owner.pid).children(recursive=True)
        words = [" ".join(process.cmdline()) for process in family]
        assert any("valkey-server" in line for line in words)
        assert any("worker_node" in line for line in words)
        (supervisor,) = [process for process in family if "runtime.embedded.supervisor" in process.cmdline()]
        killed = owner.pid if victim == "owner" else supervisor.pid
        os.kill(killed, signal.SIGKILL)
        wait_until(lambda: not alive(family), 60, "the end of Redis and node")
        assert victim == "supervisor" or not socket.parent.exists()
        owner.kill()


def test_embedded_node_follows_the_section_of_the_configuration(tmp_path: Path) -> None:
    node = {"llm": ["offline", {"offline": {"model": "second"}}], "keep_jobs": 7}
    settings = Settings(data_dir=tmp_path, redis=REDIS_ELSEWHERE, node=node)
    parts = EmbeddedParts.start(settings, "http://127.0.0.1:1").wait()
    try:
        health = requests.get(f"{parts.settings.worker.addr}/health", timeout=30).json()
        assert [each["provider"] for each in health["lists"]["llm"]] == ["offline", "offline-2"]
    finally:
        parts.stop()


def test_embedded_node_whose_section_is_wrong_stops_the_start(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = Settings(data_dir=tmp_path, redis=REDIS_ELSEWHERE, node={"llm": ["nobody"]})
    with pytest.raises(DependencyError, match="model node does not start"):
        EmbeddedParts.start(settings, "http://127.0.0.1:1").wait()
    assert "llm: found 'nobody'" in capfd.readouterr().err

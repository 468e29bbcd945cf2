"""The server's life as an operator sees it: it starts, it ends with everything it started, and it goes on where it was."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from datetime import timezone
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import requests
import websocket
from click.testing import CliRunner, Result

import main
from config.addresses import Listen
from config.settings import Settings
from runtime.embedded.parts import EmbeddedParts
from runtime.listener import listen
from tests.support.server_process import END_S, ROOT, START_S, ServerUnderTest, alive, clean_environment
from tests.support.wait import wait_until

STORY = "小猫住在海边的灯塔里。夜里下起了雨。清晨太阳出来了。"
QUICK_S = 15  # 5 on a quiet machine
NO_NODE = {"worker.addr": "127.0.0.1:9"}  # nothing listens on the discard port: tasks wait for it


def create(url: str, shots: int = 2, story: str = STORY) -> str:
    answer = requests.post(
        f"{url}/v1/api/projects", json={"Title": "灯塔", "StoryText": story, "ShotCount": shots}, timeout=60
    )
    assert answer.status_code == 200, answer.text
    return str(answer.json()["project_id"])


def wait_for_images(url: str, project: str) -> None:
    def drawn() -> bool:
        detail = requests.get(f"{url}/v1/api/projects/{project}", timeout=60).json()
        return [shot["status"] for shot in detail["shots"]] == ["completed", "completed"]

    wait_until(drawn, 200, "the images")


def test_sigterm_ends_the_server_and_all_it_started_although_sockets_are_open(tmp_path: Path) -> None:
    with ServerUnderTest(tmp_path) as server:
        family = server.family()
        assert len(server.named("valkey-server")) == 1
        assert server.named("worker_node")
        project = create(server.url, 60, STORY * 20)
        tasks = requests.get(f"{server.url}/v1/api/projects/{project}/tasks", timeout=60).json()["tasks"]
        waiting = tasks[-1]["id"]  # and long: fifty-nine images come first
        address = f"{server.url.replace('http', 'ws')}/tasks/{waiting}/wss"
        sockets = [websocket.create_connection(address, timeout=60) for _ in range(5)]
        began = time.monotonic()
        assert server.end(signal.SIGTERM) == 0
        assert time.monotonic() - began < QUICK_S
        assert alive(family) == []
        for connection in sockets:
            connection.close(timeout=1)


def test_ctrl_c_reaches_the_whole_group_and_ends_it_in_order(tmp_path: Path) -> None:
    """A terminal sends SIGINT to the web server's worker too, which must not die before it has let its work go."""
    with ServerUnderTest(tmp_path) as server:
        family = server.family()
        began = time.monotonic()
        os.killpg(server.process.pid, signal.SIGINT)
        assert server.process.wait(END_S) == 0
        assert time.monotonic() - began < QUICK_S
        assert alive(family) == []
        assert "processor" in server.lines()
        assert "Traceback" not in server.lines()


@pytest.mark.parametrize(
    ("moment", "how"),
    [
        ("runtime.embedded.supervisor", signal.SIGTERM),
        pytest.param("valkey-server", signal.SIGTERM, marks=pytest.mark.soak),
        ("worker_node", signal.SIGTERM),
        pytest.param("worker_node", signal.SIGINT, marks=pytest.mark.soak),
        ("main.py", signal.SIGTERM),
    ],
)
def test_server_that_is_told_to_end_while_it_starts_leaves_nothing_behind(
    tmp_path: Path, moment: str, how: signal.Signals
) -> None:
    """The moments: its supervisor is there, its Redis, its model node, its web worker."""
    with ServerUnderTest(tmp_path, wait=False) as server:
        wait_until(lambda: server.named(moment), START_S, moment)
        server.end(how)
        wait_until(lambda: not of_folder(tmp_path), END_S, "the end of what the server started")
        assert "Traceback" not in server.lines()


def of_folder(folder: Path) -> list[psutil.Process]:
    """Every process that knows of the folder by its arguments or its environment."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            words = [*process.cmdline(), *process.environ().values()]
            if process.status() != psutil.STATUS_ZOMBIE and any(str(folder) in word for word in words):
                found.append(process)
    return found


@pytest.mark.soak
def test_kill_leaves_nothing_behind_and_the_next_start_goes_on_where_it_was(tmp_path: Path) -> None:
    with ServerUnderTest(tmp_path, NO_NODE) as server:
        project = create(server.url)
    with ServerUnderTest(tmp_path) as server:  # this time with a node
        tasks = requests.get(f"{server.url}/v1/api/projects/{project}/tasks", timeout=60).json()["tasks"]
        assert tasks
        family = server.family()
        assert len(family) >= 4  # supervisor, valkey-server, node, worker
        server.end(signal.SIGKILL)
        wait_until(lambda: not alive(family), END_S, "the end of what the server started")
    with ServerUnderTest(tmp_path) as server:
        wait_for_images(server.url, project)


@pytest.mark.soak
def test_dead_redis_and_dead_model_node_come_back_and_tasks_still_end(tmp_path: Path) -> None:
    with ServerUnderTest(tmp_path) as server:
        project = create(server.url)
        (redis,) = server.named("valkey-server")
        (node, *_) = server.named("worker_node")
        redis.kill()
        node.kill()
        wait_until(lambda: [p for p in server.named("worker_node") if p.pid != node.pid], END_S, "another model node")
        wait_for_images(server.url, project)

        def states() -> tuple[str, str]:
            found = requests.get(f"{server.url}/readyz", timeout=60).json()["dependencies"]
            return found["queue"], found["node"]

        wait_until(lambda: states() == ("ok", "ok"), END_S, "both answer again")


def test_a_server_whose_embedded_parts_are_ended_for_good_ends_too_and_says_so(tmp_path: Path) -> None:
    """So whoever looks after it starts it again, and nothing is lost; without a queue it could only wait for ever."""
    with ServerUnderTest(tmp_path) as server:
        project = create(server.url)
        family = server.family()
        (supervisor,) = server.named("runtime.embedded.supervisor")
        supervisor.kill()
        assert server.process.wait(END_S) == 1
        assert "the embedded parts were killed from outside" in server.lines()
        wait_until(lambda: not alive(family), END_S, "the end of what the server started")
    with ServerUnderTest(tmp_path) as server:
        wait_for_images(server.url, project)


def run(folder: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = clean_environment({f"S2V_{key.upper()}": value for key, value in settings.items()})
    return subprocess.run(
        [sys.executable, str(ROOT / "main.py"), *arguments],
        check=False,
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=200,
    )


def invoke(*arguments: str, **settings: str) -> Result:
    """The command line within this process: for what ends before anything starts."""
    environment = {f"S2V_{key.upper()}": value for key, value in settings.items()}
    return CliRunner().invoke(main.cli, [*arguments, "--config", os.devnull], env=environment)


def test_wrong_setting_stops_the_start_with_its_name() -> None:
    done = invoke("serve", server_threads="many")
    assert done.exit_code == 2
    assert "S2V_SERVER_THREADS: server.threads: found 'many', must be a whole number" in done.stderr


@pytest.mark.parametrize("command", [["serve", "--no-processor"], ["processor"]])
def test_processes_that_share_need_addresses(command: list[str]) -> None:
    done = invoke(*command)
    assert done.exit_code == 2
    assert "redis.addr and worker.addr" in done.stderr


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"redis_addr": "127.0.0.1:1"}, "redis at 127.0.0.1:1 does not answer"),
        ({"mysql_dsn": "u:hidden@tcp(127.0.0.1:1)/x"}, "127.0.0.1"),
        (
            {"film_font": "/nowhere/font.otf", "redis_addr": "127.0.0.1:1"},
            "film.font: found '/nowhere/font.otf', must be",
        ),
        ({"minio_endpoint": "127.0.0.1:1", "redis_addr": ""}, "bucket storytovideo at 127.0.0.1:1"),
    ],
)
def test_missing_dependency_is_named_with_what_to_do(tmp_path: Path, settings: dict[str, str], says: str) -> None:
    done = run(tmp_path, "serve", server_port="127.0.0.1:0", worker_addr="127.0.0.1:9", **settings)
    assert done.returncode == 1
    assert says in done.stderr
    assert "hidden" not in done.stderr
    assert "Traceback" not in done.stderr


def test_port_in_use_is_named() -> None:
    with listen(Listen("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = invoke("serve", server_port=f"127.0.0.1:{port}", worker_addr="127.0.0.1:9", redis_addr="127.0.0.1:1")
    assert done.exit_code == 1
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr
    assert "server.port" in done.stderr


def test_nothing_listens_any_more_while_the_embedded_parts_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports of the node would wait for an answer that nobody gives, and the node for them."""
    listener = listen(Listen("127.0.0.1", 0))
    port = listener.getsockname()[1]
    refused = []

    def stop() -> None:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), 5)
        refused.append(True)

    parts = SimpleNamespace(settings=Settings(), wait=lambda: None, exited=lambda: False, stop=stop)
    monkeypatch.setattr(EmbeddedParts, "start", lambda *_: parts)
    monkeypatch.setattr(
        "runtime.wiring.open_services",
        lambda _: SimpleNamespace(close=lambda: None, database=SimpleNamespace(zone=timezone.utc)),
    )
    monkeypatch.setattr("runtime.gunicorn_server.serve", lambda *_: 0)
    assert invoke("serve", "--fd", str(listener.detach())).exit_code == 0
    assert refused == [True]


def test_doctor_says_what_it_understood_and_what_is_wrong(tmp_path: Path) -> None:
    done = run(tmp_path, "doctor", redis_addr="127.0.0.1:1", redis_password="hidden", server_port="127.0.0.1:0")
    assert done.returncode == 1
    assert "redis.addr = '127.0.0.1:1'" in done.stdout
    assert "[FAIL] queue" in done.stdout
    assert "[ok]   ffmpeg: ffmpeg version" in done.stdout
    assert "1 of" in done.stdout
    assert "hidden" not in done.stdout

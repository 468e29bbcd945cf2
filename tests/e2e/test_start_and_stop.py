"""The server's life as an operator sees it: it starts, it ends with everything it started, and it goes on where it was."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import requests
import websocket

from tests.server_process import END_S, ROOT, ServerUnderTest, alive, clean_environment
from tests.wait import wait_until

STORY = "小猫住在海边的灯塔里。夜里下起了雨。清晨太阳出来了。"
NO_NODE = {"worker.addr": "127.0.0.1:9"}  # nothing listens on the discard port: tasks wait for it


def create(url: str, shots: int = 2) -> str:
    answer = requests.post(
        f"{url}/v1/api/projects", params={"Title": "灯塔", "StoryText": STORY, "ShotCount": shots}, timeout=60
    )
    assert answer.status_code == 200, answer.text
    return str(answer.json()["project_id"])


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_signal_ends_the_server_and_all_it_started(tmp_path: Path, how: signal.Signals) -> None:
    with ServerUnderTest(tmp_path) as server:
        family = server.family()
        assert len(server.named("redis-server")) == len(server.named("worker_node")) == 1
        began = time.monotonic()
        assert server.end(how) == 0
        assert time.monotonic() - began < 15  # 5 on a quiet machine
        assert alive(family) == []


def test_ctrl_c_in_a_terminal_reaches_the_whole_group_and_ends_it_in_order(tmp_path: Path) -> None:
    """A terminal sends SIGINT to the web server's worker too, which must not die before it has let its work go."""
    with ServerUnderTest(tmp_path, NO_NODE) as server:
        family = server.family()
        os.killpg(server.process.pid, signal.SIGINT)
        assert server.process.wait(END_S) == 0
        assert alive(family) == []
        assert "stopped" in server.lines()
        assert "Traceback" not in server.lines()


def test_open_sockets_do_not_hold_up_the_end(tmp_path: Path) -> None:
    with ServerUnderTest(tmp_path, NO_NODE) as server:
        tasks = requests.get(f"{server.url}/v1/api/projects/{create(server.url)}/tasks", timeout=60).json()["tasks"]
        address = f"{server.url.replace('http', 'ws')}/tasks/{tasks[0]['id']}/wss"
        sockets = [websocket.create_connection(address, timeout=60) for _ in range(5)]
        for connection in sockets:
            assert '"id"' in connection.recv()
        began = time.monotonic()
        assert server.end() == 0
        assert time.monotonic() - began < 15
        for connection in sockets:
            connection.close(timeout=1)


def test_kill_of_the_server_leaves_nothing_behind(tmp_path: Path) -> None:
    with ServerUnderTest(tmp_path) as server:
        family = server.family()
        assert len(family) >= 4  # keeper, redis-server, node, worker
        server.end(signal.SIGKILL)
        wait_until(lambda: not alive(family), END_S, "the end of what the server started")


def test_next_start_after_a_kill_goes_on_where_it_was(tmp_path: Path) -> None:
    with ServerUnderTest(tmp_path, NO_NODE) as server:
        project = create(server.url)
        family = server.family()
        server.end(signal.SIGKILL)
        wait_until(lambda: not alive(family), END_S)
    with ServerUnderTest(tmp_path) as server:  # this time with a node

        def pictures() -> bool:
            detail = requests.get(f"{server.url}/v1/api/projects/{project}", timeout=60).json()
            return [shot["status"] for shot in detail["shots"]] == ["completed", "completed"]

        wait_until(pictures, 200, "the pictures of the project that was begun before the kill")


def test_dead_model_node_is_started_again_at_its_address(tmp_path: Path) -> None:
    with ServerUnderTest(tmp_path) as server:
        (node,) = server.named("worker_node")

        node.kill()

        def successor() -> psutil.Process | None:
            return next((process for process in server.named("worker_node") if process.pid != node.pid), None)

        wait_until(successor, END_S, "another model node")
        wait_until(
            lambda: requests.get(f"{server.url}/readyz", timeout=60).json()["dependencies"]["node"] == "ok", END_S
        )


def test_dead_redis_is_started_again_and_tasks_still_end(tmp_path: Path) -> None:
    with ServerUnderTest(tmp_path) as server:
        (redis,) = server.named("redis-server")
        project = create(server.url)
        redis.kill()

        def drawn() -> bool:
            detail = requests.get(f"{server.url}/v1/api/projects/{project}", timeout=60).json()
            return [shot["status"] for shot in detail["shots"]] == ["completed", "completed"]

        wait_until(drawn, 200, "the pictures although Redis was lost with its queue")


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


def test_wrong_setting_stops_the_start_with_its_name(tmp_path: Path) -> None:
    done = run(tmp_path, "serve", server_threads="many")
    assert done.returncode == 2
    assert "S2V_SERVER_THREADS: server.threads: found 'many', must be a whole number" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"redis_addr": "127.0.0.1:1"}, "redis at 127.0.0.1:1 does not answer"),
        ({"mysql_dsn": "u:hidden@tcp(127.0.0.1:1)/x"}, "127.0.0.1"),
        ({"minio_endpoint": "127.0.0.1:1", "redis_addr": ""}, "bucket storytovideo at 127.0.0.1:1"),
    ],
)
def test_missing_dependency_is_named_with_what_to_do(tmp_path: Path, settings: dict[str, str], says: str) -> None:
    done = run(tmp_path, "serve", server_port="127.0.0.1:0", worker_addr="127.0.0.1:9", **settings)
    assert done.returncode == 1
    assert says in done.stderr
    assert "hidden" not in done.stderr
    assert "Traceback" not in done.stderr


def test_port_in_use_is_named(tmp_path: Path) -> None:
    with ServerUnderTest(tmp_path, NO_NODE) as server:
        port = server.url.rpartition(":")[2]
        done = run(tmp_path, "serve", server_port=f"127.0.0.1:{port}", worker_addr="127.0.0.1:9")
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr
    assert "server.port" in done.stderr


@pytest.mark.parametrize("command", [["serve", "--no-processor"], ["processor"]])
def test_processes_that_share_need_addresses(tmp_path: Path, command: list[str]) -> None:
    done = run(tmp_path, *command)
    assert done.returncode == 2
    assert "redis.addr and worker.addr" in done.stderr


def test_doctor_says_what_it_understood_and_what_is_wrong(tmp_path: Path) -> None:
    done = run(tmp_path, "doctor", redis_addr="127.0.0.1:1", redis_password="hidden", server_port="127.0.0.1:0")
    assert done.returncode == 1
    assert "redis.addr = '127.0.0.1:1'" in done.stdout
    assert "[FAIL] queue" in done.stdout
    assert "[ok]   ffmpeg: ffmpeg version" in done.stdout
    assert "1 of" in done.stdout
    assert "hidden" not in done.stdout


def test_doctor_of_the_defaults_finds_nothing_wrong(tmp_path: Path) -> None:
    done = run(tmp_path, "doctor", server_port="127.0.0.1:0")
    assert done.returncode == 0, done.stdout

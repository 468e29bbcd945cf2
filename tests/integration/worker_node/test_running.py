"""Queue, cancellation, limits, webhooks and the end of the node, against the real node."""

from __future__ import annotations

import base64
import contextlib
import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import psutil
import pytest

from routers.api.webhook import verify
from tests.integration.worker_node.conftest import PATIENCE_S, NodeProcess, StartNode, gone, long_clip
from tests.support.proxy import proxy
from tests.support.server_process import ROOT, clean_environment
from tests.support.soak import soaking
from tests.support.wait import wait_until
from worker_node.webhook import PAUSE_S

STORY = {"storyText": "猫。狗。", "shot_count": 2}
# Every Python that the node starts runs this at its start: a large image takes a minute, so that it is not done before it is cancelled.
PAINT_LONGER = """
from worker_node.providers.offline.painter.painter import OfflinePainter
paint = OfflinePainter.paint
OfflinePainter.paint = lambda *given: [paint(*given) for _ in range(40 if given[1].width == 2048 else 1)][-1]
"""


def test_cancelling_a_running_job_ends_its_process_and_leaves_no_file(start_node: StartNode) -> None:
    node = start_node()
    job_id = node.submit("video", **long_clip())
    wait_until(lambda: node.job(job_id)["progress"] > 2, PATIENCE_S)
    workers = node.workers()
    assert len(workers) == 1
    assert node.left_over(job_id)
    asked = time.monotonic()
    assert node.http.delete(f"{node.url}/v1/jobs/{job_id}", timeout=PATIENCE_S).status_code == 200
    assert gone(workers[0].pid)
    assert not node.left_over(job_id)
    assert time.monotonic() - asked < 10, "it should be one second"
    job = node.job(job_id)
    assert job["status"] == "cancelled"
    assert job["result"] == {}
    after = node.ended(node.submit("video", shot=long_clip()["shot"], video={"resolution": "64x64", "duration": 0.2}))
    assert after["status"] == "finished", "the next job gets a new process"


@pytest.mark.parametrize(
    ("kind", "parameters", "short"),
    [
        pytest.param(
            "audio", {"tts": {"text": "很长的故事。" * 3000}}, {"tts": {"text": "好。"}}, marks=pytest.mark.soak
        ),
        pytest.param(
            "shot",
            {"shot": {"prompt": "森林", "image_width": "2048", "image_height": "2048"}},
            {"shot": {"prompt": "森林", "image_width": "64", "image_height": "64"}},
            marks=pytest.mark.soak,
        ),
    ],
)
def test_speech_and_images_are_stopped_too(
    tmp_path: Path, start_node: StartNode, kind: str, parameters: dict[str, Any], short: dict[str, Any]
) -> None:
    (tmp_path / "sitecustomize.py").write_text(PAINT_LONGER)
    node = start_node(env={"PYTHONPATH": os.pathsep.join((str(tmp_path), str(ROOT)))})
    job_id = node.submit(kind, **parameters)
    wait_until(node.workers, PATIENCE_S, "a worker process")
    workers = node.workers()
    asked = time.monotonic()
    assert node.http.delete(f"{node.url}/v1/jobs/{job_id}", timeout=PATIENCE_S).status_code == 200
    assert all(gone(worker.pid) for worker in workers)
    assert not node.left_over(job_id)
    assert time.monotonic() - asked < 10, "it should be one second"
    assert node.ended(node.submit(kind, **short))["status"] == "finished"
    assert node.job(job_id)["status"] == "cancelled"


def test_the_queue_is_bounded_and_a_waiting_job_can_be_cancelled(start_node: StartNode) -> None:
    node = start_node("--queue", "2")
    running = node.submit("video", **long_clip())
    node.wait_for(running, "processing")
    waiting = [node.submit("video", **long_clip()) for _ in range(2)]
    refused = node.post("video", **long_clip())
    assert refused.status_code == 503
    assert int(refused.headers["Retry-After"]) > 0
    assert "队列已满" in refused.json()["error"]
    assert node.get("/health").json()["queued"] == 2
    assert node.http.delete(f"{node.url}/v1/jobs/{waiting[0]}", timeout=PATIENCE_S).status_code == 200
    assert node.job(waiting[0])["status"] == "cancelled"
    assert not node.left_over(waiting[0]), "its image waited on disk"
    assert node.post("video", **long_clip()).status_code == 202
    assert {path.name for path in (node.output / ".work").iterdir()} == {
        running,
        waiting[1],
        _third(node.output, running, waiting),
    }


def _third(output: Path, running: str, waiting: list[str]) -> str:
    return next(path.name for path in (output / ".work").iterdir() if path.name not in (running, *waiting))


def test_a_job_over_its_time_fails_in_words_and_its_process_is_gone(start_node: StartNode) -> None:
    node = start_node("--job-minutes", "0.05")
    job_id = node.submit("video", **long_clip())
    job = node.ended(job_id)
    assert job["status"] == "failed"
    assert "时限" in job["error"]
    assert not node.left_over(job_id)
    wait_until(lambda: not node.workers(), PATIENCE_S)


def test_a_worker_that_dies_fails_its_job_only(start_node: StartNode) -> None:
    node = start_node()  # of its own: another's workers for other kinds may be there yet
    job_id = node.submit("video", **long_clip())
    wait_until(lambda: node.job(job_id)["progress"] > 2, PATIENCE_S)
    node.workers()[0].kill()
    assert "意外结束" in node.ended(job_id)["error"]
    assert node.ended(node.submit("storyboard", shot_defaults=STORY))["status"] == "finished"


def test_a_disk_that_cannot_be_written_is_said_and_survived(start_node: StartNode) -> None:
    node = start_node()
    work = node.output / ".work"
    work.rmdir()
    work.write_text("in the way")
    refused = node.post("video", **long_clip())
    assert refused.status_code == 500
    assert "模型节点出错" in refused.json()["error"]
    assert node.ended(node.submit("storyboard", shot_defaults=STORY))["status"] == "failed"
    assert node.get("/health").json()["queued"] == 0
    work.unlink()
    work.mkdir()
    assert node.ended(node.submit("storyboard", shot_defaults=STORY))["status"] == "finished"
    assert "Traceback" in node.log.read_text(), "what went wrong is in the log"


def test_a_work_folder_that_somebody_cleaned_up_is_made_anew(start_node: StartNode) -> None:
    """Like those who look after /tmp."""
    node = start_node()
    (node.output / ".work").rmdir()
    assert node.ended(node.submit("storyboard", shot_defaults=STORY))["status"] == "finished"


def test_a_task_id_can_forge_no_line_of_the_log(node: NodeProcess) -> None:
    ends = ("\n", "\r", "\x0b", "\x85", "\u2028", "\x1b[2K")
    node.ended(node.submit("storyboard", task=f"task{'forged'.join(ends)}forged", shot_defaults=STORY))
    (line,) = [line for line in node.log.read_text().splitlines() if "forged" in line]
    assert line.count("forged") == len(ends)
    assert line.isprintable()
    assert "task\\nforged" in line


def test_ended_jobs_and_their_files_are_bounded(start_node: StartNode) -> None:
    node = start_node("--keep-jobs", "2")
    jobs = [node.ended(node.submit("storyboard", shot_defaults=STORY))["id"] for _ in range(4)]
    node.submit("storyboard", shot_defaults=STORY)
    assert node.get(f"/v1/jobs/{jobs[0]}").status_code == 404
    assert not node.left_over(jobs[0])
    assert node.get(f"/v1/jobs/{jobs[3]}").status_code == 200
    assert node.left_over(jobs[3])


def test_images_of_ended_and_of_waiting_jobs_take_no_memory(start_node: StartNode) -> None:
    node = start_node()
    image = base64.b64encode(bytes(30 << 20)).decode()  # taken from the system and given back as one piece
    node.ended(node.submit("video", shot={"image_base64": image}))
    process = psutil.Process(node.process.pid)
    before = process.memory_info().rss
    for _ in range(3):
        assert node.ended(node.submit("video", shot={"image_base64": image}))["status"] == "failed"
    node.wait_for(node.submit("video", **long_clip()), "processing")
    for _ in range(3):
        node.submit("video", shot={"image_base64": image})
    assert node.get("/health").json()["queued"] == 3
    wait_until(lambda: process.memory_info().rss - before < 2 * len(image), PATIENCE_S, "memory given back")


@pytest.mark.parametrize("how", soaking([signal.SIGTERM, signal.SIGKILL, signal.SIGINT], keep=2))
def test_the_end_of_the_node_ends_its_workers(start_node: StartNode, how: signal.Signals) -> None:
    node = start_node()
    job_id = node.submit("video", **long_clip())
    wait_until(lambda: node.job(job_id)["progress"] > 2, PATIENCE_S)
    workers = node.workers()
    code = node.end(how)
    assert code == (0 if how != signal.SIGKILL else -signal.SIGKILL)
    wait_until(lambda: all(gone(worker.pid) for worker in workers), PATIENCE_S)
    again = start_node(output=node.output)
    again.wait_for(job_id, "processing")
    assert again.http.delete(f"{again.url}/v1/jobs/{job_id}", timeout=PATIENCE_S).status_code == 200
    assert not again.left_over(job_id)


def test_the_node_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    script = (
        "import os, subprocess, sys, time\n"
        "own = ['--output', sys.argv[1], '--parent-pid', str(os.getpid())]\n"
        "node = subprocess.Popen([sys.executable, '-m', 'worker_node', '--port', '0', *own],"
        " stdout=subprocess.PIPE, start_new_session=True)\n"
        "node.stdout.readline()\nprint(node.pid, flush=True)\ntime.sleep(600)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "out")]
    with subprocess.Popen(command, cwd=ROOT, env=clean_environment(), stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        pid = int(parent.stdout.readline())
        assert psutil.pid_exists(pid)
        parent.kill()
    wait_until(lambda: gone(pid), PATIENCE_S)


@pytest.mark.parametrize(
    ("options", "env", "said"),
    [
        (["--t2i-provider", "dall-e"], {}, ["--t2i-provider", "dall-e", "offline"]),
        pytest.param(
            [],
            {"S2V_NODE_TTS_PROVIDER": "nobody"},
            ["--tts-provider", "nobody", "offline"],
            marks=pytest.mark.soak,
        ),
        ([], {"S2V_NODE_COLOUR": "red"}, ["S2V_NODE_COLOUR"]),
        (["--queue", "0"], {}, ["--queue", "'0'", "1 to"]),
        (["--webhook-url", "http://127.0.0.1:1/"], {}, ["WEBHOOK_SECRET"]),
    ],
)
def test_a_wrong_setting_stops_the_start_by_its_name(
    tmp_path: Path, options: list[str], env: dict[str, str], said: list[str]
) -> None:
    command = [sys.executable, "-m", "worker_node", "--output", str(tmp_path / "out"), "--port", "0", *options]
    done = subprocess.run(
        command, cwd=ROOT, env=clean_environment(env), capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 2
    assert all(word in done.stderr for word in said), done.stderr
    assert not (tmp_path / "out").exists()


def test_two_nodes_do_not_share_a_folder(start_node: StartNode) -> None:
    node = start_node()
    command = [sys.executable, "-m", "worker_node", "--output", str(node.output), "--port", "0"]
    done = subprocess.run(
        command, cwd=ROOT, env=clean_environment(), capture_output=True, text=True, timeout=PATIENCE_S, check=False
    )
    assert done.returncode == 1
    assert "in use" in done.stderr


class Receiver:
    """A webhook's receiver that answers as it is told and keeps what came. A negative status is one with a body that never ends."""

    def __init__(self, answers: list[int]) -> None:
        self.came: list[tuple[float, bytes, str]] = []
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.came.append((time.monotonic(), raw, self.headers.get("X-Signature", "")))
                status = answers.pop(0) if answers else 200
                self.send_response(abs(status))
                if status > 0:
                    self.send_header("Content-Length", "0")
                self.end_headers()
                with contextlib.suppress(ConnectionError):  # as soon as nobody listens any more
                    while status < 0:
                        self.wfile.write(b"x" * 1024)

            def log_message(self, *_: Any) -> None: ...

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hook"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def answers() -> list[int]:
    return []


@pytest.fixture
def receiver(answers: list[int]) -> Iterator[Receiver]:
    running = Receiver(answers)
    yield running
    running.close()


def test_an_ended_job_is_told_signed_and_told_again_with_growing_pauses(
    start_node: StartNode, receiver: Receiver, answers: list[int]
) -> None:
    answers += [500, 503]
    node = start_node("--webhook-url", receiver.url, env={"S2V_NODE_WEBHOOK_SECRET": "shared"})
    job_id = node.submit("storyboard", task="task-1", shot_defaults=STORY)
    wait_until(lambda: len(receiver.came) == 3, PATIENCE_S)
    for _, raw, header in receiver.came:
        body = json.loads(raw)
        verify("shared", raw, body, "", datetime.now(timezone.utc))
        verify("shared", raw, body, header, datetime.now(timezone.utc))
        assert (body["task_id"], body["job_id"], body["status"]) == ("task-1", job_id, "SUCCESS")
        assert body["result"] == node.job(job_id)["result"]
    first, second, third = (moment for moment, _, _ in receiver.came)
    assert second - first >= PAUSE_S
    assert third - second >= 2 * PAUSE_S


def test_a_failure_is_told_a_cancellation_is_not_and_a_refusal_ends_the_telling(
    start_node: StartNode, receiver: Receiver, answers: list[int]
) -> None:
    answers += [403]
    node = start_node("--webhook-url", receiver.url, env={"S2V_NODE_WEBHOOK_SECRET": "shared"})
    cancelled = node.submit("video", **long_clip())
    node.wait_for(cancelled, "processing")
    node.http.delete(f"{node.url}/v1/jobs/{cancelled}", timeout=PATIENCE_S)
    node.ended(node.submit("video", task="bad", shot={"image_base64": "AAAA"}))
    wait_until(lambda: receiver.came, PATIENCE_S)
    node.ended(node.submit("storyboard", task="good", shot_defaults=STORY))
    wait_until(lambda: len(receiver.came) == 2, PATIENCE_S)
    told = [(json.loads(raw)["task_id"], json.loads(raw)["status"]) for _, raw, _ in receiver.came]
    assert told == [("bad", "FAILED"), ("good", "SUCCESS")]


def test_an_answer_without_end_holds_up_no_further_delivery(
    start_node: StartNode, receiver: Receiver, answers: list[int]
) -> None:
    answers += [-200]
    node = start_node("--webhook-url", receiver.url, env={"S2V_NODE_WEBHOOK_SECRET": "shared"})
    for task in ("first", "second"):
        node.ended(node.submit("storyboard", task=task, shot_defaults=STORY))
    wait_until(lambda: len(receiver.came) == 2, PATIENCE_S)
    assert [json.loads(raw)["task_id"] for _, raw, _ in receiver.came] == ["first", "second"]


def test_the_webhook_asks_no_proxy_of_the_environment(start_node: StartNode, receiver: Receiver) -> None:
    with proxy() as nobody:
        env = {"S2V_NODE_WEBHOOK_SECRET": "shared", **nobody.environment}
        node = start_node("--webhook-url", receiver.url, env=env)
        node.ended(node.submit("storyboard", shot_defaults=STORY))
        wait_until(lambda: receiver.came or nobody.asked(), PATIENCE_S)
        assert not nobody.asked()


def test_a_node_with_a_token_does_nothing_without_it(start_node: StartNode) -> None:
    node = start_node(env={"S2V_NODE_TOKEN": "token"})
    refused = node.post("storyboard", shot_defaults=STORY)
    assert (refused.status_code, bool(refused.json()["message"])) == (401, True)
    assert refused.headers["X-Request-ID"]
    for given in ("Bearer token", "bearer token", "Basic " + base64.b64encode(b"anybody:token").decode()):
        answer = node.http.get(f"{node.url}/health", headers={"Authorization": given}, timeout=PATIENCE_S)
        assert answer.status_code == 200, given
    for given in ("Bearer", "Bearer tokens", "Basic token", "Basic !", "Digest token", "token", ""):
        answer = node.http.get(f"{node.url}/health", headers={"Authorization": given}, timeout=PATIENCE_S)
        assert answer.status_code == 401, given
    node.http.auth = ("anybody", "token")
    node.ended(node.submit("storyboard", shot_defaults=STORY))


def test_the_secrets_are_not_handed_to_worker_processes(start_node: StartNode) -> None:
    node = start_node(env={"S2V_NODE_WEBHOOK_SECRET": "shared", "S2V_NODE_TOKEN": "token"})
    node.http.auth = ("", "token")
    node.ended(node.submit("storyboard", shot_defaults=STORY))
    secrets = {"S2V_NODE_WEBHOOK_SECRET", "S2V_NODE_TOKEN"}
    assert node.workers()
    assert [worker for worker in node.workers() if secrets & set(worker.environ())] == []
    assert secrets & set(os.environ) == set()

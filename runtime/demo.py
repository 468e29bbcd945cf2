"""`main.py demo`: a film of a story, with everything embedded; what it starts is gone afterwards.

It starts a server and then does what any client does: create a project, wait for its images, ask for the film, download it.
"""

from __future__ import annotations

import fcntl
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import requests
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from common.errors import StartError
from common.parent_death import guarded
from common.private_files import restrict
from config.addresses import Listen
from config.load import PREFIX, variable
from config.settings import Settings
from runtime.embedded.node import ROOT
from runtime.listener import listen
from runtime.stores import ASSETS_FOLDER

FOLDER = "demo"
DEFAULT_STORY = ROOT / "examples" / "story.zh.txt"
STAGES = {
    "generate_storyboard": "storyboard",
    "generate_shot": "images",
    "generate_audio": "narration",
    "generate_video": "film",
}
START_S, REQUEST_S, LOOK_S, STOP_S = 120.0, 60.0, 0.3, 15.0
PATIENCE_S = 3600.0  # for one stage
ENDED = ("finished", "failed", "cancelled")
INTERRUPTED = 130
_NAME = re.compile(r"\S+\.(txt|md)")  # a misspelt path, and not a story of one word
_SENTENCE_END = re.compile(r"[。！？!?…]+|\.(?=\s|$)")


class DemoFailed(StartError):
    """No film came out; the text says why."""


@dataclass(frozen=True)
class Made:
    """What the demo made: the film, its length in seconds and the folder of all assets."""

    film: Path
    seconds: float
    assets: Path


def run(story: str, settings: Settings) -> int:
    """Make the film of a story (a file's path, the text, or "" for the example); returns the exit code.

    Of the settings the story's, the film's and `data_dir` count; services are the embedded ones. All of it lies in `<data_dir>/demo`.
    """
    console = Console()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(INTERRUPTED))
    restrict()
    folder = (settings.data_dir / FOLDER).absolute()
    try:
        text = read_story(story)
        with _alone_in(folder), _server(folder, settings) as client, _bars(console) as bars:
            made = _make(client, bars, text, folder, shots(text, settings))
    except KeyboardInterrupt:
        console.print("\ninterrupted")
        return INTERRUPTED
    except (DemoFailed, requests.RequestException, OSError) as error:
        console.print(f"no film: {error}", markup=False, style="red")
        return 1
    console.print(
        f"film:   {made.film}\nlength: {made.seconds:.1f} s\nassets: {made.assets}",
        soft_wrap=True,
        highlight=False,
        markup=False,
    )
    return 0


def read_story(story: str) -> str:
    """The text of a file where `story` is the path of one, else the text itself."""
    try:
        path = Path(story) if story else DEFAULT_STORY
        if _NAME.fullmatch(story) and not path.is_file():
            raise DemoFailed(f"there is no file {story}")
        text = path.read_text(encoding="utf-8-sig") if path.is_file() else story
    except OSError:  # too long for a path: a story
        text = story
    except UnicodeDecodeError as error:
        raise DemoFailed(f"{story} is not a text in UTF-8") from error
    if not text.strip():
        raise DemoFailed("the story is empty")
    return text.strip()


def shots(text: str, settings: Settings) -> int:
    """One shot a sentence, up to the configured number."""
    sentences = len([part for part in _SENTENCE_END.split(text) if part.strip()])
    return max(1, min(sentences, settings.story.default_shots))


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Keep other demos out of the folder, which is made where it is missing. Raises DemoFailed where one is at work."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DemoFailed(
                f"another demo is running in {folder}; wait for it, or set {variable('data_dir')} to another folder"
            ) from error
        yield


@contextmanager
def _server(folder: Path, settings: Settings) -> Iterator[_Client]:
    """A server with everything embedded on a free port; yields a client of it."""
    listener = listen(Listen("127.0.0.1", 0))
    log = folder / "server.log"
    with listener, log.open("wb") as output:
        command = [
            sys.executable,
            str(ROOT / "main.py"),
            "serve",
            "--config",
            os.devnull,
            "--fd",
            str(listener.fileno()),
        ]
        process = subprocess.Popen(  # noqa: S603 - our own words
            guarded(command, signal.SIGTERM),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=_environment(folder, settings),
            pass_fds=[listener.fileno()],
            start_new_session=True,  # a terminal's Ctrl-C is for us, who end it in order
        )
        client = _Client(f"http://127.0.0.1:{listener.getsockname()[1]}")
    try:
        _wait_for(client, process, log)
        yield client
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _environment(folder: Path, settings: Settings) -> dict[str, str]:
    ours = {variable(f"{name}.{key}"): value for name in ("story", "film") for key, value in getattr(settings, name)}
    ours |= {
        variable("data_dir"): folder,
        variable("worker.poll_seconds"): LOOK_S,
        variable("log.level"): settings.log.level,
    }
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(PREFIX) or name.startswith("S2V_NODE_")
    }
    return inherited | {name: str(value) for name, value in ours.items()}


def _wait_for(client: _Client, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            client.call("GET", "/health")
        except (requests.RequestException, DemoFailed) as error:
            if process.poll() is not None or time.monotonic() > deadline:
                last = log.read_text(encoding="utf-8", errors="replace")[-2000:]
                raise DemoFailed(f"the server does not start; its last lines ({log}):\n{last}") from error
            time.sleep(LOOK_S)
        else:
            return


class _Client:
    """The server's HTTP interface, as far as a demo needs it."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._session = requests.Session()
        self._session.trust_env = False  # a proxy has no business between two programs on one machine

    def call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        response = self._session.request(method, f"{self._base}/v1/api{path}", json=body, timeout=REQUEST_S)
        if not response.ok:
            raise DemoFailed(f"{method} {path}: {response.status_code} {response.text[:500]}")
        return response.json()

    def download(self, url: str, target: Path) -> None:
        with self._session.get(url, stream=True, timeout=REQUEST_S) as response, target.open("wb") as file:
            response.raise_for_status()
            for chunk in response.iter_content(1 << 20):
                file.write(chunk)


class _Bars:
    """A progress bar per stage; where nobody watches (no terminal), a line as each stage ends."""

    def __init__(self, console: Console, progress: Progress) -> None:
        self._console, self._progress, self._ids = console, progress, dict[str, TaskID]()
        self._began, self._done = time.monotonic(), set[str]()

    def show(self, tasks: list[dict[str, Any]]) -> None:
        for kind, name in STAGES.items():
            rows = [task for task in tasks if task["type"] == kind]
            if not rows:
                continue
            percent = sum(100 if row["status"] == "finished" else row["progress"] for row in rows) / len(rows)
            note = next((row["message"] for row in rows if row["status"] == "processing"), "")
            if name not in self._ids:
                self._ids[name] = self._progress.add_task(name, total=100, note="")
            self._progress.update(self._ids[name], completed=percent, note=note.splitlines()[0][:40] if note else "")
            if percent >= 100 and name not in self._done and not self._console.is_terminal:
                self._console.print(f"{name}: done after {time.monotonic() - self._began:.1f} s", highlight=False)
            if percent >= 100:
                self._done.add(name)


@contextmanager
def _bars(console: Console) -> Iterator[_Bars]:
    columns = (
        TextColumn("{task.description:<10}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
    )
    with Progress(
        *columns, TextColumn("{task.fields[note]}", markup=False), console=console, disable=not console.is_terminal
    ) as progress:
        yield _Bars(console, progress)


def _make(client: _Client, bars: _Bars, text: str, folder: Path, count: int) -> Made:
    title = re.split(r"[。，,.!！?？\n]", text)[0][:20].strip() or "demo"
    project = client.call("POST", "/projects", {"Title": title, "StoryText": text, "ShotCount": count})["project_id"]
    _watch(client, bars, project)
    client.call("POST", f"/projects/{project}/video", {})
    _watch(client, bars, project)
    films = client.call("GET", f"/projects/{project}/films")["films"]
    newest = max(films, key=lambda film: int(film["number"]))
    target = folder / f"{re.sub(r'[^0-9A-Za-z一-鿿]+', '-', title).strip('-') or 'film'}-{project[:8]}.mp4"
    client.download(newest["url"], target)
    return Made(target, _seconds(target), folder / ASSETS_FOLDER / "objects" / "projects" / project)


def _seconds(film: Path) -> float:
    with av.open(str(film)) as container:
        return (container.duration or 0) / av.time_base


def _watch(client: _Client, bars: _Bars, project: str) -> None:
    """Until every task of the project has ended."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        tasks = client.call("GET", f"/projects/{project}/tasks")["tasks"]
        bars.show(tasks)
        for task in tasks:
            if task["status"] in ("failed", "cancelled"):
                raise DemoFailed(
                    f"{STAGES.get(task['type'], task['type'])} {task['status']}: {task['error'] or task['message']}"
                )
        if tasks and all(task["status"] in ENDED for task in tasks):
            return
        if time.monotonic() > deadline:
            raise DemoFailed(f"timed out after {PATIENCE_S:.0f} s")
        time.sleep(LOOK_S)

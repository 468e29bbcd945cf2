"""What each command of the client does, once its words are understood."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from config.addresses import parse_listen
from config.load import PREFIX, ConfigError, load
from runtime.client import fetching, following
from runtime.client.api import Api, Json
from runtime.client.outcomes import NoFile, TaskFailed, WrongUsage
from runtime.client.screen import Screen
from service.batches.text_file import decoded

DEFAULT_FILE = Path("config.yaml")
TOKEN, USER, PASSWORD = (f"{PREFIX}CLIENT_{name}" for name in ("TOKEN", "USER", "PASSWORD"))
STANDARD_INPUT = "-"


class Work:
    """A server, and a screen to say what it answers."""

    def __init__(self, server: str, config: Path | None, *, as_json: bool) -> None:
        environ = os.environ
        address = server or _configured(config)
        self.api = Api(address, environ.get(TOKEN, ""), environ.get(USER, ""), environ.get(PASSWORD, ""))
        self.screen = Screen(as_json=as_json)

    def create(self, story: str, given: Mapping[str, Any], *, film: bool, watch: bool) -> None:
        """A project of a story, and its film."""
        body = {name: value for name, value in given.items() if value not in (None, "")}
        made = self.api.call(
            "POST", "/projects", {"story_text": read_story(story), **body, **({"film": {}} if film else {})}
        )
        self.screen.say(made, made["project_id"])
        if watch:
            self.watch(made["project_id"])

    def projects(self, page: int, page_size: int, search: str) -> None:
        """A page of all projects, the newest first."""
        found = self.api.call("GET", "/projects", page=page, page_size=page_size, q=search)
        columns = ("id", "status", "createdAt", "title")
        self.screen.table(found, ([row[name] for name in columns] for row in found["items"]))

    def project(self, project_id: str) -> None:
        """A project with its shots and its film."""
        found = self.api.call("GET", f"/projects/{project_id}")
        detail, film = found["project_detail"], found.get("film")
        lines = [f"{detail['title']}\t{detail['status']}"]
        lines += [f"{shot['order']}\t{shot['status']}\t{shot['title']}\t{shot['narration']}" for shot in found["shots"]]
        if film:
            stale = f", stale by {len(film['stale_shots'])} shots" if film["stale"] else ""
            lines.append(f"film {film['number']}: {film['duration']} s{stale}\t{film['url']}")
        self.screen.say(found, *(" ".join(line.split("\n")) for line in lines))

    def watch(self, project_id: str) -> None:
        """Until nothing of the project is at work; raises `TaskFailed` where something of it was not made."""
        with self.screen.progress() as show:
            failed = following.wait_for_project(self.api, project_id, show)
        if failed:
            raise TaskFailed("\n".join(_told(task) for task in failed))

    def film(self, project_id: str, options: Mapping[str, Any], *, watch: bool, target: Path | None) -> None:
        """Ask for a film; wait for it, and download it, where that is wanted."""
        made = self.api.call("POST", f"/projects/{project_id}/video", dict(options))
        if not (watch or target is not None):
            self.screen.say(made, made["task_id"])
            return
        self.watch_task(made["task_id"])
        film = fetching.film_of(self.api, project_id, task_id=made["task_id"])
        if target is None:
            self.screen.say(film, film["url"])
        else:
            self._fetch(film, "film", target)

    def download(self, project_id: str, what: str, number: int, target: Path | None) -> None:
        """A file of the project's film, or everything as a ZIP."""
        if what == "archive":
            title = self.api.call("GET", f"/projects/{project_id}")["project_detail"]["title"]
            path = _path(target, fetching.file_name(title, project_id, what))
            with self.screen.received() as told:
                fetching.save(self.api.stream(f"/projects/{project_id}/archive"), path, told)
            self._say_path(path)
        else:
            self._fetch(fetching.film_of(self.api, project_id, number=number), what, target)

    def _fetch(self, film: Json, what: str, target: Path | None) -> None:
        path = _path(target, fetching.file_name(film["title"], film["projectId"], what))
        with self.screen.received() as told:
            fetching.fetch(fetching.link_of(film, what), path, told)
        self._say_path(path)

    def _say_path(self, path: Path) -> None:
        self.screen.say({"path": str(path), "size": path.stat().st_size}, str(path))

    def tasks(self, project_id: str, status: str) -> None:
        """A project's tasks, the oldest first."""
        found = self.api.call("GET", f"/projects/{project_id}/tasks")
        found["tasks"] = [task for task in found["tasks"] if status in ("", task["status"])]
        columns = ("id", "type", "status", "progress", "message")
        self.screen.table(found, ([task[name] for name in columns] for task in found["tasks"]))

    def task(self, task_id: str) -> None:
        """A task."""
        task = self.api.call("GET", f"/tasks/{task_id}")["task"]
        self.screen.say(task, _told(task), *([str(task["result"]["resource_url"])] if _has_link(task) else []))

    def cancel(self, task_id: str) -> None:
        """Cancel a task."""
        answer = self.api.call("POST", f"/tasks/{task_id}/cancel")
        self.screen.say(answer, "cancelled")

    def retry(self, task_id: str, *, watch: bool) -> None:
        """Begin anew what failed or was cancelled."""
        made = self.api.call("POST", f"/tasks/{task_id}/retry")
        self.screen.say(made, made["task_id"])
        if watch:
            self.watch_task(made["task_id"])

    def watch_task(self, task_id: str) -> None:
        """Until the task has ended; raises `TaskFailed` unless it ended well."""
        with self.screen.progress() as show:
            task = following.wait_for_task(self.api, task_id, show)
        if task["status"] != "finished":
            raise TaskFailed(_told(task))


def read_story(story: str) -> str:
    """The text of a file, or of standard input; UTF-8, UTF-16 or GBK. Raises `NoFile`, `WrongUsage`."""
    try:
        content = sys.stdin.buffer.read() if story == STANDARD_INPUT else Path(story).read_bytes()
    except OSError as error:
        raise NoFile(f"{story}: {error.strerror}") from error
    try:
        text = decoded(content).strip()
    except ValueError as error:
        raise WrongUsage(f"{story}: {error}") from error
    if not text:
        raise WrongUsage(f"{story}: the story is empty")
    return text


def options(given: tuple[str, ...]) -> Json:
    """`name=value`, of which a value that is JSON is that; raises `WrongUsage`."""
    found: Json = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals or not name.strip():
            raise WrongUsage(f"an option is name=value, and not {one}")
        try:
            found[name.strip()] = json.loads(value)
        except ValueError:
            found[name.strip()] = value
    return found


def _configured(config: Path | None) -> str:
    """The address of the server that the configuration describes, on this machine."""
    path = config if config is not None else DEFAULT_FILE if DEFAULT_FILE.is_file() else None
    try:
        return parse_listen(load(path, os.environ).settings.server.port).url()
    except ConfigError as error:
        raise WrongUsage(f"the configuration is wrong:\n{error}") from error


def _path(target: Path | None, name: str) -> Path:
    if target is None:
        return Path(name)
    return target / name if target.is_dir() else target


def _told(task: Json) -> str:
    """A task in one line."""
    said = task["error"] or task["message"]
    of_shot = f" of shot {task['shotId']}" if task.get("shotId") else ""
    return f"{task['id']}\t{task['type']}{of_shot}\t{task['status']}\t{task['progress']} %\t{' '.join(said.split())}"


def _has_link(task: Json) -> bool:
    return str((task.get("result") or {}).get("resource_url") or "").startswith("http")

"""Rows as clients see them: the project, shot and task objects of the API.

Strict decoders read these. Nothing is null but where the API says so; a time is RFC 3339 in whole seconds, and year 1 where there is
none yet; numbers that clients decode are whole; stored keys become complete URLs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any
from urllib.parse import urlencode

from flask import Request

from common.user_text import without_paths
from models.asset import Asset, AssetKind
from models.cast_member import CastMember
from models.project import Project
from models.rows import FilmRow, ListedProject, ProjectRow, ShotRow, TaskRow
from models.shot import Shot
from models.task import Task, TaskStatus, TaskType
from models.webhook import Delivery, Webhook
from routers.surface import address_of, called
from service.assets.shot_versions import Version
from service.container import Services
from service.films import Film
from service.music import music_id, tags
from service.node.interface import Voice
from service.oss import ObjectStore, links
from service.oss.file_name import file_name
from service.workflow import payloads

ZERO_TIME = "0001-01-01T00:00:00Z"

_EMPTY_GROUPS: Mapping[str, Mapping[str, Any]] = {**payloads.storyboard("", "", 0)}
_EMPTY_RESULT: Mapping[str, Any] = payloads.result("", "")

Json = dict[str, Any]
AnyProject = Project | ProjectRow
AnyShot = Shot | ShotRow
AnyTask = Task | TaskRow


@dataclass(frozen=True)
class UrlResolver:
    """Makes a stored link readable; `base` is the address under which the client reached this server."""

    store: ObjectStore
    base: str

    @classmethod
    def of(cls, services: Services, request: Request) -> UrlResolver:
        """Links for the client that sent the request."""
        return cls(services.store, address_of(request, services.settings.server.public_url))

    @classmethod
    def at(cls, services: Services, scheme: str, host: str) -> UrlResolver:
        """Links for a client that called this host, as its `Host` has it."""
        return cls(services.store, services.settings.server.public_url.rstrip("/") or called(scheme, host))

    def __call__(self, stored: str | None, saved_as: str = "") -> str:
        return links.resolve(stored, self.store, self.base, saved_as) if stored else ""


def time(value: datetime | None) -> str:
    """An aware time in UTC, whole seconds."""
    return value.astimezone(timezone.utc).isoformat(timespec="seconds")[:-6] + "Z" if value else ZERO_TIME


def project(row: AnyProject, link: UrlResolver) -> Json:
    """A project."""
    return _project(row, link, {"storyText": row.story_text})


def project_in_list(row: ListedProject, link: UrlResolver) -> Json:
    """A project with its story's beginning only."""
    return _project(row, link, {"storyExcerpt": row.story_excerpt})


def _project(row: AnyProject | ListedProject, link: UrlResolver, story: Json) -> Json:
    return {
        "id": row.id,
        "title": row.title,
        **story,
        "style": row.style,
        "status": row.status,
        "coverImage": link(row.cover_image),
        "duration": row.duration or 0,
        "videoUrl": link(row.video_url),
        "description": row.description or "",
        "shotCount": row.shot_count or 0,
        "createdAt": time(row.created_at),
        "updatedAt": time(row.updated_at),
        "aspect": row.aspect or "",
        "telling": row.telling or "",
        "cost": row.cost or "",
    }


def project_detail(row: AnyProject, link: UrlResolver) -> Json:
    """A project in both spellings: the phone client reads it in snake_case."""
    body = project(row, link)
    return body | {
        "story_text": body["storyText"],
        "shot_count": body["shotCount"],
        "cover_image": body["coverImage"],
        "video_url": body["videoUrl"],
        "created_at": body["createdAt"],
        "updated_at": body["updatedAt"],
    }


def cast_member(row: CastMember, link: UrlResolver) -> Json:
    """Who appears in a story; `reference` is a link to their picture, None where there is none."""
    return {
        "id": row.public_id,
        "name": row.name,
        "look": row.look_zh or row.look_en or "",
        "look_zh": row.look_zh or "",
        "look_en": row.look_en or "",
        "voice": row.voice or "",
        "reference": link(row.reference) or None,
        "updated_at": time(row.updated_at),
    }


def shot(row: AnyShot, link: UrlResolver) -> Json:
    """A shot. `description` is what Go's clients show as the narration."""
    return {
        "id": row.id,
        "projectId": row.project_id,
        "order": row.order,
        "title": row.title,
        "description": row.description or "",
        "prompt": row.prompt or "",
        "status": row.status,
        "imagePath": link(row.image_path),
        "audioPath": link(row.audio_path),
        "transition": row.transition or "",
        "createdAt": time(row.created_at),
        "updatedAt": time(row.updated_at),
        "narration": row.spoken,
        "videoPath": link(row.video_path),
        "duration": row.duration or 0,
        "motion": row.motion or "",
        "cast": list(row.cast),
    }


def task(row: AnyTask, link: UrlResolver) -> Json:
    """A task; `shotId` is left out when it has none."""
    body: Json = {
        "id": row.id,
        "projectId": row.project_id,
        "type": row.type,
        "status": row.status,
        "progress": row.progress or 0,
        "message": without_paths(row.message or ""),
        "parameters": _parameters(row),
        "result": _result(row, link),
        "error": without_paths(row.error or ""),
        "estimatedDuration": row.estimated_duration or 0,
        "startedAt": time(row.started_at),
        "finishedAt": time(row.finished_at),
        "createdAt": time(row.created_at),
        "updatedAt": time(row.updated_at),
    }
    return body | {"shotId": row.shot_id} if row.shot_id else body


def film(row: Asset | FilmRow, link: UrlResolver, stale_shots: Sequence[str] = ()) -> Json:
    """One version of a project's film; `number` counts from 1, `size` is in bytes, `duration` in whole seconds.

    `subtitles` has the links that there are, `parameters` are the options it was asked for with. It is stale by `stale_shots`.
    `downloads` are links that a browser saves under the film's title.
    """
    details = _object(row.details)
    companions = details.get("companions") or []
    beside = {key.rpartition(".")[2]: link(key) for key in companions}
    return {
        "id": row.object_key,
        "projectId": row.project_id,
        "taskId": row.task_id,
        "number": row.number,
        "title": row.title,
        "url": link(row.object_key),
        "cover": beside.get("jpg", ""),
        "subtitles": {name: beside[name] for name in ("srt", "ass") if name in beside},
        "downloads": _downloads(row, companions, link),
        "log": beside.get("json", ""),
        "size": row.size,
        "sha256": row.sha256,
        "contentType": row.content_type,
        "duration": _whole(details.get("duration") or 0),
        "resolution": str(details.get("resolution") or ""),
        "fps": _whole(details.get("fps") or 0),
        "mode": str(details.get("mode") or ""),
        "music": str(details.get("music") or ""),
        "warnings": [without_paths(str(warning)) for warning in details.get("warnings") or []],
        "parameters": _object(details.get("parameters")),
        "createdAt": time(row.created_at),
        "stale": bool(stale_shots),
        "stale_shots": list(stale_shots),
    }


def _downloads(row: Asset | FilmRow, companions: Sequence[str], link: UrlResolver) -> dict[str, str]:
    """The film's and its subtitles', by the ends of their names."""
    wanted = {key.rpartition(".")[2]: key for key in companions} | {"mp4": row.object_key}
    return {
        end: link(wanted[end], file_name(row.title or "", f" {row.number}.{end}"))
        for end in ("mp4", "srt", "ass")
        if end in wanted
    }


def shown_film(shown: Film | None, link: UrlResolver) -> Json | None:
    """The film that a project shows, if it shows one."""
    return film(shown.asset, link, shown.stale_shots) if shown is not None else None


def version(row: Version, link: UrlResolver) -> Json:
    """A version of a shot's image, narration or clip; `duration` is in seconds. What is not known is "" or null."""
    words = "text" if row.kind is AssetKind.NARRATION else "prompt"
    size = {"width": row.width, "height": row.height} if row.kind is AssetKind.IMAGE else {"duration": row.duration}
    return {
        "number": row.number,
        "current": row.is_current,
        "url": link(row.stored),
        words: row.words,
        "seed": row.seed,
        "provider": row.provider,
        "source": row.source,
        "created_at": time(row.created_at),
        **size,
    }


def music(row: Asset, link: UrlResolver) -> Json:
    """A piece of music; its `id` is what POST .../video takes as `music`, `duration` is in whole seconds."""
    return {
        "id": music_id(row),
        "number": row.number,
        "title": row.title,
        "tags": tags(row),
        "url": link(row.object_key),
        "size": row.size,
        "contentType": row.content_type,
        "duration": _whole(_object(row.details).get("duration") or 0),
        "createdAt": time(row.created_at),
    }


def voice(row: Voice, samples: str, token: Callable[[str], str] = lambda _query: "") -> Json:
    """A voice of the model node; `sample` is a link below `samples`, "" where the node has none. `token` opens it."""
    query = urlencode({"provider": row.provider, "voice": row.id})
    opened = token(query)
    query += f"&token={opened}" if opened else ""
    return {
        "id": row.id,
        "name": row.name,
        "language": row.language,
        "sex": row.sex,
        "provider": row.provider,
        "sample": f"{samples}?{query}" if row.sample else "",
    }


def webhook(row: Webhook) -> Json:
    """A webhook, without its secrets."""
    return {
        "id": row.id,
        "url": row.url,
        "events": row.events.split(),
        "enabled": row.disabled_at is None,
        "disabledReason": row.disabled_reason,
        "failures": row.failures,
        "failingSince": time(row.failing_since),
        "oldSecretUntil": time(row.old_until),
        "createdAt": time(row.created_at),
    }


def delivery(row: Delivery) -> Json:
    """One message to a webhook; `status` is the receiver's last answer, 0 where there was none."""
    return {
        "id": row.message_id,
        "event": row.event,
        "state": row.state,
        "attempts": row.attempts,
        "status": row.status or 0,
        "error": row.error,
        "nextAttemptAt": time(_of_milliseconds(row.not_before)),
        "createdAt": time(row.created_at),
        "endedAt": time(row.ended_at),
        "body": row.body,
    }


def _of_milliseconds(value: int | None) -> datetime | None:
    return datetime.fromtimestamp(value / 1000, timezone.utc) if value else None


def _parameters(row: AnyTask) -> Json:
    """The task's parameters, every group that is there complete. A storyboard task shows all groups."""
    stored = _object(row.parameters)
    groups = dict.fromkeys(_EMPTY_GROUPS) if row.type == TaskType.STORYBOARD else {}
    body: Json = {**groups, **stored}
    for name, empty in _EMPTY_GROUPS.items():
        if name in body:
            body[name] = _group(empty, body[name])
    if row.type == TaskType.IMAGE:
        body["depends_on"] = row.depends_on
    return body


def _object(stored: Any) -> Json:
    """A JSON column's object; whatever else an older backend may have left there counts as empty."""
    return stored if isinstance(stored, dict) else {}


def _group(empty: Mapping[str, Any], stored: Any) -> Json:
    """A group with nothing missing, its values of the types that clients decode."""
    body = {**empty, **_object(stored)}
    return {name: _as(empty[name], value) if name in empty else value for name, value in body.items()}


def _as(example: Any, value: Any) -> Any:
    """The value in its example's type; a node or an older backend may have left `fps` as text or `image_width` as a number."""
    if value is None:
        return example
    if isinstance(example, bool):
        return bool(value)
    if isinstance(example, int):
        return _whole(value)
    return str(value)


def _whole(value: Any) -> int:
    try:
        return round(float(value))
    except (TypeError, ValueError, OverflowError):
        return 0


def _result(row: AnyTask, link: UrlResolver) -> Json:
    body: Json = {**_EMPTY_RESULT, **_object(row.result)}
    for name in _EMPTY_RESULT:
        body[name] = str(body[name] or "")
    shots = body.get("task_shots")
    if isinstance(shots, dict):
        body["task_shots"] = _task_shots(shots)
    video = body.get("task_video")
    if isinstance(video, dict):
        body["task_video"] = {name: "" if value is None else str(value) for name, value in video.items()}
    if row.status == TaskStatus.FINISHED and row.type != TaskType.STORYBOARD:  # a storyboard's is a path on the node
        body["resource_url"] = link(body["resource_url"])
        if isinstance(video, dict) and video.get("path"):
            body["task_video"]["path"] = link(str(video["path"]))
    return body


def _task_shots(stored: Json) -> Json:
    """The phone drops a whole task when one of its generated shots lacks a `scene_id`."""
    scenes = [scene for scene in stored.get("generated_shots") or [] if isinstance(scene, dict)]
    names = ("title", "prompt", "narration", "bgm", "path")
    return {
        **stored,
        "generated_shots": [
            {"scene_id": str(scene.get("scene_id") or number), **{name: str(scene.get(name) or "") for name in names}}
            for number, scene in enumerate(scenes, start=1)
        ],
        "total_shots": _whole(stored.get("total_shots") or len(scenes)),
    }

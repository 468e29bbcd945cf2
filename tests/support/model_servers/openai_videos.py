"""An OpenAI-compatible video server: jobs that are polled, paid for and cancelled; vLLM-Omni, Sora and their like."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.support.model_servers.base import OK, Refused, Route
from tests.support.model_servers.exchange import Received, Reply, json_reply
from tests.support.model_servers.fields import Field, check_form
from tests.support.model_servers.openai_form import OpenAIServer
from tests.support.model_servers.pictures import black_clip, clip, size_of

FIELDS = {
    "prompt": Field(required=True, shortest=1),
    "model": Field(),
    "seconds": Field("number", low=0.1, high=60),
    "size": Field(),
    "width": Field("integer", low=16, high=4096),
    "height": Field("integer", low=16, high=4096),
    "num_frames": Field("integer", low=1, high=1000),
    "fps": Field("integer", low=1, high=60),
    "seed": Field("integer"),
    "negative_prompt": Field(),
    "user": Field(),
}
REFERENCE = "input_reference"
USUAL_SIZE, USUAL_SECONDS, USUAL_FPS = (320, 192), 1.0, 8

Report = dict[str, Any]


@dataclass
class Clip:
    """A job: what was asked for, how often it was polled, and the behaviour with which it was ordered."""

    id: str
    prompt: str
    width: int
    height: int
    frames: int
    fps: int
    reference: bytes
    seed: int | None = None
    behaviour: str = OK
    polls: int = 0
    reports: list[Report] = field(default_factory=list)

    @property
    def status(self) -> str:
        """Its state at the last poll."""
        return str(self.reports[min(self.polls, len(self.reports)) - 1]["status"]) if self.polls else "queued"


def _reports(*last: Report) -> list[Report]:
    return [{"status": "queued", "progress": 0}, {"status": "in_progress", "progress": 50}, *last]


DONE: Report = {"status": "completed", "progress": 100}
FAILED: Report = {
    "status": "failed",
    "progress": 50,
    "error": {"code": "server_error", "message": "The generation failed."},
}
BLOCKED: Report = {
    "status": "failed",
    "error": {"code": "moderation_blocked", "message": "Rejected by the safety system."},
}
JOBS: dict[str, list[Report]] = {
    "done_at_once": [DONE],
    "never_done": _reports(),
    "fails": _reports(FAILED),
    "fails_without_a_reason": _reports({"status": "failed", "error": None}),
    "blocked": _reports(BLOCKED),
    "fails_as_text": _reports({"status": "failed", "error": "CUDA out of memory"}),
    "says_succeeded": _reports({"status": "succeeded", "progress": 100}),
    "says_success": _reports({"status": "SUCCESS", "progress": "100%"}),
    "says_expired": _reports({"status": "EXPIRED"}),
    "says_cancelled": _reports({"status": "cancelled"}),
    "says_something": _reports({"status": "warming up"}, DONE),
    "says_nothing": _reports({"progress": 60}, DONE),
    "wrapped_in_data": _reports(DONE),
    "goes_back": [*_reports(), {"status": "queued", "progress": 0}, DONE],
    "progress_as_text": [{"status": "in_progress", "progress": "37.5"}, DONE],
    "lost": _reports(),
}
FINISHED = ("completed", "succeeded", "SUCCESS")


class OpenAIVideos(OpenAIServer):
    """Each poll brings a job one report further; the behaviour with which it was ordered says which there are.

    `jobs` are all that were ever started, and paid for, `cancelled` the ids of those that were deleted. With `wants_reference` there is no
    clip without a picture, and with `exact_reference` that must be of the clip's own size. Polls, files and cancels can be scripted, too.
    """

    main = "POST /v1/videos"
    poll = "GET /v1/videos/{id}"
    file = "GET /v1/videos/{id}/content"
    cancel = "DELETE /v1/videos/{id}"

    def __init__(self, *, wants_reference: bool = True, exact_reference: bool = False, **common: Any) -> None:
        self.wants_reference, self.exact_reference = wants_reference, exact_reference
        self.jobs: dict[str, Clip] = {}
        self.cancelled: list[str] = []
        super().__init__(**common)

    def serves(self) -> dict[str, Route[Any]]:
        starts = {name: self._starter(name) for name in JOBS}
        return {
            **super().serves(),
            self.main: Route(self._check, self._start, {**starts, "id_missing": self._nameless}, charged=True),
            self.poll: Route(self._there, self._report, {"new_job": self._new_job}),
            self.file: Route(self._check_file, self._content, self._files()),
            self.cancel: Route(self._there, self._cancel),
        }

    def _check(self, received: Received) -> Clip:
        unknown = [name for name in received.files if name != REFERENCE]
        values = check_form({**FIELDS, **self.extra_fields}, {**received.form, **dict.fromkeys(unknown, "")})
        self.check_model(values.get("model"))
        files = received.files.get(REFERENCE, [])
        if len(files) != 1 and (files or self.wants_reference):
            raise Refused(400, f"Missing required parameter: '{REFERENCE}'.", "missing_required_parameter", REFERENCE)
        width, height = self._size(values)
        reference = files[0].content if files else b""
        size = size_of(reference)
        if files and (size is None or (self.exact_reference and size != (width, height))):
            message = "Inpaint image must match the requested width and height" if size else "Invalid image file."
            raise Refused(400, message, "invalid_value", REFERENCE)
        fps = values.get("fps") or USUAL_FPS
        frames = values.get("num_frames") or round((values.get("seconds") or USUAL_SECONDS) * fps)
        return Clip("", values["prompt"], width, height, frames, fps, reference, values.get("seed"))

    def _size(self, values: dict[str, Any]) -> tuple[int, int]:
        parts = values["size"].split("x") if values.get("size") else USUAL_SIZE
        if len(parts) != 2 or not all(str(part).isdecimal() for part in parts):
            raise Refused(400, f"Invalid value: '{values['size']}'.", "invalid_value", "size")
        width, height = values.get("width") or int(parts[0]), values.get("height") or int(parts[1])
        if width % 2 or height % 2:
            raise Refused(400, "Width and height must be even.", "invalid_value", "size")
        return width, height

    def _starter(self, behaviour: str) -> Callable[[Clip], Reply]:
        def start(job: Clip) -> Reply:
            job.behaviour = behaviour
            return self._start(job)

        return start

    def _start(self, job: Clip) -> Reply:
        job.id = f"video_{len(self.jobs) + 1}"
        job.reports = JOBS.get(job.behaviour, _reports(DONE))
        self.jobs[job.id] = job
        return self._told(job, DONE if job.behaviour == "done_at_once" else {"status": "queued", "progress": 0})

    def _nameless(self, job: Clip) -> Reply:
        self._start(job)
        return json_reply({"object": "video", "status": "queued"})

    def _told(self, job: Clip, report: Report) -> Reply:
        said = {"id": job.id, "object": "video", "created_at": 1_700_000_000, "error": None, **report}
        return json_reply({"code": 0, "data": said} if job.behaviour == "wrapped_in_data" else said)

    def _there(self, received: Received) -> Clip:
        job = self.jobs.get(received.path.split("/")[3])
        if job is None or job.id in self.cancelled or (job.behaviour == "lost" and job.polls):
            raise Refused(404, "Video not found.", "not_found", "video_id")
        return job

    def _report(self, job: Clip) -> Reply:
        report = job.reports[min(job.polls, len(job.reports) - 1)]
        job.polls += 1
        return self._told(job, report)

    def _new_job(self, job: Clip) -> Reply:
        """A relay that starts and bills another one when it cannot find out about the first."""
        again = Clip("", job.prompt, job.width, job.height, job.frames, job.fps, job.reference, job.seed)
        self.charged[""] += 1
        return self._start(again)

    def _check_file(self, received: Received) -> Clip:
        job = self._there(received)
        if job.behaviour != "done_at_once" and (not job.polls or job.reports[-1].get("status") not in FINISHED):
            raise Refused(404, "Video is not ready yet.", "not_ready", "video_id")
        if job.behaviour != "done_at_once" and job.polls < len(job.reports):
            raise Refused(404, "Video is not ready yet.", "not_ready", "video_id")
        return job

    def _content(self, job: Clip) -> Reply:
        return Reply(content=clip(job.width, job.height, job.frames, job.fps, job.prompt), content_type="video/mp4")

    def _files(self) -> dict[str, Callable[[Clip], Reply]]:
        def mp4(content: bytes) -> Reply:
            return Reply(content=content, content_type="video/mp4")

        return {
            "empty_file": lambda _job: mp4(b""),
            "cut_off_file": lambda job: mp4(self._content(job).content[:-200]),
            "black": lambda job: mp4(black_clip(job.width, job.height, job.frames, job.fps)),
            "no_clip": lambda _job: mp4(b"<html>expired</html>"),
            "one_frame": lambda job: mp4(clip(job.width, job.height, 1, job.fps, job.prompt)),
            "other_size": lambda job: mp4(
                clip(job.width // 4 * 2, job.height // 4 * 2, job.frames, job.fps, job.prompt)
            ),
            "error_with_200": lambda _job: json_reply({"error": {"message": "expired", "code": "not_found"}}),
        }

    def _cancel(self, job: Clip) -> Reply:
        self.cancelled.append(job.id)
        return json_reply({"id": job.id, "object": "video.deleted", "deleted": True})

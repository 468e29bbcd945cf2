"""How kinds of nodes differ: what their answers look like, and what they make of a task."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.support.node.scripts import Report, Script, scenes

Envelope = dict[str, Any]


@dataclass
class Job:
    """`number` counts the jobs that the node started, from 1; 0 is one that somebody else started before."""

    id: str
    number: int
    envelope: Envelope
    script: Script
    polls: int = 0
    cancelled: bool = False


@dataclass(frozen=True)
class Dialect:
    """A kind of node.

    `accepted` is the answer, status and body, to a task whose job was started; `cancelled` is the answer to a cancel. `form` is what each
    report of a job has unless its script says otherwise, `ending` what a finished one has besides; `words` are the node's own for a status,
    one a job in turn. `refused` names the values of an envelope that it does not take.

    Where there is `one_job_per_task`, a task that is sent again finds its job. A storyboard has `scene_count` scenes whatever was asked
    for, unless that is None.
    """

    health: dict[str, Any]
    accepted: Callable[[Job], tuple[int, Any]]
    cancelled: dict[str, Any]
    form: Callable[[Job], Report]
    ending: Callable[[Job], Report]
    scenes: Callable[[int], list[dict[str, Any]]]
    words: dict[str, tuple[str, ...]] = field(default_factory=dict)
    refused: Callable[[Envelope], list[str]] = lambda _envelope: []
    content_type: str = "application/octet-stream"
    one_job_per_task: bool = True
    stops_when_cancelled: bool = True
    scene_count: int | None = None

    def report(self, job: Job) -> Report:
        """The next report of a job's script, in this dialect; "{job}" in it stands for the job's id."""
        scripted = job.script.report(job.polls)
        status = scripted["status"]
        words = self.words.get(status, (status,))
        ending = self.ending(job) if status == "finished" else {}
        said = {**self.form(job), **ending, **scripted, "status": words[job.number % len(words)]}
        filled: Report = json.loads(json.dumps(said).replace("{job}", job.id))
        return filled


OURS = Dialect(
    health={"status": "ok", "node": "storytovideo", "tts_text": True, "providers": {}},
    accepted=lambda job: (202, {"job_id": job.id, "message": "", "error": ""}),
    cancelled={"success": True, "deleteAT": "", "error": ""},
    form=lambda job: {"id": job.id, "progress": 0, "message": "", "error": "", "startedAt": None, "result": {}},
    ending=lambda job: {"result": {"resource_url": f"/files/{job.id}"}},
    scenes=scenes,
)

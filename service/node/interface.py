"""What the server understands of a model node's job, whatever node it is."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Protocol


class JobState(str, Enum):
    """Where a job is. Anything that a node says beyond the known words means `WAITING`."""

    WAITING = "waiting"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Job:
    """A job as one poll saw it. `progress` is 0 to 100 or None where the node did not say; `result` is the node's own object.

    `unknown_word` is what the node called a state that we do not know, and so wait in; `code` its number for a failure, 0 where it has
    none.
    """

    id: str
    state: JobState
    progress: int | None = None
    message: str = ""
    error: str = ""
    result: Mapping[str, Any] = field(default_factory=dict)
    unknown_word: str = ""
    code: int = 0


@dataclass(frozen=True)
class Scene:
    """One scene of a storyboard, cleaned: no NUL bytes, lengths bounded, blanks trimmed."""

    title: str
    prompt: str
    narration: str
    bgm: str = ""


@dataclass(frozen=True)
class Character:
    """Who appears in a story, and how they look, in Chinese and in English; cleaned as a `Scene` is."""

    name: str
    look_zh: str = ""
    look_en: str = ""


@dataclass(frozen=True)
class Voice:
    """A voice that a node can speak with; `sample` is a path on the node, "" where it has none."""

    id: str
    name: str
    language: str
    sex: str
    provider: str
    sample: str


class ModelNode(Protocol):
    """A model node.

    Raises `NodeUnavailable` (retry), `NodeRejected` (do not), `NodeJobLost` (dispatch again), `BadNodeResult`.
    """

    def generate(self, envelope: Mapping[str, Any]) -> str:
        """Start a job for a task's envelope (contract: POST /v1/generate); returns the job's id."""

    def job(self, job_id: str) -> Job:
        """How the job stands now."""

    def cancel(self, job_id: str) -> bool:
        """Ask the node to stop the job; whether it answered. An unknown job, or a node that does not answer, is no error: the task is
        cancelled all the same."""

    def storyboard(self, job: Job) -> list[Scene]:
        """The scenes that a storyboard job wrote; at least one."""

    def cast(self, job: Job) -> list[Character]:
        """Who appears in the story of a storyboard job; empty where the node does not say, as foreign ones do not."""

    def asset(self, job: Job) -> io.BufferedReader:
        """A stream over the image, speech or clip that the job made, bounded in size; the caller closes it."""

    def provides(self, kind: str) -> bool:
        """Whether the node's /health says that it serves this kind of work: "llm", "t2i", "i2v", "tts". Cached for a minute."""

    def speaks_tts_text(self) -> bool:
        """Whether the node reads `tts.text` (ours does); a foreign one reads `shot.prompt`."""

    def voices(self) -> list[Voice]:
        """The voices that the node lists; none where it lists none. Cached for a minute."""

    def voice_sample(self, provider: str, voice: str) -> bytes:
        """A short sound of a voice that it lists; raises `NotFound` for another, `BadNodeResult` where the node has none to give."""

    def check(self) -> str:
        """One line on the node's health for `doctor` and `/readyz`."""

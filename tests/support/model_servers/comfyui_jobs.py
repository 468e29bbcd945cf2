"""A job of a ComfyUI: its workflow, how far it is, what its WebSocket tells of it and what the history does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tests.support.model_servers.base import OK
from tests.support.model_servers.comfyui_nodes import CLASSES, Workflow
from tests.support.model_servers.comfyui_socket import Event

ENDINGS = (
    *("done_at_once", "never_done", "fails", "fails_without_a_reason", "interrupted", "lost", "lost_later"),
    *("no_outputs", "as_gifs", "as_videos", "as_temp"),
)
FAILURES = ("fails", "fails_without_a_reason", "interrupted")
OTHERS: tuple[Event | bytes, ...] = (
    b"\x00\x00\x00\x01\x00\x00\x00\x01\xff\xd8\xff\xe0 a preview",
    {"raw": "{no json"},
    {"raw": "[1, 2]"},
    {"type": "crystools.monitor", "data": {"cpu_utilization": 3.5}},
    {"type": "progress", "data": {"value": 9, "max": 9, "prompt_id": "another", "node": "4"}},
    {"type": "progress", "data": {"value": None, "max": 0, "node": None}},
    {"type": "executing", "data": {"node": None, "prompt_id": "another"}},
    {"type": "execution_error", "data": {"prompt_id": "another", "exception_message": "theirs"}},
    {"type": "status", "data": None},
)
"""What a socket tells besides: previews, extensions' own messages, other people's jobs, nonsense."""


@dataclass
class Queued:
    """A job: waiting, then running, then `ended`: "done", "deleted", "interrupted" or "lost"."""

    id: str
    number: int
    workflow: Workflow
    client: str
    behaviour: str = OK
    looks: int = 0
    ended: str = ""
    _told: Iterator[Event] | None = field(default=None, repr=False)
    _last: bool = False

    def look(self) -> None:
        """Bring it on by a step."""
        self.looks += 1
        if self.behaviour == "lost" or (self.behaviour == "lost_later" and self.looks > 2):
            self.ended = "lost"
        elif self.behaviour == "done_at_once" or (self.looks > 2 and self.behaviour != "never_done"):
            self.ended = "done"

    @property
    def done(self) -> bool:
        """Whether its files are there."""
        return self.ended == "done" and self.behaviour not in FAILURES

    @property
    def told(self) -> bool:
        """Whether it stands in the history."""
        return self.ended in ("done", "interrupted")

    @property
    def row(self) -> list[Any]:
        """As the queue lists it."""
        return [self.number, self.id, self.workflow, {"client_id": self.client}, self._saving]

    @property
    def size(self) -> tuple[int, int]:
        """The width and height that its workflow asks for."""
        inputs = next((each for each in self._inputs() if "width" in each and "height" in each), {})
        return inputs.get("width", 64), inputs.get("height", 64)

    @property
    def frames(self) -> int:
        return int(next((each["video_frames"] for each in self._inputs() if "video_frames" in each), 1))

    @property
    def fps(self) -> int:
        rates = (each[name] for each in self._inputs() for name in ("frame_rate", "fps") if name in each)
        return round(next(rates, 8))

    @property
    def words(self) -> str:
        """Its texts and its seed."""
        inputs = self._inputs()
        seed = next((each[name] for each in inputs for name in ("seed", "noise_seed") if name in each), 0)
        return "".join(each["text"] for each in inputs if isinstance(each.get("text"), str)) + f"/{seed}"

    def _inputs(self) -> list[dict[str, Any]]:
        return [node.get("inputs", {}) for node in self.workflow.values()]

    @property
    def _saving(self) -> list[str]:
        return [name for name, node in self.workflow.items() if CLASSES[node["class_type"]].saves]

    def outputs(self) -> dict[str, Any]:
        """The files of each node that saves, by its key."""
        if self.behaviour == "no_outputs":
            return {}
        other = {"as_gifs": "gifs", "as_videos": "videos"}.get(self.behaviour)
        return {name: {other or self._class(name).saves: self._files(name)} for name in self._saving}

    def files(self) -> list[dict[str, str]]:
        """All of them."""
        return [file for name in self._saving for file in self._files(name)]

    def _class(self, name: str) -> Any:
        return CLASSES[self.workflow[name]["class_type"]]

    def _files(self, name: str) -> list[dict[str, str]]:
        """Pictures are saved one by one."""
        temporary = self.behaviour == "as_temp" or self.workflow[name]["class_type"] == "PreviewImage"
        ending, kind = self._class(name).ending, "temp" if temporary else "output"
        count = self.frames if ending == ".png" else 1
        names = (f"{self.id}_{name}_{number:05}_{ending}" for number in range(1, count + 1))
        return [{"filename": each, "subfolder": "", "type": kind} for each in names]

    def story(self) -> dict[str, Any]:
        """What the history says of it."""
        failed = not self.done
        message = [self._failure["type"], self._failure["data"]] if failed else ["execution_success", self._about()]
        status = {"status_str": "error" if failed else "success", "completed": not failed, "messages": [message]}
        if self.behaviour == "fails_without_a_reason":
            status["messages"] = []
        return {"prompt": self.row, "outputs": {} if failed else self.outputs(), "status": status, "meta": {}}

    def _about(self, **more: Any) -> dict[str, Any]:
        return {"prompt_id": self.id, **more}

    @property
    def _failure(self) -> Event:
        sampler = self._sampler
        where = {"node_id": sampler, "node_type": self.workflow[sampler]["class_type"], "executed": []}
        if "interrupted" in (self.behaviour, self.ended):
            return {"type": "execution_interrupted", "data": self._about(**where)}
        why = {"exception_type": "torch.OutOfMemoryError", "exception_message": "CUDA out of memory. Tried to allocate"}
        return {"type": "execution_error", "data": self._about(**where, **why, traceback=["line 1"])}

    @property
    def _sampler(self) -> str:
        return next(
            (name for name, node in self.workflow.items() if "Sampler" in node["class_type"]), next(iter(self.workflow))
        )

    def news(self) -> Event | None:
        """What the socket tells next of it, which brings it on; None when there is nothing new."""
        if self._last or self.ended in ("deleted", "lost") or self.behaviour == "lost":
            return None
        if self._told is None:
            self._told = self._progress()
        event = None if self.ended else next(self._told, None)
        if event is not None:
            self.looks = max(self.looks, 2)
            return event
        if self.behaviour in ("never_done", "lost_later") and not self.ended:
            return None
        self.ended, self._last = self.ended or "done", True
        return {"type": "executing", "data": self._about(node=None)} if self.done else self._failure

    def _progress(self) -> Iterator[Event]:
        steps = next((int(each["steps"]) for each in self._inputs() if "steps" in each), 1)
        yield {"type": "execution_start", "data": self._about()}
        yield {"type": "execution_cached", "data": self._about(nodes=[])}
        for name in self.workflow:
            yield {"type": "executing", "data": self._about(node=name, display_node=name)}
            if name == self._sampler:
                for step in range(1, steps + 1):
                    yield {"type": "progress", "data": self._about(value=step, max=steps, node=name)}
        for name, files in self.outputs().items():
            yield {"type": "executed", "data": self._about(node=name, output=files)}

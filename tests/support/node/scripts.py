"""What jobs of a stand-in are told to report and to leave."""

from __future__ import annotations

import io
import threading
import wave
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

Report = dict[str, Any]


@dataclass
class Script:
    """What a job reports at each poll, in order; the last report repeats. `file` is served as the job's asset.

    `gate`, while clear, holds the job at its last but one report.
    """

    reports: list[Report]
    file: bytes = b""
    gate: threading.Event = field(default_factory=threading.Event)

    def report(self, poll: int) -> Report:
        """What is reported at this poll; the first is 0."""
        last = len(self.reports) - 1
        return self.reports[min(poll, last if self.gate.is_set() else max(last - 1, 0))]


def finished(content: bytes, *progress: int) -> Script:
    """A job that reports these progresses, one a poll, then is finished and leaves `content`."""
    reports = [*map(processing, progress), {"status": "finished", "progress": 100}]
    script = Script(reports, content)
    script.gate.set()
    return script


def running(content: bytes = b"", progress: int = 30) -> Script:
    """A job that goes on until its script's gate is set."""
    script = finished(content, progress)
    script.gate.clear()
    return script


def failed(error: str) -> Script:
    """A job that fails."""
    script = Script([{"status": "failed", "progress": 40, "error": error}])
    script.gate.set()
    return script


def processing(progress: float) -> Report:
    """A job at work."""
    return {"status": "processing", "progress": progress, "message": f"step {progress}"}


def png(colour: tuple[int, int, int] = (90, 140, 60), size: tuple[int, int] = (64, 64)) -> bytes:
    """An image."""
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, "PNG")
    return out.getvalue()


def wav(seconds: float = 1.0, rate: int = 8000) -> bytes:
    """A quiet saw tooth."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(b"".join(((i % 40) * 200).to_bytes(2, "little") for i in range(int(seconds * rate))))
    return out.getvalue()


def scenes(count: int) -> list[dict[str, Any]]:
    """A storyboard."""
    return [
        {
            "scene_id": str(number),
            "title": f"第{number}幕",
            "prompt": f"prompt {number}",
            "narration": f"旁白{number}。",
            "bgm": "calm",
        }
        for number in range(1, count + 1)
    ]

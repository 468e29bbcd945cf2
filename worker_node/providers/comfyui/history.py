"""What ComfyUI's history says of a job: whether it is done, where its files are, why it failed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from worker_node.providers.http_errors import clean, means_no_memory

LISTS = ("videos", "gifs", "images", "video")
STILL = (".png", ".jpg", ".jpeg")
MOST_FILES = 5000


class File(NamedTuple):
    """A file on the server, as `/view` is asked for it."""

    filename: str
    subfolder: str
    type: str

    @property
    def ending(self) -> str:
        """With its dot, in lower case."""
        return self.filename[self.filename.rfind(".") :].lower() if "." in self.filename else ""


class Outcome(NamedTuple):
    """How a job ended; `error` is why it failed, in Chinese, "" where it did not."""

    files: tuple[File, ...] = ()
    error: str = ""


def read_history(found: Any, prompt_id: str) -> Outcome | None:
    """The outcome of a job; None while it has none."""
    entry = found.get(prompt_id) if isinstance(found, Mapping) else None
    if not isinstance(entry, Mapping):
        return None
    told = entry.get("status")
    status: Mapping[str, Any] = told if isinstance(told, Mapping) else {}
    if status.get("status_str") == "error":
        return Outcome(error=_why(status.get("messages")))
    outputs = entry.get("outputs")
    files = tuple(_files(outputs if isinstance(outputs, Mapping) else {}))
    if not files and status.get("completed") is False:
        return None
    kept = tuple(file for file in files if file.type == "output") or files
    return Outcome(kept[:MOST_FILES])


def _files(outputs: Mapping[str, Any]) -> Iterator[File]:
    for output in outputs.values():
        for name in LISTS:
            listed = output.get(name) if isinstance(output, Mapping) else None
            for each in listed if isinstance(listed, list) else ():
                if isinstance(each, Mapping) and isinstance(each.get("filename"), str) and each["filename"]:
                    yield File(each["filename"], str(each.get("subfolder") or ""), str(each.get("type") or "output"))


def _why(messages: Any) -> str:
    for message in messages if isinstance(messages, list) else ():
        if not isinstance(message, list) or len(message) != 2 or not isinstance(message[1], Mapping):
            continue
        kind, data = message
        if kind == "execution_interrupted":
            return "任务在 ComfyUI 上被中断"
        if kind == "execution_error":
            words = clean(str(data.get("exception_message") or data.get("exception_type") or ""))
            where = clean(str(data.get("node_type") or ""))
            if means_no_memory(f"{data.get('exception_type')} {words}"):
                return f"内存或显存不足：{words}"
            return f"ComfyUI 执行失败（{where}）：{words or '没有给出原因'}"
    return "ComfyUI 执行失败，没有给出原因"


def picture_file(files: tuple[File, ...]) -> File | None:
    """The first that is a picture."""
    return next((file for file in files if file.ending in (*STILL, ".webp")), None)

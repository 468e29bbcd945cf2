"""ComfyUI: workflows queued, run step by step one after another, and their files."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from typing import Any, ClassVar

from PIL import Image

from tests.support.model_servers.base import ModelServer, Refused, Route
from tests.support.model_servers.comfyui_jobs import ENDINGS, OTHERS, Queued
from tests.support.model_servers.comfyui_nodes import CLASSES, Stock, Workflow
from tests.support.model_servers.comfyui_socket import Event, SocketExchange
from tests.support.model_servers.exchange import ModelExchange, Received, Reply, json_reply
from tests.support.model_servers.fields import Field, WrongField, check
from tests.support.model_servers.pictures import clip, encoded, picture

FIELDS = {
    "prompt": Field("object", required=True),
    "client_id": Field(),
    "prompt_id": Field(),
    "extra_data": Field("object"),
    "front": Field("truth"),
    "number": Field("number"),
}
QUEUE = {"delete": Field("list"), "clear": Field("truth")}
INTERRUPT = {"prompt_id": Field()}
USUAL_SIZE = 64
SOCKETS = ("silent", "dropped", "strange")
TYPES = {".png": "image/png", ".webp": "image/webp", ".mp4": "video/mp4", ".webm": "video/webm"}


class ComfyUI(ModelServer):
    """One job runs at a time. Each look at queue or history brings it on: it waits at the first, runs at the second, is done at the
    third; so does each step that its client's WebSocket tells.

    `jobs` are all that were ever queued, `uploads` the pictures that it was given, `interrupts` the ids (or "") that were asked for.
    Without `targeted` it is an older server: an interrupt ends whatever runs. `combos`: lists are told in the newer form. It has no more
    than its `checkpoints`, and all classes but those that it `lacks`.
    """

    main = "POST /prompt"
    queue = "GET /queue"
    history = "GET /history/{id}"
    view = "GET /view"
    socket = "GET /ws"
    exchange_class: ClassVar[type[ModelExchange]] = SocketExchange

    def __init__(
        self,
        *,
        checkpoints: Iterable[str] = ("stand-in.safetensors",),
        lacks: Iterable[str] = (),
        targeted: bool = True,
        combos: bool = False,
        **common: Any,
    ) -> None:
        self.stock = Stock(tuple(checkpoints), tuple(lacks), combos=combos)
        self.targeted = targeted
        self.jobs: dict[str, Queued] = {}
        self.uploads: dict[str, bytes] = {}
        self.interrupts: list[str] = []
        super().__init__(**common)

    def serves(self) -> dict[str, Route[Any]]:
        def read(received: Received) -> Received:
            return received

        replies: dict[str, Callable[[Queued], Reply]] = {name: self._starter(name) for name in ENDINGS}
        replies["refused_without_reasons"] = lambda _job: self._invalid({})
        replies["id_missing"] = self._nameless
        sockets = {name: lambda client, name=name: self._socket(client, name) for name in SOCKETS}
        return {
            self.main: Route(self._check, self._queue, replies, charged=True),
            self.history: Route(read, lambda received: self._history(received.path.rsplit("/", 1)[1])),
            self.queue: Route(read, lambda _received: self._waiting()),
            "POST /queue": Route(self._check_delete, self._delete),
            "POST /interrupt": Route(self._check_interrupt, self._interrupt),
            self.view: Route(self._check_view, self._file, self._files()),
            "POST /upload/image": Route(self._check_upload, self._upload),
            "GET /object_info": Route(read, lambda _received: json_reply(self.stock.info())),
            "GET /object_info/{name}": Route(read, lambda received: self._class(received.path.rsplit("/", 1)[1])),
            "GET /system_stats": Route(
                read, lambda _received: json_reply({"system": {"comfyui_version": "0.3.60"}, "devices": []})
            ),
            self.socket: Route(self._check_socket, self._socket, sockets),
        }

    def form(self, refused: Refused) -> Reply:
        error: dict[str, Any] = {"type": refused.code, "message": refused.message, "details": "", "extra_info": {}}
        return json_reply({"error": error, "node_errors": {}}, refused.status, refused.headers)

    def explain(self, wrong: WrongField) -> Refused:
        code = "no_prompt" if wrong.name == "prompt" else "invalid_request"
        return Refused(400, f"{wrong.name}: {wrong.reason}", code)

    def job_of_another(self, workflow: Workflow) -> Queued:
        """Somebody else's job, in the queue before those that come later; it runs until it is interrupted or `ended` is set."""
        job = Queued(f"theirs-{len(self.jobs) + 1}", len(self.jobs) + 1, workflow, "somebody", "never_done")
        self.jobs[job.id] = job
        return job

    def _invalid(self, node_errors: dict[str, Any]) -> Reply:
        message = "Prompt outputs failed validation"
        error = {"type": "prompt_outputs_failed_validation", "message": message, "details": "", "extra_info": {}}
        return json_reply({"error": error, "node_errors": node_errors}, 400)

    def _check(self, received: Received) -> Queued:
        body = received.body if isinstance(received.body, dict) else {}
        check(FIELDS, body)
        workflow = body["prompt"]
        for name, node in workflow.items():
            kind = node.get("class_type") if isinstance(node, dict) else None
            if not self.stock.has(kind):
                message = f"Cannot execute because node {kind} does not exist. Node ID '#{name}'"
                raise Refused(400, message, "invalid_prompt")
        if not any(CLASSES[node["class_type"]].saves for node in workflow.values()):
            raise Refused(400, "Prompt has no outputs", "prompt_no_outputs")
        number = len(self.jobs) + 1
        return Queued(body.get("prompt_id") or f"prompt-{number}", number, workflow, body.get("client_id", ""))

    def _starter(self, behaviour: str) -> Callable[[Queued], Reply]:
        def start(job: Queued) -> Reply:
            job.behaviour = behaviour
            return self._queue(job)

        return start

    def _queue(self, job: Queued) -> Reply:
        errors = self.stock.errors(job.workflow)
        if errors:
            return self._invalid(errors)
        self.jobs[job.id] = job
        return json_reply({"prompt_id": job.id, "number": job.number, "node_errors": {}})

    def _nameless(self, job: Queued) -> Reply:
        told = self._queue(job)
        return told if told.status != 200 else json_reply({"number": job.number})

    def _turn(self) -> Queued | None:
        """The job whose turn it is."""
        return next((job for job in self.jobs.values() if not job.ended), None)

    def _look(self) -> None:
        job = self._turn()
        if job is not None:
            job.look()

    def _history(self, job_id: str) -> Reply:
        self._look()
        job = self.jobs.get(job_id)
        return json_reply({job.id: job.story()} if job is not None and job.told else {})

    def _waiting(self) -> Reply:
        self._look()
        found: dict[str, list[Any]] = {"queue_running": [], "queue_pending": []}
        for job in self.jobs.values():
            if not job.ended:
                place = "queue_running" if job is self._turn() and job.looks > 1 else "queue_pending"
                found[place].append(job.row)
        return json_reply(found)

    def _check_delete(self, received: Received) -> list[str]:
        check(QUEUE, received.body or {})
        if (received.body or {}).get("clear"):
            return [*self.jobs]
        ids: list[str] = (received.body or {}).get("delete") or []
        return ids

    def _delete(self, ids: list[str]) -> Reply:
        """What runs by now goes on: only what waits can be taken out of the queue."""
        for job in self.jobs.values():
            if job.id in ids and job.looks < 2 and not job.ended:
                job.ended = "deleted"
        return Reply()

    def _check_interrupt(self, received: Received) -> str:
        check(INTERRUPT, received.body or {})
        return str((received.body or {}).get("prompt_id") or "")

    def _interrupt(self, job_id: str) -> Reply:
        self.interrupts.append(job_id)
        job = self._turn()
        if job is not None and job.looks >= 2 and (job_id in ("", job.id) or not self.targeted):
            job.ended = "interrupted"
        return Reply()

    def _check_socket(self, received: Received) -> str:
        if received.headers.get("upgrade", "").lower() != "websocket":
            raise Refused(400, "No WebSocket UPGRADE hdr", "invalid_request")
        return received.query.get("clientId", "")

    def _socket(self, client: str, behaviour: str = "") -> Reply:
        return Reply(101, headers={"client": client, "behaviour": behaviour})

    def events(self, reply: Reply) -> Iterator[Event | bytes | None]:
        """What a client's socket tells, with None where there is nothing new: its own jobs, each brought on by what is told of it."""
        client, behaviour = reply.headers["client"], reply.headers["behaviour"]
        yield {"type": "status", "data": {"status": {"exec_info": {"queue_remaining": 0}}, "sid": client}}
        while behaviour == "silent":
            yield None
        while True:
            job = self._turn()
            if behaviour == "strange":
                yield from OTHERS
            with self._lock:
                news = [
                    each.news() for each in self.jobs.values() if each.client == client and (each.ended or each is job)
                ]
            yield from (event for event in news if event is not None)
            if behaviour == "dropped" and any(event and event["type"] == "progress" for event in news):
                return
            yield None

    def _check_view(self, received: Received) -> tuple[str, bytes | Queued]:
        if set(received.query) - {"filename", "subfolder", "type", "preview", "channel", "rand"}:
            raise Refused(400, "Unknown parameter", "invalid_request")
        name, place = received.query.get("filename", ""), received.query.get("type", "output")
        if place == "input" and name in self.uploads:
            return name, self.uploads[name]
        for job in self.jobs.values():
            if job.done and any(file["filename"] == name and file["type"] == place for file in job.files()):
                return name, job
        raise Refused(404, "Not Found", "not_found")

    def _file(self, asked: tuple[str, bytes | Queued]) -> Reply:
        name, found = asked
        ending = name[name.rfind(".") :]
        content = found if isinstance(found, bytes) else _made(found, ending)
        return Reply(content=content, content_type=TYPES.get(ending, "application/octet-stream"))

    def _files(self) -> dict[str, Callable[[tuple[str, bytes | Queued]], Reply]]:
        def other(content: bytes) -> Callable[[Any], Reply]:
            return lambda _asked: Reply(content=content, content_type="image/png")

        def flat(colour: int) -> Callable[[tuple[str, bytes | Queued]], Reply]:
            def paint(asked: tuple[str, bytes | Queued]) -> Reply:
                width, height = asked[1].size if isinstance(asked[1], Queued) else (USUAL_SIZE, USUAL_SIZE)
                return Reply(
                    content=encoded(Image.new("RGB", (width, height), (colour,) * 3)), content_type="image/png"
                )

            return paint

        def cut(asked: tuple[str, bytes | Queued]) -> Reply:
            whole = self._file(asked)
            return Reply(content=whole.content[: len(whole.content) // 2], content_type=whole.content_type)

        return {
            "black": flat(0),
            "blank": flat(255),
            "cut_off_file": cut,
            "empty_file": other(b""),
            "page_as_picture": other(b"<html>not found</html>"),
            "other_size": other(encoded(picture(48, 32, "another"))),
        }

    def _check_upload(self, received: Received) -> tuple[str, bytes, bool]:
        files = received.files.get("image", [])
        unknown = set(received.form) - {"overwrite", "type", "subfolder"} or set(received.files) != {"image"}
        if len(files) != 1 or unknown:
            raise Refused(400, "One image, please", "invalid_request")
        folder = received.form.get("subfolder", "")
        name = f"{folder}/{files[0].filename}" if folder else files[0].filename
        return name, files[0].content, received.form.get("overwrite") in ("true", "1")

    def _upload(self, given: tuple[str, bytes, bool]) -> Reply:
        """A name that is taken by another picture gets a number behind it."""
        name, content, overwrite = given
        stem, dot, ending = name.rpartition(".")
        count = 1
        while not overwrite and self.uploads.get(name, content) != content:
            name, count = f"{stem} ({count}){dot}{ending}", count + 1
        self.uploads[name] = content
        self.stock.inputs = [*self.uploads]
        folder, _, last = name.rpartition("/")
        return json_reply({"name": last, "subfolder": folder, "type": "input"})

    def _class(self, name: str) -> Reply:
        info = self.stock.info()
        return json_reply({name: info[name]} if name in info else {})


def _made(job: Queued, ending: str) -> bytes:
    """A picture or clip in colours of the job's texts and seed, in the size that it asked for."""
    width, height = job.size
    if ending == ".png":
        return encoded(picture(width, height, job.words))
    if ending == ".mp4":
        return clip(width, height, job.frames, job.fps, job.words)
    out = io.BytesIO()
    stills = [picture(width, height, f"{job.words}{number}") for number in range(job.frames)]
    stills[0].save(out, "WEBP", save_all=True, append_images=stills[1:], duration=1000 // job.fps)
    return out.getvalue()

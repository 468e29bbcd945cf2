"""ComfyUI's HTTP interface, as far as a job needs it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from worker_node.errors import ProviderUnable
from worker_node.providers.asset_client import MAX_ASSET
from worker_node.providers.comfyui.history import File, Outcome, read_history
from worker_node.providers.comfyui.workflow import Workflow, options_of
from worker_node.providers.deadline import Deadline
from worker_node.providers.http import HttpClient, json_or_text
from worker_node.providers.http_errors import Refused, clean
from worker_node.providers.settings import ProviderSettings

BASE = "http://127.0.0.1:8188"
CALL_S, CANCEL_S = 30.0, 5.0
MAX_INFO = 64 << 20  # bytes
MOST_ERRORS = 5


class ComfyClient(HttpClient):
    """One server. See `HttpClient` for what is raised."""

    def __init__(self, settings: ProviderSettings) -> None:
        super().__init__(settings, BASE)

    def socket(self, client_id: str) -> tuple[str, dict[str, str]]:
        """The address of a client's WebSocket, and its headers."""
        parts = urlsplit(self.base)
        scheme = "wss" if parts.scheme == "https" else "ws"
        return f"{scheme}://{parts.netloc}{parts.path}/ws?{urlencode({'clientId': client_id})}", self._authorization()

    def classes(self, names: set[str], deadline: Deadline) -> dict[str, Any]:
        """What the server says of these node classes; those that it lacks are missing."""
        known: dict[str, Any] = {}
        for name in sorted(names):
            try:
                told = self._json("GET", f"/object_info/{quote(name, safe='')}", deadline, limit=MAX_INFO)
            except Refused as error:
                if error.status != 404:
                    raise
                continue
            known.update(told if isinstance(told, dict) else {})
        return known

    def choices(self, inputs: Mapping[str, str], deadline: Deadline) -> list[str]:
        """What these inputs of these classes may be, each once."""
        found: dict[str, None] = {}
        for name, info in self.classes(set(inputs), deadline).items():
            told = info.get("input") if isinstance(info, dict) else None
            required = told.get("required") if isinstance(told, dict) else None
            spec = required.get(inputs.get(name)) if isinstance(required, dict) else None
            found.update(dict.fromkeys(map(str, options_of(spec) or ())))
        return list(found)

    def queue_prompt(self, workflow: Workflow, client_id: str, deadline: Deadline) -> bytes:
        """The answer to a new job."""
        body = {"prompt": workflow, "client_id": client_id}
        return self.call("POST", "/prompt", deadline, json=body).content

    def outcome(self, prompt_id: str, deadline: Deadline) -> Outcome | None:
        """How a job ended; None where the history has it not."""
        return read_history(self._json("GET", f"/history/{quote(prompt_id, safe='')}", deadline), prompt_id)

    def places(self, deadline: Deadline) -> tuple[set[str], set[str]]:
        """The ids of the jobs that run, and of those that wait."""
        found = self._json("GET", "/queue", deadline)
        if not isinstance(found, dict):
            raise ProviderUnable("ComfyUI 的回答读不懂")
        running, waiting = (
            {str(row[1]) for row in found.get(name) or () if isinstance(row, list) and len(row) > 1}
            for name in ("queue_running", "queue_pending")
        )
        return running, waiting

    def file(self, file: File, deadline: Deadline) -> bytes:
        """A file's content."""
        return self.call("GET", f"/view?{urlencode(file._asdict())}", deadline, limit=MAX_ASSET).content

    def upload(self, name: str, content: bytes, deadline: Deadline) -> str:
        """Put a picture into the server's inputs; returns what `LoadImage` calls it."""
        files = {"image": (name, content, "image/png")}
        found = self._json("POST", "/upload/image", deadline, data={"overwrite": "true"}, files=files)
        told: Mapping[str, Any] = found if isinstance(found, dict) else {}
        if not isinstance(told.get("name"), str):
            raise ProviderUnable("ComfyUI 没有收下图片")
        return f"{told['subfolder']}/{told['name']}" if told.get("subfolder") else str(told["name"])

    def cancel(self, prompt_id: str) -> None:
        """End this job and no other: an older server's interrupt ends whatever runs."""
        deadline = Deadline(CANCEL_S)
        self.call("POST", "/queue", deadline, json={"delete": [prompt_id]})
        if prompt_id in self.places(deadline)[0]:
            self.call("POST", "/interrupt", deadline, json={"prompt_id": prompt_id})

    def refused(self, status: int, content: bytes, retry_after: str = "") -> Exception:
        """See `HttpClient.refused`; names the nodes that are to blame."""
        error = super().refused(status, content, retry_after)
        found = json_or_text(content)
        nodes = found.get("node_errors") if isinstance(found, dict) else None
        if status != 400 or not isinstance(nodes, dict) or not isinstance(error, Refused):
            return error
        words = "；".join(_node_errors(nodes)) or error.said
        return Refused(f"工作流被 ComfyUI 拒绝：{words}", status, error.said)

    def _json(self, method: str, path: str, deadline: Deadline, **more: Any) -> Any:
        call = Deadline(min(CALL_S, deadline.left()))
        content = self.call(method, path, call, **more).content
        try:
            return json.loads(content)
        except (ValueError, RecursionError):
            self.check(content)
            raise ProviderUnable("ComfyUI 的回答读不懂") from None


def _node_errors(nodes: Mapping[str, Any]) -> list[str]:
    told: list[str] = []
    for name, node in list(nodes.items())[:MOST_ERRORS]:
        errors = node.get("errors") if isinstance(node, dict) else None
        listed = [each for each in errors if isinstance(each, dict)] if isinstance(errors, list) else []
        words = "，".join(f"{each.get('message')}（{each.get('details')}）" for each in listed[:MOST_ERRORS])
        kind = node.get("class_type", "") if isinstance(node, dict) else ""
        told.append(clean(f"节点 {name} {kind}：{words}"))
    return told

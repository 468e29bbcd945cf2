"""t2i "openai": any server with OpenAI's `/images/generations`, and `/images/edits` where there are reference pictures."""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from worker_node.errors import BrokenAnswer
from worker_node.providers.asset_client import AssetClient
from worker_node.providers.base import ImageRequest, JobRun, Made
from worker_node.providers.deadline import Deadline
from worker_node.providers.http import json_or_text, overlaid
from worker_node.providers.http_errors import Refused
from worker_node.providers.openai.fields import Fields, Sizes, asked_until_taken
from worker_node.providers.openai.models import listed_models
from worker_node.providers.picture_check import opened_picture
from worker_node.providers.prompting import styled_prompt
from worker_node.providers.registry import DEFAULT_MODELS
from worker_node.providers.seeds import drawn_seed
from worker_node.providers.settings import ProviderSettings
from worker_node.providers.sizes import Size
from worker_node.providers.strange_address import LinkLost, fetch

BASE, MODEL = "https://api.openai.com/v1", DEFAULT_MODELS["t2i"]["openai"]
TIMEOUT_S = 600.0
MAX_PICTURE = 64 << 20  # bytes
MOST_REFERENCES, REFERENCE_SIDE = 16, 1024
GENERATIONS, EDITS = "/images/generations", "/images/edits"


class OpenAIPainter:
    """One server for all jobs of this process."""

    def __init__(self, settings: ProviderSettings) -> None:
        self._settings = settings
        self._http = AssetClient(settings, BASE)
        self._fields, self._sizes = Fields(), Sizes(settings.sizes)
        self._edits = True

    def models(self) -> list[str]:
        """The models that the server names."""
        return listed_models(self._http)

    def paint(self, request: ImageRequest, target: Path, run: JobRun) -> Made:
        """See `Painter.paint`."""
        deadline = run.deadline(self._settings.timeout_s or TIMEOUT_S)
        model = request.model or self._settings.model or MODEL
        seed = drawn_seed(run.key) if request.seed is None else request.seed
        prompt, wanted = styled_prompt(request), (request.width, request.height)
        order = {"model": model, "prompt": prompt, "n": 1}
        run.report(5, "正在请求图片")
        answer, asked = self._answer(order, _wishes(request, seed), wanted, _references(request), run, deadline)
        run.used(images=1)
        run.report(90, "正在取回图片")
        target.write_bytes(self._file(answer, deadline))
        return Made(model, seed, prompt, asked)

    def _answer(
        self,
        order: Mapping[str, Any],
        wishes: Mapping[str, Any],
        wanted: Size,
        references: list[bytes],
        run: JobRun,
        deadline: Deadline,
    ) -> tuple[bytes, Size]:
        """The server's answer, and the size that was asked for."""
        asked, sent = wanted, dict[str, Any]()

        def ask() -> bytes:
            nonlocal asked, sent
            asked, sent = self._sizes.nearest(order["model"], wanted), self._fields.taken(wishes)
            body = {**order, "size": "x".join(map(str, asked)), **sent}
            with_references = references if self._edits else []
            part = "-".join(["edit" if with_references else "picture", body["size"], *sorted(sent)])
            return run.once(part, lambda key: self._post(body, with_references, key, deadline))

        def learn(refused: Refused) -> bool:
            return self._fields.learn(refused, sent) or self._sizes.learn(refused, order["model"], asked)

        try:
            return asked_until_taken(ask, learn), asked
        except Refused as refused:
            if refused.status != 404 or not references or not self._edits or "model" in refused.said:
                raise
            self._edits = False  # the server has no such route: better a picture without the cast's own
            return asked_until_taken(ask, learn), asked

    def _post(self, body: Mapping[str, Any], references: list[bytes], key: str, deadline: Deadline) -> bytes:
        headers = {"Idempotency-Key": key}
        if not references:
            whole = overlaid(body, self._settings.extra)
            content = self._http.call("POST", GENERATIONS, deadline, headers=headers, json=whole).content
        else:
            fields = {name: str(value) for name, value in {**body, **self._settings.extra}.items()}
            files = [
                ("image[]", (f"{number}.png", content, "image/png")) for number, content in enumerate(references, 1)
            ]
            content = self._http.call("POST", EDITS, deadline, headers=headers, data=fields, files=files).content
        self._http.check(content, unless="data")
        return content

    def _file(self, content: bytes, deadline: Deadline) -> bytes:
        """The picture's file in an answer, or where that leads to."""
        found = json_or_text(content)
        listed = (found.get("data") or found.get("images")) if isinstance(found, dict) else None
        first = listed[0] if isinstance(listed, list) and listed and isinstance(listed[0], dict) else {}
        encoded, link = first.get("b64_json"), first.get("url")
        if isinstance(link, str) and link.startswith("data:"):
            encoded = link
        if isinstance(encoded, str) and encoded:
            return _decoded(encoded)
        if not isinstance(link, str) or not link:
            raise BrokenAnswer("回答里没有图片")
        try:
            return fetch(link, deadline, base=self._http.base, limit=MAX_PICTURE)
        except LinkLost as error:
            raise BrokenAnswer(str(error)) from error


def _wishes(request: ImageRequest, seed: int) -> dict[str, Any]:
    """What not every server takes."""
    return {
        "response_format": "b64_json",
        "seed": seed,
        "negative_prompt": request.negative_prompt,
        "num_inference_steps": request.steps or None,
        "guidance_scale": request.cfg_scale,
    }


def _decoded(encoded: str) -> bytes:
    """Base64, bare or as a `data:` address."""
    if encoded.startswith("data:"):
        encoded = encoded.partition(",")[2]
    try:
        return base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise BrokenAnswer("回答里的图片不是有效的 base64") from None


def _references(request: ImageRequest) -> list[bytes]:
    """The reference pictures as PNG; one that cannot be read is left out."""
    files: list[bytes] = []
    for path in request.references[:MOST_REFERENCES]:
        try:
            image = opened_picture(path)
        except BrokenAnswer:
            continue
        image.thumbnail((REFERENCE_SIDE, REFERENCE_SIDE))
        out = io.BytesIO()
        image.save(out, "PNG", compress_level=2)
        files.append(out.getvalue())
    return files

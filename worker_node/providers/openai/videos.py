"""i2v "openai": any server with OpenAI's `/videos`: vLLM-Omni, Sora and their like.

A job there costs when it begins. It is noted before anything is waited for, polled on after errors and restarts, never begun again because
of one, and deleted where it is not wanted any more.
"""

from __future__ import annotations

import io
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from PIL import Image

from worker_node.errors import BrokenAnswer, ProviderError, ProviderUnable
from worker_node.providers.asset_client import MAX_ASSET
from worker_node.providers.base import ClipRequest, JobRun, Made
from worker_node.providers.clip_check import looked_at
from worker_node.providers.deadline import Deadline
from worker_node.providers.http import HttpClient, json_or_text, overlaid
from worker_node.providers.http_errors import Refused
from worker_node.providers.openai.fields import Fields, Sizes, asked_until_taken, least_of
from worker_node.providers.openai.models import listed_models
from worker_node.providers.openai.video_reports import Report, State, read_report
from worker_node.providers.picture_check import fitted, opened_picture
from worker_node.providers.prompting import NOTHING
from worker_node.providers.seeds import drawn_seed
from worker_node.providers.settings import ProviderSettings
from worker_node.providers.sizes import Size

BASE = "https://api.openai.com/v1"
TIMEOUT_S = 850.0  # within the 15 minutes of a job
FIRST_POLL_S, LONGEST_POLL_S, SLOWER = 0.5, 5.0, 1.5
CALL_S = 30.0  # for one poll
CANCEL_S = 5.0
MOST_MISSING = 3  # polls in a row by which a job is unknown
FETCHES = 4


class Order(NamedTuple):
    """What a clip's server is asked for, beyond its prompt and picture."""

    model: str
    size: Size
    seconds: float


class OpenAIAnimator:
    """One server for all jobs of this process."""

    def __init__(self, settings: ProviderSettings) -> None:
        self._settings = settings
        self._http = HttpClient(settings, BASE)
        self._fields, self._sizes = Fields(), Sizes(settings.sizes)
        self._lengths: dict[str, float] = {}

    def models(self) -> list[str]:
        """The models that the server names."""
        return listed_models(self._http)

    def animate(self, request: ClipRequest, target: Path, run: JobRun) -> Made:
        """See `Animator.animate`."""
        deadline = run.deadline(self._settings.timeout_s or TIMEOUT_S)
        seed = drawn_seed(run.key) if request.seed is None else request.seed
        made = Made(request.model or self._settings.model, seed, request.prompt)
        job = run.remembered
        if not job:
            run.report(2, "正在提交视频任务")
            job, order = self._begin(request, seed, run, deadline)
            made = made._replace(asked=order.size, seconds=order.seconds)
            run.remember(job)
        self._wait(job, run, deadline)
        self._fetch(job, target, deadline)
        run.used(seconds=request.seconds)
        return made

    def cancel(self, provider_job: str) -> None:
        """Delete a job that is not wanted any more, so that it costs no more."""
        self._http.call("DELETE", _address(provider_job), Deadline(CANCEL_S))

    def _begin(self, request: ClipRequest, seed: int, run: JobRun, deadline: Deadline) -> tuple[str, Order]:
        """The new job's id, and what was ordered."""
        image = opened_picture(request.image)
        model, order, sent = request.model or self._settings.model, Order("", (0, 0), 0.0), dict[str, Any]()

        def ask() -> bytes:
            nonlocal order, sent
            size = self._sizes.nearest(model, (request.width, request.height))
            order = Order(model, size, self._lengths.get(model, request.seconds))
            sent = self._fields.taken(_wishes(request, order, seed))
            body = {"prompt": request.prompt.strip() or NOTHING, "size": f"{size[0]}x{size[1]}", **sent}
            picture = _png(fitted(image, size))
            part = "-".join(["clip", body["size"], *sorted(sent), str(sent.get("seconds", ""))])
            return run.once(part, lambda key: self._post(body, picture, key, deadline))

        def learn(refused: Refused) -> bool:
            return (
                self._learn_length(refused, order, request.seconds)
                or self._fields.learn(refused, {name: each for name, each in sent.items() if name != "model"})
                or self._sizes.learn(refused, model, order.size)
            )

        answer = asked_until_taken(ask, learn)
        job = read_report(json_or_text(answer)).id
        if not job:
            raise ProviderUnable("视频服务没有给出任务编号")
        return job, order

    def _learn_length(self, refused: Refused, order: Order, wanted: float) -> bool:
        if "seconds" not in refused.said and "duration" not in refused.said:
            return False
        found = least_of(refused.said, wanted, order.seconds)
        if found is not None and found != order.seconds:
            self._lengths[order.model] = found
            return True
        return False

    def _post(self, body: Mapping[str, Any], picture: bytes, key: str, deadline: Deadline) -> bytes:
        fields = {name: str(value) for name, value in overlaid(body, self._settings.extra).items()}
        files = {"input_reference": ("input.png", picture, "image/png")}
        headers = {"Idempotency-Key": key}
        content = self._http.call("POST", "/videos", deadline, headers=headers, data=fields, files=files).content
        self._http.check(content, unless="id")
        return content

    def _wait(self, job: str, run: JobRun, deadline: Deadline) -> None:
        """Poll until the job is done; what goes wrong with a poll says nothing about the job."""
        pause, missing, trouble = FIRST_POLL_S, 0, ""
        while deadline.left():
            try:
                report = self._poll(job, deadline)
            except Refused as error:
                missing = missing + 1 if error.status == 404 else 0
                if missing >= MOST_MISSING:
                    raise BrokenAnswer("视频任务在服务器上不见了") from None
                trouble = str(error)
            except ProviderUnable as error:
                missing, trouble = 0, str(error)
            else:
                missing, trouble = 0, ""
                if report.id in ("", job) and _is_done(report):
                    return
                run.report(min(90, 5 + report.progress * 85 // 100), "正在生成视频")
            time.sleep(min(pause, deadline.left()))
            pause = min(LONGEST_POLL_S, pause * SLOWER)
        self._let_go(job)
        why = f"（{trouble}）" if trouble else ""
        raise ProviderUnable(f"视频任务在 {deadline.seconds:g} 秒内没有完成，已取消{why}")

    def _poll(self, job: str, deadline: Deadline) -> Report:
        call = Deadline(min(CALL_S, deadline.left()))
        content = self._http.call("GET", _address(job), call).content
        found = json_or_text(content)
        if not isinstance(found, dict):
            self._http.check(content)
            raise ProviderUnable("视频服务的回答读不懂")
        return read_report(found)

    def _let_go(self, job: str) -> None:
        try:
            self.cancel(job)
        except ProviderError:  # it ends by itself
            return

    def _fetch(self, job: str, target: Path, deadline: Deadline) -> None:
        """The clip's file; one that does not open is fetched again before the clip is made again."""
        trouble = ProviderUnable("")
        for number in range(FETCHES):
            if number:
                time.sleep(min(FIRST_POLL_S * 2**number, deadline.left()))
            try:
                content = self._http.call("GET", f"{_address(job)}/content", deadline, limit=MAX_ASSET).content
                if content[:1] in b"{<":
                    self._http.check(content)
                target.write_bytes(content)
                looked_at(target)
            except ProviderUnable as error:
                trouble = error
                continue
            return
        raise trouble


def _address(job: str) -> str:
    return f"/videos/{quote(job, safe='')}"


def _is_done(report: Report) -> bool:
    """Whether the job is; raises `ProviderError` where it never will be."""
    if report.state is State.UNSAFE:
        raise ProviderError(f"内容被模型服务的安全系统拒绝，没有重试：{report.reason}")
    if report.state is State.EXPIRED:
        raise BrokenAnswer("视频任务在服务器上已过期")
    if report.state is State.FAILED:
        raise ProviderUnable(f"视频服务没有做成：{report.reason or '没有给出原因'}")
    return report.state is State.DONE


def _wishes(request: ClipRequest, order: Order, seed: int) -> dict[str, Any]:
    """What not every server takes."""
    return {
        "model": order.model,
        "seconds": f"{order.seconds:g}",
        "width": order.size[0],
        "height": order.size[1],
        "num_frames": max(2, round(order.seconds * request.fps)),
        "fps": request.fps,
        "seed": seed,
        "negative_prompt": request.negative_prompt,
        "num_inference_steps": request.steps,
        "guidance_scale": request.cfg_scale,
    }


def _png(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=2)
    return out.getvalue()

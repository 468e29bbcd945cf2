"""Clips by video servers: what they do well, everything that people saw them do badly, and what comes of it, and costs."""

from __future__ import annotations

import base64
import io
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.integration.worker_node.conftest import PATIENCE_S, NodeProcess, StartNode
from tests.support.model_servers.base import Refused, Route
from tests.support.model_servers.fields import Field
from tests.support.model_servers.openai_videos import FIELDS, JOBS, Clip, OpenAIVideos
from tests.support.model_servers.pictures import encoded, picture
from tests.support.wait import wait_until
from worker_node.animating import animate
from worker_node.errors import ProviderError, ProviderUnable
from worker_node.providers.base import ClipRequest, Made, QuietRun
from worker_node.providers.clip_check import ClipFacts
from worker_node.providers.openai import videos
from worker_node.providers.openai.videos import OpenAIAnimator
from worker_node.providers.settings import ProviderSettings

KEY = "sk-very-secret"
PICTURE = encoded(picture(160, 160, "a street"))


class Run(QuietRun):
    """Notes what was used and remembered."""

    def __init__(self) -> None:
        super().__init__()
        self.key, self.seconds, self.jobs = "task", 0.0, list[str]()

    def used(self, **units: float) -> None:
        self.seconds += units["seconds"]

    def remember(self, provider_job: str) -> None:
        self.jobs.append(provider_job)


@dataclass
class Studio:
    """The stand-in with its client."""

    server: OpenAIVideos
    run: Run = field(default_factory=Run)

    def client(self, **more: Any) -> OpenAIAnimator:
        given = {"base": self.server.base, "model": "stand-in", "key": KEY, "timeout_s": 30, **more}
        return OpenAIAnimator(ProviderSettings(provider="openai", label="openai", **given))

    def film(self, folder: Path, client: OpenAIAnimator | None = None, **wanted: Any) -> tuple[Made, ClipFacts]:
        (folder / "input").write_bytes(PICTURE)
        request = ClipRequest(
            folder / "input", "it rains", **{"width": 96, "height": 64, "fps": 8, "seconds": 1.0, **wanted}
        )
        made, facts = animate(client or self.client(), request, folder / "clip.mp4", self.run)
        assert (facts.size, facts.frames, facts.rate) == ((96, 64), 8, Fraction(8))
        assert sorted(path.name for path in folder.iterdir()) == ["clip.mp4", "input"]
        return made, facts

    @property
    def paid(self) -> int:
        return len(self.server.jobs)


@pytest.fixture
def studio(monkeypatch: pytest.MonkeyPatch) -> Iterator[Studio]:
    monkeypatch.setattr(videos, "FIRST_POLL_S", 0.02)
    monkeypatch.setattr(videos, "LONGEST_POLL_S", 0.1)
    monkeypatch.setattr(videos, "CALL_S", 1.0)
    with OpenAIVideos(key=KEY, exact_reference=True) as server:
        yield Studio(server)


ONCE = (
    *("ok", "done_at_once", "says_succeeded", "says_success", "says_something", "says_nothing", "wrapped_in_data"),
    *("goes_back", "progress_as_text", "gzip"),
)
AGAIN = ("says_expired", "lost")
FAILS = {
    "fails": "没有做成：The generation failed",
    "fails_without_a_reason": "没有给出原因",
    "says_cancelled": "cancelled",
    "fails_as_text": "没有做成：",
    "never_done": "2 秒内没有完成，已取消",
    "id_missing": "没有给出任务编号",
}
UNPAID = ("bad_request_400", "unauthorized_401", "quota_402", "forbidden_403", "rate_limited_429_until", "quota_429")
BROKEN = ("server_error_500", "html_200", "html_500", "html_502")
CUT_OFF = ("html_504", "html_524", "cut", "closed", "reset", "huge", "hang", "drip", "gzip_bomb", "empty_body")
BUSY = ("rate_limited_429", "overloaded_503")
POLLS = (*UNPAID, *BROKEN, *CUT_OFF, *BUSY, "gzip", "new_job")
REFETCHED = (
    "empty_file",
    "cut_off_file",
    "no_clip",
    "error_with_200",
    *UNPAID,
    *BROKEN,
    *BUSY,
    "html_504",
    "html_524",
    "cut",
    "closed",
    "reset",
)
WRONG_CLIPS = ("one_frame", "other_size", "black")


@pytest.mark.parametrize("behaviour", ONCE)
def test_a_job_in_whatever_words_is_paid_once(studio: Studio, tmp_path: Path, behaviour: str) -> None:
    studio.server.script(behaviour)
    made, _ = studio.film(tmp_path)
    job = studio.server.jobs["video_1"]
    assert (job.prompt, job.width, job.height, job.frames, job.seed) == ("it rains", 96, 64, 8, made.seed)
    assert Image.open(io.BytesIO(job.reference)).size == (96, 64), "the picture, cut to the clip's size"
    assert (studio.paid, studio.run.jobs, studio.run.seconds) == (1, ["1:video_1"], 1.0)
    assert not studio.server.cancelled


@pytest.mark.parametrize("behaviour", AGAIN)
def test_a_job_that_is_gone_is_asked_for_once_more(studio: Studio, tmp_path: Path, behaviour: str) -> None:
    studio.server.script(behaviour)
    made, _ = studio.film(tmp_path, seed=3)
    assert studio.run.jobs == ["1:video_1", "2:video_2"]
    assert studio.server.jobs["video_2"].seed == made.seed != 3
    assert len({request.key for request in studio.server.requests()}) == 2


@pytest.mark.parametrize("behaviour", FAILS)
def test_a_job_that_fails_is_left_to_the_next_provider_in_words(studio: Studio, tmp_path: Path, behaviour: str) -> None:
    studio.server.always = behaviour
    with pytest.raises(ProviderUnable, match=FAILS[behaviour]):
        studio.film(tmp_path, studio.client(timeout_s=2.0))
    assert studio.paid == 1
    assert studio.server.cancelled == (["video_1"] if behaviour == "never_done" else [])


def test_what_the_safety_system_refuses_is_told_as_that_and_not_tried_again(studio: Studio, tmp_path: Path) -> None:
    studio.server.always = "blocked"
    with pytest.raises(ProviderError, match="安全系统拒绝，没有重试") as raised:
        studio.film(tmp_path)
    assert not isinstance(raised.value, ProviderUnable)
    assert studio.paid == 1


@pytest.mark.parametrize("behaviour", [*UNPAID, *BROKEN, *CUT_OFF])
def test_an_order_that_may_have_been_paid_is_never_repeated(studio: Studio, tmp_path: Path, behaviour: str) -> None:
    studio.server.script(behaviour)
    with pytest.raises(ProviderUnable) as raised:
        studio.film(tmp_path, studio.client(timeout_s=2.0))
    assert len(studio.server.requests()) == 1
    assert str(raised.value)
    assert KEY not in str(raised.value)


@pytest.mark.parametrize("behaviour", BUSY)
def test_who_is_busy_is_asked_again_for_the_same(studio: Studio, tmp_path: Path, behaviour: str) -> None:
    studio.server.script(behaviour)
    studio.film(tmp_path)
    assert len({request.key for request in studio.server.requests()}) == studio.paid == 1


@pytest.mark.parametrize("behaviour", POLLS)
def test_an_error_of_a_poll_starts_no_other_job(studio: Studio, tmp_path: Path, behaviour: str) -> None:
    studio.server.script("ok", behaviour, behaviour, on=OpenAIVideos.poll)
    studio.film(tmp_path)
    assert len(studio.server.requests()) == 1
    assert studio.run.jobs == ["1:video_1"]


@pytest.mark.parametrize("behaviour", REFETCHED)
def test_a_file_that_does_not_come_whole_is_fetched_again(studio: Studio, tmp_path: Path, behaviour: str) -> None:
    studio.server.script(behaviour, on=OpenAIVideos.file)
    studio.film(tmp_path)
    assert studio.paid == 1


@pytest.mark.parametrize("behaviour", WRONG_CLIPS)
def test_a_clip_that_is_wrong_is_made_again_with_another_seed(studio: Studio, tmp_path: Path, behaviour: str) -> None:
    studio.server.script(behaviour, on=OpenAIVideos.file)
    studio.film(tmp_path)
    assert studio.paid == 2
    assert len({job.seed for job in studio.server.jobs.values()}) == 2
    assert studio.run.seconds == 2.0


@pytest.mark.parametrize(("behaviour", "reason"), [("cut_off_file", "不完整"), ("one_frame", "只有一帧")])
def test_what_stays_wrong_fails_in_words(studio: Studio, tmp_path: Path, behaviour: str, reason: str) -> None:
    studio.server.script(*[behaviour] * 8, on=OpenAIVideos.file)
    with pytest.raises(ProviderUnable, match=f"{reason}.*已换种子重做一次"):
        studio.film(tmp_path)
    assert studio.paid == 2


def test_a_job_that_is_remembered_is_polled_on_and_not_paid_again(studio: Studio, tmp_path: Path) -> None:
    studio.film(tmp_path)
    studio.run.remembered = "1:video_1"
    studio.film(tmp_path)
    assert (studio.paid, len(studio.server.requests())) == (1, 1)


def test_wishes_reach_a_model_that_takes_them(studio: Studio, tmp_path: Path) -> None:
    studio.server.extra_fields.update(num_inference_steps=Field("integer"), guidance_scale=Field("number"))
    studio.film(tmp_path, seed=5, steps=4, cfg_scale=1.5, negative_prompt="blurred")
    [order] = studio.server.requests()
    sent = {name: order.form[name] for name in ("seed", "num_inference_steps", "guidance_scale", "negative_prompt")}
    assert sent == {
        "seed": "5",
        "num_inference_steps": "4",
        "guidance_scale": "1.5",
        "negative_prompt": "blurred",
    }
    assert not studio.server.refused
    with pytest.raises(ProviderUnable, match="模型不存在"):
        studio.film(tmp_path, model="nobody")


class Strict(OpenAIVideos):
    """Takes nothing beyond OpenAI's own fields, and its own lengths and sizes only."""

    def serves(self) -> dict[str, Route[Any]]:
        return {**super().serves(), self.main: Route(self._strictly, self._start, charged=True)}

    def _strictly(self, received: Any) -> Clip:
        for name in ("width", "height", "num_frames", "fps", "seed"):
            if name in received.form:
                raise Refused(400, f"Unknown parameter: '{name}'.", "unknown_parameter", name)
        if received.form["seconds"] not in ("2", "4"):
            words = f"Invalid value: '{received.form['seconds']}'. Supported values are: '2' and '4'."
            raise Refused(400, words, "invalid_value", "seconds")
        if received.form["size"] not in ("192x128", "128x192"):
            words = f"Invalid value: '{received.form['size']}'. Supported values are: '192x128' and '128x192'."
            raise Refused(400, words, "invalid_value", "size")
        return self._check(received)


def test_a_server_that_takes_less_gets_its_own_nearest_length_and_size(studio: Studio, tmp_path: Path) -> None:
    with Strict(key=KEY, exact_reference=True) as server:
        strict = Studio(server)
        client = strict.client()
        (tmp_path / "input").write_bytes(PICTURE)
        request = ClipRequest(tmp_path / "input", "it rains", width=96, height=64, fps=8, seconds=1.0)
        for paid in (1, 2):
            made, facts = animate(client, request, tmp_path / "clip.mp4", strict.run)
            assert (made.asked, made.seconds, facts.size, facts.seconds) == ((192, 128), 2.0, (96, 64), 2.0)
            assert strict.paid == paid
        assert len(server.refused) == 7, "what it was told once it remembers"
        assert set(server.requests()[-1].form) == {"prompt", "model", "seconds", "size"}


def environment(server: OpenAIVideos) -> dict[str, str]:
    named = {"BASE": server.base, "MODEL": "stand-in", "KEY": KEY, "PRICE": '{"seconds": "0.1"}'}
    return {f"S2V_NODE_I2V_OPENAI_{name}": value for name, value in named.items()}


def submit(node: NodeProcess) -> str:
    image = base64.b64encode(PICTURE).decode()
    video = {"resolution": "96x64", "fps": 8, "duration": 1.0}
    return node.submit("video", task="t", shot={"image_base64": image, "prompt": "it rains", "seed": 7}, video=video)


def test_a_killed_node_polls_the_same_job_on(studio: Studio, start_node: StartNode) -> None:
    studio.server.script("never_done")
    node = start_node("--i2v-provider", "openai", env=environment(studio.server))
    job = submit(node)
    wait_until(lambda: studio.server.requests(OpenAIVideos.poll), PATIENCE_S, "a poll")
    assert node.end(signal.SIGKILL) == -signal.SIGKILL
    studio.server.jobs["video_1"].reports = JOBS["done_at_once"]
    again = start_node("--i2v-provider", "openai", output=node.output, env=environment(studio.server))
    ended = again.ended(job)
    assert (ended["status"], ended["message"]) == ("finished", "完成")
    assert ended["result"]["made_by"] == {"provider": "openai", "model": "stand-in", "seed": 7, "prompt": "it rains"}
    assert [(each["units"], each["cost"]) for each in ended["result"]["usage"]] == [({"seconds": 1.0}, "0.1")]
    assert (studio.paid, ended["result"]["task_video"]["duration"]) == (1, "1.000")


def test_a_cancelled_job_is_deleted_at_its_server_too(studio: Studio, start_node: StartNode) -> None:
    studio.server.script("never_done")
    node = start_node("--i2v-provider", "openai", env=environment(studio.server))
    job = submit(node)
    wait_until(lambda: studio.server.requests(OpenAIVideos.poll), PATIENCE_S, "a poll")
    assert node.http.delete(f"{node.url}/v1/jobs/{job}", timeout=PATIENCE_S).status_code == 200
    wait_until(lambda: studio.server.cancelled == ["video_1"], PATIENCE_S, "the server's job to be deleted")
    assert not node.left_over(job)


def test_a_job_out_of_time_is_deleted_at_its_server_too(studio: Studio, start_node: StartNode) -> None:
    studio.server.script("never_done")
    node = start_node("--i2v-provider", "openai", "--job-minutes", "0.05", env=environment(studio.server))
    ended = node.ended(submit(node))
    assert (ended["status"], "时限" in ended["error"]) == ("failed", True)
    assert studio.server.cancelled == ["video_1"]


def test_every_behaviour_of_the_stand_in_has_an_outcome_here() -> None:
    with OpenAIVideos() as server:
        assert set(server.names()) <= {*ONCE, *AGAIN, *FAILS, *UNPAID, *BROKEN, *CUT_OFF, *BUSY, "blocked"}
        assert set(server.names(OpenAIVideos.poll)) <= {*POLLS, "ok"}
        late = {"huge", "hang", "drip", "gzip_bomb", "empty_body", "gzip"}  # as with orders and polls
        assert set(server.names(OpenAIVideos.file)) <= {*REFETCHED, *WRONG_CLIPS, "ok", *late}
        assert "negative_prompt" in FIELDS

"""Pictures by servers over HTTP: what they do well, everything that people saw them do badly, and what comes of it."""

from __future__ import annotations

import io
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.integration.worker_node.conftest import PATIENCE_S, NodeProcess, StartNode
from tests.support.model_servers.fields import Field
from tests.support.model_servers.openai_images import LINKS, OpenAIImages
from tests.support.model_servers.pictures import encoded, picture
from tests.support.wait import wait_until
from worker_node.errors import ProviderError, ProviderUnable
from worker_node.painting import paint
from worker_node.providers.base import ImageRequest, Made, QuietRun
from worker_node.providers.openai.images import OpenAIPainter
from worker_node.providers.settings import ProviderSettings

KEY = "sk-very-secret"
PROMPT = "a street in the rain"
EXTRA_FIELDS = {"num_inference_steps": Field("integer"), "guidance_scale": Field("number"), "negative_prompt": Field()}


class Run(QuietRun):
    """Counts what was used."""

    def __init__(self) -> None:
        super().__init__()
        self.key, self.images = "task", 0.0

    def used(self, **units: float) -> None:
        self.images += units["images"]


@dataclass
class Studio:
    """The stand-in with its client. The host has a name, by which its links call it, too."""

    server: OpenAIImages
    run: Run = field(default_factory=Run)

    def client(self, **more: Any) -> OpenAIPainter:
        base = f"http://localhost:{self.server.port}/v1"
        given = {"base": base, "model": "stand-in", "key": KEY, "timeout_s": 20, **more}
        return OpenAIPainter(ProviderSettings(provider="openai", label="openai", **given))

    def paint(
        self, folder: Path, settings: dict[str, Any] | None = None, client: OpenAIPainter | None = None, **wanted: Any
    ) -> Made:
        request = ImageRequest(**{"prompt": PROMPT, "width": 1344, "height": 768, **wanted})
        made = paint(client or self.client(**(settings or {})), request, folder / "image.png", self.run)
        with Image.open(folder / "image.png") as image:
            assert (image.format, image.mode, image.size) == ("PNG", "RGB", (request.width, request.height))
            image.load()
        assert [path.name for path in folder.iterdir()] == ["image.png"]
        return made

    @property
    def taken(self) -> list[Any]:
        """The requests that were not refused, by their fields."""
        refused = [received for received, _ in self.server.refused]
        asked = [*self.server.requests(), *self.server.requests(OpenAIImages.edits)]
        return [received.body or received.form for received in asked if received not in refused]


@pytest.fixture
def studio() -> Iterator[Studio]:
    with OpenAIImages(key=KEY) as server:
        yield Studio(server)


ONCE = ("ok", "always_links", "never_links", "data_uri", "jpeg", "webp", "gzip", "response_format_unknown")
TWICE = (
    *("other_size", "one_pixel", "black", "blank", "cut_off_file", "empty_file", "page_as_picture", "broken_base64"),
    *("data_empty", "data_null", "picture_missing", "lost_link"),
    *("error_with_200", "html_500", "html_502", "server_error_500", "cut", "gzip_bomb", "empty_body"),
)
NEVER = (
    *("link_inwards", "link_to_a_file", "bad_request_400", "unauthorized_401", "quota_402", "forbidden_403"),
    *(
        "rate_limited_429_until",
        "quota_429",
        "html_200",
        "html_504",
        "html_524",
        "closed",
        "reset",
        "huge",
        "hang",
        "drip",
    ),
)
BUSY = ("rate_limited_429", "overloaded_503")


@pytest.mark.parametrize("behaviour", ONCE)
def test_what_is_good_in_whatever_form_is_asked_for_once(studio: Studio, tmp_path: Path, behaviour: str) -> None:
    studio.server.always = behaviour
    made = studio.paint(tmp_path)
    assert (made.model, made.prompt, made.asked) == ("stand-in", PROMPT, (1536, 1024))
    assert studio.taken[-1]["seed"] == made.seed
    assert studio.run.images == len(studio.taken) == 1


@pytest.mark.parametrize("behaviour", TWICE)
def test_what_is_wrong_is_made_again_once_with_another_seed_and_key(
    studio: Studio, tmp_path: Path, behaviour: str
) -> None:
    client = studio.client()
    studio.paint(tmp_path, client=client)  # it has told which sizes it has
    studio.server.script(behaviour)
    made = studio.paint(tmp_path, client=client, seed=7)
    first, second = (request for request in studio.server.requests()[-2:])
    assert (first.body["seed"], second.body["seed"]) == (7, made.seed)
    assert made.seed != 7
    assert {**first.body, "seed": 0} == {**second.body, "seed": 0}


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        ("black", "全黑"),
        ("other_size", "图片大小不对：要的是 1536x1024，得到 768x512"),
        ("cut_off_file", "打不开或不完整"),
        ("empty_file", "没有图片"),
        ("page_as_picture", "打不开"),
        ("data_null", "回答里没有图片"),
        ("lost_link", "HTTP 404"),
        ("server_error_500", "模型服务出错"),
    ],
)
def test_what_stays_wrong_is_left_to_the_next_provider_in_words(
    studio: Studio, tmp_path: Path, behaviour: str, reason: str
) -> None:
    client = studio.client()
    studio.paint(tmp_path, client=client)
    studio.server.always = behaviour
    with pytest.raises(ProviderUnable, match=f"{reason}.*已换种子重做一次"):
        studio.paint(tmp_path, client=client)
    assert len({request.body["seed"] for request in studio.server.requests()[-2:]}) == 2


@pytest.mark.parametrize("behaviour", NEVER)
def test_who_cannot_is_not_asked_again_and_the_next_one_is_told_why(
    studio: Studio, tmp_path: Path, behaviour: str
) -> None:
    client = studio.client(sizes=["1536x1024"], **({"timeout_s": 1.5} if behaviour in ("hang", "drip") else {}))
    studio.server.script(behaviour)
    with pytest.raises(ProviderUnable) as raised:
        studio.paint(tmp_path, client=client)
    assert len(studio.server.requests()) == 1
    assert KEY not in str(raised.value)
    assert str(raised.value)


@pytest.mark.parametrize("behaviour", BUSY)
def test_who_is_busy_is_asked_again_for_the_same(studio: Studio, tmp_path: Path, behaviour: str) -> None:
    studio.server.script(behaviour)
    studio.paint(tmp_path, {"sizes": ["1536x1024"]})
    assert len({request.key for request in studio.server.requests()}) == 1
    assert studio.run.images == 1


@pytest.mark.parametrize(
    ("behaviour", "words"),
    [("blocked", "rejected by the safety system"), ("blocked_by_policy", "text that is not allowed")],
)
def test_what_the_safety_system_refuses_is_told_as_that_and_neither_tried_again_nor_elsewhere(
    studio: Studio, tmp_path: Path, behaviour: str, words: str
) -> None:
    studio.server.script(behaviour)
    with pytest.raises(ProviderError, match=rf"安全系统拒绝，没有重试.*{words}") as raised:
        studio.paint(tmp_path, {"sizes": ["1024x1024"]})
    assert not isinstance(raised.value, ProviderUnable)
    assert len(studio.server.requests()) == 1


@pytest.mark.parametrize(
    ("wanted", "asked"),
    [
        ((1344, 768), "1536x1024"),
        ((768, 1344), "1024x1536"),
        ((1024, 1024), "1024x1024"),
        ((1216, 896), "1536x1024"),
        ((96, 64), "1536x1024"),
    ],
)
def test_the_nearest_size_that_the_server_names_is_asked_for_and_cut_to_shape(
    studio: Studio, tmp_path: Path, wanted: tuple[int, int], asked: str
) -> None:
    client = studio.client()
    for _ in range(2):
        made = studio.paint(tmp_path, client=client, width=wanted[0], height=wanted[1])
    assert [body["size"] for body in studio.taken] == [asked, asked]
    assert len(studio.server.refused) <= 1, "what it was told once it remembers"
    assert made.asked is not None


def test_sizes_of_the_settings_are_asked_for_without_trying_others(tmp_path: Path) -> None:
    with OpenAIImages(key=KEY, sizes=["512x288", "512x512"]) as server:
        studio = Studio(server)
        studio.paint(tmp_path, {"sizes": ["512x288", "512x512"]})
        assert [body["size"] for body in studio.taken] == ["512x288"], "small, but as it was asked for"
        assert not server.refused


def test_any_size_is_asked_for_as_it_is_where_the_server_has_it(tmp_path: Path) -> None:
    with OpenAIImages(key=KEY, sizes=["1344x768"]) as server:
        assert Studio(server).paint(tmp_path).asked == (1344, 768)


def test_fields_that_a_server_does_not_take_are_left_out_from_then_on(tmp_path: Path) -> None:
    with OpenAIImages(key=KEY, takes_seed=False) as server:
        studio = Studio(server)
        client = studio.client(sizes=["1024x1024"])
        for _ in range(2):
            studio.paint(tmp_path, client=client, negative_prompt="blurred", steps=4, cfg_scale=1.5)
        assert [set(body) for body in studio.taken] == [{"model", "prompt", "n", "size", "response_format"}] * 2
        assert len(server.refused) == 4, "each was tried once"


def test_wishes_reach_a_model_that_takes_them(tmp_path: Path) -> None:
    with OpenAIImages(key=KEY, models=["stand-in", "other"], extra_fields=EXTRA_FIELDS) as server:
        studio = Studio(server)
        wishes: dict[str, Any] = {
            "seed": 7,
            "negative_prompt": "blurred",
            "steps": 4,
            "cfg_scale": 1.5,
            "model": "other",
        }
        made = studio.paint(tmp_path, {"extra": {"quality": "low"}}, style="水墨", **wishes)
        [body] = studio.taken
        assert (made.seed, made.model, made.prompt) == (7, "other", f"{PROMPT}, 水墨")
        assert (body["model"], body["seed"], body["prompt"], body["quality"]) == ("other", 7, made.prompt, "low")
        assert (body["negative_prompt"], body["num_inference_steps"], body["guidance_scale"]) == ("blurred", 4, 1.5)


def test_a_model_that_the_server_lacks_is_said(studio: Studio, tmp_path: Path) -> None:
    with pytest.raises(ProviderUnable, match="模型不存在"):
        studio.paint(tmp_path, model="nobody")


def test_the_seed_is_the_jobs_own_where_none_is_asked_for(studio: Studio, tmp_path: Path) -> None:
    seeds = [studio.paint(tmp_path).seed for _ in range(2)]
    studio.run.key = "another task"
    assert seeds[0] == seeds[1] != studio.paint(tmp_path).seed


def test_reference_pictures_are_sent_where_the_server_takes_any(studio: Studio, tmp_path: Path) -> None:
    files = [tmp_path.with_name(name) for name in ("cat.jpg", "dog.png", "torn.png")]
    files[0].write_bytes(encoded(picture(2000, 1000, "cat"), "JPEG"))
    files[1].write_bytes(encoded(picture(64, 64, "dog")))
    files[2].write_bytes(files[1].read_bytes()[:60])
    studio.paint(tmp_path, references=tuple(files))
    [references] = studio.server.references
    sizes = [Image.open(io.BytesIO(content)).size for content in references]
    assert sizes == [(1024, 512), (64, 64)], "the torn one is left out"
    assert studio.taken[0]["size"] == "1536x1024"
    studio.server.paths_served.pop(OpenAIImages.edits)
    client = studio.client()
    for _ in range(2):
        studio.paint(tmp_path, client=client, references=tuple(files))
    assert len(studio.server.requests()) == 3, "sizes are learnt, then both are painted without"


def test_a_link_that_has_expired_costs_another_picture(studio: Studio, tmp_path: Path) -> None:
    studio.server.always = "always_links"
    studio.server.script("expired", on=LINKS)
    studio.paint(tmp_path)
    assert studio.run.images == 2
    assert all("authorization" not in request.headers for request in studio.server.requests(LINKS))


def environment(server: OpenAIImages, **more: str) -> dict[str, str]:
    named = {"BASE": server.base, "MODEL": "stand-in", "KEY": KEY, "SIZES": '["1024x1024"]', **more}
    return {f"S2V_NODE_T2I_OPENAI_{name}": value for name, value in named.items()}


def shot(node: NodeProcess, **more: Any) -> dict[str, Any]:
    return node.ended(node.submit("shot", shot={"prompt": PROMPT, "image_width": "128", "image_height": "96", **more}))


def test_a_node_paints_by_a_server_and_by_the_next_provider_when_that_is_away(
    studio: Studio, start_node: StartNode
) -> None:
    node = start_node("--t2i-provider", "openai,offline", env=environment(studio.server, PRICE='{"images": "0.04"}'))
    job = shot(node, seed=7, negative_prompt="blurred")
    assert (job["status"], job["message"]) == ("finished", "完成")
    assert job["result"]["made_by"] == {"provider": "openai", "model": "stand-in", "seed": 7, "prompt": PROMPT}
    assert [(each["units"], each["cost"]) for each in job["result"]["usage"]] == [({"images": 1}, "0.04")]
    content = node.get(job["result"]["resource_url"]).content
    assert Image.open(io.BytesIO(content)).size == (128, 96)
    studio.server.always = "black"
    job = shot(node)
    assert job["message"].startswith("完成，由 offline 代替（openai：图片是全黑的")
    assert job["result"]["usage"][0]["cost"] == "0.08", "both tries were paid"
    assert job["result"]["made_by"]["provider"] == "offline"
    studio.server.always = "blocked"
    job = shot(node)
    assert (job["status"], "安全系统拒绝，没有重试" in job["error"]) == ("failed", True)
    assert KEY not in node.log.read_text() + str(job)


def test_a_kill_in_the_second_try_asks_for_nothing_that_was_answered(studio: Studio, start_node: StartNode) -> None:
    studio.server.script("black", "hang")
    node = start_node("--t2i-provider", "openai", env=environment(studio.server))
    job = node.submit("shot", task="t", shot={"prompt": PROMPT, "image_width": "128", "image_height": "96"})
    wait_until(lambda: len(studio.server.requests()) == 2, PATIENCE_S, "the second try")
    assert node.end(signal.SIGKILL) == -signal.SIGKILL
    again = start_node("--t2i-provider", "openai", output=node.output, env=environment(studio.server))
    ended = again.ended(job)
    keys = [request.key for request in studio.server.requests()]
    assert (ended["status"], len(keys), keys[1]) == ("finished", 3, keys[2])
    assert "1 次调用没有得到回答" in ended["message"]


def test_every_behaviour_of_the_stand_in_has_an_outcome_here() -> None:
    server = OpenAIImages()
    with server:
        told = {*ONCE, *TWICE, *NEVER, *BUSY, "blocked", "blocked_by_policy"}
        assert {*server.names(), *server.names(OpenAIImages.edits)} <= told
        assert {"expired", "cut_off_file"} <= set(server.names(LINKS))

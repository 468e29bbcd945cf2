"""What is learnt from a server's refusals, and the second try's bookkeeping."""

from __future__ import annotations

import pytest

from worker_node.errors import BrokenAnswer
from worker_node.providers.base import ImageRequest, JobRun, QuietRun
from worker_node.providers.http_errors import Refused, refusal
from worker_node.providers.openai.fields import Fields, Sizes, asked_until_taken, least_of
from worker_node.providers.prompting import MAX_PROMPT, styled_prompt
from worker_node.providers.sizes import nearest
from worker_node.second_try import once_more, split_job


def refused(text: str, status: int = 400) -> Refused:
    error = refusal(status, text)
    assert isinstance(error, Refused)
    return error


@pytest.mark.parametrize(
    "said",
    [
        '{"error": {"message": "Unknown parameter: \'seed\'.", "code": "unknown_parameter"}}',
        '{"error": {"message": "not supported", "param": "seed", "code": "invalid"}}',
        '{"detail": [{"loc": ["body", "seed"], "msg": "Extra inputs are not permitted"}]}',
        "seed is not a valid field",
    ],
)
def test_a_field_that_a_refusal_names_in_whatever_form_is_left_out(said: str) -> None:
    fields = Fields()
    wishes = {"seed": 1, "steps": 4, "model": ""}
    assert fields.taken(wishes) == {"seed": 1, "steps": 4}
    assert fields.learn(refused(said), wishes)
    assert fields.taken(wishes) == {"steps": 4}
    assert not fields.learn(refused("the seedling steps_taken"), {"steps": 4})


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("Invalid value: '1344x768'. Supported values are: '1024x1024', '1792x1024'.", (1792, 1024)),
        ("size must be one of 512 x 512, 1024*576", (1024, 576)),
        ("不支持的尺寸 1344×768，可用：1280×720", (1280, 720)),
        ("unsupported size", (1536, 1024)),
        ("invalid image resolution", (1536, 1024)),
    ],
)
def test_sizes_are_learnt_from_a_refusal(said: str, asked: tuple[int, int]) -> None:
    sizes = Sizes()
    assert sizes.nearest("m", (1344, 768)) == (1344, 768)
    assert sizes.learn(refused(said), "m", (1344, 768))
    assert sizes.nearest("m", (1344, 768)) == asked
    assert sizes.nearest("another", (1344, 768)) == (1344, 768)


def test_what_is_not_about_sizes_teaches_none_and_there_is_an_end() -> None:
    sizes = Sizes()
    assert not sizes.learn(refused("the prompt is too strange"), "m", (64, 64))
    tried: list[tuple[int, int]] = []
    while not tried or sizes.learn(refused("bad size"), "m", tried[-1]):
        tried.append(sizes.nearest("m", (64, 64)))
    assert len(tried) == 4
    assert len(set(tried)) == 4


@pytest.mark.parametrize(
    ("model", "asked"),
    [
        ("gpt-image-1", (1536, 1024)),
        ("dall-e-3", (1792, 1024)),
        ("Qwen/Qwen-Image", (1664, 928)),
        ("flux", (1344, 768)),
    ],
)
def test_known_models_are_asked_for_what_they_have(model: str, asked: tuple[int, int]) -> None:
    assert Sizes().nearest(model, (1344, 768)) == asked
    assert Sizes(["640x360"]).nearest(model, (1344, 768)) == (640, 360)


def test_of_sizes_in_the_same_shape_the_nearest_is_taken() -> None:
    assert nearest([(640, 360), (1280, 720), (2560, 1440), (1024, 1024)], (1344, 756)) == (1280, 720)


@pytest.mark.parametrize(
    ("said", "wanted", "found"),
    [("Supported values are: '4', '8', and '12'.", 5.0, 8.0), ("must be 5 or 10", 12.0, 10.0), ("no", 4.0, None)],
)
def test_lengths_are_learnt_from_a_refusal(said: str, wanted: float, found: float | None) -> None:
    assert least_of(said, wanted, wanted) == found


def test_a_refusal_that_teaches_for_ever_ends() -> None:
    asked = []

    def ask() -> None:
        asked.append(1)
        raise refused("seed")

    with pytest.raises(Refused):
        asked_until_taken(ask, lambda _refused: True)
    assert len(asked) < 20


def test_a_style_is_added_once_and_nothing_is_longer_than_a_server_takes() -> None:
    assert styled_prompt(ImageRequest("a cat", "ink")) == "a cat, ink"
    assert styled_prompt(ImageRequest("a cat in ink", "ink")) == "a cat in ink"
    assert styled_prompt(ImageRequest(" ", "")) == "a quiet scene"
    long = styled_prompt(ImageRequest("a" * 9000, "ink"))
    assert (len(long), long[-5:]) == (MAX_PROMPT, ", ink")


class Notes(QuietRun):
    """Keeps what is noted."""

    def __init__(self, remembered: str = "") -> None:
        super().__init__()
        self.remembered, self.parts = remembered, list[str]()

    def remember(self, provider_job: str) -> None:
        self.remembered = provider_job

    def once(self, part: str, ask: object) -> bytes:
        self.parts.append(part)
        return b""


def test_each_try_has_its_own_calls_and_its_own_job() -> None:
    run, seen = Notes(), []

    def make(attempt: JobRun, seed: int | None) -> str:
        seen.append((attempt.remembered, seed))
        attempt.once("ask", lambda _key: b"")
        attempt.remember("42")
        if len(seen) == 1:
            raise BrokenAnswer("black")
        return attempt.remembered

    assert once_more(run, 7, make) == "42"
    assert [remembered for remembered, _ in seen] == ["", ""]
    assert seen[0][1] == 7 != seen[1][1]
    assert run.parts == ["ask-1", "ask-2"]
    assert split_job(run.remembered) == (2, "42")


def test_a_job_that_was_killed_in_its_second_try_goes_on_there() -> None:
    seen = []

    def make(attempt: JobRun, _seed: int | None) -> None:
        seen.append(attempt.remembered)
        raise BrokenAnswer("black")

    with pytest.raises(BrokenAnswer.__bases__[0]):
        once_more(Notes("2:42"), 7, make)
    assert seen == ["42"]
    assert split_job("") == (0, "")

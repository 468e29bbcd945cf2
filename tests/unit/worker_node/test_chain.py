"""A kind's providers in their order: who serves, why, and what it cost."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from PIL import Image
from PIL.PngImagePlugin import PngImageFile, PngInfo

from worker_node.chain import Chain
from worker_node.errors import DiskFull, NoneAble, ProviderError, ProviderUnable
from worker_node.job_notes import JobNotes
from worker_node.providers import registry
from worker_node.providers.base import ImageRequest, JobRun
from worker_node.providers.settings import ProviderSettings
from worker_node.results import wire_message, wire_result
from worker_node.service import Service
from worker_node.usage import usage_of


class Fake:
    """Paints a byte, or raises what the test put under its model's name."""

    outcome: dict[str, BaseException] = {}
    made: list[str] = []

    def __init__(self, settings: ProviderSettings) -> None:
        self.model = settings.model
        Fake.made.append(settings.model)
        if isinstance(Fake.outcome.get(settings.model), ImportError):
            raise Fake.outcome[settings.model]

    def paint(self, request: ImageRequest, target: Path, run: JobRun) -> None:
        run.used(images=1, input_tokens=1000)
        if self.model in Fake.outcome:
            raise Fake.outcome[self.model]
        run.remember(f"job of {self.model}, before {run.remembered or 'nothing'}")
        note = PngInfo()
        note.add_text("by", self.model)
        Image.linear_gradient("L").convert("RGB").resize((request.width, request.height)).save(
            target, "PNG", pnginfo=note
        )


@pytest.fixture(autouse=True)
def _fake(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("fake_provider")
    module.Fake = Fake  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "fake_provider", module)
    monkeypatch.setitem(registry.PROVIDERS["t2i"], "fake", "fake_provider:Fake")
    monkeypatch.setattr(Fake, "outcome", {})
    monkeypatch.setattr(Fake, "made", [])


def settings(*models: str, **more: Any) -> list[ProviderSettings]:
    return [ProviderSettings(provider="fake", label=model, model=model, **more) for model in models]


def run(folder: Path, chain: list[ProviderSettings], notes: JobNotes | None = None) -> SimpleNamespace:
    noted: list[JobNotes] = []
    job = {"folder": str(folder), "request": {"prompt": "猫", "width": 64, "height": 64}, "key": "task"}
    made = Chain("t2i", chain, folder / "slots").perform(
        job, notes or JobNotes(), lambda _percent, _message: None, noted.append
    )
    with Image.open(folder / "image.png") as image:
        assert isinstance(image, PngImageFile)
        return SimpleNamespace(made=made, noted=noted, by=image.text["by"])


def test_the_first_serves_and_is_named_without_being_called_a_replacement(tmp_path: Path) -> None:
    done = run(tmp_path, settings("one", "two"))
    assert done.by == "one"
    assert Fake.made == ["one"], "the second is not even made"
    assert wire_message(done.made) == "完成"
    assert wire_result("t2i", "id", done.made, 1.0)["made_by"] == {"provider": "one", "model": "one", "prompt": "猫"}


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (ProviderUnable("连接不上"), "连接不上"),
        (MemoryError(), "内存不足"),
        (ImportError("no module", name="torch"), "没有安装 torch"),
        (ZeroDivisionError("by zero"), "ZeroDivisionError: by zero"),
    ],
)
def test_the_next_serves_when_one_cannot_and_the_message_says_who_and_why(
    tmp_path: Path, failure: BaseException, reason: str
) -> None:
    Fake.outcome["one"] = failure
    done = run(tmp_path, settings("one", "two"))
    assert done.by == "two"
    assert wire_message(done.made).startswith("完成，由 two 代替（one：")
    assert reason in wire_message(done.made)


def test_none_that_can_is_a_failure_of_its_own_with_every_reason(tmp_path: Path) -> None:
    Fake.outcome.update(one=ProviderUnable("额度用完"), two=ProviderUnable("连接不上"))
    with pytest.raises(NoneAble, match="one：额度用完；two：连接不上"):
        run(tmp_path, settings("one", "two"))


@pytest.mark.parametrize("failure", [ProviderError("内容被拒绝"), DiskFull()])
def test_what_no_other_provider_would_do_better_ends_the_job(tmp_path: Path, failure: ProviderError) -> None:
    Fake.outcome["one"] = failure
    with pytest.raises(type(failure)) as raised:
        run(tmp_path, settings("one", "two"))
    assert not isinstance(raised.value, ProviderUnable)
    assert Fake.made == ["one"]


def test_a_job_that_was_begun_goes_on_with_its_provider_and_its_id_there(tmp_path: Path) -> None:
    done = run(tmp_path, settings("one", "two", "three"), JobNotes(provider="two", remembered="1:42"))
    assert done.by == "two"
    assert (done.noted[-1].provider, done.noted[-1].remembered) == ("two", "1:job of two, before 42")


def test_another_provider_does_not_see_the_id_of_the_one_before(tmp_path: Path) -> None:
    Fake.outcome["two"] = ProviderUnable("连接不上")
    done = run(tmp_path, settings("one", "two"), JobNotes(provider="two", remembered="1:42"))
    assert done.noted[-1].remembered == "1:job of one, before nothing"


def test_the_cost_is_exact_and_counts_the_one_that_failed_too(tmp_path: Path) -> None:
    Fake.outcome["one"] = ProviderUnable("空白的图片")
    chain = settings("one", "two", price={"images": "0.1", "input_tokens": "0.0000002"})
    used = usage_of("t2i", chain, run(tmp_path, chain).noted[-1])
    assert [(use["provider"], use["model"], use["cost"]) for use in used] == [
        ("one", "one", "0.1002"),
        ("two", "two", "0.1002"),
    ]


def test_what_a_killed_run_used_is_not_counted_twice_and_not_forgotten(tmp_path: Path) -> None:
    notes = JobNotes(provider="two", units={"one": {"images": 3}, "two": {"images": 1, "input_tokens": 10}})
    noted = run(tmp_path, settings("one", "two"), notes).noted[-1]
    assert noted.units == {"one": {"images": 3}, "two": {"images": 1, "input_tokens": 1000}}


def test_who_is_not_listed_any_more_is_told_without_a_price() -> None:
    [use] = usage_of("t2i", settings("one"), JobNotes(units={"gone": {"images": 3}}))
    assert use == {"provider": "gone", "model": "", "units": {"images": 3}, "cost": "0"}


def test_a_kind_is_degraded_until_its_first_provider_serves_again(tmp_path: Path) -> None:
    chain = settings("one", "two")
    service = Service({"t2i": chain})
    Fake.outcome["one"] = ProviderUnable("连接不上")
    service.made("t2i", run(tmp_path, chain).made)
    degraded = service.view()["degraded"]["t2i"]
    assert (degraded["provider"], degraded["reason"]) == ("two", "连接不上")
    service.none_able("t2i", "全部不可用")
    assert service.view()["degraded"]["t2i"]["since"] == degraded["since"]
    Fake.outcome.clear()
    service.made("t2i", run(tmp_path, chain).made)
    assert service.view()["degraded"] == {}

"""What surrounds diffusion models and needs none: settings, sizes, which model, frames over time."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from worker_node.doctor import _mends
from worker_node.errors import ProviderUnable
from worker_node.providers.diffusion import packages
from worker_node.providers.diffusion.animator import frame_at, positions
from worker_node.providers.diffusion.models import located
from worker_node.providers.diffusion.painter import DiffusersPainter, as_image
from worker_node.providers.diffusion.sampling import nearest_size
from worker_node.providers.settings import FOR_EVER_S, ProviderSettings, SettingsError
from worker_node.settings import parse_settings


def test_one_process_holds_the_model_and_stays_for_the_time_that_is_set() -> None:
    settings = parse_settings(["--t2i-provider", "diffusers,offline", "--i2v-provider", "diffusers"], {})
    assert settings.concurrency["t2i"] == 1
    assert settings.providers["t2i"][0].idle_s == 600
    assert settings.providers["t2i"][1].idle_s is None
    for text, seconds in (("90", 90), ("90s", 90), ("5m", 300), ("2h", 7200), ("0", 1), ("-1", FOR_EVER_S)):
        assert ProviderSettings(provider="diffusers", keep_alive=text).idle_s == seconds
    assert ProviderSettings(provider="ollama", keep_alive="as it reads it").idle_s is None
    two = parse_settings(["--t2i-provider", "diffusers"], {"S2V_NODE_T2I_DIFFUSERS_PARALLEL": "2"})
    assert two.concurrency["t2i"] == 2


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("KEEP_ALIVE", "soon", "a time such as 10m"),
        ("DEVICE", "gpu", "device"),
        ("BATCH", "0", "batch"),
        ("DOWNLOAD", "perhaps", "download"),
    ],
)
def test_settings_that_mean_nothing_stop_the_start(name: str, value: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        parse_settings(["--t2i-provider", "diffusers"], {f"S2V_NODE_T2I_DIFFUSERS_{name}": value})


def test_packages_that_are_missing_are_named_with_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "PACKAGES", ("numpy", "no_such_torch", "no_such_diffusers"))
    settings = ProviderSettings(provider="diffusers", label="diffusers")
    with pytest.raises(ProviderUnable) as raised:
        DiffusersPainter(settings)
    assert str(raised.value) == f"这台机器没有安装 no_such_torch、no_such_diffusers（{packages.INSTALL}）"
    assert [*_mends("t2i", settings, str(raised.value))] == [f".venv/bin/{packages.INSTALL}"]
    told = "没有模型 a/b；只用本机已有的文件（download: true 允许下载）：not found"
    assert "S2V_NODE_T2I_DIFFUSERS_DOWNLOAD=true" in next(iter(_mends("t2i", settings, told)))


def test_a_request_names_the_configured_model_one_beside_it_or_one_of_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("own", "beside"):
        (tmp_path / "models" / name).mkdir(parents=True)
        (tmp_path / "models" / name / "model_index.json").touch()
    (tmp_path / "secret" / "model").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    own = str(tmp_path / "models" / "own")
    assert located("", own) == located("own", own) == located(own, own) == own
    assert located("beside", own) == str(tmp_path / "models" / "beside")
    assert located("stabilityai/sdxl-turbo", "stabilityai/sd-turbo") == "stabilityai/sdxl-turbo"
    for asked in ("../secret", "secret/model", "/etc", "..", "beside/../own", "./own", "a/b/c", "none"):
        with pytest.raises(ProviderUnable, match="没有模型"):
            located(asked, own)


@pytest.mark.parametrize(
    ("wanted", "size"), [((1024, 1024), (512, 512)), ((1280, 720), (704, 384)), ((720, 1280), (384, 704))]
)
def test_a_size_keeps_the_models_area_and_the_wanted_shape(wanted: tuple[int, int], size: tuple[int, int]) -> None:
    assert nearest_size(wanted, 512 * 512, 64) == size


def test_frames_are_stretched_over_the_clip_or_go_back_and_forth() -> None:
    assert positions(3, 5, 12) == [0, 0.5, 1, 1.5, 2]
    assert positions(3, 1, 12) == [0]
    assert positions(1, 4, 1) == [0, 0, 0, 0]
    long = positions(8, 60, 7)
    assert (min(long), max(long)) == (0, 7)
    assert max(abs(after - before) for before, after in pairwise(long)) < 1.001
    dark, light = (as_image([[[shade] * 3] * 2] * 2) for shade in (0.0, 1.0))
    frames: list[Any] = [np.asarray(dark), np.asarray(light)]
    assert [int(frame_at(frames, at).max()) for at in (0, 0.25, 1)] == [0, 64, 255]


def test_numbers_that_are_none_are_black() -> None:
    nan = float("nan")
    assert as_image([[[nan, nan, nan], [2.0, -1.0, 0.5]]]).tobytes() == bytes([0, 0, 0, 255, 0, 128])

"""`main.py demo`: a story becomes a film on one command, and nothing of it keeps running."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import av
import numpy as np
import psutil
import pytest

from tests.support.proxy import proxy
from tests.support.server_process import END_S, ROOT, alive, clean_environment
from tests.support.wait import wait_until

SMALL = {"S2V_FILM_RESOLUTION": "320x180", "S2V_FILM_FPS": "12", "S2V_STORY_DEFAULT_SHOTS": "3"}
STORIES = {
    "chinese": "小猫住在海边的灯塔里。夜里下起了雨。清晨太阳出来了。",
    "english": "A fox walked through the snow. It found a small red house. The door was open.",
    "mixed": "机器人 Pixel 来到城市。It looked at the moon. 春天来了。",
    "one sentence": "月亮照着安静的河。",
}


def start(folder: Path, *arguments: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    command = [sys.executable, str(ROOT / "main.py"), "demo", "--config", os.devnull, *arguments]
    return subprocess.Popen(
        command,
        cwd=folder,
        env=clean_environment({**SMALL, **(env or {})}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def below(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


@pytest.mark.parametrize(
    "story", ["chinese", *(pytest.param(story, marks=pytest.mark.soak) for story in STORIES if story != "chinese")]
)
def test_story_becomes_a_film(tmp_path: Path, story: str) -> None:
    # A proxy of the environment does not stand between its programs.
    with proxy() as nobody, start(tmp_path, STORIES[story], env=nobody.environment) as demo:
        family = wait_until(lambda: below(demo.pid), 60)
        output, _ = demo.communicate(timeout=280)
        assert not nobody.asked(), output
        assert demo.returncode == 0, output
        assert alive(family) == []
    said = re.search(r"film: +(.+)\nlength: ([\d.]+) s\nassets: (.+)\n", output)
    assert said, output
    for stage in ("storyboard", "images", "narration", "film"):
        assert f"{stage}: done" in output
    narrations, images = sorted(Path(said[3]).glob("shots/*/audio-*")), sorted(Path(said[3]).glob("shots/*/image-*"))
    assert len(narrations) == len(images) == (1 if story == "one sentence" else 3)
    spoken = sum(seconds(path) for path in narrations)
    with av.open(said[1]) as film:
        assert {stream.type for stream in film.streams} >= {"video", "audio"}
        length = (film.duration or 0) / av.time_base
        assert length == pytest.approx(float(said[2]), abs=0.1)
        # Each shot is its narration and a breath of 0.6 s, at least 2 s; the end is held for 0.5 s.
        slots = sum(max(2.0, seconds(path) + 0.6) for path in narrations) + 0.5
        assert length == pytest.approx(slots, abs=0.5), f"{spoken} s are spoken"
        levels = [float(np.mean(frame.to_ndarray(format="gray"))) for frame in film.decode(video=0)]
    assert min(levels) > 4, "a frame is black"


@pytest.mark.soak
def test_the_natural_voice_tells_a_story(tmp_path: Path) -> None:
    """Nothing stands behind it here, so that it spoke or the demo failed."""
    with start(tmp_path, STORIES["one sentence"], env={"S2V_NODE_TTS_PROVIDER": "kokoro"}) as demo:
        output, _ = demo.communicate(timeout=280)
        assert demo.returncode == 0, output
    said = re.search(r"\nassets: (.+)\n", output)
    assert said, output
    (narration,) = Path(said[1]).glob("shots/*/audio-*")
    assert 1.5 < seconds(narration) < 4


def seconds(path: Path) -> float:
    with av.open(str(path)) as container:
        return (container.duration or 0) / av.time_base


@pytest.mark.soak
def test_no_proxy_of_the_environment_stands_between_its_programs(tmp_path: Path) -> None:
    with proxy() as nobody, start(tmp_path, STORIES["one sentence"], env=nobody.environment) as demo:
        wait_until(lambda: demo.poll() is not None or nobody.asked(), 280, "the film, or a proxy that is asked")
        demo.terminate()
        output, _ = demo.communicate(timeout=END_S)
        assert not nobody.asked(), output
        assert demo.returncode == 0, output


@pytest.mark.parametrize("how", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.soak)])
def test_ctrl_c_or_sigterm_ends_it_and_all_it_started(tmp_path: Path, how: signal.Signals) -> None:
    with start(tmp_path, STORIES["chinese"]) as demo:
        # Server, web worker, supervisor, valkey-server and node are there.
        family = wait_until(lambda: [found for found in [below(demo.pid)] if len(found) >= 5], 120)[0]
        demo.send_signal(how)
        output, _ = demo.communicate(timeout=END_S)  # it should take 5 s
        assert demo.returncode == 130, output
        assert "Traceback" not in output
        assert alive(family) == []


@pytest.mark.soak
def test_kill_leaves_nothing_behind(tmp_path: Path) -> None:
    with start(tmp_path, STORIES["chinese"]) as demo:
        family = wait_until(lambda: [found for found in [below(demo.pid)] if len(found) >= 5], 120)[0]
        demo.kill()
        wait_until(lambda: not alive(family), END_S, "the end of what the demo started")


def test_a_second_demo_in_the_same_folder_is_refused_in_words(tmp_path: Path) -> None:
    with start(tmp_path, STORIES["chinese"]) as first:
        wait_until((tmp_path / "data" / "demo" / "server.log").is_file, 60)
        with start(tmp_path, STORIES["english"]) as second:
            output, _ = second.communicate(timeout=END_S)
        assert second.returncode == 1
        assert "another demo is running" in output
        assert "S2V_DATA_DIR" in output
        first.send_signal(signal.SIGINT)
        first.communicate(timeout=END_S)


def test_story_that_cannot_be_told_is_refused_in_words(tmp_path: Path) -> None:
    with start(tmp_path, "  ") as demo:
        output, _ = demo.communicate(timeout=END_S)
    assert demo.returncode == 1
    assert "the story is empty" in output

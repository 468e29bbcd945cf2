"""What the real node makes of one shot: heard and seen on its page."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.client import Client
from tests.studio.browser import Studio, holds
from tests.studio.story import FILM_MS, Story, colours, differs, picture
from tests.support.server_process import ServerUnderTest


def test_a_picture_is_painted_anew_with_the_seed_that_is_given(
    window: Studio, server: ServerUnderTest, client: Client
) -> None:
    story = Story.painted(server, client, shots=1)
    page = window.open(story.place("shot 1")).page
    window.settled()
    stage = page.locator(".stage .picture")
    expect(page.locator(".stage img")).to_have_js_property("complete", True)
    before, path = picture(stage), story.rows()[0]["image_path"]
    page.get_by_label("绘画提示词").fill("海边的灯塔，白天，阳光")
    page.get_by_label("种子").fill("4x2")
    page.get_by_role("button", name="重新生成画面").click()
    holds(lambda: story.rows()[0]["image_path"] not in ("", path), "another picture in the row")
    holds(lambda: differs(before, picture(stage)) and colours(stage) > 500, "another picture on the screen")
    painted = [task for task in story.client.tasks(story.id) if task["type"] == "generate_shot"][-1]
    assert painted["parameters"]["shot"]["seed"] == 42
    assert story.rows()[0]["prompt"] == "海边的灯塔，白天，阳光"
    page.get_by_role("button", name="沿用当前种子").click()
    expect(page.get_by_label("种子")).to_have_value("42")
    window.fine()


def test_narrations_are_spoken_and_heard_and_a_clip_is_made_and_seen(
    window: Studio, server: ServerUnderTest, client: Client
) -> None:
    story = Story.painted(server, client, shots=2)
    page = window.open(story.place("shot 1")).page
    window.settled()
    page.get_by_role("button", name="朗读全部旁白").click()
    sound = page.locator("audio[aria-label='第 1 镜的旁白']")
    expect(sound).to_have_count(1, timeout=FILM_MS)
    holds(lambda: all(row["audio_path"] for row in story.rows()), "two narrations")
    window.until("document.querySelector('audio[aria-label]').duration > 0.3")
    page.get_by_label("时长（秒）").fill("1")
    page.get_by_role("button", name="生成片段").click()
    clip = page.locator("video[aria-label='第 1 镜的片段']")
    expect(clip).to_have_count(1, timeout=FILM_MS)
    assert story.rows()[0]["video_path"].endswith(".mp4")
    holds(lambda: colours(clip) > 100, "the clip's first frame")
    window.fine()


@pytest.mark.soak
def test_one_shot_is_spoken_anew_and_the_others_stay(window: Studio, server: ServerUnderTest, client: Client) -> None:
    story = Story.painted(server, client, shots=2)
    story.speak()
    page = window.open(story.place("shot 1")).page
    window.settled()
    sound = page.locator("audio[aria-label='第 1 镜的旁白']")
    before = [row["audio_path"] for row in story.rows()]
    page.get_by_label("旁白 / 文案").fill("小狐狸睡着了。")
    page.get_by_role("button", name=re.compile("朗读这一镜")).click()
    holds(lambda: story.rows()[0]["audio_path"] not in ("", before[0]), "another narration")
    assert story.rows()[0]["narration"] == "小狐狸睡着了。"
    assert story.rows()[1]["audio_path"] == before[1], "the other shot is as it was"
    expect(sound).to_have_count(1)
    window.fine()

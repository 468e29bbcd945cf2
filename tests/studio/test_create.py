"""The form for a story: filled from files as people have them, kept until it is sent, and refused where it is too long."""

from __future__ import annotations

import json
from pathlib import Path

import requests
from playwright.sync_api import expect

from tests.e2e.client import Client
from tests.studio.browser import Studio
from tests.studio.story import Story
from tests.support.server_process import ServerUnderTest

STORY = "从前有一只小狐狸，它住在山谷里。每天晚上它都望着月亮。有一天，它决定出发去寻找月亮。"


FILES = {"故事.txt": STORY.encode("gbk"), "story.md": STORY.encode(), "a<b>.txt": STORY.encode("utf-16")}


def test_a_file_is_read_in_the_coding_that_it_has(window: Studio, tmp_path: Path) -> None:
    page = window.open("/new").page
    for name, content in FILES.items():
        file = tmp_path / name
        file.write_bytes(content)
        page.get_by_label("故事文本").fill("")
        page.set_input_files("#file", file)
        expect(page.get_by_label("故事文本")).to_have_value(STORY)
        expect(page.get_by_label("标题")).to_have_value(file.stem)
        page.get_by_label("标题").fill("")
    window.fine()


def test_what_is_half_typed_outlives_a_reload_and_clearing_can_be_undone(window: Studio) -> None:
    page = window.open("/new").page
    story = page.get_by_label("故事文本")
    story.fill("一半")
    page.get_by_role("radio", name="水彩").check()
    page.reload()
    expect(story).to_have_value("一半")
    expect(page.locator("input[name=style][value=watercolor]")).to_be_checked()
    page.get_by_role("button", name="清空").click()
    expect(story).to_have_value("")
    page.get_by_role("button", name="撤销").click()
    expect(story).to_have_value("一半")
    window.fine()


def test_too_long_a_story_is_refused_here_and_too_many_shots_in_the_servers_words(
    window: Studio, server: ServerUnderTest
) -> None:
    before = requests.get(f"{server.url}/v1/api/projects", timeout=60).json()["total"]
    page = window.open("/new").page
    page.get_by_label("故事文本").fill("字" * 20_003)
    page.get_by_role("button", name="开始创作").click()
    expect(page.locator("#story-error")).to_have_text("超出 3 个字符")
    expect(page.locator("#story")).to_be_focused()
    page.get_by_label("故事文本").fill(STORY)
    page.get_by_role("radio", name="指定").check()
    page.get_by_label("分镜个数").fill("61")
    page.get_by_role("button", name="开始创作").click()
    expect(page.get_by_role("alert").first).to_contain_text("必须在 1 到 60 之间，收到 61")
    assert requests.get(f"{server.url}/v1/api/projects", timeout=60).json()["total"] == before
    assert [json.loads(said) if said.startswith("{") else said for said in window.problems if "400" not in said] == []


def test_a_story_as_long_as_may_be_is_told_whole(window: Studio, server: ServerUnderTest, client: Client) -> None:
    text = "".join(f"第{number:04}天，小狐狸走过一座山。" for number in range(2000))[:20_000]
    page = window.open("/new").page
    page.get_by_label("故事文本").fill(text)
    expect(page.locator(".count")).to_have_text("20,000 / 20,000")
    page.get_by_role("radio", name="指定").check()
    page.get_by_label("分镜个数").fill("2")
    page.get_by_label("画面完成后直接合成影片").uncheck()
    page.get_by_role("button", name="开始创作").click()
    expect(page.get_by_text("已绘制 2 / 2")).to_be_visible()
    story = Story(server, client, page.url.partition("?p=")[2])
    assert story.rows("project")[0]["story_text"] == text
    told = [row["narration"] for row in story.rows()]
    assert "".join(told) == text
    window.open(story.place()).settled()
    expect(page.locator("[data-slot]")).to_have_count(2)
    window.open(story.place("shot 2")).settled()
    expect(page.get_by_label("旁白 / 文案")).to_have_value(told[1])
    window.fine()

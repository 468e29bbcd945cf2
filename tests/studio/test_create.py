"""From a story to its outline: by mouse, by keyboard alone, and from files as people have them."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.e2e.client import Client
from tests.studio.browser import Studio
from tests.studio.story import colours
from tests.support.server_process import ServerUnderTest

STORY = "从前有一只小狐狸，它住在山谷里。每天晚上它都望着月亮。有一天，它决定出发去寻找月亮。"


def project_of(page: Page) -> str:
    page.wait_for_url("**/studio/new?p=*")
    return page.url.partition("?p=")[2]


def row(server: ServerUnderTest, project: str) -> dict[str, Any]:
    """The project as it lies in the database."""
    with sqlite3.connect(f"file:{server.folder}/data/storytovideo.db?mode=ro", uri=True) as database:
        database.row_factory = sqlite3.Row
        return dict(database.execute("SELECT * FROM project WHERE id = ?", (project,)).fetchone())


def test_by_mouse_a_story_becomes_an_outline_with_pictures(
    window: Studio, server: ServerUnderTest, client: Client
) -> None:
    page = window.open().page
    page.get_by_role("link", name="新建故事").first.click()
    page.get_by_label("标题").fill("小狐狸 🦊 القمر")
    page.get_by_label("故事文本").fill(STORY)
    assert page.locator(".count").inner_text() == f"{len(STORY)} / 20,000"
    page.get_by_role("radio", name="水墨").check()
    page.get_by_role("radio", name="9:16").check()
    page.get_by_role("radio", name="指定").check()
    page.get_by_label("分镜个数").fill("3")
    page.get_by_role("radio", name="重新讲述").check()
    page.get_by_role("button", name="开始创作").click()
    project = project_of(page)
    made = row(server, project)
    assert (made["title"], made["style"], made["aspect"], made["shot_count"], made["telling"], made["story_text"]) == (
        "小狐狸 🦊 القمر", "ink", "9:16", 3, "told", STORY,
    )  # fmt: skip
    expect(page.locator(".outline-shot img")).to_have_count(3)
    expect(page.get_by_text("已绘制 3 / 3")).to_be_visible()
    assert colours(page.locator(".outline-shot img").first) > 500
    shots = client.get(f"/v1/api/projects/{project}/shots")["shots"]
    assert page.locator(".outline-shot h3").all_inner_texts() == [f"{shot['order']}. {shot['title']}" for shot in shots]
    assert page.evaluate("localStorage.getItem('s2v.draft.create')") is None
    window.fine()


def test_by_keyboard_alone(window: Studio, server: ServerUnderTest) -> None:
    page = window.open().page
    page.keyboard.press("n")
    page.wait_for_url("**/studio/new")
    expect(page.locator("#page-title")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.type("键盘")
    page.keyboard.press("Tab")
    page.keyboard.type(STORY)
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.name") == "style":
            break
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.value") == "anime"
    page.keyboard.press("Control+Enter")
    made = row(server, project_of(page))
    assert (made["title"], made["style"], made["story_text"]) == ("键盘", "anime", STORY)
    window.fine()


@pytest.mark.parametrize(
    ("name", "content"),
    [("故事.txt", STORY.encode("gbk")), ("story.md", STORY.encode()), ("a<b>.txt", STORY.encode("utf-16"))],
)
def test_a_file_is_read_in_the_coding_that_it_has(window: Studio, tmp_path: Path, name: str, content: bytes) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    page = window.open("/new").page
    page.set_input_files("#file", file)
    expect(page.get_by_label("故事文本")).to_have_value(STORY)
    expect(page.get_by_label("标题")).to_have_value(file.stem)
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

"""One shot: what is typed is kept, what is pressed ends in rows and pixels, and two people never write over each other."""

from __future__ import annotations

import io

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.e2e.client import Client
from tests.studio.browser import FRAME, Studio, holds, studio
from tests.studio.story import Story, differs, picture
from tests.support.server_process import ServerUnderTest

STATES = """
window.states = [];
new MutationObserver(() => window.states.push(document.querySelector(".save-state").dataset.state))
  .observe(document.querySelector(".save-state"), {attributeFilter: ["data-state"]})
"""


@pytest.fixture(scope="module")
def server(quick_server: ServerUnderTest) -> ServerUnderTest:
    return quick_server


@pytest.fixture
def story(server: ServerUnderTest, client: Client) -> Story:
    """Three shots that no other test has changed."""
    return Story.painted(server, client)


def saved(page: Page) -> None:
    page.evaluate(FRAME)  # until what was typed is seen as typed
    expect(page.locator(".save-state")).to_have_attribute("data-state", "saved")


def opened(window: Studio, story: Story, number: int) -> Page:
    page = window.open(story.place(f"shot {number}")).page
    window.settled()
    expect(page.get_by_label("绘画提示词")).to_have_value(story.shots[number - 1]["prompt"])
    return page


def test_what_is_typed_is_saved_by_itself_and_starts_nothing(window: Studio, story: Story) -> None:
    page = opened(window, story, 1)
    before = len(story.rows("task"))
    page.evaluate(STATES)
    page.get_by_label("绘画提示词").fill("一只蓝色的狐狸 🦊 ثعلب")
    saved(page)
    states = page.evaluate("window.states")
    assert (states[0], states[-1]) == ("typed", "saved")
    page.get_by_label("旁白 / 文案").fill("蓝狐狸。")
    saved(page)
    row = story.rows()[0]
    assert (row["prompt"], row["narration"]) == ("一只蓝色的狐狸 🦊 ثعلب", "蓝狐狸。")
    page.get_by_role("radio", name="静帧").check()
    saved(page)
    assert story.rows()[0]["motion"] == "none"
    assert len(story.rows("task")) == before
    assert page.evaluate("Object.keys(localStorage).filter(name => name.startsWith('s2v.draft.shot'))") == []
    window.fine()


def test_half_typed_text_outlives_a_reload_and_a_server_that_is_away(window: Studio, story: Story) -> None:
    page = opened(window, story, 2)
    page.context.set_offline(True)
    page.get_by_label("旁白 / 文案").fill("离线时写的字")
    expect(page.locator(".save-state")).to_have_attribute("data-state", "failed")
    page.context.set_offline(False)
    page.reload()
    expect(page.get_by_label("旁白 / 文案")).to_have_value("离线时写的字")
    saved(page)
    assert story.rows()[1]["narration"] == "离线时写的字"


def test_arrow_keys_go_to_the_next_shot_and_the_one_before_but_not_out_of_a_text(window: Studio, story: Story) -> None:
    page = opened(window, story, 1)
    ids = [shot["id"] for shot in story.shots]
    page.keyboard.press("ArrowRight")
    page.wait_for_url(f"**/shots/{ids[1]}")
    expect(page.locator("#page-title")).to_contain_text("第 2 镜")
    page.get_by_label("绘画提示词").press("ArrowLeft")
    assert page.url.endswith(ids[1])
    page.locator("#page-title").focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_url(f"**/shots/{ids[0]}")
    page.go_back()
    page.wait_for_url(f"**/shots/{ids[1]}")
    page.get_by_role("link", name="下一镜").click()
    page.wait_for_url(f"**/shots/{ids[2]}")
    expect(page.get_by_role("button", name="下一镜")).to_be_disabled()
    window.fine()


def test_two_people_who_change_the_same_words_see_both_and_choose(
    window: Studio, browser: Browser, story: Story
) -> None:
    page = opened(window, story, 2)
    with studio(browser, story.server.url) as second:
        other = opened(second, story, 2)
        other.get_by_label("标题").fill("别处的标题")
        saved(other)
        page.get_by_label("绘画提示词").fill("我的提示词")
        saved(page)
        row = story.rows()[1]
        assert (row["title"], row["prompt"]) == ("别处的标题", "我的提示词"), "other words are no conflict"
        other.context.set_offline(True)
        other.get_by_label("旁白 / 文案").fill("对方的旁白")
        page.get_by_label("旁白 / 文案").fill("我的旁白")
        saved(page)
        other.context.set_offline(False)
        dialog = other.get_by_role("dialog")
        expect(dialog).to_contain_text("我的旁白")
        expect(dialog).to_contain_text("对方的旁白")
        assert story.rows()[1]["narration"] == "我的旁白"
        dialog.get_by_role("button", name="保存").click()
        saved(other)
        assert story.rows()[1]["narration"] == "对方的旁白"
    assert window.reports() == []  # a 412 is on the console


def test_versions_stand_side_by_side_and_each_comes_back(window: Studio, story: Story) -> None:
    story.speak()
    page = opened(window, story, 1)
    first = story.rows()[0]["image_path"]
    before = picture(page.locator(".stage .picture"))
    page.locator("[data-upload=images]").set_input_files(
        {"name": "own.png", "mimeType": "image/png", "buffer": _blue()}
    )
    expect(page.get_by_text("已换成您上传的文件")).to_be_visible()
    own = story.rows()[0]["image_path"]
    assert own != first
    holds(lambda: differs(before, picture(page.locator(".stage .picture"))), "the picture that was sent")
    tiles = page.locator(".version")
    expect(tiles).to_have_count(2)
    expect(tiles.first).to_contain_text("上传")
    tiles.nth(1).get_by_role("button", name="与使用中的比较").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator("img")).to_have_count(2)
    dialog.get_by_role("button", name="用这一版").click()
    holds(lambda: story.rows()[0]["image_path"] == first, "the first picture again")
    expect(page.locator(".version.current")).to_contain_text("版本 1")
    page.get_by_role("radio", name="旁白版本").check()
    page.wait_for_url("**?v=narrations")
    expect(page.locator(".version audio")).not_to_have_count(0)
    page.locator("[data-upload=images]").set_input_files(
        {"name": "own.png", "mimeType": "image/png", "buffer": b"<svg onload=alert(1)>"}
    )
    expect(page.locator(".toast.failed")).to_be_visible()
    assert story.rows()[0]["image_path"] == first


def _blue() -> bytes:
    stored = io.BytesIO()
    Image.new("RGB", (640, 360), (20, 60, 220)).save(stored, "PNG")
    return stored.getvalue()

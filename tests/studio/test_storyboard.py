"""The storyboard: what its cards show, and that every click on them ends in rows and pixels."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.client import Client
from tests.studio.browser import Studio, holds, studio
from tests.studio.story import FILM_MS, Story, card, choose, colours, differs, painted, picture
from tests.support.node.dialect import Envelope
from tests.support.node.scripts import Script, failed
from tests.support.node.stand_in import StandInNode
from tests.support.server_process import ServerUnderTest


@pytest.fixture(scope="module")
def server(quick_server: ServerUnderTest) -> ServerUnderTest:
    return quick_server


@pytest.fixture
def story(server: ServerUnderTest, client: Client) -> Story:
    """Three shots that no other test has changed."""
    return Story.painted(server, client)


def test_cards_have_order_words_and_pictures_and_lead_to_their_shots(window: Studio, story: Story) -> None:
    page = window.open(story.place()).page
    window.settled()
    shots = story.shots
    titles = page.locator(".shot-title").all_inner_texts()
    assert [re.sub(r"^第 \d+ 镜\s*", "", text) for text in titles] == [shot["title"] for shot in shots]
    assert page.locator(".shot-words").all_inner_texts() == [shot["narration"] for shot in shots]
    for number in range(1, len(shots) + 1):
        expect(card(page, number).locator("img")).to_have_js_property("complete", True)
        holds(lambda: colours(card(page, number).locator(".picture")) > 500, f"picture {number}")  # noqa: B023
    assert all(
        "thumbnail?width=" in src
        for src in page.locator(".shot-card img").evaluate_all("all => all.map(one => one.src)")
    )
    card(page, 2).locator(".shot-link").click()
    page.wait_for_url(f"**/shots/{shots[1]['id']}")
    window.fine()


def test_the_keyboard_walks_the_cards_changes_the_layout_and_opens_one(window: Studio, story: Story) -> None:
    page = window.open(story.place()).page
    window.settled()

    def focused() -> Any:
        return page.evaluate("document.activeElement.closest('[data-shot]')?.dataset.shot")

    ids = [shot["id"] for shot in story.shots]
    page.keyboard.press("ArrowRight")
    assert focused() == ids[0]
    page.keyboard.press("ArrowRight")
    assert focused() == ids[1]
    page.keyboard.press("End")
    assert focused() == ids[-1]
    page.keyboard.press("ArrowRight")
    assert focused() == ids[-1], "the last one has no next"
    page.keyboard.press("Home")
    assert focused() == ids[0]
    assert page.locator("[data-shot] .shot-link[tabindex='0']").count() == 1
    page.keyboard.press("v")
    page.wait_for_url("**?view=sheet")
    tops = page.locator("[data-shot]").evaluate_all("all => all.map(one => one.getBoundingClientRect().top)")
    expect(page.locator(".board.sheet")).to_be_visible()
    page.reload()
    expect(page.locator(".board.sheet")).to_be_visible()
    assert len(tops) == 3
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/shots/{ids[0]}")
    expect(page.locator("#page-title")).to_be_focused()
    page.keyboard.press("Escape")
    page.wait_for_url(f"**/p/{story.id}?shot={ids[0]}")
    window.fine()


def test_a_film_is_made_by_the_one_filled_button_and_the_timeline_has_its_true_lengths(
    window: Studio, story: Story
) -> None:
    page = window.open(story.place()).page
    window.settled()
    expect(page.locator(".slot.guess")).to_have_count(3)
    assert page.locator(".page .button.primary").count() == 1
    page.get_by_role("button", name="生成影片").click()
    expect(page.locator(".page-actions .button.primary")).to_have_attribute("aria-busy", "true")
    link = page.get_by_role("link", name="观看影片")
    expect(link).to_be_visible(timeout=FILM_MS)
    [film] = [row for row in story.rows("asset") if row["kind"] == "film"]
    assert film["stored_at"]
    [made] = story.client.get(f"/v1/api/projects/{story.id}/films")["films"]
    slots = json.loads(story.client.fetch(made["log"]).read_text("utf-8"))["shots"]
    expect(page.locator(".slot.guess")).to_have_count(0)
    window.drawn()
    widths = page.locator("[data-slot]").evaluate_all("all => all.map(one => one.getBoundingClientRect().width)")
    lengths = [slot["end"] - slot["start"] for slot in slots]
    for width, length in zip(widths, lengths, strict=True):
        assert width / sum(widths) == pytest.approx(length / sum(lengths), abs=0.01)
    page.locator("[data-slot]").nth(1).click()
    expect(card(page, 2)).to_have_class(re.compile("selected"))
    link.click()
    page.wait_for_url("**/film")
    window.fine()


def test_what_was_spent_is_told_and_grows_with_each_picture(
    window: Studio, server: ServerUnderTest, client: Client, node: StandInNode
) -> None:
    def priced(envelope: Envelope) -> Script:
        script = painted(envelope)
        usage = [{"provider": "p", "model": "m", "units": {"images": 1}, "cost": "0.125"}]
        script.reports[-1] |= {"result": {"resource_url": "/files/{job}", "usage": usage}}
        return script

    node.script("generate_shot", priced)
    try:
        story = Story.painted(server, client, shots=2)
        lead = window.open(story.place()).page.locator(".page-titles .lead")
        expect(lead).to_contain_text("已花费 0.25")
        client.post(f"/v1/api/projects/{story.id}/shots/{story.shots[0]['id']}", {"prompt": "雪山"})
        expect(lead).to_contain_text("已花费 0.375")
    finally:
        node.script("generate_shot", painted)
    window.fine()


def test_what_somebody_else_does_is_seen_without_a_reload(window: Studio, browser: Browser, story: Story) -> None:
    page = window.open(story.place()).page
    window.settled()
    holds(lambda: colours(card(page, 1).locator(".picture")) > 500, "a picture")
    before = picture(card(page, 1).locator(".picture"))
    with studio(browser, story.server.url) as second:
        other = second.open(story.place()).page
        second.settled()
        old = other.locator("[data-shot] img").first.get_attribute("src")
        choose(other, second, 1, "重新生成画面")
        first = other.locator("[data-shot] img").first
        holds(lambda: first.get_attribute("src") != old, "the new picture")
        second.fine()
    assert story.rows()[0]["image_path"].endswith("image-2.png")
    holds(lambda: differs(before, picture(card(page, 1).locator(".picture"))), "another picture on the screen")
    window.fine()


def test_deleting_asks_once_takes_the_row_and_can_be_undone(window: Studio, story: Story) -> None:
    page = window.open(story.place()).page
    window.settled()
    ids = [row["id"] for row in story.rows()]
    choose(page, window, 2, "删除")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("删除第 2 镜")
    dialog.get_by_role("button", name="取消").click()
    assert [shot["id"] for shot in story.shots] == ids
    card(page, 2).locator(".shot-link").focus()
    page.keyboard.press("Delete")
    dialog.get_by_role("button", name="删除").click()
    expect(page.locator("[data-shot]")).to_have_count(2)
    assert [shot["id"] for shot in story.shots] == [ids[0], ids[2]]
    page.get_by_role("button", name="撤销").click()
    expect(page.locator("[data-shot]")).to_have_count(3)
    assert [shot["id"] for shot in story.shots] == ids
    window.fine()


def test_cards_are_moved_by_the_mouse_and_by_keys_and_back(window: Studio, story: Story) -> None:
    page = window.open(story.place()).page
    window.settled()
    ids = [shot["id"] for shot in story.shots]

    def ordered(wanted: list[str]) -> None:
        cards = page.locator("[data-shot]")
        holds(lambda: [row["id"] for row in story.rows()] == wanted, f"rows: {wanted}")
        holds(lambda: cards.evaluate_all("all => all.map(one => one.dataset.shot)") == wanted, f"cards: {wanted}")

    handle, target = card(page, 1).locator(".handle"), card(page, 3).bounding_box()
    assert target
    handle.hover()
    page.mouse.down()
    page.mouse.move(target["x"] + target["width"] * 0.8, target["y"] + 60, steps=12)
    expect(card(page, 3)).to_have_class(re.compile("drop-after"))
    page.mouse.up()
    ordered([ids[1], ids[2], ids[0]])
    page.get_by_role("button", name="撤销").click()
    ordered(ids)
    card(page, 1).locator(".shot-link").focus()
    page.keyboard.press("Alt+ArrowRight")
    ordered([ids[1], ids[0], ids[2]])
    window.until(f"document.activeElement.closest('[data-shot]')?.dataset.shot === '{ids[0]}'")
    handle = card(page, 3).locator(".handle")
    handle.hover()
    page.mouse.down()
    page.mouse.move(200, 500, steps=4)
    page.keyboard.press("Escape")
    page.mouse.up()
    ordered([ids[1], ids[0], ids[2]])
    window.fine()


def test_shots_are_inserted_duplicated_split_and_merged(window: Studio, story: Story, client: Client) -> None:
    words = {"narration": "小狐狸住在山谷里。它望着月亮。"}
    assert client.request("PATCH", f"/v1/api/projects/{story.id}/shots/{story.shots[0]['id']}", json=words).ok
    page = window.open(story.place()).page
    window.settled()
    first = story.shots[0]
    choose(page, window, 1, "复制一镜")
    expect(page.locator("[data-shot]")).to_have_count(4)
    assert [shot["narration"] for shot in story.shots[:2]] == [first["narration"]] * 2
    choose(page, window, 2, "拆成两镜")
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("radio").first.check()
    dialog.get_by_role("button", name="拆开").click()
    expect(page.locator("[data-shot]")).to_have_count(5)
    parts = [shot["narration"] for shot in story.shots[1:3]]
    assert "".join(parts).replace(" ", "") == first["narration"].replace(" ", "")
    page.locator(".toast", has_text="已拆成").get_by_role("button", name="撤销").click()
    expect(page.locator("[data-shot]")).to_have_count(4)
    assert story.shots[1]["narration"] == first["narration"]
    before = [(shot["id"], shot["narration"], shot["imagePath"].partition("?")[0]) for shot in story.shots]
    choose(page, window, 2, "与下一镜合并")
    page.get_by_role("dialog").get_by_role("button", name="合并").click()
    expect(page.locator("[data-shot]")).to_have_count(3)
    assert story.shots[1]["narration"].replace("\n", "") == before[1][1] + before[2][1]
    page.locator(".toast", has_text="已合并").get_by_role("button", name="撤销").click()
    expect(page.locator("[data-shot]")).to_have_count(4)
    assert [(shot["id"], shot["narration"], shot["imagePath"].partition("?")[0]) for shot in story.shots] == before
    page.get_by_role("button", name="添加分镜").click()
    page.wait_for_url("**/shots/*")
    assert len(story.rows()) == 5
    assert story.shots[-1]["id"] == page.url.rpartition("/")[2]
    window.fine()


def test_a_failure_says_stage_shot_the_providers_words_and_what_helps_and_is_tried_again(
    browser: Browser, server: ServerUnderTest, client: Client, node: StandInNode
) -> None:
    node.script("generate_shot", lambda _envelope: failed("upstream timeout <b>token=s2v_verysecret123</b>"))
    try:
        story = Story(server, client, client.create("失败", "一句话。又一句话。", 2)["project_id"])
        holds(lambda: [task["status"] for task in client.tasks(story.id)].count("failed") == 2, "two failures")
    finally:
        node.script("generate_shot", painted)
    with studio(browser, server.url, permissions=["clipboard-read", "clipboard-write"]) as window:
        page = window.open(story.place()).page
        error = card(page, 1).locator(".shot-error")
        expect(error).to_contain_text("画面")
        expect(error).to_contain_text("<b>token=")
        assert page.locator(".shot-error b").count() == 0
        expect(page.locator(".slot.failed")).to_have_count(2)
        window.open(story.place("shot 1"))
        told = page.get_by_role("alert").first
        for part in ("画面失败", "第 1 镜", "upstream timeout", "重试可能有用"):
            expect(told).to_contain_text(part)
        told.get_by_role("button", name="复制报告").click()
        expect(page.get_by_text("报告已复制")).to_be_visible()
        report = page.evaluate("navigator.clipboard.readText()")
        assert "verysecret" not in report
        assert json.loads(report)["shot"]["order"] == 1
        told.get_by_role("button", name="重试").click()
        expect(page.locator(".stage img")).to_be_visible()
        holds(lambda: story.rows()[0]["image_path"], "a picture in the row")
        window.open(story.place())
        page.get_by_role("button", name="继续生成").click()
        expect(page.locator(".slot.done")).to_have_count(2)
        assert all(row["image_path"] for row in story.rows())
        window.fine()

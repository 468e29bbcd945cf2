"""From a text to a film on one's own disk, by mouse and by keyboard alone; and through a server that goes away in the middle."""

from __future__ import annotations

import hashlib
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.e2e.client import Client
from tests.studio.browser import Studio, studio
from tests.studio.story import STORY, Story, colours
from tests.support.server_process import ServerUnderTest

FILM_MS = 180_000


def project_of(page: Page) -> str:
    """Of the outline that is open, or comes to be."""
    page.wait_for_url("**/studio/new?p=*")
    return page.url.partition("?p=")[2]


def download(page: Page, press: str | None = None) -> bytes:
    """The newest film, by the link beside it: pressed with the mouse, or by a key while it has the focus."""
    link = page.get_by_role("link", name="下载版本 1 的 MP4")
    with page.expect_download() as got:
        if press is None:
            link.click()
        else:
            link.focus()
            page.keyboard.press(press)
    return Path(got.value.path()).read_bytes()


def tab_to(page: Page, name: str) -> None:
    """Go by Tab alone to what has this name; it is within reach."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if (
            page.evaluate(
                "(document.activeElement.getAttribute('aria-label') ?? document.activeElement.innerText ?? '').trim()"
            )
            == name
        ):
            return
    raise AssertionError(f"no {name} within 60 steps")


def test_by_mouse(window: Studio, server: ServerUnderTest, client: Client) -> None:
    page = window.open().page
    page.get_by_role("link", name="新建故事").first.click()
    page.get_by_label("标题").fill("狐狸与月亮")
    page.get_by_label("故事文本").fill(STORY)
    page.get_by_role("radio", name="指定").check()
    page.get_by_label("分镜个数").fill("3")
    film_now = page.get_by_label("画面完成后直接合成影片")
    if film_now.count():
        film_now.uncheck()
    page.get_by_role("button", name="开始创作").click()
    story = Story(server, client, project_of(page))
    page.reload()  # in the middle: nothing is lost
    expect(page.locator(".outline-shot img")).to_have_count(3)
    page.get_by_role("button", name="打开故事板").click()
    window.settled()
    assert colours(page.locator("[data-shot] .picture").first) > 500
    page.get_by_role("button", name="生成影片").click()
    page.get_by_role("link", name="观看影片").click(timeout=FILM_MS)
    [film] = [row for row in story.rows("asset") if row["kind"] == "film"]
    assert hashlib.sha256(download(page)).hexdigest() == film["sha256"]
    page.get_by_role("link", name="资产库").first.click()
    expect(page.locator(".project").first).to_contain_text("已成片")
    window.fine()


def test_by_keyboard_alone(window: Studio, server: ServerUnderTest, client: Client) -> None:
    page = window.open().page
    page.keyboard.press("n")
    expect(page.locator("#page-title")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.type("键盘")
    page.keyboard.press("Tab")
    page.keyboard.type("小狐狸住在山谷里。它望着月亮。")
    page.keyboard.press("Control+Enter")
    story = Story(server, client, project_of(page))
    expect(page.locator(".lead")).to_have_text("画面已完成")
    tab_to(page, "打开故事板")
    page.keyboard.press("Enter")
    expect(page.locator("#page-title")).to_be_focused()
    tab_to(page, "生成影片")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="观看影片")).to_be_visible(timeout=FILM_MS)
    page.locator("#page-title").focus()
    tab_to(page, "观看影片")
    page.keyboard.press("Enter")
    page.wait_for_url("**/film")
    [film] = [row for row in story.rows("asset") if row["kind"] == "film"]
    assert hashlib.sha256(download(page, "Enter")).hexdigest() == film["sha256"]
    window.fine()


def test_a_page_that_is_open_says_that_the_server_is_away_and_goes_on_with_it(browser: Browser, tmp_path: Path) -> None:
    settings = {"auth.required": "false"}
    with ServerUnderTest(tmp_path, settings) as server, studio(browser, server.url) as window:
        client = Client([server.url], tmp_path)
        created = client.create("狐狸", STORY, 3)
        client.wait(created["text_task_id"])
        page = window.open(f"/new?p={created['project_id']}").page
        expect(page.locator(".outline-shot h3")).to_have_count(3)
        server.end()
        expect(page.locator(".connection")).to_be_visible()
        assert page.locator(".outline-shot h3").count() == 3  # what was there stays
        with ServerUnderTest(tmp_path, settings, port=server.port):
            expect(page.locator(".connection")).to_have_count(0)
            expect(page.locator(".outline-shot img")).to_have_count(3)
            shot = client.get(f"/v1/api/projects/{created['project_id']}/shots")["shots"][0]
            client.request("DELETE", f"/v1/api/shots/{shot['id']}")
            expect(page.locator(".outline-shot h3")).to_have_count(2)
        assert window.reports() == []

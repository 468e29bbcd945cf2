"""From a text to a film on one's own disk, by mouse and by keyboard alone, over both columns of services."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.e2e.client import Client
from tests.studio.browser import Studio, holds
from tests.studio.story import FILM_MS, STORY, Story, colours, film_until
from tests.support.server_process import ServerUnderTest
from tests.support.soak import soaking

FILM_TOO = "画面完成后直接合成影片"


@pytest.fixture(scope="module", params=soaking(("embedded", "production"), 1))
def server(
    server: ServerUnderTest, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerUnderTest]:
    """The one that all share, with everything embedded; or one over MariaDB and MinIO."""
    if request.param == "embedded":
        yield server
        return
    with (
        request.getfixturevalue("production").fresh() as settings,
        ServerUnderTest(tmp_path_factory.mktemp("production"), settings | {"film.resolution": "640x360"}) as running,
    ):
        yield running


def project_of(page: Page) -> str:
    """Of the outline that is open, or comes to be."""
    page.wait_for_url("**/studio/new?p=*")
    return page.url.partition("?p=")[2]


def row(story: Story) -> dict[str, Any]:
    """The project as it lies in the database."""
    [found] = story.rows("project")
    return found


def download(page: Page, press: str | None = None) -> tuple[str, str]:
    """The newest film's name and hash, by the link beside it: pressed with the mouse, or by a key while it has the focus."""
    link = page.get_by_role("link", name="下载版本 1 的 MP4")
    with page.expect_download() as got:
        if press is None:
            link.click()
        else:
            link.focus()
            page.keyboard.press(press)
    return got.value.suggested_filename, hashlib.sha256(Path(got.value.path()).read_bytes()).hexdigest()


def photographed(page: Page, folder: Path) -> Image.Image:
    """What the player's button for a still saves; its name ends as what it holds."""
    with page.expect_download() as got:
        page.get_by_role("button", name="截图").click()
    path = folder / got.value.suggested_filename
    got.value.save_as(path)
    with Image.open(path) as image:
        assert image.format == path.suffix[1:].upper()
        picture: Image.Image = image.convert("RGB")
    return picture


def tab_to(page: Page, name: str) -> None:
    """Go by Tab alone to what has this name; it is within reach."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if (
            page.evaluate(
                "((at) => at.getAttribute('aria-label') ?? at.labels?.[0]?.innerText ?? at.innerText)(document.activeElement)?.trim()"
            )
            == name
        ):
            return
    raise AssertionError(f"no {name} within 60 steps")


def test_by_mouse(window: Studio, server: ServerUnderTest, client: Client, tmp_path: Path) -> None:
    page = window.open().page
    page.get_by_role("link", name="新建故事").first.click()
    page.get_by_label("标题").fill("小狐狸 🦊 القمر")
    page.get_by_label("故事文本").fill(STORY)
    expect(page.locator(".count")).to_have_text(f"{len(STORY)} / 20,000")
    for choice in ("水墨", "9:16", "指定", "重新讲述"):
        page.get_by_role("radio", name=choice).check()
    page.get_by_label("分镜个数").fill("3")
    page.get_by_label(FILM_TOO).uncheck()
    page.get_by_role("button", name="开始创作").click()
    story = Story(server, client, project_of(page))
    made = row(story)
    assert (made["title"], made["style"], made["aspect"], made["shot_count"], made["telling"], made["story_text"]) == (
        "小狐狸 🦊 القمر", "ink", "9:16", 3, "told", STORY,
    )  # fmt: skip
    assert page.evaluate("localStorage.getItem('s2v.draft.create')") is None
    page.reload()  # in the middle: nothing is lost
    expect(page.locator(".outline-shot img")).to_have_count(3)
    expect(page.get_by_text("已绘制 3 / 3")).to_be_visible()
    titles = [f"{shot['order']}. {shot['title']}" for shot in story.shots]
    assert page.locator(".outline-shot h3").all_inner_texts() == titles
    page.get_by_role("button", name="打开故事板").click()
    window.settled()
    holds(lambda: colours(page.locator("[data-shot] .picture").first) > 500, "a picture")
    page.get_by_role("button", name="生成影片").click()
    page.get_by_role("link", name="观看影片").click(timeout=FILM_MS)
    [film] = [row for row in story.rows("asset") if row["kind"] == "film"]
    assert download(page) == ("小狐狸 🦊 القمر 1.mp4", film["sha256"])
    film_until(window, "film.readyState > 1")
    assert len(photographed(page, tmp_path).getcolors(1 << 24) or []) > 500
    page.get_by_role("link", name="资产库").first.click()
    expect(page.locator(".project").first).to_contain_text("已成片")
    window.fine()


def test_by_keyboard_alone(window: Studio, server: ServerUnderTest, client: Client) -> None:
    page = window.open().page
    page.keyboard.press("n")
    expect(page.locator("#page-title")).to_have_text("新建故事")
    expect(page.locator("#page-title")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.type("键盘")
    page.keyboard.press("Tab")
    page.keyboard.type("小狐狸住在山谷里。它望着月亮。")
    tab_to(page, "电影")
    page.keyboard.press("ArrowRight")
    tab_to(page, FILM_TOO)
    page.keyboard.press("Space")
    page.keyboard.press("Control+Enter")
    story = Story(server, client, project_of(page))
    assert (row(story)["title"], row(story)["style"]) == ("键盘", "anime")
    expect(page.locator(".lead")).to_have_text("画面已完成")
    tab_to(page, "打开故事板")
    page.keyboard.press("Enter")
    page.wait_for_url("**/studio/p/*")
    expect(page.locator("#page-title")).to_be_focused()
    expect(page.get_by_role("button", name="生成影片")).to_be_visible()
    tab_to(page, "生成影片")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="观看影片")).to_be_visible(timeout=FILM_MS)
    page.locator("#page-title").focus()
    tab_to(page, "观看影片")
    page.keyboard.press("Enter")
    page.wait_for_url("**/film")
    [film] = [row for row in story.rows("asset") if row["kind"] == "film"]
    assert download(page, "Enter") == ("键盘 1.mp4", film["sha256"])
    window.fine()


@pytest.mark.soak
@pytest.mark.timeout(1800)  # of a machine busy with other things, as patiently as each of its steps
def test_sixty_shots_become_a_film(window: Studio, server: ServerUnderTest, client: Client) -> None:
    page = window.open("/new").page
    page.get_by_label("故事文本").fill("".join(f"第{number}天，小狐狸走过了一座山。" for number in range(60)))
    page.get_by_role("radio", name="指定").check()
    page.get_by_label("分镜个数").fill("60")
    page.get_by_role("button", name="开始创作").click()
    story = Story(server, client, project_of(page))
    expect(page.get_by_text("已绘制 60 / 60")).to_be_visible(timeout=FILM_MS)
    page.get_by_role("button", name="打开故事板").click()
    expect(page.locator("[data-shot]")).to_have_count(60)
    ids = [row["id"] for row in story.rows()]
    page.keyboard.press("End")
    page.keyboard.press("End")
    page.keyboard.press("Alt+ArrowLeft")
    holds(lambda: [row["id"] for row in story.rows()] == [*ids[:58], ids[59], ids[58]], "another order")
    expect(page.locator("[data-shot]").nth(58).locator("img")).to_have_js_property("complete", True)
    film = page.get_by_role("link", name="观看影片").or_(page.get_by_role("button", name="生成影片"))
    film.click(timeout=5 * FILM_MS)
    if "/film" not in page.url:  # made before the order was another
        page.get_by_role("link", name="观看影片").click(timeout=5 * FILM_MS)
    expect(page.locator(".chapter")).to_have_count(60)
    window.fine()

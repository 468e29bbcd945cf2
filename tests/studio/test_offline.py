"""Without the server: what was seen and what was kept is there, after the browser was closed, too."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import BrowserContext, expect, sync_playwright

from tests.e2e.client import Client
from tests.studio.browser import chromium, window
from tests.studio.story import film_until
from tests.support.server_process import ServerUnderTest

SIZES = "[...document.querySelectorAll('main img')].map((image) => [image.complete, image.naturalWidth > 100])"


def in_a_new_browser(profile: Path, act: Callable[[BrowserContext], None]) -> None:
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            profile, executable_path=chromium(), args=["--no-sandbox"], locale="zh-CN"
        )
        try:
            act(context)
        finally:
            context.close()


def test_history_pictures_and_a_kept_film_are_there_without_the_server(tmp_path: Path) -> None:
    assert chromium()
    profile = tmp_path / "profile"
    with ServerUnderTest(tmp_path) as server:
        client = Client([server.url], tmp_path)
        created = client.create("小狐狸", "小狐狸住在山谷里。它望着月亮。", 2)
        project = created["project_id"]
        client.wait(created["text_task_id"])
        for task in created["shot_task_ids"]:
            client.wait(task)
        client.film(project, resolution="320x180", fps=10)

        def visit(context: BrowserContext) -> None:
            studio = window(context, server.url)
            page = studio.open().page
            studio.until("navigator.serviceWorker.controller !== null")
            studio.open(f"/new?p={project}").settled()
            expect(page.locator(".outline-shot img")).to_have_count(2)
            studio.open(f"/p/{project}/film").settled()
            page.get_by_role("button", name="存到本机").click()
            expect(page.get_by_role("button", name="已存本机")).to_be_visible()
            studio.until("caches.open('pictures').then((one) => one.keys()).then((keys) => keys.length >= 3)")
            studio.fine()

        in_a_new_browser(profile, visit)

    def without(context: BrowserContext) -> None:
        studio = window(context, server.url)
        page = studio.open().page
        expect(page.locator(".project")).to_have_count(1)
        expect(page.locator(".connection.offline")).to_be_visible()
        studio.open(f"/new?p={project}")
        expect(page.locator(".outline-shot h3")).to_have_count(2)
        studio.until(f"{SIZES}.every((one) => one[0])")
        assert page.evaluate(SIZES) == [[True, True]] * 2
        studio.open(f"/p/{project}/film")
        page.get_by_role("button", name="播放").first.click()
        film_until(studio, "film.currentTime > 0.5 && film.videoWidth === 320")

    in_a_new_browser(profile, without)

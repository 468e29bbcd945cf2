"""Without the server: what was seen and what was kept is there, after the browser was closed, too."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import BrowserContext, expect, sync_playwright

from tests.e2e.client import Client
from tests.studio.browser import chromium, window
from tests.support.server_process import ServerUnderTest

KEEP = """async (film) => {
  const base = document.querySelector('script[type=module]').src.replace('/js/app.js', '');
  await import(`${base}/js/components/keep.js`);
  const button = document.createElement('s2v-keep');
  button.film = film;
  document.querySelector('main').append(button);
}"""
PLAY = """async (url) => {
  const video = document.createElement('video');
  video.muted = true;
  video.src = url;
  document.querySelector('main').append(video);
  await new Promise((done, failed) => { video.onloadeddata = done; video.onerror = () => failed(video.error.message); });
  video.currentTime = video.duration / 2;
  await new Promise((done) => { video.onseeked = done; });
  return [video.videoWidth, video.currentTime > 0];
}"""
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
        film = client.get(f"/v1/api/projects/{project}/films")["films"][0]

        def visit(context: BrowserContext) -> None:
            studio = window(context, server.url)
            page = studio.open().page
            studio.until("navigator.serviceWorker.controller !== null")
            studio.open(f"/new?p={project}").settled()
            expect(page.locator(".outline-shot img")).to_have_count(2)
            page.evaluate(KEEP, film)
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
        assert page.evaluate(PLAY, film["url"]) == [320, True]

    in_a_new_browser(profile, without)

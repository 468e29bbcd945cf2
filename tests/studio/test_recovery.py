"""What goes away under an open page and comes back: the server, and the node in the middle of its work."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.e2e.client import Client
from tests.studio.browser import PATIENCE_MS, holds, studio
from tests.studio.story import FILM_MS, STORY, Story, card, colours
from tests.support.cutting_proxy import CuttingProxy
from tests.support.proxy import Tunnel
from tests.support.server_process import ServerUnderTest
from tests.support.servers.node_server import NodeServer

SHOTS = 4


@pytest.fixture(scope="module")
def real_node() -> Iterator[NodeServer]:
    running = NodeServer()
    yield running
    running.close()


def test_an_open_page_says_that_the_server_is_away_and_goes_on_with_it(
    browser: Browser, real_node: NodeServer, tmp_path: Path
) -> None:
    settings = {"worker.addr": real_node.addr}
    with ServerUnderTest(tmp_path, settings) as server, studio(browser, server.url) as window:
        client = Client([server.url], tmp_path)
        created = client.create("狐狸", STORY, 2)
        client.wait(created["text_task_id"])
        page = window.open(f"/new?p={created['project_id']}").page
        expect(page.locator(".outline-shot h3")).to_have_count(2)
        server.end()
        expect(page.locator(".connection")).to_be_visible()
        assert page.locator(".outline-shot h3").count() == 2  # what was there stays
        with ServerUnderTest(tmp_path, settings, port=server.port):
            expect(page.locator(".connection")).to_have_count(0)
            expect(page.locator(".outline-shot img")).to_have_count(2)
            shot = client.get(f"/v1/api/projects/{created['project_id']}/shots")["shots"][0]
            client.request("DELETE", f"/v1/api/shots/{shot['id']}")
            expect(page.locator(".outline-shot h3")).to_have_count(1)
        assert window.reports() == []


def test_a_page_whose_sockets_no_proxy_lets_through_is_fresh_all_the_same(
    browser: Browser, quick_server: ServerUnderTest, tmp_path: Path
) -> None:
    """Without a word that it is not."""
    client = Client([quick_server.url], tmp_path)
    story = Story.painted(quick_server, client, shots=2)
    with (
        CuttingProxy(f"127.0.0.1:{quick_server.port}", refused=b"Upgrade: websocket") as proxy,
        studio(browser, f"http://{proxy.addr}") as window,
    ):
        page = window.open(story.place()).page
        holds(lambda: proxy.cuts > 3, "refused sockets")
        expect(page.locator(".connection")).to_have_count(0)
        for title in ("山谷", "湖边"):
            words = {"title": title}
            assert client.request("PATCH", f"/v1/api/projects/{story.id}/shots/{story.shots[0]['id']}", json=words).ok
            expect(card(page, 1)).to_contain_text(title)
        assert window.reports() == []


@pytest.mark.soak  # a minute until the page gives up waiting
def test_a_page_that_is_never_answered_says_so_and_goes_on_when_the_way_is_open_again(
    browser: Browser, quick_server: ServerUnderTest
) -> None:
    """As after a night in which a router has forgotten the connections: they take what is sent, and lead nowhere."""
    with Tunnel(f"127.0.0.1:{quick_server.port}") as tunnel, studio(browser, f"http://{tunnel.addr}") as window:
        page = window.open().page
        window.settled()
        page.get_by_role("link", name="音乐库").click()
        expect(page.locator("#page-title")).to_have_text("音乐库")
        window.settled()
        tunnel.half_open = True
        page.get_by_role("link", name="资产库").first.click()
        expect(page.locator(".connection")).to_be_visible(timeout=2 * PATIENCE_MS)
        tunnel.half_open = False
        tunnel.cut()
        expect(page.locator(".connection")).to_have_count(0, timeout=2 * PATIENCE_MS)


@pytest.mark.soak
@pytest.mark.parametrize("comes_back", [True, False], ids=["comes back", "stays away for a while"])
def test_a_story_whose_node_is_killed_in_the_middle_goes_on_to_its_film(
    browser: Browser, real_node: NodeServer, tmp_path: Path, comes_back: bool
) -> None:
    """By itself where the node is soon there again; else by the button of what has failed, though there may be a film by then in which
    placeholders stand. It paints one picture after the other.
    """
    patience = {"worker.dispatch_retries": 10 if comes_back else 0, "worker.timeout_minutes": 20 if comes_back else 1}
    settings = {"worker.addr": real_node.addr, "worker.concurrency": 1, "film.resolution": "320x180", **patience}
    with ServerUnderTest(tmp_path, settings) as server, studio(browser, server.url) as window:
        page = window.open("/new").page
        page.get_by_label("故事文本").fill("".join(f"第{number}天，小狐狸走过了一座山。" for number in range(SHOTS)))
        page.get_by_role("radio", name="指定").check()
        page.get_by_label("分镜个数").fill(str(SHOTS))
        page.get_by_role("button", name="开始创作").click()
        page.wait_for_url("**/studio/new?p=*")
        story = Story(server, Client([server.url], tmp_path), page.url.partition("?p=")[2])
        holds(lambda: any(row["image_path"] for row in story.rows()), "a first picture")
        real_node.kill()
        painted = {row["id"]: row["image_path"] for row in story.rows() if row["image_path"]}
        assert 0 < len(painted) < SHOTS
        page.get_by_role("button", name="打开故事板").click()
        if not comes_back:
            expect(page.locator(".slot.failed")).not_to_have_count(0)
            expect(page.get_by_role("button", name="继续生成")).to_be_visible()
        real_node.start_again()
        if not comes_back:
            page.get_by_role("button", name="继续生成").click()
        page.get_by_role("link", name="观看影片").click(timeout=FILM_MS)
        rows = {row["id"]: row["image_path"] for row in story.rows()}
        assert all(rows.values())
        assert painted.items() <= rows.items(), "what there was is not painted again"
        [whole, *before] = story.client.get(f"/v1/api/projects/{story.id}/films")["films"]
        assert (whole["warnings"], whole["stale"]) == ([], False)
        assert len(before) == sum(bool(film["warnings"]) for film in before) <= (0 if comes_back else 1)
        holds(lambda: colours(page.locator("video.main")) > 500, "a frame")
        window.fine()

"""The list of projects: found, sorted, paged, deleted; and it says so when the server is away."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.e2e.client import Client
from tests.studio.browser import Studio
from tests.support.server_process import ServerUnderTest

MANY = 26
WORD = "长篇连载"  # no other test's titles have it


@pytest.fixture(scope="module")
def server(quick_server: ServerUnderTest) -> ServerUnderTest:
    return quick_server


@pytest.fixture(scope="module", autouse=True)
def _projects(client: Client) -> None:
    for number in range(MANY):
        client.create(f"{WORD}{number:02}", "小狐狸住在山谷里。", 1)
    client.create("龙与少年", "从前有一条龙。", 1)


def test_search_sort_and_pages_are_in_the_address_and_outlive_a_reload(window: Studio) -> None:
    page = window.open(f"?q={WORD}").page
    cards = page.locator(".project")
    expect(cards).to_have_count(24)
    expect(page.get_by_text(f"共 {MANY} 个项目")).to_be_visible()
    page.get_by_label("排序").select_option("title")
    page.get_by_role("link", name="下一页").click()
    expect(cards).to_have_count(2)
    assert "page=2" in page.url
    assert "sort=title" in page.url
    page.go_back()
    expect(cards).to_have_count(24)
    page.keyboard.press("/")
    page.keyboard.press("Control+a")
    page.keyboard.type("龙与")
    expect(cards).to_have_count(1)
    page.reload()
    expect(cards).to_have_count(1)
    expect(page.get_by_role("searchbox")).to_have_value("龙与")
    page.get_by_label("状态").select_option("failed")
    expect(page.get_by_text("没有找到")).to_be_visible()
    page.get_by_role("button", name="清除筛选").click()
    expect(cards).to_have_count(24)
    window.fine()


def test_a_project_is_deleted_once_that_is_confirmed_and_the_focus_is_not_lost(window: Studio, client: Client) -> None:
    page = window.open("?q=龙与").page
    page.get_by_role("button", name="“龙与少年”的更多操作").click()
    expect(page.get_by_role("menuitem", name="故事板")).to_be_focused()
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="取消").click()
    assert client.get("/v1/api/projects?q=龙与")["total"] == 1
    expect(page.get_by_role("button", name="“龙与少年”的更多操作")).to_be_focused()
    page.keyboard.press("Enter")
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    page.get_by_role("dialog").get_by_role("button", name="删除").click()
    expect(page.get_by_text("“龙与少年”已删除")).to_be_visible()
    expect(page.locator("#page-title")).to_be_focused()
    assert client.get("/v1/api/projects?q=龙与")["total"] == 0
    page.get_by_role("button", name="撤销").click()
    expect(page.locator(".project")).to_have_count(1)
    assert client.get("/v1/api/projects?q=龙与")["total"] == 1
    window.fine()

"""A server that asks who comes: by name and password, by key, and out again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from common.clock import Clock
from config.settings import Settings
from models.account import Scope
from models.bootstrap import open_database
from service.access import accounts
from tests.studio.browser import Studio, studio
from tests.support.server_process import ServerUnderTest

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def closed(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerUnderTest]:
    assert browser.is_connected()
    with ServerUnderTest(tmp_path_factory.mktemp("closed"), {"auth.required": "true"}) as running:
        yield running


@pytest.fixture(scope="module")
def key(closed: ServerUnderTest) -> str:
    database, now = open_database(Settings(data_dir=closed.folder / "data")), Clock().now()
    accounts.add(database, "alice", PASSWORD, admin=False, now=now)
    text = accounts.add_key(database, "alice", "", Scope.WRITE, days=0, now=now)[1]
    database.close()
    return text


@pytest.fixture
def guest(browser: Browser, closed: ServerUnderTest, key: str) -> Iterator[Studio]:
    assert key
    with studio(browser, closed.url) as opened:
        yield opened


def test_who_asks_for_a_page_logs_in_and_is_there(guest: Studio) -> None:
    page = guest.open("/music").page
    page.get_by_label("用户名").fill("alice")
    page.get_by_label("密码").fill("wrong")
    page.get_by_role("button", name="登录").click()
    expect(page.get_by_role("alert")).to_contain_text("密码")
    page.get_by_label("密码").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.locator("#page-title")).to_have_text("音乐库")
    expect(page.get_by_role("link", name="系统")).to_have_count(0)  # she is no admin
    page.reload()
    expect(page.locator("#page-title")).to_have_text("音乐库")
    names = {cookie.get("name"): cookie.get("httpOnly") for cookie in page.context.cookies()}
    assert names == {"__Host-s2v_access": True, "__Host-s2v_refresh": True}
    page.get_by_role("link", name="新建故事").click()
    page.get_by_label("故事文本").fill("小狐狸住在山谷里。")
    page.get_by_role("button", name="开始创作").click()
    page.wait_for_url("**/studio/new?p=*")
    expect(page.locator(".outline-shot img").first).to_be_visible()
    page.get_by_role("button", name="账号：alice").click()
    page.get_by_role("menuitem", name="退出登录").click()
    expect(page.get_by_label("用户名")).to_be_visible()
    page.reload()
    expect(page.get_by_label("用户名")).to_be_visible()
    assert guest.reports() == []


def test_a_key_opens_this_tab_alone(guest: Studio, key: str) -> None:
    page = guest.open().page
    page.get_by_role("button", name="改用 API 密钥").click()
    page.get_by_label("API 密钥").fill("s2v_nonsense")
    page.get_by_role("button", name="用密钥进入").click()
    expect(page.get_by_role("alert")).to_contain_text("无效")
    page.get_by_label("API 密钥").fill(key)
    page.get_by_role("button", name="用密钥进入").click()
    expect(page.locator("#page-title")).to_have_text("资产库")
    page.reload()
    expect(page.locator("#page-title")).to_have_text("资产库")
    other = page.context.new_page()
    other.goto(page.url)
    expect(other.get_by_label("用户名")).to_be_visible()
    assert key not in page.url
    assert page.context.cookies() == []

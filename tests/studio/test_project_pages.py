"""A project's cast and options, and many stories out of one file: what is done on the page is in the rows."""

from __future__ import annotations

import io
import zipfile

import pytest
from playwright.sync_api import expect

from tests.e2e.client import Client
from tests.studio.browser import Studio
from tests.studio.story import Story, colours
from tests.support.server_process import ServerUnderTest


@pytest.fixture(scope="module")
def server(quick_server: ServerUnderTest) -> ServerUnderTest:
    return quick_server


@pytest.fixture
def story(server: ServerUnderTest, client: Client) -> Story:
    return Story.painted(server, client, 2)


def test_somebody_joins_the_cast_gets_a_face_and_leaves(window: Studio, story: Story, client: Client) -> None:
    page = window.open(story.place("/cast")).page
    page.get_by_role("button", name="添加角色").click()
    page.get_by_label("名字").fill("<b>狐狸</b>")
    page.get_by_label("样貌").fill("橙色的小狐狸")
    page.get_by_role("button", name="保存").click()
    expect(page.locator(".member h2")).to_have_text("<b>狐狸</b>")
    [member] = client.get(f"/v1/api/projects/{story.id}/cast")["cast"]
    assert member["look"] == "橙色的小狐狸"
    page.get_by_role("button", name="编辑“<b>狐狸</b>”").click()
    with page.expect_file_chooser() as chosen:
        page.get_by_role("menuitem", name="上传参考图").click()
    image = client.fetch(story.shots[0]["imagePath"])
    chosen.value.set_files({"name": "fox.png", "mimeType": "image/png", "buffer": image.read_bytes()})
    expect(page.locator(".portrait img")).to_be_visible()
    assert colours(page.locator(".portrait")) > 200
    page.get_by_role("button", name="编辑“<b>狐狸</b>”").click()
    page.get_by_role("menuitem", name="删除").click()
    page.get_by_role("dialog").get_by_role("button", name="删除").click()
    expect(page.get_by_text("还没有角色")).to_be_visible()
    assert client.get(f"/v1/api/projects/{story.id}/cast")["cast"] == []
    window.fine()


def test_options_are_saved_and_the_subtitles_look_as_they_say(window: Studio, story: Story, client: Client) -> None:
    page = window.open(story.place("/options")).page
    preview = page.locator(".subtitle-preview p")
    before = preview.bounding_box()
    page.get_by_role("radio", name="上方").check()
    page.locator("#colour").fill("#ffcc00")
    page.locator("#seed").fill("7")
    window.drawn()
    after = preview.bounding_box()
    assert before is not None
    assert after is not None
    assert after["y"] < before["y"]
    assert preview.locator("span").first.evaluate("one => getComputedStyle(one).color") == "rgb(255, 204, 0)"
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_text("设置已保存")).to_be_visible()
    options = client.get(f"/v1/api/projects/{story.id}")["options"]
    assert (options["seed"], options["subtitle_style"]["position"], options["subtitle_style"]["colour"]) == (
        7,
        "top",
        "#FFCC00",
    )
    page.reload()
    expect(page.locator("#seed")).to_have_value("7")
    window.fine()


def test_a_zip_of_texts_becomes_a_project_for_each_and_says_what_did_not(window: Studio, client: Client) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("狐狸.txt", "小狐狸住在山谷里。".encode("gbk"))
        archive.writestr("空.txt", " ")
    page = window.open("/new").page
    page.set_input_files("#file", {"name": "a.zip", "mimeType": "application/zip", "buffer": packed.getvalue()})
    page.get_by_role("dialog").get_by_role("button", name="导入").click()
    rows = page.locator(".batch li")
    expect(rows).to_have_count(2)
    expect(rows.nth(1)).to_contain_text("不能为空")
    rows.nth(0).get_by_role("link").click()
    page.wait_for_url("**/studio/p/*")
    project = page.url.rpartition("/")[2]
    assert client.get(f"/v1/api/projects/{project}")["project_detail"]["story_text"] == "小狐狸住在山谷里。"
    window.fine()

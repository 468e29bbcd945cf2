"""The film: exported, watched, compared and taken away, by clicks that end in rows, frames and files."""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.e2e.client import Client
from tests.studio.browser import Studio, holds
from tests.studio.story import FILM_MS, Story, colours, differs, film_until, picture
from tests.support.audio_signals import music, write_wav
from tests.support.server_process import ServerUnderTest

LINE = re.compile(r"^(M[\d.]+ [\d.]+V[\d.]+){100,}$")


@pytest.fixture(scope="module")
def story(server: ServerUnderTest, client: Client) -> Story:
    """Two shots and two films of them, which every test may look at and none changes."""
    made = Story.painted(server, client, shots=2)
    for mode in ("preview", "final"):
        made.client.film(made.id, mode=mode, resolution="360p", subtitles="soft")
    return made


def films(story: Story) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = story.client.get(f"/v1/api/projects/{story.id}/films")["films"]
    return found


def ready(window: Studio, story: Story, query: str = "") -> Page:
    """The page once its film can be played."""
    page = window.open(story.place(f"/film{query}")).page
    window.settled()
    film_until(window, "film.readyState >= 2")
    return page


def time_of(page: Page) -> float:
    return float(page.evaluate("document.querySelector('video.main').currentTime"))


def test_without_a_film_one_is_exported_as_the_form_says_and_says_what_has_changed_since(
    window: Studio, server: ServerUnderTest, client: Client, tmp_path: Path
) -> None:
    with write_wav(tmp_path / "calm.wav", music(4.0)).open("rb") as file:
        client.request("POST", "/v1/api/music", files={"file": ("calm.wav", file)}, data={"title": "平静 <b>"})
    story = Story.painted(server, client, shots=2)
    page = window.open(story.place("/film")).page
    window.settled()
    expect(page.get_by_text("还没有影片")).to_be_visible()
    page.get_by_role("radio", name="预览").check()
    page.get_by_label("帧率").select_option("24")
    page.get_by_label("字幕").select_option("soft")
    page.get_by_label("配乐").select_option(label="平静 <b>")
    wave = page.locator(".wave-level")
    expect(wave).to_have_attribute("d", LINE)
    loud = str(wave.get_attribute("d"))
    page.get_by_label("配乐音量").fill("-30")
    holds(lambda: wave.get_attribute("d") != loud, "a quieter line")
    expect(page.get_by_text("-30 分贝")).to_be_visible()
    page.reload()
    expect(page.get_by_label("配乐音量")).to_have_value("-30")
    page.get_by_role("button", name="导出影片").click()
    expect(page.locator("video.main")).to_have_count(1, timeout=FILM_MS)
    [made] = films(story)
    asked = made["parameters"]
    assert (made["mode"], str(asked["fps"]), asked["subtitles"]) == ("preview", "24", "soft")
    assert (asked["music_level"], bool(made["music"])) == (-30, True)
    shot = story.shots[0]
    client.wait(client.post(f"/v1/api/projects/{story.id}/shots/{shot['id']}", {"prompt": "雪山"})["task_id"])
    stale = page.locator("[data-film='1']")
    expect(stale).to_contain_text("已过期")
    stale.get_by_role("link", name="第 1 镜").click()
    page.wait_for_url(f"**/shots/{shot['id']}")
    window.fine()


def test_a_film_has_the_projects_music_unless_the_form_says_none(
    window: Studio, server: ServerUnderTest, client: Client, tmp_path: Path
) -> None:
    with write_wav(tmp_path / "calm.wav", music(2.0)).open("rb") as file:
        piece = client.request("POST", "/v1/api/music", files={"file": ("calm.wav", file)}).json()["music"]["id"]
    story = Story.painted(server, client, shots=1)
    assert client.request("PATCH", f"/v1/api/projects/{story.id}", json={"music": piece}).ok
    page = window.open(story.place("/film")).page
    window.settled()
    page.get_by_role("radio", name="预览").check()
    expect(page.get_by_label("配乐", exact=True)).to_have_value("")
    expect(page.locator(".wave-level")).to_have_attribute("d", LINE)
    page.get_by_label("配乐", exact=True).select_option("none")
    expect(page.locator(".wave-level")).to_have_count(0)
    page.get_by_role("button", name="导出影片").click()
    expect(page.locator("[data-film='1']")).to_be_visible(timeout=FILM_MS)
    page.get_by_label("配乐", exact=True).select_option("")
    page.get_by_role("button", name="导出影片").click()
    expect(page.locator("[data-film='2']")).to_be_visible(timeout=FILM_MS)
    assert [film["music"] for film in films(story)] == [piece, ""]
    window.fine()


def test_a_film_is_played_stepped_through_and_heard_as_one_likes(window: Studio, story: Story) -> None:
    page = ready(window, story)
    screen = page.locator("video.main")
    holds(lambda: colours(screen) > 500, "a frame")
    page.get_by_role("button", name="播放", exact=True).click()
    film_until(window, "film.currentTime > 0.5")
    page.keyboard.press("k")
    film_until(window, "film.paused")
    at, rate = time_of(page), films(story)[0]["fps"]
    page.get_by_role("button", name="前进一帧").click()
    assert time_of(page) == pytest.approx((round(at * rate) + 1) / rate, abs=0.01)
    page.keyboard.press(",")
    assert time_of(page) == pytest.approx(round(at * rate) / rate, abs=0.01)
    before = picture(screen)
    second = page.locator(".chapter").nth(1)
    second.click()
    holds(lambda: differs(before, picture(screen)), "the second shot's picture")
    assert time_of(page) > 1
    page.keyboard.press("[")
    assert time_of(page) < 1
    page.get_by_label("速度").select_option("1.5")
    film_until(window, "film.playbackRate === 1.5")
    page.get_by_label("音量", exact=True).fill("0.3")
    film_until(window, "Math.abs(film.volume - 0.3) < 0.01 && !film.muted")
    page.get_by_role("button", name="静音").click()
    film_until(window, "film.muted")
    page.reload()
    film_until(window, "Math.abs(film.volume - 0.3) < 0.01 && film.muted")
    window.fine()


def test_subtitles_are_shown_when_they_are_heard_and_can_be_switched_off(window: Studio, story: Story) -> None:
    page = ready(window, story)
    page.locator(".chapter").nth(1).click()
    page.get_by_label("播放位置").evaluate(
        "(one) => { one.value = Number(one.value) + 0.6; one.dispatchEvent(new Event('input', {bubbles: true})); }"
    )
    caption = page.locator(".caption")
    expect(caption).to_be_visible()
    assert caption.inner_text().replace("\n", "") in story.shots[1]["narration"]
    page.get_by_role("button", name="字幕").click()
    expect(caption).to_have_count(0)
    window.fine()


def test_what_is_seen_and_all_that_was_made_can_be_taken_away(window: Studio, story: Story, tmp_path: Path) -> None:
    page = ready(window, story)
    with page.expect_download() as shot:
        page.get_by_role("button", name="截图").click()
    path = tmp_path / "frame.png"
    shot.value.save_as(path)
    made = films(story)[0]
    with Image.open(path) as frame:
        assert f"{frame.width}x{frame.height}" == made["resolution"]
        assert len(frame.convert("RGB").getcolors(1 << 24) or []) > 500
    for kind, address in {"MP4": made["url"], **{k.upper(): v for k, v in made["subtitles"].items()}}.items():
        link = page.get_by_role("link", name=f"下载版本 {made['number']} 的 {kind}")
        assert str(link.get_attribute("href")).partition("?")[0] == address.partition("?")[0]
    with page.expect_download() as film:
        page.get_by_role("link", name=f"下载版本 {made['number']} 的 MP4").click()
    assert hashlib.sha256(Path(film.value.path()).read_bytes()).hexdigest() == made["sha256"]
    with page.expect_download() as whole:
        page.get_by_role("link", name="下载全部素材").click()
    with zipfile.ZipFile(io.BytesIO(Path(whole.value.path()).read_bytes())) as archive:
        names = archive.namelist()
        assert {"story.txt", "shots.json", f"film/{made['number']}.mp4"} <= set(names)
        assert sum(name.startswith("shots/") for name in names) >= 4


def test_two_versions_play_side_by_side_and_the_address_says_which(window: Studio, story: Story) -> None:
    page = ready(window, story)
    expect(page.locator("[data-film]")).to_have_count(2)
    expect(page.locator("[data-film='2']")).to_contain_text("正在播放")
    page.get_by_role("button", name="与版本 1 对比").click()
    page.wait_for_url("**with=1*")
    window.until("document.querySelector('video.second')?.readyState >= 2")
    page.locator(".chapter").nth(1).click()
    window.until(
        "Math.abs(document.querySelector('video.second').currentTime - document.querySelector('video.main').currentTime) < 0.2"
        " && document.querySelector('video.second').currentTime > 1",
    )
    window.until("document.querySelector('video.second').muted")
    page.get_by_role("button", name="结束对比").click()
    expect(page.locator("video.second")).to_have_count(0)
    page.get_by_role("button", name="播放版本 1").click()
    page.wait_for_url("**v=1*")
    expect(page.locator("[data-film='1']")).to_contain_text("正在播放")
    page.go_back()
    expect(page.locator("[data-film='2']")).to_contain_text("正在播放")
    window.fine()

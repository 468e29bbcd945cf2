"""`make screenshots`: a server with some stories, and pictures of every page of its studio, in two languages, on a desk and in a hand."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image

from tests.e2e.client import Client
from tests.studio.browser import Studio, running_browser, studio
from tests.support.audio_signals import music, write_wav
from tests.support.server_process import ServerUnderTest

STORIES: dict[str, list[dict[str, Any]]] = json.loads(Path(__file__).with_name("stories.json").read_text("utf-8"))
LANGUAGES = {"zh": "zh-CN", "en": "en-US"}
DEVICES: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1280, "height": 800}, "device_scale_factor": 1.5},
    "phone": {
        "viewport": {"width": 390, "height": 844},
        "device_scale_factor": 2,
        "has_touch": True,
        "is_mobile": True,
    },
}
THEMES = {"zh": "dark", "en": "light"}
IN_README = ("assets", "create", "storyboard", "film")  # on a desk
QUALITY = 82


def make_stories(client: Client, language: str) -> tuple[str, str]:
    """All of them, the last with a film; its id and its second shot's."""
    made = [client.post("/v1/api/projects", story) for story in STORIES[language]]
    for project in made:
        for task in project["shot_task_ids"]:
            client.wait(task)
    last = str(made[-1]["project_id"])
    client.film(last)
    client.film(str(made[0]["project_id"]), mode="preview")
    return last, str(client.get(f"/v1/api/projects/{last}/shots")["shots"][1]["id"])


def add_music(client: Client, folder: Path, language: str) -> None:
    """A few pieces, so that the library is one."""
    titles = {"zh": ["夜曲", "山谷清晨", "远行"], "en": ["Nocturne", "Morning valley", "Far away"]}[language]
    for title, tags in zip(titles, ["calm,piano", "warm,guitar", "heroic,strings"], strict=True):
        path = write_wav(folder / "piece.wav", music(24.0))
        with path.open("rb") as file:
            client.request("POST", "/v1/api/music", files={"file": file}, data={"title": title, "tags": tags})


def photograph(window: Studio, name: str, place: str, path: Path, *, fill: dict[str, Any] | None) -> None:
    """One page, as it first shows; `fill` is a story for the form of Create."""
    window.open(place).settled()
    if fill:
        window.page.fill("#title", fill["title"])
        window.page.fill("#story", fill["story_text"])
        window.page.locator("#story").blur()
    if name == "film":
        window.page.evaluate("document.querySelector('video').currentTime = 5")
    window.page.wait_for_load_state("networkidle")
    window.page.wait_for_timeout(800)  # a picture that comes a moment later is only a picture
    window.page.mouse.move(0, 0)
    path.parent.mkdir(parents=True, exist_ok=True)
    whole = path.with_suffix(".png")
    window.page.screenshot(path=whole)
    with Image.open(whole) as image:
        image.convert("RGB").save(path, quality=QUALITY, method=6)
    whole.unlink()


def main(out: Path, chosen: Path) -> None:
    """Into `out/<language>/<device>-<page>.webp`; those that the README shows into `chosen`, too."""
    for language, locale in LANGUAGES.items():
        with (
            tempfile.TemporaryDirectory() as folder,
            running_browser() as browser,
            ServerUnderTest(Path(folder)) as server,
        ):
            client = Client([server.url], Path(folder))
            add_music(client, Path(folder), language)
            project, shot = make_stories(client, language)
            places = {
                "assets": "", "create": "/new", "outline": f"/new?p={project}", "storyboard": f"/p/{project}",
                "sheet": f"/p/{project}?view=sheet", "shot": f"/p/{project}/shots/{shot}", "film": f"/p/{project}/film",
                "cast": f"/p/{project}/cast", "options": f"/p/{project}/options", "music": "/music",
                "system": "/system", "login": "/login",
            }  # fmt: skip
            for device, options in DEVICES.items():
                with studio(browser, server.url, locale=locale, color_scheme=THEMES[language], **options) as window:
                    for name, place in places.items():
                        path = out / language / f"{device}-{name}.webp"
                        photograph(window, name, place, path, fill=STORIES[language][-1] if name == "create" else None)
                        if device == "desktop" and name in IN_README:
                            kept = chosen / language / path.name
                            kept.parent.mkdir(parents=True, exist_ok=True)
                            kept.write_bytes(path.read_bytes())


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

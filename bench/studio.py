"""How the studio scrolls: a list of 200 projects and a storyboard of 60 shots, in the system's Chromium.

Prints the long tasks of each page (over 50 ms, by the browser's own count) and ends with status 1 where one takes over 100 ms.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.e2e.client import Client
from tests.studio.browser import Studio, running_browser, studio
from tests.support.server_process import ServerUnderTest

PROJECTS, SHOTS, LIMIT_MS = 200, 60, 100.0
LISTEN = """
window.tasks = [];
new PerformanceObserver((list) => window.tasks.push(...list.getEntries().map((one) => one.duration))).observe({entryTypes: ["longtask"]});
"""
SCROLL = """async () => {
  const row = document.querySelector(".board, [data-board], .shots") ?? document.scrollingElement;
  const places = [document.scrollingElement, row];
  for (const place of places) {
    for (let step = 0; step < 60; step += 1) {
      place.scrollBy(place.scrollWidth > place.clientWidth ? 240 : 0, 240);
      await new Promise(requestAnimationFrame);
    }
  }
  return window.tasks;
}"""


def scrolled(window: Studio, place: str) -> list[float]:
    """Milliseconds of the long tasks while the page is scrolled from its beginning to its end."""
    window.open(place).settled()
    window.page.wait_for_load_state("networkidle")
    window.page.evaluate("window.tasks.length = 0")
    found: list[float] = window.page.evaluate(f"({SCROLL})()")
    return found


def fill(client: Client) -> str:
    """The projects; returns the one with many shots."""
    story = "。".join(f"第{number}天，小狐狸走过了一座山" for number in range(SHOTS)) + "。"
    large: dict[str, Any] = client.create("很多分镜", story, SHOTS)
    for number in range(PROJECTS - 1):
        client.create(f"第 {number} 个故事", "小狐狸住在山谷里。", 1)
    for task in large["shot_task_ids"]:
        client.wait(task)
    return str(large["project_id"])


def main() -> int:
    """Both pages; the exit status."""
    worst = 0.0
    with tempfile.TemporaryDirectory() as folder, running_browser() as browser, ServerUnderTest(Path(folder)) as server:
        project = fill(Client([server.url], Path(folder)))
        with studio(browser, server.url) as window:
            window.page.add_init_script(LISTEN)
            for name, place in ((f"{PROJECTS} projects", ""), (f"{SHOTS} shots", f"/p/{project}")):
                tasks = scrolled(window, place)
                worst = max([worst, *tasks])
                print(f"{name}: {len(tasks)} long tasks, the longest {max(tasks, default=0):.0f} ms")
    return int(worst > LIMIT_MS)


if __name__ == "__main__":
    sys.exit(main())

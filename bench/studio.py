"""What the studio weighs, and how it scrolls: a first visit, a list of 200 projects and a storyboard of 60 shots, in the system's Chromium.

Prints the bytes of the first visit and, out of a trace of each page while it is scrolled, the longest tasks of its main thread: in
processor time, which is judged, and by the clock, which other programs on the machine lengthen. Ends with status 1 where the first visit is
over 150 KiB without its pictures, or a task over 100 ms.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.e2e.client import Client
from tests.studio.browser import Studio, running_browser, studio
from tests.studio.story import painted
from tests.support.node.stand_in import StandInNode
from tests.support.server_process import ServerUnderTest

PROJECTS, SHOTS, LIMIT_MS, LIMIT_KIB = 200, 60, 100.0, 150.0
SHOWN = 5
CATEGORIES = ["__metadata", "toplevel", "devtools.timeline", "disabled-by-default-devtools.timeline"]
SCROLL = """async () => {
  for (const place of [document.scrollingElement, document.querySelector(".board")]) {
    if (!place) continue;
    const across = place.scrollWidth > place.clientWidth ? 240 : 0;
    for (let step = 0; step < 60; step += 1) {
      place.scrollBy(across, 240);
      await new Promise(requestAnimationFrame);
    }
  }
}"""
Event = dict[str, Any]


def scrolled(window: Studio, place: str) -> list[Event]:
    """The tasks of the page's main thread while it is scrolled from its beginning to its end."""
    window.open(place).settled()
    window.page.wait_for_load_state("networkidle")
    events: list[Event] = []
    ended: list[Event] = []
    devtools = window.page.context.new_cdp_session(window.page)
    devtools.on("Tracing.dataCollected", lambda some: events.extend(some["value"]))
    devtools.on("Tracing.tracingComplete", lambda said: ended.append(said))  # noqa: PLW0108 - Playwright marks what it calls
    devtools.send("Tracing.start", {"transferMode": "ReportEvents", "traceConfig": {"includedCategories": CATEGORIES}})
    window.page.evaluate(f"({SCROLL})()")
    devtools.send("Tracing.end")
    while not ended:
        window.page.wait_for_timeout(50)
    main = {
        (one["pid"], one["tid"])
        for one in events
        if one["name"] == "thread_name" and one["args"]["name"] == "CrRendererMain"
    }
    return [one for one in events if one["name"] == "RunTask" and (one["pid"], one["tid"]) in main]


def longest(tasks: list[Event], kind: str) -> list[float]:
    """Milliseconds of the longest of them: `tdur` of the processor, `dur` by the clock."""
    return sorted((task.get(kind, 0) / 1000 for task in tasks), reverse=True)[:SHOWN]


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
    """The visit and both pages; the exit status."""
    worst = 0.0
    with (
        tempfile.TemporaryDirectory() as folder,
        running_browser() as browser,
        StandInNode() as node,
        ServerUnderTest(Path(folder), {"worker.addr": node.addr}) as server,
    ):
        node.script("generate_shot", painted)
        project = fill(Client([server.url], Path(folder)))
        places = {
            f"{PROJECTS} projects": "",
            f"{SHOTS} shots": f"/p/{project}",
            "as a sheet": f"/p/{project}?view=sheet",
        }
        with studio(browser, server.url) as window:
            weight = window.weigh("/new")
            print(f"first visit: {sum(weight.values()) / 1024:.0f} KiB in {len(weight)} answers, without pictures")
        with studio(browser, server.url) as window:
            for name, place in places.items():
                tasks = scrolled(window, place)
                own, clock = longest(tasks, "tdur"), longest(tasks, "dur")
                worst = max([worst, *own])
                print(f"{name}: {len(tasks)} tasks, the longest {_ms(own)} of the processor; by the clock {_ms(clock)}")
    return int(worst > LIMIT_MS or sum(weight.values()) > LIMIT_KIB * 1024)


def _ms(values: list[float]) -> str:
    return ", ".join(f"{value:.0f}" for value in values) + " ms"


if __name__ == "__main__":
    sys.exit(main())

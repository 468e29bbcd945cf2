"""The studio in Debian's Chromium, over a server that runs: nothing that goes between the two is replaced."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.conftest import leave_out
from tests.support.wait import wait_until

PATIENCE_MS = 90_000  # of somebody whose machine is busy with other things
expect.set_options(timeout=PATIENCE_MS)
NAMES = ("chromium", "chromium-browser", "google-chrome")
# Told to the page before anything of its own runs.
LISTEN = """
window.reports = [];
document.addEventListener("securitypolicyviolation", (event) => window.reports.push(`${event.violatedDirective}: ${event.blockedURI}`));
"""
REST = """
Promise.all(document.getAnimations().filter((one) => one.effect.getComputedTiming().endTime !== Infinity)
  .map((one) => one.finished.catch(() => {})))
"""
FRAME = "new Promise((drawn) => requestAnimationFrame(() => drawn()))"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def chromium() -> str:
    """The browser's path; leaves the test out where there is none."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    return found or leave_out("chromium is not installed")


def holds(condition: Callable[[], object], what: str = "") -> None:
    """Wait until something is true, on the screen or in the rows, as patiently as the browser does."""
    wait_until(condition, PATIENCE_MS / 1000, what)


@contextmanager
def running_browser() -> Iterator[Browser]:
    """A browser without a window; it ends with the block, since its loop would be in the way of other tests."""
    path = chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@dataclass
class Studio:
    """A browser's window on the studio of a server. `problems` is what its console says, and what its policy forbade."""

    page: Page
    url: str
    problems: list[str] = field(default_factory=list)

    def note(self, problem: str) -> None:
        """Something that should not be."""
        self.problems.append(problem)

    def open(self, place: str = "", *, until: str = "#page-title") -> Studio:
        """Go to a place of the studio, as by its address."""
        self.page.goto(f"{self.url}/studio{place}")
        self.page.wait_for_selector(until, state="attached", timeout=PATIENCE_MS)
        return self

    def settled(self) -> None:
        """Wait until nothing is loading, and what moves has come to rest."""
        expect(self.page.locator(".skeleton, [aria-busy=true]")).to_have_count(0, timeout=PATIENCE_MS)
        self.page.evaluate(REST)

    def until(self, condition: str) -> None:
        """Wait until this is true in the page. (Playwright's own way looks again by `eval`, which the policy forbids.)"""
        holds(lambda: self.page.evaluate(condition), condition)

    def drawn(self) -> Studio:
        """Wait until what was typed or chosen is drawn: a view draws itself once a frame."""
        self.page.evaluate(FRAME)
        return self

    def weigh(self, place: str) -> dict[str, int]:
        """Go to a place; the bytes of each answer as they came over the wire, without the pictures, by its address."""
        kinds: dict[str, tuple[str, str]] = {}
        sizes: dict[str, int] = {}
        devtools = self.page.context.new_cdp_session(self.page)
        devtools.send("Network.enable")
        devtools.on(
            "Network.responseReceived",
            lambda seen: kinds.update({seen["requestId"]: (seen["response"]["url"], seen["type"])}),
        )
        devtools.on(
            "Network.loadingFinished", lambda seen: sizes.update({seen["requestId"]: int(seen["encodedDataLength"])})
        )
        self.open(place).settled()
        self.page.wait_for_load_state("networkidle")
        known = {request: kinds.get(request, (request, "")) for request in sizes}
        return {address: sizes[request] for request, (address, kind) in known.items() if kind != "Image"}

    def reports(self) -> list[str]:
        """What the policy forbade on this page."""
        found: list[str] = self.page.evaluate("window.reports")
        return found

    def violations(self) -> list[str]:
        """What axe finds, a line each."""
        self.page.evaluate(axe())
        options = json.dumps({"runOnly": {"type": "tag", "values": RULES}, "resultTypes": ["violations"]})
        result: dict[str, Any] = self.page.evaluate(f"axe.run(document, {options})")
        return [
            f"{found['id']}: {node['target']} {node['failureSummary']}"
            for found in result["violations"]
            for node in found["nodes"]
        ]

    def fine(self) -> None:
        """Nothing was forbidden, nothing was said on the console."""
        assert (self.problems, self.reports()) == ([], [])


@cache
def axe() -> str:
    """axe-core's script, which a package brings."""
    spec = find_spec("axe_playwright_python")
    assert spec is not None
    assert spec.submodule_search_locations
    return (Path(spec.submodule_search_locations[0]) / "axe.min.js").read_text("utf-8")


@contextmanager
def studio(browser: Browser, url: str, **options: Any) -> Iterator[Studio]:
    """A window of its own: width and height, `locale`, `color_scheme`."""
    context = browser.new_context(**{"locale": "zh-CN", "viewport": {"width": 1280, "height": 800}, **options})
    try:
        yield window(context, url)
    finally:
        context.close()


def window(context: BrowserContext, url: str) -> Studio:
    """One more window of a browser that remembers."""
    context.set_default_timeout(PATIENCE_MS)
    context.add_init_script(LISTEN)
    opened = Studio(context.new_page(), url)
    opened.page.on("console", lambda said: opened.note(said.text) if said.type in ("error", "warning") else None)
    opened.page.on("pageerror", lambda error: opened.note(str(error)))
    return opened

"""A project in the studio, and what the database and the screen say of it."""

from __future__ import annotations

import io
import sqlite3
from dataclasses import dataclass
from typing import Any

import pytest
from PIL import Image, ImageChops
from playwright.sync_api import Locator, Page

from tests.e2e.client import Client
from tests.studio.browser import Studio
from tests.support.server_process import ServerUnderTest

FILM_MS = 180_000  # until a film or a clip is made
STORY = "从前有一只小狐狸，住在森林边上。它每天晚上都看着月亮。有一天，月亮不见了，小狐狸决定去找它。"


@dataclass(frozen=True)
class Story:
    """A project of a running server."""

    server: ServerUnderTest
    client: Client
    id: str

    @classmethod
    def painted(cls, server: ServerUnderTest, client: Client, shots: int = 3, title: str = "狐狸与月亮") -> Story:
        """One whose shots have their pictures."""
        created = client.create(title, STORY, shots)
        for task in created["shot_task_ids"]:
            client.wait(task)
        return cls(server, client, str(created["project_id"]))

    @property
    def shots(self) -> list[dict[str, Any]]:
        """As the API has them."""
        found: list[dict[str, Any]] = self.client.get(f"/v1/api/projects/{self.id}/shots")["shots"]
        return found

    def rows(self, table: str = "shot") -> list[dict[str, Any]]:
        """As they lie in the database; shots by their order."""
        order = '"order"' if table == "shot" else "created_at"
        column = "id" if table == "project" else "project_id"
        with sqlite3.connect(f"file:{self.server.folder}/data/storytovideo.db?mode=ro", uri=True) as database:
            database.row_factory = sqlite3.Row
            query = f"SELECT * FROM {table} WHERE {column} = ? ORDER BY {order}"
            return [dict(row) for row in database.execute(query, (self.id,))]

    def place(self, what: str = "") -> str:
        """An address of the project below `/studio`; "shot 1" is its first shot."""
        if what.startswith("shot "):
            return f"/p/{self.id}/shots/{self.shots[int(what[5:]) - 1]['id']}"
        return f"/p/{self.id}{what}"


def needs(client: Client, route: str) -> None:
    """Leave the test out on a server that has no such route."""
    if not any(route in path for path in client.get("/openapi.json")["paths"]):
        pytest.skip(f"the server has no {route}")


def picture(place: Locator) -> Image.Image:
    """What an element shows."""
    return Image.open(io.BytesIO(place.screenshot())).convert("RGB")


def colours(place: Locator) -> int:
    """How many colours it shows: a drawing of one colour, or nothing, has few."""
    return len(picture(place).getcolors(1 << 24) or [])


def differs(one: Image.Image, other: Image.Image) -> bool:
    """Whether two pictures of the same size have not the same pixels."""
    return one.size != other.size or ImageChops.difference(one, other).getbbox() is not None


def card(page: Page, number: int) -> Locator:
    """The card of a place on the storyboard, from 1."""
    return page.locator("[data-shot]").nth(number - 1)


def choose(page: Page, window: Studio, number: int, action: str) -> None:
    """Choose something out of a card's menu."""
    assert window.page is page
    card(page, number).get_by_role("button", name=f"第 {number} 镜的操作").click()
    page.get_by_role("menuitem", name=action).click()


def film_until(window: Studio, what: str) -> None:
    """Wait until something holds of the film in the player, `film`."""
    window.until(f"(film => Boolean(film && ({what})))(document.querySelector('video.main'))")

"""A project in the studio, and what the database and the screen say of it."""

from __future__ import annotations

import io
import random
from dataclasses import dataclass
from typing import Any

from PIL import Image, ImageChops
from playwright.sync_api import Error, Locator, Page
from sqlalchemy import URL, NullPool, create_engine, text

from config.go_dsn import parse
from tests.e2e.client import Client
from tests.studio.browser import Studio
from tests.support.node.dialect import Envelope
from tests.support.node.scripts import Script, finished
from tests.support.server_process import ServerUnderTest
from tests.support.wait import wait_until

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

    def speak(self) -> None:
        """Have every narration spoken."""
        self.client.wait(self.client.post(f"/v1/api/projects/{self.id}/tts")["task_id"])

    @property
    def shots(self) -> list[dict[str, Any]]:
        """As the API has them."""
        found: list[dict[str, Any]] = self.client.get(f"/v1/api/projects/{self.id}/shots")["shots"]
        return found

    def rows(self, table: str = "shot") -> list[dict[str, Any]]:
        """As they lie in the database; shots by their order."""
        column = "id" if table == "project" else "project_id"
        database = create_engine(database_of(self.server), poolclass=NullPool)
        with database.connect() as connection:
            found = connection.execute(text(f"SELECT * FROM {table} WHERE {column} = :id"), {"id": self.id})
            rows = [dict(row) for row in found.mappings()]
        return sorted(rows, key=lambda row: str(row["created_at"]) if table != "shot" else row["order"])

    def place(self, what: str = "") -> str:
        """An address of the project below `/studio`; "shot 1" is its first shot."""
        if what.startswith("shot "):
            return f"/p/{self.id}/shots/{self.shots[int(what[5:]) - 1]['id']}"
        return f"/p/{self.id}{what}"


def database_of(server: ServerUnderTest) -> URL | str:
    """MariaDB where the server is told of one, else its SQLite file."""
    dsn = server.environment.get("S2V_MYSQL_DSN")
    return parse(dsn).url if dsn else f"sqlite:///file:{server.folder}/data/storytovideo.db?mode=ro&uri=true"


def painted(_envelope: Envelope) -> Script:
    """A picture of many colours, another each time."""
    stored = io.BytesIO()
    small = Image.frombytes("RGB", (16, 9), random.randbytes(16 * 9 * 3))
    small.resize((640, 360)).save(stored, "PNG")
    return finished(stored.getvalue())


def picture(place: Locator) -> Image.Image:
    """What an element shows; once more where news from the server put another in its place meanwhile."""

    def taken() -> bytes | None:
        try:
            return place.screenshot()
        except Error as error:
            if "not attached" not in str(error):
                raise
            return None

    return Image.open(io.BytesIO(wait_until(taken, 60, "a picture") or b"")).convert("RGB")


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

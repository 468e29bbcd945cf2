"""What is searched for is a text and no pattern; and a film's length is estimated of any text before it is begun."""

from __future__ import annotations

import pytest

from common.errors import Conflict
from models.base import new_id
from models.shot import Shot
from service import films, projects
from service.container import Services
from service.schemas import FilmRequest, PageRequest
from tests.integration.models import rows

TITLES = [
    "100%",
    "a_b",
    "a\\b",
    "aXb",
    "%",
    "_",
    "\\",
    "'; DROP TABLE project; --",
    "[a]",
    "a%b",
    "\\%",
    "山%水",
    "ab",
    "AB",
    "🇨🇳",
    "é",
    "%%%%",
    "a/b",
    '"',
    "`",
]
WANTED = [
    "%",
    "_",
    "\\",
    "a_b",
    "a%b",
    "\\%",
    "[a]",
    "'",
    '"',
    "`",
    "%%",
    "山%",
    "/",
    "🇨🇳",
    "%a%a%a%a%a%a%a%a%a%a%a%a%b",
    "_" * 200,
    "\\" * 200,
    "%_" * 100,
]


def test_what_is_searched_for_is_a_text(services: Services) -> None:
    with services.database.write() as session:
        session.add_all(rows.project(title=title) for title in TITLES)
    for words in WANTED:
        found = projects.page(services, PageRequest(q=words, page_size=100))
        assert sorted(project.title or "" for project in found.items) == sorted(t for t in TITLES if words in t), words
        assert found.total == len(found.items)


SHOTS = 20
LONG = {
    "Han": "春" * 20_000, "words": "spring has come. " * 1_100, "digits": "7" * 20_000, "full stops between": "春。" * 10_000,
    "Hangul": "봄" * 20_000, "Thai": "ฤดูใบไม้ผลิ" * 1_800, "marks, which are shown": "。" * 20_000,
}  # fmt: skip
NOTHING = {
    "blanks": " " * 20_000,
    "joiners": "\u200d" * 20_000,
    "line ends": "\n" * 20_000,
    "emoji": "👨\u200d👩" * 6_000,
}


def _film(services: Services, text: str, **wanted: object) -> str:
    project = rows.project()
    with services.database.write() as session:
        session.add(project)
        session.flush()
        session.add_all(Shot(**_shot(project.id, order, text)) for order in range(1, SHOTS + 1))
    return films.request(services, project.id, FilmRequest.model_validate(wanted))


def _shot(project_id: str, order: int, text: str) -> dict[str, object]:
    times = {"created_at": rows.NOW, "updated_at": rows.NOW}
    return {
        "id": new_id(),
        "project_id": project_id,
        "order": order,
        "title": "",
        "status": "completed",
        "narration": text,
        **times,
    }


@pytest.mark.parametrize("services", ["sqlite"], indirect=True)
def test_a_film_that_would_take_days_is_refused_and_a_text_that_says_nothing_takes_no_time(services: Services) -> None:
    for text in LONG.values():
        with pytest.raises(Conflict, match="影片太长"):
            _film(services, text)
    for text in NOTHING.values():
        assert _film(services, text, intro=30, outro=30, transition_seconds=10)

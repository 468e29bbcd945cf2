"""What a film was made of, and by which shots it is stale."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from models import queries
from models.asset import Asset, AssetKind
from models.project import Project
from service.container import Services
from service.film_contents import CONTENTS, contents
from tests.contract import story
from tests.support.node.scripts import png, wav
from tests.support.shot_row import V1, upload
from tests.support.web_app import NOW


def film(services: Services, project_id: str, **asked: Any) -> None:
    """A film of the shots as they are, and the project shows it."""
    with services.database.write() as session:
        key = f"projects/{project_id}/films/1.mp4"
        shots = queries.shots(session, project_id)
        details = {"parameters": asked, CONTENTS: contents(shots, asked)}
        common = {"kind": AssetKind.FILM, "number": 1, "created_at": NOW, "stored_at": NOW}
        session.add(Asset(object_key=key, project_id=project_id, details=details, **common))
        session.get_one(Project, project_id).video_url = key


Step = tuple[str, str, dict[str, Any]]
CHANGES: dict[str, tuple[Step, list[int]]] = {
    "nothing": (("PATCH", "/{0}", {"prompt": "only for the next image"}), []),
    "text": (("PATCH", "/{0}", {"narration": "别的。"}), [0]),
    "title": (("PATCH", "/{3}", {"title": "别的"}), [3]),
    "transition": (("PATCH", "/{1}", {"transition": "fade"}), [1]),
    "motion": (("PATCH", "/{2}", {"motion": "none"}), [2]),
    "moved": (("PUT", "/order", {"order": ["{3}", "{0}", "{1}", "{2}"]}), [3]),
    "turned": (("PUT", "/order", {"order": ["{1}", "{0}", "{2}", "{3}"]}), [1]),
    "deleted": (("DELETE", "/{1}", {}), [1]),
    "deleted for an hour": (("DELETE", "/{1}?undo=1", {}), [1]),
    "joined": (("POST", "/{0}/merge", {}), [0, 1]),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_film_is_stale_by_the_shots_that_have_changed(
    client: FlaskClient, services: Services, told: story.Told, row: str, change: str
) -> None:
    project = row.removesuffix("/shots")
    film(services, told.project_id)
    (method, path, body), expected = CHANGES[change]
    filled = {
        name: [one.format(*told.shot_ids) for one in value] if name == "order" else value
        for name, value in body.items()
    }
    assert client.get(project).get_json()["film"]["stale"] is False
    client.open(row + path.format(*told.shot_ids), method=method, json=filled)
    wanted = [told.shot_ids[at] for at in expected]
    for found in (client.get(project).get_json()["film"], client.get(f"{project}/films").get_json()["films"][0]):
        assert (found["stale_shots"], found["stale"]) == (wanted, bool(wanted))
    if change == "deleted for an hour":
        client.post(f"{row}/{told.shot_ids[1]}/undelete")
        assert client.get(project).get_json()["film"]["stale"] is False


def test_another_version_makes_it_stale_and_the_one_that_it_shows_does_not(
    client: FlaskClient, services: Services, told: story.Told, row: str
) -> None:
    project, shot = row.removesuffix("/shots"), f"{row}/{told.shot_ids[0]}"
    film(services, told.project_id)

    def stale() -> list[str]:
        return list(client.get(project).get_json()["film"]["stale_shots"])

    upload(client, shot, "images", png())
    inserted = client.post(row, json={"after": told.shot_ids[0]}).get_json()["shot"]["id"]
    assert stale() == [told.shot_ids[0], inserted]
    client.post(f"{shot}/images/versions/1/restore")
    client.delete(f"{V1}/shots/{inserted}")
    assert stale() == []


def test_what_was_asked_for_all_shots_hides_what_one_says_and_an_older_film_is_never_stale(
    client: FlaskClient, services: Services, told: story.Told, row: str
) -> None:
    project, shot = row.removesuffix("/shots"), f"{row}/{told.shot_ids[0]}"
    film(services, told.project_id, transition="cut", narration="none")
    client.patch(shot, json={"transition": "fade"})
    upload(client, shot, "narrations", wav(1.0))
    assert client.get(project).get_json()["film"]["stale"] is False
    client.patch(shot, json={"title": "x"})
    assert client.get(project).get_json()["film"]["stale"] is True
    with services.database.write() as session:
        session.get_one(Asset, f"projects/{told.project_id}/films/1.mp4").details = {"duration": 3}
    assert client.get(project).get_json()["film"]["stale"] is False
    with services.database.write() as session:
        session.get_one(Project, told.project_id).video_url = "https://elsewhere.example/film.mp4"
    assert client.get(project).get_json()["film"] is None

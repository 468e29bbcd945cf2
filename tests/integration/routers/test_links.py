"""What stands in front of the links that clients get."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from config.settings import Settings
from models.project import Project
from routers.app import create_app
from service.container import Services
from tests.support.web_app import NOW, make_settings, open_services

V1 = "/v1/api"
PUBLIC = "https://film.example"


def client_of(services: Services, tmp_path: Path) -> FlaskClient:
    common: dict[str, Any] = {"created_at": NOW, "updated_at": NOW, "cover_image": "projects/p/films/1.jpg"}
    with services.database.write() as session:
        session.add(Project(id="p", title="", story_text="a", style="", status="created", **common))
    return create_app(services, tmp_path).test_client()


def with_server(settings: Settings, **server: Any) -> Settings:
    return settings.model_copy(update={"server": settings.server.model_copy(update=server)})


def covers(client: FlaskClient, headers: dict[str, str]) -> list[str]:
    page = client.get(f"{V1}/projects", headers=headers).get_json()
    project = client.get(f"{V1}/projects/p", headers=headers).get_json()
    return [page["items"][0]["coverImage"], project["project_detail"]["coverImage"]]


@pytest.mark.parametrize("proxies", [[], ["127.0.0.1"]])
def test_links_follow_the_public_url_whatever_a_request_says(
    tmp_path: Path, redis_url: str, proxies: list[str]
) -> None:
    settings = with_server(make_settings(tmp_path / "data"), public_url=PUBLIC, trusted_proxies=proxies)
    with open_services(settings, redis_url) as services:
        client = client_of(services, tmp_path)
        said = {
            "Host": "evil.com",
            "X-Forwarded-Host": "evil.com",
            "X-Forwarded-Proto": "http",
            "Forwarded": "host=evil.com",
        }
        assert all(cover.startswith(f"{PUBLIC}/assets/") for cover in covers(client, said))


def test_links_follow_the_allowed_name_of_the_request_else_there_are_none(tmp_path: Path, redis_url: str) -> None:
    settings = with_server(make_settings(tmp_path / "data"), allowed_hosts=[".Example"])
    with open_services(settings, redis_url) as services:
        client = client_of(services, tmp_path)
        assert all(c.startswith("http://a.example:81/assets/") for c in covers(client, {"Host": "a.example:81"}))
        refusal = client.get(f"{V1}/projects", headers={"Host": "evil.com"})
        assert (refusal.status_code, refusal.get_json()["code"]) == (400, 400)
        assert refusal.headers["X-Request-ID"] == refusal.get_json()["request_id"]


def test_answers_with_links_are_not_for_shared_caches(services: Services, tmp_path: Path) -> None:
    client = client_of(services, tmp_path)
    for path in ("projects", "projects/p", "projects/p/shots", "projects/p/tasks", "projects/p/films", "music"):
        assert client.get(f"{V1}/{path}").headers["Cache-Control"] == "private, no-cache", path

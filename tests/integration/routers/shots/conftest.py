"""A project of four painted shots, on either database."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from config.settings import Settings
from models.shot import Shot
from service.container import Services
from tests.contract import story
from tests.support.columns import DATABASES, address_of
from tests.support.shot_row import TEXTS, V1
from tests.support.soak import soaking
from tests.support.web_app import make_settings


@pytest.fixture(params=soaking(DATABASES, keep=1))
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    return make_settings(tmp_path / "data", address_of(request.param, request))


@pytest.fixture
def told(client: FlaskClient, services: Services) -> story.Told:
    """A project of four painted shots with these texts."""
    made = story.finish(services, story.create(client, StoryText=story.STORY, ShotCount=len(TEXTS)))
    with services.database.write() as session:
        for shot_id, text in zip(made.shot_ids, TEXTS, strict=True):
            shot = session.get_one(Shot, shot_id)
            shot.narration = shot.description = text
    return made


@pytest.fixture
def row(told: story.Told) -> str:
    return f"{V1}/projects/{told.project_id}/shots"

"""Every word that a column may hold is one that the OpenAPI document names."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from models.account import Role, Scope
from models.asset import AssetKind
from models.shot import ShotStatus
from models.task import TaskStatus, TaskType
from models.webhook import DeliveryState
from routers.openapi import admin_answers, answers, webhook_answers


def words(model: type[BaseModel], name: str) -> set[Any]:
    return set(get_args(model.model_fields[name].annotation))


@pytest.mark.parametrize(
    ("documented", "stored"),
    [
        pytest.param(words(admin_answers.StoredKind, "kind"), AssetKind, id="kinds of files"),
        pytest.param(words(admin_answers.User, "role"), Role, id="roles"),
        pytest.param(words(admin_answers.Key, "scope"), Scope, id="scopes"),
        pytest.param(words(answers.Shot, "status"), ShotStatus, id="states of shots"),
        pytest.param(words(answers.Task, "type"), TaskType, id="types of tasks"),
        pytest.param(set(get_args(answers.TaskWord)), TaskStatus, id="states of tasks"),
        pytest.param(words(webhook_answers.WebhookDelivery, "state"), DeliveryState, id="states of deliveries"),
    ],
)
def test_the_document_names_every_word_of_the_column(documented: set[str], stored: type[Enum]) -> None:
    assert documented == {member.value for member in stored}


@pytest.mark.parametrize("kind", AssetKind)
def test_the_studio_has_a_word_for_every_kind_of_files_in_both_languages(kind: AssetKind) -> None:
    words_of_page = (Path(__file__).parents[3] / "studio/js/i18n/system.js").read_text("utf-8")
    assert words_of_page.count(f'"system.kind.{kind}":') == 2

"""What nobody thought of: schemathesis asks every route of the document for it. No 5xx, and no answer that the document lacks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import schemathesis
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from common.errors import NotFound
from config.settings import AuthSettings, LimitsSettings, Settings
from models.account import Scope
from routers.app import create_app
from service.access import accounts
from service.assets import legacy_static
from service.container import Services
from service.node.interface import Voice
from service.node.pool import NodePool
from tests.contract import story
from tests.support import openapi
from tests.support.node.scripts import wav
from tests.support.web_app import NoNode, make_settings, open_services

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# No requests that Flask's client could make; tests/integration/routers/websocket.
SOCKETS = {"/tasks/{task_id}/wss", "/v1/api/projects/{project_id}/feed"}
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
ROUTES = sorted(
    (method.upper(), path)
    for path, methods in openapi.DOCUMENT["paths"].items()
    if path not in SOCKETS
    for method in methods
)
FEW, MANY = 8, 250
UNAUTHORIZED, LOGINS = 401, ("/auth/login", "/auth/refresh")


class SpeakingNode(NoNode):
    """A node whose voices can be heard."""

    def voices(self) -> list[Voice]:
        return [Voice("小美", "小美", "zh", "female", "kokoro", "/v1/voices/sample?voice=1")]

    def voice_sample(self, provider: str, voice: str) -> bytes:
        if (provider, voice) != ("kokoro", "小美"):
            raise NotFound("没有这个声音")
        return wav(0.2)

    def check(self) -> str:
        return "ok"


@dataclass
class Site:
    """The application with a project in it, whose ids are put into some of the requests; `key` opens it where it is closed."""

    app: Flask
    services: Services
    key: str = ""

    def headers(self) -> dict[str, str]:
        """What lets a request in."""
        return {"Authorization": f"Bearer {self.key}"} if self.key else {}

    def client(self) -> FlaskClient:
        client = self.app.test_client()
        client.environ_base |= {"HTTP_AUTHORIZATION": f"Bearer {self.key}"} if self.key else {}
        return client

    def ids(self) -> dict[str, str]:
        """Ids of a project that is there with its shots and tasks, and the key and signature of an image."""
        told = story.finish(self.services, story.create(self.client()))
        [shot, *_] = self.client().get(f"/v1/api/projects/{told.project_id}/shots").get_json()["shots"]
        image = urlsplit(shot["imagePath"])
        member = self.client().post(f"/v1/api/projects/{told.project_id}/cast", json={"name": "狐狸"}).get_json()
        hook = self.client().get("/v1/api/webhooks").get_json()["webhooks"] or [
            self.client().post("/v1/api/webhooks", json={"url": "https://receiver.example/"}).get_json()["webhook"]
        ]
        sent = self.client().post(f"/v1/api/webhooks/{hook[0]['id']}/test").get_json()
        return {
            "cast_id": member["member"]["id"],
            "webhook_id": hook[0]["id"],
            "message_id": sent.get("delivery", {}).get("id", "unknown"),
            "project_id": told.project_id,
            "shot_id": told.shot_ids[0],
            "task_id": told.shot_task_ids[0],
            "music_id": "1",
            "number": "1",
            "kind": "images",
            "key": image.path.removeprefix("/assets/"),
            "name": "start.js",
            "place": "new",
            "version": "0",
        }


@pytest.fixture(scope="module", params=["open", "closed"])
def site(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, _redis_server: str
) -> Iterator[Site]:
    configured: Settings = make_settings(tmp_path_factory.mktemp("generated") / "data")
    if request.param == "closed":
        limits = LimitsSettings(enabled="false")
        configured = configured.model_copy(update={"auth": AuthSettings(required="true"), "limits": limits})
    with open_services(configured, _redis_server) as opened:
        services = replace(opened, node=NodePool.of(SpeakingNode()))
        key = _key(services) if request.param == "closed" else ""
        app = create_app(services, legacy_static.FOLDER)
        app.wsgi_app = _closing(app.wsgi_app)  # type: ignore[method-assign, assignment]
        yield Site(app, services, key)


@schemathesis.serializer("application/x-ndjson", "application/zip")
def _raw(_context: Any, value: Any) -> bytes:
    """What is no JSON goes out as it was made."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


def _closing(application: WSGIApplication) -> WSGIApplication:
    """Schemathesis closes no answer, which leaves files open."""

    def run(environ: WSGIEnvironment, start_response: StartResponse) -> list[bytes]:
        answer = application(environ, start_response)
        try:
            return [b"".join(answer)]
        finally:
            getattr(answer, "close", lambda: None)()

    return run


def _key(services: Services) -> str:
    """A key of an admin's, who has no quota."""
    database, now = services.database, services.clock.now()
    accounts.add(database, "root", "correct horse battery", admin=True, now=now)
    return accounts.add_key(database, "root", "tests", Scope.WRITE, days=0, now=now)[1]


def ask(site: Site, method: str, path: str, examples: int) -> None:
    """Generated requests of one route, those that fit the document and those that do not; half of them name what is there."""
    operation = schemathesis.openapi.from_wsgi("/openapi.json", site.app)[path][method]
    ids = site.ids()

    @settings(
        max_examples=examples,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=_cases(operation), known=st.booleans(), named=st.integers(0, 3))
    def one(case: Any, known: bool, named: int) -> None:
        credential = site.headers() if known or named else {}  # some have none, or what was made up
        if known:
            there = site.ids() if method == "DELETE" else ids
            case.path_parameters = {name: there[name] for name in case.path_parameters or {}}
        answer = case.call(headers=credential)
        if known and site.key and not path.endswith(LOGINS):
            assert answer.status_code != UNAUTHORIZED
        case.validate_response(answer, checks=CHECKS)
        kind = answer.headers.get("content-type", [""])[0]
        body = answer.json() if kind == openapi.JSON else None
        openapi.check(method, urlsplit(case.formatted_path).path, answer.status_code, kind, body)

    one()


def _cases(operation: Any) -> st.SearchStrategy[Any]:
    """Some operations have no request that does not fit."""
    modes = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    return st.one_of(*[operation.as_strategy(mode) for mode in modes])


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_no_request_finds_a_5xx_or_an_answer_that_the_document_lacks(site: Site, method: str, path: str) -> None:
    ask(site, method, path, FEW)


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_no_request_out_of_many_finds_one_either(site: Site, method: str, path: str) -> None:
    ask(site, method, path, MANY)


def test_a_fault_would_be_found(tmp_path: Path, redis_url: str) -> None:
    """The same requests to an application that has one: a route that fails, and one that says what is not written down."""
    with open_services(make_settings(tmp_path / "data"), redis_url) as opened:
        app = create_app(opened, legacy_static.FOLDER)
        broken = Site(app, opened)
        for name in [name for name in app.view_functions if name.endswith("alive")]:
            app.view_functions[name] = lambda: {"status": "ok", "more": 1}
        with pytest.raises(AssertionError):
            ask(broken, "GET", "/healthz", 1)

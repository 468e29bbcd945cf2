"""`/openapi.json` has every route, parameter and answer, and no other; the page that shows it needs no other host."""

from __future__ import annotations

import io
import json
import re
from typing import Any, Literal

import jsonschema_rs
import pytest
from flask import Flask, Request
from flask.testing import FlaskClient
from werkzeug.routing import Rule

from common.errors import InvalidInput, TooManyRequests, Unauthorized
from config.settings import AuthSettings, Settings, StorySettings
from routers import errors, request_params
from routers.access import gate, once_per_key
from routers.openapi import access, document
from routers.openapi.operations import GATEWAY, LOGINS, OPERATIONS, V1
from service import schemas
from tests.support import openapi

NO_VIEW = {"GET /tasks/:task_id/wss", "GET /v1/api/projects/:project_id/feed"}
ARGUMENT = re.compile(r"<(?:path:)?(\w+)>")


def routes(app: Flask) -> set[tuple[str, str]]:
    """Method and path of every route, the path as the document writes it."""
    return {route for rule in app.url_map.iter_rules() for route in rule_routes(rule)}


def rule_routes(rule: Rule) -> list[tuple[str, str]]:
    """Method and path of each of a rule's routes."""
    methods = (rule.methods or set()) - {"HEAD", "OPTIONS"}
    return [(method.lower(), ARGUMENT.sub(r"{\1}", rule.rule)) for method in methods]


def named_routes() -> list[tuple[str, str, str]]:
    """Each operation with its method and its path."""
    return [(route, *route.split(" ")) for route in OPERATIONS]  # type: ignore[misc]


def test_every_route_is_in_the_document_and_it_names_no_other(app: Flask) -> None:
    paths = app.test_client().get("/openapi.json").get_json()["paths"]
    assert {(method, path) for path, methods in paths.items() for method in methods} == routes(app)


def endpoints(app: Flask) -> dict[str, str]:
    """The endpoint of each operation."""
    found = {(method, path): rule.endpoint for rule in app.url_map.iter_rules() for method, path in rule_routes(rule)}
    return {route: found[method.lower(), re.sub(r":(\w+)", r"{\1}", path)] for route, method, path in named_routes()}


def test_what_is_public_and_what_creates_is_what_the_gate_says(app: Flask) -> None:
    of = endpoints(app)
    assert {of[route] for route, one in OPERATIONS.items() if one.public} == gate.PUBLIC
    assert {of[route] for route, one in OPERATIONS.items() if one.creates} == once_per_key.CREATES


@pytest.mark.parametrize("required", ["true", "false"])
def test_every_other_operation_needs_one_of_the_credentials_where_the_server_is_closed(
    required: Literal["true", "false"],
) -> None:
    body = document.build(Settings(auth=AuthSettings(required=required)))
    schemes = body["components"]["securitySchemes"]
    for route, method, path in named_routes():
        operation = body["paths"][re.sub(r":(\w+)", r"{\1}", path)][method.lower()]
        ways, answers = operation["security"], operation["responses"]
        assert {name for way in ways for name in way} <= set(schemes)
        if OPERATIONS[route].public:
            assert ways == []
            continue
        assert ({} in ways) == (required == "false")
        assert {"bearer": []} in ways
        assert [set(way) for way in ways if "cookie" in way] == [
            {"cookie"} if method == "GET" else {"cookie", "formToken"}
        ]
        assert {"401", "429"} <= set(answers)
        assert "WWW-Authenticate" in answers["401"]["headers"]
        assert method == "GET" or "403" in answers
    keyed = [server["url"] for server in body["servers"]]
    assert keyed == ["/", "/k/{key}"]


def test_the_headers_of_refusals_are_those_that_come() -> None:
    for error in (Unauthorized(""), TooManyRequests("")):
        status = errors.TABLE[type(error)].status
        assert set(errors._headers(error)) == set(access.HEADERS[status])


def test_the_document_is_one_of_openapi_3_1_whose_references_lead_somewhere(client: FlaskClient) -> None:
    body = client.get("/openapi.json").get_json()
    assert body["openapi"] == "3.1.0"
    named = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(body)))
    assert named
    assert named <= set(body["components"]["schemas"])
    for schema in body["components"]["schemas"].values():
        jsonschema_rs.meta.validate(schema)
        assert not {"ge", "le", "max_length"} & set(re.findall(r'"(\w+)":', json.dumps(schema)))
    ids = [operation["operationId"] for methods in body["paths"].values() for operation in methods.values()]
    assert len(ids) == len(set(ids)) > 30


@pytest.mark.parametrize("route", sorted(set(OPERATIONS) - NO_VIEW))
def test_a_route_takes_what_the_document_says(client: FlaskClient, monkeypatch: pytest.MonkeyPatch, route: str) -> None:
    """The schema by which the view really reads its parameters is the one in the document, with all of its fields."""
    read: list[type[schemas.Request]] = []

    def parse(model: type[schemas.Request], request: Request, settings: Settings, **_how: bool) -> Any:
        read.append(model)
        raise InvalidInput("x", "seen")

    monkeypatch.setattr(request_params, "parse", parse)
    method, _, path = route.partition(" ")
    sent: dict[str, Any] = {"data": {"file": (io.BytesIO(b"x"), "a.mp3")}} if OPERATIONS[route].uploads else {}
    client.open(re.sub(r":\w+", "x", path), method=method, **sent)
    request = OPERATIONS[route].request
    expected = [request] if request is not None and issubclass(request, schemas.Request) else []
    assert read == expected
    if not expected:
        return
    operation = openapi.described(method, re.sub(r":\w+", "x", path))
    assert operation is not None
    query = {one["name"] for one in operation["parameters"] if one["in"] == "query"}
    body = operation.get("requestBody", {}).get("content", {})
    assert query == (set(expected[0].model_fields) if method == "GET" or route in V1 else set())
    assert bool(body) == (method != "GET")
    assert set(openapi.DOCUMENT["components"]["schemas"][expected[0].__name__]["properties"]) == set(
        expected[0].model_fields
    )


def test_arguments_of_an_address_are_its_parameters(app: Flask) -> None:
    for path, methods in openapi.DOCUMENT["paths"].items():
        for operation in methods.values():
            named = [one["name"] for one in operation["parameters"] if one["in"] == "path"]
            assert named == re.findall(r"\{(\w+)\}", path)


def test_limits_are_those_of_the_settings() -> None:
    settings = Settings(story=StorySettings(max_chars=90, api_max_chars=80, max_title=70, max_shots=12))
    found = document.build(settings)["components"]["schemas"]
    assert found["NewProject"]["properties"]["story_text"]["maxLength"] == 90
    assert found["NewStory"]["properties"]["story"]["maxLength"] == 80
    assert found["NewStory"]["properties"]["title"]["maxLength"] == 70
    assert found["ProjectChanges"]["properties"]["story_text"]["anyOf"][0]["maxLength"] == 90
    assert (
        found["NewStory"]["properties"]["shot_count"]["anyOf"][0] | {"maximum": 12, "minimum": 1}
        == (found["NewStory"]["properties"]["shot_count"]["anyOf"][0])
    )
    assert found["FilmOptions"]["properties"]["music_level"]["minimum"] == -40


WRONG: list[tuple[str, str, int, Any]] = [
    ("GET", "/v1/api/health", 200, {"status": "ok"}),
    ("GET", "/v1/api/health", 200, {"status": "ok", "service": 5}),
    ("GET", "/v1/api/health", 200, {"status": "ok", "service": "x", "more": 1}),
    ("GET", "/v1/api/health", 201, {"status": "ok", "service": "x"}),
    ("GET", "/v1/api/health", 409, {"error": "x", "code": 409, "message": "x", "request_id": ""}),
    ("GET", "/v1/api/nothing", 200, {}),
    ("GET", "/api/tasks/t/status", 404, {"error": "x", "code": 404, "message": "x", "request_id": ""}),
    ("GET", "/v1/api/tasks/t", 404, {"code": 404, "message": "x", "request_id": ""}),
    (
        "GET",
        "/api/tasks/t/status",
        200,
        {"task_id": "t", "status": "SUCCESS", "result": {"url": ""}, "err_msg": None, "code": 0, "request_id": ""},
    ),
]


@pytest.mark.parametrize(("method", "path", "status", "body"), WRONG)
def test_an_answer_that_the_document_lacks_is_noticed(method: str, path: str, status: int, body: Any) -> None:
    with pytest.raises(AssertionError):
        openapi.check(method, path, status, "application/json", body)


def test_an_answer_that_it_has_passes() -> None:
    openapi.check("GET", "/v1/api/health", 200, "application/json", {"status": "ok", "service": "x"})
    with pytest.raises(AssertionError):
        openapi.check("GET", "/v1/api/health", 200, "text/html", None)


def test_errors_of_the_gateway_have_their_own_shape() -> None:
    for route in (*GATEWAY, *(route for route in LOGINS if " /api/" in route)):
        method, _, path = route.partition(" ")
        operation = openapi.described(method, re.sub(r":\w+", "x", path))
        assert operation is not None
        shown = operation["responses"]["400"]["content"]["application/json"]["schema"]
        assert shown == {"$ref": "#/components/schemas/GatewayError"}


def test_what_the_sockets_say_is_described() -> None:
    openapi.check_message({"error": "x", "code": 404, "message": "x", "request_id": ""})
    with pytest.raises(AssertionError):
        openapi.check_message({"status": "finished"})


def test_the_page_shows_the_document_and_needs_no_other_host(client: FlaskClient) -> None:
    found = {}

    def asked(path: str) -> str:
        with client.get(path) as answer:
            found[path] = answer.headers["Content-Security-Policy"], answer.mimetype
            return answer.get_data(as_text=True)

    page = asked("/docs")
    sources = re.findall(r'(?:src|href)="([^"]+)"', page)
    assert sorted(path.rpartition("/")[2] for path in sources) == ["start.js", "swagger-ui-bundle.js", "swagger-ui.css"]
    texts = {path: asked(path) for path in sources}
    assert "/openapi.json" in texts["/docs/start.js"]
    assert "://" not in page + texts["/docs/start.js"]
    assert len(texts["/docs/swagger-ui-bundle.js"]) > 1_000_000
    assert [
        found[path][1] for path in ("/docs", "/docs/start.js", "/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css")
    ] == [
        "text/html",
        "text/javascript",
        "text/javascript",
        "text/css",
    ]
    for policy, _ in found.values():
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
        assert "unsafe" not in policy
        assert "http" not in policy


@pytest.mark.parametrize("name", ["nothing.js", "..%2Fplugins.py", "../../plugins.py", "swagger.svg"])
def test_the_page_has_no_other_files(client: FlaskClient, name: str) -> None:
    assert client.get(f"/docs/{name}").status_code == 404

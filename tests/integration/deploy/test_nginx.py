"""nginx before the server: TLS, redirects, limits, sockets, stored files, retries, its own errors, and one id in every log."""

from __future__ import annotations

import hashlib
import json
import socket
import ssl
import warnings
from typing import Any

import pytest
import requests
import websocket
from requests.adapters import HTTPAdapter

from tests.integration.deploy.gateway import Gateway
from tests.support.node.scripts import wav
from tests.support.servers.node_server import NodeServer
from tests.support.wait import wait_until


class From(HTTPAdapter):
    """Requests from another address of this machine."""

    def __init__(self, address: str) -> None:
        self._address = address
        super().__init__()

    def init_poolmanager(self, *arguments: Any, **named: Any) -> None:
        super().init_poolmanager(*arguments, source_address=(self._address, 0), **named)


def asking_from(address: str) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    for scheme in ("http://", "https://"):
        session.mount(scheme, From(address))
    return session


def access_lines(real: Gateway, request_id: str) -> list[dict[str, Any]]:
    """What nginx logged of a request, once it is there."""
    return wait_until(
        lambda: [
            line for line in map(json.loads, real.nginx.access_log.splitlines()) if line["request_id"] == request_id
        ],
        30,
        "nginx's log",
    )


def test_plain_http_goes_to_https_with_method_and_body_kept(real: Gateway) -> None:
    answer = requests.post(f"{real.nginx.http}/v1/api/projects?page=1", timeout=60, allow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (308, "https://127.0.0.1/v1/api/projects?page=1")
    assert "Strict-Transport-Security" not in answer.headers


def test_https_has_hsts_and_no_old_tls(real: Gateway) -> None:
    answer = real.ask("GET", "/healthz")
    assert answer.json() == {"status": "ok"}
    assert answer.headers["Strict-Transport-Security"] == "max-age=63072000"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    context = ssl.create_default_context(cafile=str(real.nginx.certificate))
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that is why nginx must not
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    with (
        socket.create_connection(("127.0.0.1", real.nginx.https_port), timeout=60) as client,
        pytest.raises(ssl.SSLError),
    ):
        context.wrap_socket(client, server_hostname="localhost")


def test_a_network_of_old_clients_may_go_without_tls_to_the_old_api_and_its_sockets(real: Gateway) -> None:
    with asking_from("127.0.0.3") as old:
        answer = old.get(f"{real.nginx.http}/k/{real.legacy}/v1/api/projects", timeout=60, allow_redirects=False)
        assert (answer.status_code, "Strict-Transport-Security" in answer.headers) == (200, False)
        for path in ("/api/projects", "/docs", f"/k/{real.legacy}/api/projects", "/readyz"):
            assert old.get(real.nginx.http + path, timeout=60, allow_redirects=False).status_code == 308, path


def test_who_has_no_credential_that_counts_is_turned_away_by_nginx(real: Gateway) -> None:
    for headers in ({}, {"Authorization": "Bearer guess"}, {"Cookie": "__Host-s2v_access=guess"}):
        for method, path in (("GET", "/v1/api/projects"), ("POST", "/v1/api/music"), ("GET", "/api/projects")):
            answer = real.bare(method, path, headers=headers)
            assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
            assert set(answer.json()) == {"code", "message", "request_id"} | (
                {"error"} if path.startswith("/v1") else set()
            )
            [line] = access_lines(real, answer.headers["X-Request-ID"])
            assert line["status"] == 401
    assert real.bare("GET", f"/k/{real.legacy}/v1/api/projects").status_code == 200
    assert real.bare("GET", f"/v1/api/projects?token={real.key}").status_code == 200
    assert real.bare("GET", f"/v1/api/projects?token={real.key}x").status_code == 401
    for path in ("/healthz", "/readyz", "/openapi.json", "/docs", "/v1/api/health"):
        assert real.bare("GET", path).status_code == 200, path
    login = {"username": "alice", "password": "correct horse battery"}
    assert real.bare("POST", "/v1/api/auth/login", json=login).status_code == 200


@pytest.fixture(scope="module")
def story(real: Gateway) -> dict[str, Any]:
    """A project with a film, and the id of the request that asked for it."""
    made = real.ask("POST", "/v1/api/projects", json={"story_text": "小猫出门了。", "title": "猫", "shot_count": 1})
    assert made.status_code == 200, made.text
    asked = real.ask("POST", f"/v1/api/projects/{made.json()['project_id']}/video", json={})
    task = asked.json()["task_id"]

    def ended() -> Any:
        found = real.ask("GET", f"/v1/api/tasks/{task}").json()["task"]
        assert found["status"] not in ("failed", "cancelled"), found
        return found if found["status"] == "finished" else None

    return {"film": wait_until(ended, 240, "the film"), "id": made.headers["X-Request-ID"], **made.json()}


def test_a_socket_tells_the_task_over_wss(real: Gateway, story: dict[str, Any]) -> None:
    address = real.nginx.https.replace("https", "wss") + f"/tasks/{story['text_task_id']}/wss"
    trusted = {"ca_certs": str(real.nginx.certificate)}
    for url, header in ((address, {"Authorization": f"Bearer {real.key}"}), (f"{address}?token={real.key}", {})):
        client = websocket.create_connection(url, timeout=60, sslopt=trusted, header=header)
        assert json.loads(client.recv())["status"] == "finished"
        client.close()
    with pytest.raises(websocket.WebSocketBadStatusException, match="401"):
        websocket.create_connection(address, timeout=60, sslopt=trusted)
    with pytest.raises(websocket.WebSocketBadStatusException, match="403"):
        websocket.create_connection(f"{address}?x=../../etc/passwd", timeout=60, sslopt=trusted)


def test_one_id_is_in_all_three_logs(real: Gateway, story: dict[str, Any], node: NodeServer) -> None:
    assert len(story["id"]) == 32
    [line] = access_lines(real, story["id"])
    assert (line["method"], line["path"], line["status"]) == ("POST", "/v1/api/projects", 200)
    assert float(line["upstream_seconds"].split(",")[-1].split(":")[-1]) >= 0
    assert f"[{story['id']}]" in real.server.lines()
    assert f"[{story['id']}]" in node.log.read_text("utf-8")


def test_an_id_of_the_client_s_own_is_kept_and_no_other_text_is(real: Gateway) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    for headers, expected in (
        ({"X-Request-ID": "my-own.id:1"}, "my-own.id:1"),
        ({"traceparent": f"00-{trace}-00f067aa0ba902b7-01"}, trace),
    ):
        answer = real.ask("GET", "/v1/api/health", headers=headers)
        assert answer.headers["X-Request-ID"] == expected
    assert real.ask("GET", "/healthz", headers={"X-Request-ID": "x y"}).headers["X-Request-ID"] != "x y"


def test_stored_files_come_from_nginx_in_ranges_and_a_cdn_may_keep_them(real: Gateway, story: dict[str, Any]) -> None:
    link = story["film"]["result"]["resource_url"]
    path = link.partition(real.nginx.https)[2]
    assert path.startswith("/assets/"), link
    whole = real.bare("GET", path)
    assert (whole.status_code, whole.headers["Content-Type"]) == (200, "video/mp4")
    assert whole.headers["Cache-Control"] == "public, max-age=3600, immutable"
    assert "sandbox" in whole.headers["Content-Security-Policy"]
    assert {"Set-Cookie", "X-Accel-Redirect"} & set(whole.headers) == set()
    assert len(whole.content) > 1000
    part = real.bare("GET", path, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, whole.content[10:20])
    again = real.bare("GET", path, headers={"If-None-Match": whole.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert real.bare("GET", path.partition("?")[0]).status_code == 403
    assert real.bare("GET", "/metrics").status_code == 404
    assert real.bare("GET", "/_objects" + path.partition("?")[0].removeprefix("/assets")).status_code == 404


def test_what_clients_upload_by_signed_links_passes_whatever_it_holds(real: Gateway, story: dict[str, Any]) -> None:
    project = story["project_id"]
    content = wav(1.0) + b"<script>alert(1)</script>' OR 1=1 --" * 40_000  # more than nginx keeps in memory
    wanted = {"project_id": project, "name": "a.wav", "size": len(content), "content_type": "audio/wav"}
    given = real.ask("POST", "/api/oss/presign", json=wanted).json()
    path = given["url"].partition(real.nginx.https)[2]
    assert path.startswith("/uploads/"), given
    sent = real.bare("PUT", path, data=content, headers=given["headers"])
    assert (sent.status_code, sent.headers["X-Content-Type-Options"]) == (200, "nosniff"), sent.text
    for odd in (path.partition("?")[0], path.replace("uploads/projects", "uploads/../projects"), f"{path}&a=b"):
        assert real.bare("PUT", odd, data=content, headers=given["headers"]).status_code in (400, 403), odd
    done = {"project_id": project, "key": given["key"], "size": len(content), "kind": "music"}
    answer = real.ask("POST", "/api/oss/complete", json={**done, "sha256": hashlib.sha256(content).hexdigest()})
    assert answer.status_code == 200, answer.text


def test_bodies_have_limits_by_route(real: Gateway) -> None:
    answer = real.ask("POST", "/v1/api/projects", data=b"x" * 3_000_000, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (413, 413)
    large = real.ask("POST", "/v1/api/music", files={"file": ("a.mp3", b"\0" * (60 << 20), "audio/mpeg")})
    assert large.status_code == 400, "60 MiB reached the server, which takes them for no music"
    too_large = real.ask("POST", "/v1/api/music", files={"file": ("a.mp3", b"\0" * (140 << 20), "audio/mpeg")})
    assert (too_large.status_code, too_large.json()["message"]) == (413, "请求体过大")


def test_a_story_of_a_whole_query_string_passes(real: Gateway) -> None:
    answer = real.ask("PUT", "/v1/api/projects/x", params={"StoryText": "猫" * 20_000})
    assert answer.status_code == 404
    longer = real.ask("PUT", "/v1/api/projects/x", params={"StoryText": "猫" * 40_000})
    assert (longer.status_code, longer.json()["code"]) == (414, 414)


def test_one_address_has_a_limit_and_is_told_when_to_come_back(real: Gateway) -> None:
    with asking_from("127.0.0.2") as client:
        answers = [
            client.get(f"{real.nginx.https}/healthz", verify=str(real.nginx.certificate), timeout=60)
            for _ in range(300)
        ]
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(answers) - len(refused) >= 240
    assert refused, "300 at once"
    assert refused[0].headers["Retry-After"] == "1"
    assert (refused[0].json()["code"], refused[0].json()["error"]) == (429, "请求过于频繁，请稍后重试")
    assert real.ask("GET", "/healthz").status_code == 200, "another address"


def test_no_line_of_nginx_s_access_log_holds_a_key_or_a_story(real: Gateway) -> None:
    told = real.ask("GET", f"/k/{real.legacy}/v1/api/projects?token={real.key}&q=secret-story")
    [line] = access_lines(real, told.headers["X-Request-ID"])
    assert line["path"] == "/k/***/v1/api/projects"
    log = real.nginx.access_log
    assert not any(secret in log for secret in (real.legacy, real.key, "secret-story"))


def test_no_line_of_nginx_s_error_log_holds_a_key_or_a_token(real: Gateway) -> None:
    """Of what makes nginx write lines of the level `error`: a refusal, a body that is too large, a file that is not there."""
    where = f"/k/{real.legacy}/v1/api/projects"
    assert real.ask("GET", f"{where}?token={real.key}&q=<script>alert(1)</script>").status_code == 403
    assert (
        real.ask("POST", where, data=b"x" * 3_000_000, headers={"Content-Type": "application/json"}).status_code == 413
    )
    assert real.ask("GET", f"/.well-known/acme-challenge/none?token={real.key}").status_code == 404
    log = real.nginx.error_log
    assert not any(secret in log for secret in (real.legacy, real.key))

"""What is tried, by class: credentials that do not hold, and requests on every route."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, NamedTuple

from sqlalchemy import update

from models.account import Account, ApiKey, Scope
from service.access.principals import hash_of
from tests.integration.hostile.world import API, SECRET, V1, World, ended, forged

Headers = dict[str, str]


class Route(NamedTuple):
    """A request on a route: its method, its address with `{id}`s in it, and what it sends."""

    method: str
    path: str
    sent: Mapping[str, Any] = {}

    def __str__(self) -> str:
        return f"{self.method} {self.path}"

    def body(self, ids: Mapping[str, str]) -> dict[str, Any]:
        return json.loads(_filled(json.dumps(self.sent), ids)) if self.sent else {}

    def address(self, ids: Mapping[str, str]) -> str:
        return _filled(self.path, ids)


def _filled(text: str, ids: Mapping[str, str]) -> str:
    for name, id_ in ids.items():
        text = text.replace("{" + name + "}", id_)
    return text


STORY = {"json": {"StoryText": "一", "ShotCount": 1}}
ROUTES = (
    Route("POST", f"{V1}/projects", STORY),
    Route("GET", f"{V1}/projects"),
    Route("GET", f"{V1}/projects/{{project_id}}"),
    Route("PUT", f"{V1}/projects/{{project_id}}", {"json": {"title": "taken", "story_text": "other"}}),
    Route("PATCH", f"{V1}/projects/{{project_id}}", {"json": {"title": "taken", "seed": 1}}),
    Route("DELETE", f"{V1}/projects/{{project_id}}"),
    Route("POST", f"{V1}/projects/batch", {"data": "{}", "content_type": "application/x-ndjson"}),
    Route("POST", f"{V1}/projects/{{project_id}}/resume"),
    Route("GET", f"{V1}/projects/{{project_id}}/cast"),
    Route("POST", f"{V1}/projects/{{project_id}}/cast", {"json": {"name": "taken"}}),
    Route("PATCH", f"{V1}/projects/{{project_id}}/cast/{{cast_id}}", {"json": {"look": "taken"}}),
    Route("DELETE", f"{V1}/projects/{{project_id}}/cast/{{cast_id}}"),
    Route("PUT", f"{V1}/projects/{{project_id}}/cast/{{cast_id}}/reference", {"data": {"a": "x"}}),
    Route("POST", f"{V1}/projects/{{project_id}}/cast/{{cast_id}}/repaint"),
    Route("GET", f"{V1}/projects/{{project_id}}/tasks"),
    Route("GET", f"{V1}/projects/{{project_id}}/tasks?page=1"),
    Route("GET", f"{V1}/projects/{{project_id}}/shots"),
    Route("GET", f"{V1}/projects/{{project_id}}/shots/{{shot_id}}"),
    Route("POST", f"{V1}/projects/{{project_id}}/shots/{{shot_id}}", {"json": {"prompt": "taken"}}),
    Route("POST", f"{V1}/projects/{{project_id}}/shots/{{shot_id}}", {"json": {"motion": "none"}}),
    Route("DELETE", f"{V1}/shots/{{shot_id}}"),
    Route("DELETE", f"{V1}/projects/{{project_id}}?undo=1"),
    Route("POST", f"{V1}/projects/{{project_id}}/undelete"),
    Route("POST", f"{V1}/projects/{{project_id}}/shots", {"json": {"title": "taken"}}),
    Route("PATCH", f"{V1}/projects/{{project_id}}/shots", {"json": {"shots": [{"id": "{shot_id}", "title": "taken"}]}}),
    Route("PUT", f"{V1}/projects/{{project_id}}/shots/order", {"json": {"order": ["{shot_id}"]}}),
    Route("PATCH", f"{V1}/projects/{{project_id}}/shots/{{shot_id}}", {"json": {"title": "taken"}}),
    Route("DELETE", f"{V1}/projects/{{project_id}}/shots/{{shot_id}}"),
    Route("DELETE", f"{V1}/projects/{{project_id}}/shots/{{shot_id}}?undo=1"),
    Route("POST", f"{V1}/projects/{{project_id}}/shots/{{shot_id}}/undelete"),
    Route("POST", f"{V1}/projects/{{project_id}}/shots/{{shot_id}}/duplicate"),
    Route("POST", f"{V1}/projects/{{project_id}}/shots/{{shot_id}}/split", {"json": {"at": 2}}),
    Route("POST", f"{V1}/projects/{{project_id}}/shots/{{shot_id}}/merge"),
    Route("POST", f"{V1}/projects/{{project_id}}/shots/{{shot_id}}/undo"),
    Route("POST", f"{V1}/projects/{{project_id}}/shots/{{shot_id}}/narrations", {"json": {}}),
    Route("GET", f"{V1}/projects/{{project_id}}/shots/{{shot_id}}/images/versions"),
    Route("POST", f"{V1}/projects/{{project_id}}/shots/{{shot_id}}/clips/versions/1/restore"),
    Route("POST", f"{V1}/projects/{{project_id}}/shots/{{shot_id}}/images", {"data": {"file": "x"}}),
    Route("POST", f"{V1}/projects/{{project_id}}/video", {"json": {}}),
    Route("POST", f"{V1}/projects/{{project_id}}/video", {"json": {"shot_id": "{shot_id}"}}),
    Route("POST", f"{V1}/projects/{{project_id}}/tts", {"json": {}}),
    Route("GET", f"{V1}/projects/{{project_id}}/films"),
    Route("GET", f"{V1}/projects/{{project_id}}/feed"),
    Route("GET", f"{V1}/projects/{{project_id}}/archive"),
    Route("GET", f"{V1}/projects/{{project_id}}/cover"),
    Route("GET", f"{V1}/projects/{{project_id}}/films/1/still"),
    Route("GET", f"{V1}/projects/{{project_id}}/shots/{{shot_id}}/thumbnail"),
    Route("GET", f"{V1}/tasks/{{task_id}}"),
    Route("POST", f"{V1}/tasks/{{task_id}}/cancel"),
    Route("POST", f"{V1}/tasks/{{task_id}}/retry"),
    Route("POST", f"{V1}/tasks/{{storyboard}}/retry"),
    Route("POST", f"{V1}/tasks", {"json": {"type": "updateShot", "shotId": "{shot_id}"}}),
    Route("POST", f"{V1}/tasks", {"json": {"type": "generateVideo", "projectId": "{project_id}"}}),
    Route("POST", f"{V1}/music", {"data": "x"}),
    Route("GET", f"{V1}/music"),
    Route("DELETE", f"{V1}/music/{{music_id}}"),
    Route("GET", f"{V1}/voices"),
    Route("GET", f"{V1}/voices/sample"),
    Route("POST", f"{V1}/webhooks", {"json": {"url": "https://receiver.example/"}}),
    Route("GET", f"{V1}/webhooks"),
    Route("GET", f"{V1}/webhooks/{{webhook_id}}"),
    Route("PATCH", f"{V1}/webhooks/{{webhook_id}}", {"json": {"url": "https://taken.example/"}}),
    Route("DELETE", f"{V1}/webhooks/{{webhook_id}}"),
    Route("POST", f"{V1}/webhooks/{{webhook_id}}/rotate"),
    Route("POST", f"{V1}/webhooks/{{webhook_id}}/test"),
    Route("GET", f"{V1}/webhooks/{{webhook_id}}/deliveries"),
    Route("POST", f"{V1}/webhooks/{{webhook_id}}/deliveries/{{message_id}}/resend"),
    Route("GET", f"{V1}/admin/overview"),
    Route("POST", f"{V1}/auth/logout"),
    Route("GET", f"{V1}/auth/me"),
    Route("GET", f"{V1}/auth/check"),
    Route("POST", f"{API}/projects/create", {"json": {"story": "一", "shot_count": 1}}),
    Route("GET", f"{API}/projects"),
    Route("GET", f"{API}/projects/{{project_id}}/storyboard"),
    Route("POST", f"{API}/projects/{{project_id}}/compose", {"json": {}}),
    Route("POST", f"{API}/projects/{{project_id}}/tts", {"json": {}}),
    Route("POST", f"{API}/shots/{{shot_id}}/update_prompt", {"json": {"prompt": "taken", "narration": "taken"}}),
    Route("POST", f"{API}/shots/{{shot_id}}/generate_image", {"json": {"seed": 1}}),
    Route("POST", f"{API}/shots/{{shot_id}}/generate_video", {"json": {"duration": 2}}),
    Route("GET", f"{API}/tasks/{{task_id}}/status"),
    Route("GET", f"{API}/tasks/{{storyboard}}/status"),
    Route("POST", f"{API}/oss/sts", {"json": {"project_id": "{project_id}"}}),
    Route(
        "POST",
        f"{API}/oss/presign",
        {"json": {"project_id": "{project_id}", "size": 9, "content_type": "image/png"}},
    ),
    Route(
        "POST",
        f"{API}/oss/complete",
        {
            "json": {
                "project_id": "{project_id}",
                "key": "projects/{project_id}/uploads/taken.png",
                "size": 9,
                "md5": "0" * 32,
                "kind": "images",
                "shot_id": "{shot_id}",
            }
        },
    ),
    Route("POST", f"{API}/auth/logout"),
    Route("GET", f"{API}/auth/me"),
    Route("GET", "/static/old.png"),
    Route("GET", "/tasks/{task_id}/wss"),
)
IDS = (
    "{project_id}",
    "{shot_id}",
    "{cast_id}",
    "{task_id}",
    "{storyboard}",
    "{music_id}",
    "{webhook_id}",
    "{message_id}",
)
OF_SOMEBODY = tuple(route for route in ROUTES if any(id_ in f"{route.path}{json.dumps(route.sent)}" for id_ in IDS))
CHANGING = tuple(route for route in ROUTES if route.method != "GET")


def bearer(text: str) -> Headers:
    return {"Authorization": f"Bearer {text}"}


def _unsigned(world: World, algorithm: str) -> str:
    """A token whose head names an algorithm that needs no key."""
    body = forged(world).split(".")[1]
    head = base64.urlsafe_b64encode(json.dumps({"alg": algorithm, "typ": "JWT"}).encode()).rstrip(b"=").decode()
    return f"{head}.{body}."


def _key(world: World, **values: Any) -> str:
    """A key of the victim's with other columns."""
    text = world.key("victim", Scope.WRITE)
    world.write(update(ApiKey).where(ApiKey.secret_hash == hash_of(text)).values(**values))
    return text


def _of_disabled(world: World, what: str) -> str:
    """The key, or the access token, of an account that is disabled."""
    name = f"gone-{time.monotonic_ns()}"
    person = world.person(name)
    world.write(update(Account).where(Account.name == name).values(disabled_at=world.services.clock.now()))
    return person.token if what == "token" else person.keys["write"]


def _without(claim: str) -> Callable[[World], Headers]:
    return lambda w: bearer(forged(w, claims={claim: None}))


NOW = time.time
TOKENS: dict[str, Callable[[World], Headers]] = {
    "nothing": lambda w: {},
    "empty": lambda w: {"Authorization": ""},
    "no scheme": lambda w: {"Authorization": w.victim.token},
    "bearer of nothing": lambda w: {"Authorization": "Bearer "},
    "basic": lambda w: {"Authorization": "Basic " + base64.b64encode(b"victim:correct horse battery").decode()},
    "noise": lambda w: bearer("a.b.c"),
    "noise of bytes": lambda w: {"Authorization": "Bearer \xff\xfe\x80"},
    "null": lambda w: bearer("null"),
    "wrong key": lambda w: bearer(forged(w, key=b"k" * 32)),
    "the configured secret itself as the key": lambda w: bearer(forged(w, key=SECRET)),
    "empty key": lambda w: bearer(forged(w, key=b"\0" * 32)),
    "changed claims": lambda w: bearer(
        ".".join([w.victim.token.split(".")[0], w.admin.token.split(".")[1], w.victim.token.split(".")[2]])
    ),
    "expired": lambda w: bearer(forged(w, exp=int(NOW()) - 1)),
    "expired long ago": lambda w: bearer(forged(w, exp=1)),
    "expires as text": lambda w: bearer(forged(w, exp="tomorrow")),
    "not yet": lambda w: bearer(forged(w, nbf=int(NOW()) + 3600)),
    "issued in the future": lambda w: bearer(forged(w, iat=int(NOW()) + 3600)),
    "issued as text": lambda w: bearer(forged(w, iat="now")),
    "issued as a truth": lambda w: bearer(forged(w, iat=True)),
    **{f"without {name}": _without(name) for name in ("exp", "iat", "jti", "sub", "aud", "sid")},
    "a refresh token": lambda w: bearer(str(w.victim.login["refresh_token"])),
    "a link's token": lambda w: bearer(w.app.extensions["gate"].tokens.link("x")),
    "another audience": lambda w: bearer(forged(w, aud="assets")),
    "many audiences": lambda w: bearer(forged(w, aud=["storytovideo:access", "assets"])),
    "another's subject": lambda w: bearer(forged(w, sub="nobody")),
    "the victim's subject in the attacker's login": lambda w: bearer(forged(w, sid=w.attacker.session_id)),
    "an unknown login": lambda w: bearer(forged(w, sid="unknown")),
    "a login that is a number": lambda w: bearer(forged(w, sid=7)),
    "a login that is a list": lambda w: bearer(forged(w, sid=["x"])),
    "a revoked login": lambda w: bearer(ended(w, "revoked")),
    "a login that has expired": lambda w: bearer(ended(w, "expired")),
    "a login that was left": lambda w: bearer(ended(w, "logged out")),
    "a login whose refresh token came twice": lambda w: bearer(ended(w, "reused refresh")),
    "a disabled account": lambda w: bearer(_of_disabled(w, "token")),
    "alg none": lambda w: bearer(_unsigned(w, "none")),
    "alg None": lambda w: bearer(_unsigned(w, "None")),
    "alg empty": lambda w: bearer(_unsigned(w, "")),
    "alg HS384": lambda w: bearer(forged(w, algorithm="HS384")),
    "alg HS512": lambda w: bearer(forged(w, algorithm="HS512")),
    "kid of a file": lambda w: bearer(forged(w, key=b"k" * 32, headers={"kid": "../../dev/null"})),
    "kid of SQL": lambda w: bearer(forged(w, key=b"k" * 32, headers={"kid": "' UNION SELECT 'k"})),
    "jku of the attacker": lambda w: bearer(forged(w, key=b"k" * 32, headers={"jku": "http://127.0.0.1:9/keys"})),
    "jwk of the attacker": lambda w: bearer(forged(w, key=b"k" * 32, headers={"jwk": {"kty": "oct", "k": "a2tr"}})),
    "too long": lambda w: bearer("eyJ" + "a" * 200_000),
    "deep": lambda w: bearer(base64.urlsafe_b64encode(b"[" * 3000).decode() + ".e30.x"),
}
KEYS: dict[str, Callable[[World], Headers]] = {
    "unknown": lambda w: bearer("s2v_" + "A" * 43),
    "nothing but the beginning": lambda w: bearer("s2v_"),
    "shortened": lambda w: bearer(w.victim.keys["write"][:-1]),
    "lengthened": lambda w: bearer(w.victim.keys["write"] + "A"),
    "in other letters": lambda w: bearer("s2v_" + w.victim.keys["write"][4:].swapcase()),
    "its hash": lambda w: bearer("s2v_" + hash_of(w.victim.keys["write"])),
    "revoked": lambda w: bearer(_key(w, revoked_at=w.services.clock.now())),
    "expired": lambda w: bearer(_key(w, expires_at=w.services.clock.now() - timedelta(seconds=1))),
    "of a disabled account": lambda w: bearer(_of_disabled(w, "key")),
    "very long": lambda w: bearer("s2v_" + "A" * 100_000),
    "as Basic": lambda w: {
        "Authorization": "Basic " + base64.b64encode(b":" + w.victim.keys["write"].encode()).decode()
    },
    "as another header": lambda w: {"X-Api-Key": w.victim.keys["write"]},
    "as a cookie": lambda w: {"Cookie": f"token={w.victim.keys['write']}"},
    "with SQL": lambda w: bearer("s2v_' OR '1'='1"),
}
ADDRESSES: dict[str, Callable[[World], str]] = {
    "a key of scope write in the path": lambda w: f"/k/{w.victim.keys['write']}",
    "a key of scope read in the path": lambda w: f"/k/{w.victim.keys['read']}",
    "an admin's key in the path": lambda w: f"/k/{w.admin.keys['admin']}",
    "an access token in the path": lambda w: f"/k/{w.victim.token}",
    "an unknown key in the path": lambda w: "/k/s2v_" + "A" * 43,
    "no key in the path": lambda w: "/k/",
    "blanks in the path": lambda w: "/k/%20",
    "SQL in the path": lambda w: "/k/'%20OR%20'1'='1",
    "a revoked key in the path": lambda w: f"/k/{_key(w, scope=Scope.LEGACY, revoked_at=w.services.clock.now())}",
}

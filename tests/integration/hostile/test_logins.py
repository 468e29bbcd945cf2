"""Class: logins. Guessing is slow, tells nothing, and a copied refresh token ends the login that it was copied from."""

from __future__ import annotations

import base64
import gzip
import hashlib
import hmac
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import jwt
import pytest
from argon2 import PasswordHasher
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from common.errors import DependencyError, TooManyRequests
from config.settings import AuthSettings, LimitsSettings, Settings
from service.access import accounts, passwords
from service.access.tokens import ACCESS, Tokens
from tests.integration.hostile.conftest import CHEAP
from tests.integration.hostile.world import API, PASSWORD, SECRET, V1, World, told, world

LOGIN, REFRESH = f"{V1}/auth/login", f"{V1}/auth/refresh"
WRONG: dict[str, dict[str, Any]] = {
    "wrong password": {"json": {"username": "victim", "password": "guess"}},
    "another's password": {"json": {"username": "victim", "password": PASSWORD + "x"}},
    "unknown name": {"json": {"username": "nobody", "password": PASSWORD}},
    "name in other letters": {"json": {"username": "VICTIM", "password": PASSWORD}},
    "name with a blank": {"json": {"username": "victim ", "password": PASSWORD}},
    "SQL": {"json": {"username": "' OR 1=1 --", "password": "' OR 1=1 --"}},
    "hash as password": {"json": {"username": "victim", "password": "$argon2id$v=19$m=65536,t=3,p=4$x$y"}},
    "in the query": {"query_string": {"username": "victim", "password": "guess"}},
}
MALFORMED: dict[str, dict[str, Any]] = {
    "nothing": {"json": {}},
    "no password": {"json": {"username": "victim"}},
    "empty password": {"json": {"username": "victim", "password": ""}},
    "a list": {"json": {"username": ["victim"], "password": PASSWORD}},
    "an object": {"json": {"username": "victim", "password": {"$ne": ""}}},
    "a number": {"json": {"username": "victim", "password": 7}},
    "NUL": {"json": {"username": "victim\0", "password": PASSWORD}},
    "half a pair": {"data": '{"username": "victim", "password": "\\ud800"}'},
    "long": {"json": {"username": "victim", "password": "x" * 100_000}},
    "a long name": {"json": {"username": "x" * 10_000, "password": PASSWORD}},
    "no JSON": {"data": "{"},
    "deep": {"data": '{"username":' + "[" * 5000},
}


@pytest.mark.parametrize("name", WRONG)
def test_whatever_is_wrong_is_answered_alike(closed: World, name: str) -> None:
    before = closed.everything()
    answer = closed.send("POST", LOGIN, **WRONG[name])
    assert told(answer, {}) == told(closed.send("POST", LOGIN, **WRONG["wrong password"]), {})
    assert answer.status_code == 401
    assert closed.everything() == before


def test_a_login_of_one_surface_is_one_of_the_other(fresh: World) -> None:
    login = fresh.send("POST", f"{API}/auth/login", json={"username": "victim", "password": PASSWORD}).get_json()
    keys = {"access_token", "refresh_token", "token_type", "expires_in", "refresh_expires_in", "code", "request_id"}
    assert (login.keys(), login["code"], login["token_type"]) == (keys, 0, "Bearer")
    renewed = fresh.send("POST", REFRESH, json={"refresh_token": login["refresh_token"]}).get_json()
    again = fresh.send("POST", f"{API}/auth/refresh", json={"refresh_token": renewed["refresh_token"]}).get_json()
    headers = {"Authorization": f"Bearer {again['access_token']}"}
    me = fresh.send("GET", f"{API}/auth/me", headers=headers).get_json()
    assert (me["username"], me["code"]) == ("victim", 0)
    assert fresh.send("POST", f"{API}/auth/logout", headers=headers).get_json()["code"] == 0
    for surface in (V1, API):
        assert fresh.send("GET", f"{surface}/auth/me", headers=headers).status_code == 401


@pytest.mark.parametrize("name", WRONG)
def test_the_gateways_login_refuses_alike_in_its_own_shape(closed: World, name: str) -> None:
    before = closed.everything()
    answer = closed.send("POST", f"{API}/auth/login", **WRONG[name])
    assert (answer.status_code, answer.get_json().keys()) == (401, {"code", "message", "request_id"})
    assert answer.get_json()["message"] == closed.send("POST", LOGIN, **WRONG[name]).get_json()["message"]
    assert closed.everything() == before


@pytest.mark.parametrize("name", MALFORMED)
def test_what_is_no_login_is_refused(closed: World, name: str) -> None:
    before = closed.everything()
    assert closed.send("POST", LOGIN, **MALFORMED[name]).status_code == 400
    assert closed.everything() == before


LARGE: dict[str, dict[str, Any]] = {
    "JSON": {"data": b'{"username": "' + b"x" * 300_000, "content_type": "application/json"},
    "a form": {"data": b"username=" + b"x" * 300_000, "content_type": "application/x-www-form-urlencoded"},
    "parts": {"data": {"username": "x" * 300_000}, "content_type": "multipart/form-data"},
    "packed": {"data": gzip.compress(b'{"username": "' + b" " * 5_000_000), "headers": {"Content-Encoding": "gzip"}},
}


@pytest.mark.parametrize("name", LARGE)
@pytest.mark.parametrize("path", ["login", "refresh"])
def test_what_is_too_large_is_refused(closed: World, path: str, name: str) -> None:
    before = closed.everything()
    assert closed.send("POST", f"{V1}/auth/{path}", **LARGE[name]).status_code == 413
    assert closed.everything() == before


@pytest.mark.parametrize("name", LARGE)
def test_nothing_is_read_of_who_may_not_come_in(closed: World, name: str) -> None:
    assert closed.send("POST", f"{V1}/projects", **LARGE[name]).status_code == 401


@pytest.mark.parametrize("name", ["victim", "nobody", "gone"])
def test_every_name_costs_one_look_at_a_password(fresh: World, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    accounts.add(fresh.services.database, "gone", PASSWORD, admin=False, now=fresh.services.clock.now())
    accounts.disable(fresh.services.database, "gone", now=fresh.services.clock.now())
    verify, looks = PasswordHasher.verify, []

    def counted(self: PasswordHasher, stored: str, password: str) -> bool:
        looks.append(stored.split("$")[3])
        return verify(self, stored, password)

    monkeypatch.setattr(PasswordHasher, "verify", counted)
    assert fresh.send("POST", LOGIN, json={"username": name, "password": "a wrong one"}).status_code == 401
    assert looks == [f"m={CHEAP.memory_cost},t={CHEAP.time_cost},p={CHEAP.parallelism}"]


def test_no_more_than_two_passwords_are_hashed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    both, go_on = threading.Barrier(3), threading.Event()

    def verify(_self: PasswordHasher, _stored: str, password: str) -> bool:
        if password == "slow":
            both.wait(30)
            assert go_on.wait(30)
        return True

    monkeypatch.setattr(PasswordHasher, "verify", verify)
    monkeypatch.setattr(passwords, "WAIT_S", 0.0)
    with ThreadPoolExecutor(2) as threads:
        slow = [threads.submit(passwords.holds, "slow", "y") for _ in range(2)]
        try:
            both.wait(30)
            with pytest.raises(TooManyRequests):
                passwords.holds("third", "y")
        finally:
            go_on.set()
        assert all(one.result(30) for one in slow)
    assert passwords.holds("third", "y")


def test_a_refresh_token_counts_once_and_its_copy_ends_the_login(fresh: World) -> None:
    first = fresh.log_in("victim")
    second = fresh.send("POST", REFRESH, json={"refresh_token": first["refresh_token"]}).get_json()
    headers = {"Authorization": f"Bearer {second['access_token']}"}
    assert fresh.send("GET", f"{V1}/auth/me", headers=headers).status_code == 200
    assert fresh.send("POST", REFRESH, json={"refresh_token": first["refresh_token"]}).status_code == 401
    assert fresh.send("GET", f"{V1}/auth/me", headers=headers).status_code == 401
    assert fresh.send("POST", REFRESH, json={"refresh_token": second["refresh_token"]}).status_code == 401
    assert fresh.send("GET", f"{V1}/auth/me", headers=fresh.victim.bearer).status_code == 200, "another login of hers"


def test_of_two_who_refresh_at_once_one_gets_nothing(fresh: World) -> None:
    token = fresh.log_in("victim")["refresh_token"]
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: fresh.send("POST", REFRESH, json={"refresh_token": token}), range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 401, 401, 401]


@pytest.mark.parametrize("what", ["access token", "key", "noise", "empty", "of a login that was left"])
def test_nothing_else_refreshes(closed: World, what: str) -> None:
    left = closed.log_in("victim")
    closed.send("POST", f"{V1}/auth/logout", headers={"Authorization": f"Bearer {left['access_token']}"})
    token = {
        "access token": closed.victim.token,
        "key": closed.victim.keys["write"],
        "noise": "a.b.c",
        "empty": "",
        "of a login that was left": left["refresh_token"],
    }[what]
    before = closed.everything()
    assert closed.send("POST", REFRESH, json={"refresh_token": token}).status_code == 401
    assert closed.everything() == before


@pytest.mark.parametrize("how", ["password", "disable"])
def test_an_operator_ends_every_login(fresh: World, how: str) -> None:
    database, now = fresh.services.database, fresh.services.clock.now()
    if how == "password":
        accounts.set_password(database, "victim", "another password", now=now)
    else:
        accounts.disable(database, "victim", now=now)
    assert fresh.send("GET", f"{V1}/auth/me", headers=fresh.victim.bearer).status_code == 401
    assert fresh.send("POST", REFRESH, json={"refresh_token": fresh.victim.login["refresh_token"]}).status_code == 401
    by_key = fresh.send("GET", f"{V1}/auth/me", headers={"Authorization": f"Bearer {fresh.victim.keys['read']}"})
    assert by_key.status_code == (200 if how == "password" else 401)


def test_failed_logins_are_slowed_and_the_right_password_too(redis_url: str, tmp_path: Path) -> None:
    limits = LimitsSettings(enabled="false", failed_logins="3/hour")
    with world(tmp_path, redis_url, limits=limits) as slow:
        surfaces = [LOGIN, f"{API}/auth/login", LOGIN, f"{API}/auth/login", LOGIN]
        statuses = [slow.send("POST", path, **WRONG["wrong password"]).status_code for path in surfaces]
        assert statuses == [401, 401, 401, 429, 429]
        right = {"username": "victim", "password": PASSWORD}
        refused = slow.send("POST", LOGIN, json=right)
        assert (refused.status_code, int(refused.headers["Retry-After"]) > 3000) == (429, True)
        elsewhere = {"REMOTE_ADDR": "192.0.2.7"}
        assert slow.send("POST", LOGIN, json=right, environ_base=elsewhere).status_code == 200, "she is not locked out"
        other = {"username": "attacker", "password": PASSWORD}
        assert slow.send("POST", LOGIN, json=other).status_code == 200


def _rsa(folder: Path) -> tuple[Path, bytes]:
    key = generate_private_key(65537, 2048)
    path = folder / "key.pem"
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return path, key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def test_a_public_key_is_no_secret_to_sign_with(redis_url: str, tmp_path: Path) -> None:
    """Key confusion: HS256 under the PEM of the public key, which everybody may know."""
    path, public = _rsa(tmp_path)
    auth = AuthSettings(required="true", algorithm="RS256", private_key=str(path), secret=SECRET)
    with world(tmp_path, redis_url, auth=auth) as signed:
        assert jwt.get_unverified_header(signed.victim.token)["alg"] == "RS256"
        assert signed.send("GET", f"{V1}/auth/me", headers=signed.victim.bearer).status_code == 200
        claims = jwt.decode(signed.victim.token, options={"verify_signature": False})
        head, body, _ = jwt.encode(claims, "x" * 32, algorithm="HS256").split(".")
        signature = hmac.new(public, f"{head}.{body}".encode(), hashlib.sha256).digest()
        confused = f"{head}.{body}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"
        for token in (confused, jwt.encode(claims, SECRET, algorithm="HS256")):
            answer = signed.send("GET", f"{V1}/auth/me", headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code == 401


@pytest.mark.parametrize("content", [b"", b"no key", b"-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n"])
def test_a_start_with_a_key_that_is_none_says_so(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(content)
    with pytest.raises(DependencyError, match=r"auth\.private_key"):
        Tokens.of(Settings(auth=AuthSettings(algorithm="RS256", private_key=str(path), secret=SECRET)))


def test_without_a_configured_secret_one_is_drawn_that_only_this_user_reads(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    token = Tokens.of(settings).issue(ACCESS, "someone", valid_s=60)
    assert Tokens.of(settings).read(ACCESS, token).subject == "someone", "after a restart"
    [secret] = (tmp_path / "data").iterdir()
    assert secret.stat().st_mode & 0o777 == 0o600
    assert len(secret.read_text()) == 64

"""The local folder's signed URLs."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest

from common.errors import Forbidden, InvalidKey
from service.oss.local import LocalStore

KEY = "projects/p/films/1.mp4"
MORNING = datetime(2026, 1, 2, 10, 20, 30, tzinfo=timezone.utc)


class HeldClock:
    """A time that tests move."""

    def __init__(self) -> None:
        self.time = MORNING

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock()


@pytest.fixture
def store(tmp_path: Path, clock: HeldClock) -> LocalStore:
    return LocalStore(tmp_path, "s", "https://public.example/", now=clock)


def token_of(url: str) -> str:
    return parse_qs(urlsplit(url).query)["token"][0]


def test_a_url_opens_its_own_object_only(store: LocalStore) -> None:
    token = token_of(store.url(KEY))
    store.verify(KEY, token)
    for other in ("projects/p/films/2.mp4", "", KEY + "/x"):
        with pytest.raises(Forbidden):
            store.verify(other, token)


def test_a_url_says_under_which_name_it_is_to_be_saved(store: LocalStore) -> None:
    assert store.verify(KEY, token_of(store.url(KEY))) == ""
    assert store.verify(KEY, token_of(store.url(KEY, saved_as="狐狸 1.mp4"))) == "狐狸 1.mp4"


def test_a_url_stays_the_same_within_the_hour_and_changes_with_the_next(store: LocalStore, clock: HeldClock) -> None:
    first = store.url(KEY)
    clock.time = MORNING.replace(minute=59, second=59)
    assert store.url(KEY) == first
    clock.time = MORNING.replace(hour=11, minute=0, second=0)
    assert store.url(KEY) != first


def test_a_url_is_signed_once_an_hour(store: LocalStore, clock: HeldClock, monkeypatch: pytest.MonkeyPatch) -> None:
    signed: list[str] = []
    sign = jwt.encode

    def counted(claims: dict[str, Any], key: bytes, algorithm: str) -> str:
        signed.append(claims["sub"])
        return sign(claims, key, algorithm=algorithm)

    monkeypatch.setattr(jwt, "encode", counted)
    for minute in range(5):
        clock.time = MORNING.replace(minute=minute)
        store.url(KEY, f"http://host-{minute}")
    store.url("other.png")
    assert signed == [KEY, "other.png"]
    clock.time = MORNING + timedelta(hours=1)
    store.url(KEY)
    assert len(signed) == 3


def test_a_url_lives_for_seven_days_from_the_full_hour(store: LocalStore, clock: HeldClock) -> None:
    token = token_of(store.url(KEY))
    clock.time = MORNING.replace(minute=0, second=0) + timedelta(days=7) - timedelta(seconds=1)
    store.verify(KEY, token)
    clock.time += timedelta(seconds=1)
    with pytest.raises(Forbidden, match="过期"):
        store.verify(KEY, token)


def test_a_token_of_another_secret_purpose_or_algorithm_opens_nothing(
    store: LocalStore, tmp_path: Path, clock: HeldClock
) -> None:
    foreign = LocalStore(tmp_path, "another", now=clock)
    expires = MORNING + timedelta(days=1)
    forged = [
        token_of(foreign.url(KEY)),
        jwt.encode({"sub": KEY, "exp": expires}, store._signing_key, algorithm="HS256"),
        jwt.encode({"sub": KEY, "exp": expires, "aud": "login"}, store._signing_key, algorithm="HS256"),
        jwt.encode({"sub": KEY, "aud": "assets"}, store._signing_key, algorithm="HS256"),
        jwt.encode({"sub": KEY, "aud": "assets", "exp": expires}, "", algorithm="none"),
        token_of(store.url(KEY))[:-2] + "xx",
        "",
        "a.b.c",
        "猫",
        "\ud800",
    ]
    for token in forged:
        with pytest.raises(Forbidden):
            store.verify(KEY, token)


def test_the_callers_base_wins_over_the_configured_one(store: LocalStore, tmp_path: Path) -> None:
    assert store.url(KEY).startswith(f"https://public.example/assets/{KEY}?token=")
    assert store.url(KEY, "http://10.0.0.2:8080/").startswith(f"http://10.0.0.2:8080/assets/{KEY}?token=")
    assert LocalStore(tmp_path, "s").url(KEY).startswith(f"/assets/{KEY}?token=")


def test_no_url_is_signed_for_what_is_no_key(store: LocalStore) -> None:
    with pytest.raises(InvalidKey):
        store.url("../secret")

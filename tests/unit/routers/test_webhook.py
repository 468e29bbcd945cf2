"""Which webhook deliveries are believed."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from common.errors import Forbidden
from routers.api.webhook import canonical, sign, verify

SECRET = "shared-secret"
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
BODY: dict[str, Any] = {
    "task_id": "t1",
    "status": "SUCCESS",
    "result": {"b": 1, "a": "图"},
    "timestamp": int(NOW.timestamp()),
}


def check(body: dict[str, Any], *, header: str = "", raw: bytes | None = None) -> None:
    verify(SECRET, json.dumps(body).encode() if raw is None else raw, body, header, NOW)


def signed(body: dict[str, Any], secret: str = SECRET) -> dict[str, Any]:
    return {**body, "signature": sign(secret, canonical(body))}


def test_what_is_signed_is_sorted_without_blanks_in_utf8() -> None:
    expected = '{"result":{"a":"图","b":1},"status":"SUCCESS","task_id":"t1","timestamp":1767323045}'
    assert canonical({**BODY, "signature": "x"}) == expected.encode()


def test_a_known_signature_holds() -> None:
    known = "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8"
    assert sign("key", b"The quick brown fox jumps over the lazy dog") == known


def test_a_signature_in_the_body_is_believed_whatever_the_order_of_keys() -> None:
    check(dict(reversed(signed(BODY).items())))


def test_a_signature_in_the_header_covers_the_raw_body() -> None:
    raw = b'  {"timestamp": 1767323045,  "task_id":"t1"}\n'
    check(json.loads(raw), header=sign(SECRET, raw), raw=raw)
    with pytest.raises(Forbidden):
        check(json.loads(raw), header=sign(SECRET, raw), raw=raw + b" ")


@pytest.mark.parametrize("signature", [None, "", "0" * 64, 5, ["x"], "签名", "\ud800"])
def test_no_signature_or_a_wrong_one_is_refused(signature: Any) -> None:
    with pytest.raises(Forbidden):
        check({**BODY, "signature": signature})


def test_another_secret_or_another_body_is_refused() -> None:
    with pytest.raises(Forbidden):
        check(signed(BODY, secret="another"))
    with pytest.raises(Forbidden):
        check({**signed(BODY), "task_id": "t2"})


@pytest.mark.parametrize("minutes", [-4.9, 0, 4.9])
def test_a_timestamp_within_five_minutes_is_believed(minutes: float) -> None:
    check(signed({**BODY, "timestamp": (NOW + timedelta(minutes=minutes)).timestamp()}))


@pytest.mark.parametrize("minutes", [-5.1, 5.1, 100_000])
def test_a_timestamp_further_off_is_refused(minutes: float) -> None:
    with pytest.raises(Forbidden):
        check(signed({**BODY, "timestamp": (NOW + timedelta(minutes=minutes)).timestamp()}))


@pytest.mark.parametrize("timestamp", ["1767323045", "2026-01-02T03:04:05Z", "2026-01-02T11:04:05+08:00", 1767323045.5])
def test_a_timestamp_may_be_a_number_or_a_text(timestamp: Any) -> None:
    check(signed({**BODY, "timestamp": timestamp}))


@pytest.mark.parametrize("timestamp", [None, "", "soon", [], 1e300, float("nan"), "nan", True])
def test_a_missing_or_broken_timestamp_is_refused(timestamp: Any) -> None:
    with pytest.raises(Forbidden):
        check(signed({**BODY, "timestamp": timestamp}))

"""A head is whole, or wrong, at the same byte in whatever pieces it comes; and gunicorn's parser then never asks for more."""

from __future__ import annotations

import pytest
from gunicorn.config import Config
from gunicorn.http.errors import (
    InvalidHeader,
    InvalidRequestLine,
    LimitRequestHeaders,
    LimitRequestLine,
    ParseException,
)
from gunicorn.http.message import Request
from gunicorn.http.unreader import IterUnreader

from runtime.request_head import HeadLimits, RequestHead

LIMITS = HeadLimits(line=100, headers=200)


def read(*pieces: bytes) -> tuple[int, type[ParseException] | None]:
    """At which piece, from 1, a thread can go on (0: at none), and what is wrong."""
    head = RequestHead(LIMITS)
    for number, piece in enumerate(pieces, 1):
        if head.add(piece):
            return number, type(head.fault) if head.fault else None
    return 0, None


def one_by_one(said: bytes) -> tuple[int, type[ParseException] | None]:
    return read(*(bytes([byte]) for byte in said))


WHOLE = [
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /?q=灯塔 HTTP/1.0\r\nHost: x\r\n\r\n".encode(),
]
WRONG = [
    (b"\x16\x03\x01\x02", InvalidRequestLine),  # TLS, at its first byte
    (b"GET / HTTP/1.1\n", InvalidRequestLine),
    (b"GET /\r\n", InvalidRequestLine),  # HTTP/0.9
    (b"HELO there\r\n", InvalidRequestLine),
    (b"\r\n\r\n", InvalidRequestLine),
    (b"GET / HTTP/1.1\r\nHost: x\n", InvalidHeader),
    (b"GET /" + b"a" * 98, LimitRequestLine),
    (b"GET / HTTP/1.1\r\n" + b"a" * 201, LimitRequestHeaders),
]
UNFINISHED = [b"\r", b"\r\n", b"GET", b"GET / HTTP/1.1\r", b"GET / HTTP/1.1\r\nHost: x\r\n", b"\xff\xfe"]


@pytest.mark.parametrize("said", WHOLE)
def test_a_head_is_whole_at_its_blank_line_however_it_comes(said: bytes) -> None:
    assert one_by_one(said) == (len(said), None)
    for cut in range(1, len(said)):
        assert read(said[:cut], said[cut:]) == (2, None)


@pytest.mark.parametrize(("said", "fault"), WRONG, ids=lambda value: str(value)[:20])
def test_what_will_never_be_a_head_is_told_at_once(said: bytes, fault: type[ParseException]) -> None:
    assert read(said) == (1, fault)
    number, found = one_by_one(said)
    assert (0 < number <= len(said), found) == (True, fault)


@pytest.mark.parametrize("said", UNFINISHED)
def test_a_head_that_may_go_on_is_waited_for(said: bytes) -> None:
    assert read(said) == (0, None) == one_by_one(said)


def test_what_follows_the_head_is_kept_whatever_it_is() -> None:
    said = WHOLE[0] + b"a\nb" * 1000
    head = RequestHead(LIMITS)
    assert head.add(said)
    assert (bytes(head.data), head.fault) == (said, None)


@pytest.mark.parametrize("said", WHOLE)
def test_gunicorns_parser_asks_for_no_more_than_a_whole_head(said: bytes) -> None:
    config = Config()
    config.set("forwarded_allow_ips", "")

    def source() -> object:
        yield said.replace("灯塔".encode(), b"")
        pytest.fail("it asked for more")

    Request(config, IterUnreader(source()), ("192.0.2.1", 1))

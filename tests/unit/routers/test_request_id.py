"""Which id a request gets."""

from __future__ import annotations

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from common.request_id import bound, request_id, trace_id, trace_in, trace_of, traceparent
from routers.observed import REQUEST_ID_HEADER, Observed, accepted_id

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


@pytest.mark.parametrize("header", ["abc", "6f1c3a0e-1111-4c2d-8a5e-0123456789ab", "a.b_c:d-e", "x" * 64])
def test_a_harmless_id_is_taken_over(header: str) -> None:
    assert accepted_id(header, "") == header


@pytest.mark.parametrize("header", ["", "x" * 65, "a b", "a\r\nSet-Cookie: b", "标识", "-a", "<script>", "a\n"])
def test_a_harmful_id_is_replaced_by_a_new_one(header: str) -> None:
    first, second = accepted_id(header, ""), accepted_id(header, "")
    assert first != second
    assert len(first) == len(second) == 32


def test_the_trace_id_of_a_traceparent_is_the_id() -> None:
    assert accepted_id("", f"00-{TRACE}-00f067aa0ba902b7-01") == TRACE


def test_a_request_id_wins_over_a_traceparent() -> None:
    assert accepted_id("mine", f"00-{TRACE}-00f067aa0ba902b7-01") == "mine"


@pytest.mark.parametrize(
    "traceparent",
    [
        f"ff-{TRACE}-00f067aa0ba902b7-01",
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-00f067aa0ba902b7",
        TRACE,
    ],
)
def test_an_invalid_traceparent_counts_for_nothing(traceparent: str) -> None:
    assert accepted_id("", traceparent) != TRACE


@given(st.text(), st.text())
def test_whatever_comes_the_id_is_harmless(header: str, traceparent: str) -> None:
    value = accepted_id(header, traceparent)
    assert 0 < len(value) <= 64
    assert value.isascii()
    assert value.isprintable()
    assert " " not in value


def test_the_id_is_bound_while_the_application_answers_and_goes_out_with_the_answer() -> None:
    app = Flask(__name__)

    @app.get("/")
    def seen() -> str:
        return request_id()

    app.wsgi_app = Observed(app.wsgi_app)  # type: ignore[method-assign]  # Flask's documented place for middleware
    answer = app.test_client().get("/", headers={REQUEST_ID_HEADER: "mine"})
    assert answer.text == "mine"
    assert answer.headers[REQUEST_ID_HEADER] == "mine"
    assert request_id() == ""


@pytest.mark.parametrize(("error", "status"), [(StopIteration, "101"), (ValueError, "500")])
def test_what_ends_without_an_answer_is_a_websocket_or_a_fault(
    error: type[Exception], status: str, caplog: pytest.LogCaptureFixture
) -> None:
    def application(_environ: object, _start: object) -> list[bytes]:
        raise error

    caplog.set_level("INFO", "access")
    with pytest.raises(error):
        Observed(application)(
            {"REQUEST_METHOD": "GET", "PATH_INFO": f"/a b/{'x' * 500}"}, lambda *_: lambda _data: None
        )
    [line] = caplog.messages
    assert line.startswith(f"GET /a%20b/{'x' * 100}")
    assert f"... {status} " in line
    assert len(line) < 500


@pytest.mark.parametrize(
    ("request_", "trace", "seen"),
    [("mine", TRACE, TRACE), ("mine", "", trace_of("mine")), (TRACE, "", TRACE), ("", "", "")],
)
def test_a_trace_is_the_caller_s_or_follows_from_the_id(request_: str, trace: str, seen: str) -> None:
    with bound(request_, trace):
        assert trace_id() == seen
        assert trace_in(traceparent()) == seen
    assert (trace_id(), traceparent()) == ("", "")


def test_a_binding_inside_another_ends_with_its_block() -> None:
    with bound("outer"):
        with bound("inner"):
            assert request_id() == "inner"
        assert request_id() == "outer"
    assert request_id() == ""

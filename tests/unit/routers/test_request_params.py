"""Where parameters come from, and which of two counts."""

from __future__ import annotations

import io
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from flask import Request
from hypothesis import given
from hypothesis import strategies as st
from werkzeug.test import EnvironBuilder

from common.errors import InvalidInput
from routers.request_params import read, urlencoded

JSON = "application/json"


def asked(query: str = "", body: bytes | str = b"", content_type: str | None = None) -> dict[str, Any]:
    data = body.encode() if isinstance(body, str) else body
    builder = EnvironBuilder(
        "/", method="POST", query_string=query, input_stream=io.BytesIO(data), content_type=content_type
    )
    environ = builder.get_environ()
    environ["CONTENT_LENGTH"] = str(len(data))
    return read(Request(environ))


def refused(query: str = "", body: bytes | str = b"", content_type: str | None = None) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        asked(query, body, content_type)
    return caught.value


def test_the_query_string_the_json_body_and_the_form_all_count() -> None:
    expected = {"Title": "狐狸"}
    assert asked(query=f"Title={quote('狐狸')}") == expected
    assert asked(body='{"Title": "狐狸"}', content_type=JSON) == expected
    assert asked(body=f"Title={quote('狐狸')}", content_type="application/x-www-form-urlencoded") == expected


def test_a_multipart_form_counts() -> None:
    body = '--b\r\nContent-Disposition: form-data; name="Title"\r\n\r\n狐狸\r\n--b--\r\n'
    assert asked(body=body, content_type="multipart/form-data; boundary=b") == {"Title": "狐狸"}


def test_parts_from_all_places_are_put_together() -> None:
    assert asked(query="Title=a", body='{"style": "b"}', content_type=JSON) == {"Title": "a", "style": "b"}


def test_the_query_wins_over_the_body_whatever_the_spelling() -> None:
    assert asked(query="story_text=query", body='{"StoryText": "body"}', content_type=JSON) == {"story_text": "query"}


def test_an_empty_value_hides_none_that_is_not() -> None:
    assert asked(query="Title=", body='{"title": "body"}', content_type=JSON) == {"title": "body"}
    assert asked(query="Title=&title=second") == {"title": "second"}
    assert asked(query="Title=first&title=") == {"Title": "first"}


def test_a_plus_is_a_blank_and_a_semicolon_is_itself() -> None:
    assert asked(query="Title=a+b;c=d&Style=e%2Bf") == {"Title": "a b;c=d", "Style": "e+f"}


@pytest.mark.parametrize("content_type", [None, JSON, "application/x-www-form-urlencoded", "text/plain"])
@pytest.mark.parametrize("body", ["", " \r\n"])
def test_an_empty_body_is_no_error(content_type: str | None, body: str) -> None:
    assert asked(query="Title=a", body=body, content_type=content_type) == {"Title": "a"}


@pytest.mark.parametrize("body", ["{}", "null"])
def test_an_empty_json_object_is_no_error(body: str) -> None:
    assert asked(body=body, content_type=JSON) == {}


@pytest.mark.parametrize(
    "content_type", [None, "text/plain", "application/x-www-form-urlencoded", "application/vnd.x+json"]
)
def test_a_json_object_counts_whatever_it_is_called(content_type: str | None) -> None:
    assert asked(body='{"style": "b"}', content_type=content_type) == {"style": "b"}


@pytest.mark.parametrize(
    "body", ["{", '{"a":}', "[1]", '"a"', "1", '{"a": NaN}', '{"a": Infinity}', b"\xff\xfe", '{"a":' * 100_000, "x"]
)
def test_broken_json_is_refused(body: bytes | str) -> None:
    assert refused(body=body, content_type=JSON).field == "body"


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ('{"a": ' + "[" * 973 + "]" * 973 + "}", "嵌套过深"), ('{"a":' * 65 + "1" + "}" * 65, "嵌套过深"),
        ("[" * 100_000, "嵌套过深"), ('{"a": NaN}', "NaN"), ('{"a": [-Infinity]}', "Infinity"), ('{"a": 1e999}', "过大的数字"),
        ('{"a": [-1E400]}', "过大的数字"), ('{"a": ' + "9" * 101 + "}", "过长的数字"), ('{"a": ' + "9" * 100_000 + "}", "过长的数字"),
        ('{"a": ["\\ud800"]}', "UTF-16"), ('{"a": [{"b": ["x\\udfff"]}]}', "UTF-16"), ('{"\\udc00": 1}', "UTF-16"),
        ('{"a": {"\\udc00\\ud800": 1}}', "UTF-16"), (b'{"a": ["\xed\xa0\x80"]}', "UTF-"), ('{"a": 1, "a": 1}', "重复的键：a"),
        ('{"b": [{"a": 1, "\\u0061": 2}]}', "重复的键：a"), ('{"\\ud800": 1, "\\ud800": 2}', "重复的键"),
    ],
    ids=lambda value: str(value)[:20].encode("ascii", "replace").decode(),
)  # fmt: skip
def test_json_that_nothing_could_take_is_refused_in_words(body: bytes | str, word: str) -> None:
    refusal = refused(body=body, content_type=JSON)
    assert refusal.field == "body"
    assert word in str(refusal)
    str(refusal).encode()


def test_json_as_deep_and_long_as_may_be_is_taken() -> None:
    deep = '{"a":' * 64 + "9" * 100 + "}" * 64
    assert asked(body=deep, content_type=JSON)
    assert asked(body='{"a": "\\ud83e\\udd8a"}', content_type=JSON) == {"a": "🦊"}


def test_a_body_that_is_neither_json_nor_a_form_is_refused() -> None:
    assert refused(body="<a/>", content_type="text/xml").field == "body"


@pytest.mark.parametrize("value", ["%ff", "%c3%28", "%ed%a0%80"])
def test_text_that_is_not_utf8_is_refused_by_its_name(value: str) -> None:
    assert refused(query=f"Style=a&Title={value}").field == "Title"
    assert refused(body=f"Title={value}", content_type="application/x-www-form-urlencoded").field == "Title"


@pytest.mark.parametrize("query", ["", "&", "&&a=b&", "=x", "a", "%", "%zz=1", "a=%"])
def test_odd_query_strings_do_no_harm(query: str) -> None:
    assert isinstance(asked(query=query), dict)


NAMES = st.text("abcXYZ名", min_size=1, max_size=5)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(st.lists(st.tuples(NAMES, TEXTS), max_size=5))
def test_what_was_encoded_comes_back(pairs: list[tuple[str, str]]) -> None:
    text = "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in pairs)
    assert list(urlencoded(text.encode())) == pairs


@given(st.binary(max_size=40))
def test_any_bytes_are_pairs_or_a_refusal(raw: bytes) -> None:
    try:
        pairs = list(urlencoded(raw))
    except InvalidInput:
        return
    assert all(isinstance(part, str) for pair in pairs for part in pair)

"""Metadata: any text survives, within what S3's headers carry."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from service.oss.metadata import MAX_BYTES, clipped, decoded, encoded

texts = st.text(st.characters(exclude_categories=["Cs"]))


@given(
    st.dictionaries(st.sampled_from(["project", "shot", "task", "order", "title"]), texts.filter(lambda t: len(t) < 20))
)
def test_short_values_survive_whole(metadata: dict[str, str]) -> None:
    kept = clipped(metadata)
    headers = encoded(kept)
    assert kept == metadata
    assert decoded(headers) == metadata
    assert all(value.isascii() and value.isprintable() and " " not in value for value in headers.values())


@example({"a": "x" * 2000, "b": "x" * 2000, "of-no-value": ""})
@given(st.dictionaries(st.text("abc-", min_size=1), st.text(max_size=2000), max_size=8))
def test_what_is_kept_fits_into_the_headers(metadata: dict[str, str]) -> None:
    headers = encoded(clipped(metadata))
    assert sum(len(name) + len(value) for name, value in headers.items()) <= MAX_BYTES


def test_a_long_title_loses_its_end_between_characters_and_leaves_room_for_the_rest() -> None:
    kept = clipped({"title": "🎬猫" * 500, "project": "p1"})
    assert kept["project"] == "p1"
    assert kept["title"]
    assert ("🎬猫" * 500).startswith(kept["title"])


def test_half_a_surrogate_pair_becomes_a_question_mark() -> None:
    assert clipped({"title": "a\ud83d"}) == {"title": "a?"}

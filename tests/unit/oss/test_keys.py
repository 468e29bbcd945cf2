"""Keys: what is one, and how they are built."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import InvalidKey
from service.oss import keys

HOSTILE = [
    "",
    "/",
    "/etc/passwd",
    "../secret",
    "projects/../../secret",
    "projects/./a",
    "projects//a",
    "projects/a/",
    ".hidden",
    "projects/.hidden/a",
    "a\\b",
    "a\x00b",
    "a\nb",
    "a\n",
    "a b",
    "a%2e%2e",
    "猫.png",
    "a" * 129,
    "a/" * 127 + "aa",
]


@pytest.mark.parametrize("key", HOSTILE)
def test_a_path_that_is_not_plain_is_no_key(key: str) -> None:
    with pytest.raises(InvalidKey) as caught:
        keys.check_key(key)
    assert repr(key[:80]) in str(caught.value)
    assert not keys.is_key(key)


@given(st.text())
def test_whatever_passes_as_a_key_stays_inside_its_folder(text: str) -> None:
    if keys.is_key(text):
        assert all(part and not part.startswith(".") for part in text.split("/"))
        assert len(text) <= keys.MAX_KEY
        assert text.isascii()
        assert text.isprintable()


@given(st.text(min_size=1), st.text(min_size=1), st.integers(1, 10**6))
def test_keys_built_from_any_ids_are_keys(project_id: str, shot_id: str, number: int) -> None:
    for key in (
        keys.image_key(project_id, shot_id, number, "png"),
        keys.narration_key(project_id, shot_id, number, "mp3"),
        keys.clip_key(project_id, shot_id, number, "mp4"),
        keys.film_key(project_id, number, "mp4"),
    ):
        assert keys.check_key(key) == key


@given(st.lists(st.text(min_size=1, max_size=70), min_size=2, max_size=2, unique=True))
def test_different_ids_never_share_a_key(ids: list[str]) -> None:
    assert keys.film_key(ids[0], 1, "mp4") != keys.film_key(ids[1], 1, "mp4")


def test_an_id_cannot_pose_as_the_hash_of_another() -> None:
    hashed = keys.film_key("a/b", 1, "mp4").split("/")[1]
    assert keys.film_key(hashed, 1, "mp4").split("/")[1] != hashed


def test_keys_are_laid_out_for_a_person_to_find() -> None:
    assert keys.image_key("p1", "s1", 3, "png") == "projects/p1/shots/s1/image-3.png"
    assert keys.narration_key("p1", "s1", 2, "mp3") == "projects/p1/shots/s1/audio-2.mp3"
    assert keys.clip_key("p1", "s1", 1, "mp4") == "projects/p1/shots/s1/clip-1.mp4"
    assert keys.film_key("p1", 4, "mp4") == "projects/p1/films/4.mp4"
    assert keys.music_key(7, "mp3") == "music/7.mp3"


@pytest.mark.parametrize("extension", ["", "p/g", "../x", "PNG", "averylongone", "a\n"])
def test_an_extension_that_is_none_is_refused(extension: str) -> None:
    with pytest.raises(InvalidKey):
        keys.music_key(1, extension)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("a/image-1.png", "image/png"),
        ("a/image-1.JPG", "image/jpeg"),
        ("a/audio-1.mp3", "audio/mpeg"),
        ("films/1.mp4", "video/mp4"),
        ("films/1.log.json", "application/json"),
        ("films/unknown", "application/octet-stream"),
    ],
)
def test_the_content_type_goes_by_the_extension(key: str, expected: str) -> None:
    assert keys.content_type(key) == expected


@pytest.mark.parametrize("prefix", ["", "/", "projects", "../", "projects/../", "//"])
def test_a_prefix_that_names_no_folder_is_refused(prefix: str) -> None:
    with pytest.raises(InvalidKey):
        keys.check_prefix(prefix)

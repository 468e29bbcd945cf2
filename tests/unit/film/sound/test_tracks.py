"""Tracks on disk, music without a seam, gains without a step."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.film.sound.loudness import CELL
from service.film.sound.reading import RATE
from service.film.sound.tracks import Loop, Track, apply_gains
from tests.support.audio_signals import Samples, music, tone


def test_what_was_never_written_is_silence(tmp_path: Path) -> None:
    with Track(tmp_path) as track:
        track.write(100, np.ones((2, 50), np.float32))
        np.testing.assert_array_equal(track.read(0, 100), np.zeros((2, 100)))
        np.testing.assert_array_equal(track.read(100, 50), np.ones((2, 50)))
        np.testing.assert_array_equal(track.read(140, 1000)[:, 10:], np.zeros((2, 990)))
        assert track.samples == 150


def test_a_track_has_no_name_that_could_stay_behind(tmp_path: Path) -> None:
    with Track(tmp_path) as track:
        track.write(0, np.ones((2, 50), np.float32))
        assert list(tmp_path.iterdir()) == []


def looped(folder: Path, piece: Samples, seconds: float) -> Samples:
    with Track(folder) as track:
        track.write(0, piece)
        return Loop(track, round(seconds * RATE)).read(0, round(seconds * RATE))


@pytest.mark.parametrize("length_s", [0.05, 0.7, 3.0, 7.3])
def test_repeated_music_has_neither_a_gap_nor_a_click(length_s: float, tmp_path: Path) -> None:
    """The steepest step is the music's own, and no tenth of a second is quieter than a fade at equal power can make it."""
    piece = music(length_s, 1)
    piece *= np.linspace(0.7, 1.0, piece.shape[1], dtype=np.float32)  # the end differs from the beginning
    sound = looped(tmp_path, piece, 4 * max(length_s, 2.0))
    assert np.abs(np.diff(sound)).max() <= 1.42 * np.abs(np.diff(piece)).max()
    tenth = sound[:, : sound.shape[1] // 4800 * 4800].reshape(2, -1, 4800)
    levels = np.sqrt(np.square(tenth).mean(axis=2))
    assert levels.min() > 0.3 * levels.max()


@pytest.mark.parametrize(("seconds", "same"), [(8.0, 8.0), (7.5, 7.5), (20.0, 6.9)])
def test_the_first_turn_is_the_music_itself_and_all_of_it_when_that_is_enough(
    seconds: float, same: float, tmp_path: Path
) -> None:
    piece = music(8.0, 2)
    length = round(same * RATE)
    np.testing.assert_array_equal(looped(tmp_path, piece, seconds)[:, :length], piece[:, :length])


@settings(max_examples=20)
@given(st.lists(st.integers(1, 200_000), min_size=1, max_size=6))
def test_reading_in_pieces_gives_the_same_music(sizes: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder, Track(Path(folder)) as track:
        track.write(0, music(5.3, 3))
        total = sum(sizes)
        loop = Loop(track, total)
        edges = np.cumsum([0, *sizes])
        pieces = [loop.read(int(at), size) for at, size in zip(edges[:-1], sizes, strict=True)]
        np.testing.assert_array_equal(np.concatenate(pieces, axis=1), loop.read(0, total))


def test_gains_go_straight_from_edge_to_edge_over_the_borders_of_blocks() -> None:
    gains = np.array([0.0, 1.0, 1.0, 0.5])
    ones = np.ones((2, 3 * CELL), np.float32)
    whole = apply_gains(ones, gains, 0)
    assert np.abs(np.diff(whole)).max() <= 1.001 / CELL
    parts = [apply_gains(ones[:, :CELL], gains, at * CELL) for at in range(3)]
    np.testing.assert_array_equal(np.concatenate(parts, axis=1), whole)
    short = apply_gains(tone(0.00123, 0.0), np.ones(3), 0)
    assert short.shape == (2, 59)


def test_music_of_a_single_sample_is_no_trap(tmp_path: Path) -> None:
    np.testing.assert_array_equal(looped(tmp_path, np.full((2, 1), 0.5, np.float32), 10), np.full((2, 480_000), 0.5))

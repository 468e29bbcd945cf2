"""Small sounds of absurd rates, channels, codecs, lengths and containers: what they ask for is not given."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests

from service.film.decoder import Decoder
from service.film.errors import UnusableMedia
from tests.integration.attacks.absurd_sounds import BORNE, REFUSED, Make
from tests.support.hostile_media import watched
from tests.support.server_process import ServerUnderTest
from tests.support.soak import soaking_rows

MANY = 200 << 20  # bytes; a child that opens a plain sound has 60 MiB
CI = ("WAV of a codec that nobody", "no bits", "floats at 5", "of 2^32-1 samples", "at NaN")
Row = tuple[str, str, Make]


def some(rows: list[Row]) -> list[object]:
    return soaking_rows(rows, keep=[row for row in rows if any(part in row[0] for part in CI)])


def looked_at(path: Path) -> str:
    """Why it is refused; "" where it is not."""
    with watched() as peak, Decoder() as decoder:
        try:
            seconds, _ = decoder.look_at_sound(path)
        except UnusableMedia as error:
            refusal = str(error)
        else:
            refusal = ""
            assert 0 < seconds < 7_200
    assert peak.bytes < MANY
    return refusal


@pytest.mark.parametrize(("name", "suffix", "make"), some(REFUSED))
def test_a_sound_that_cannot_be_played_is_refused_in_words_and_at_no_cost(
    name: str, suffix: str, make: Make, tmp_path: Path
) -> None:
    path = tmp_path / f"a.{suffix}"
    make(path)
    assert "意外" not in (looked_at(path) or "意外"), name


@pytest.mark.parametrize(("name", "suffix", "make"), some(BORNE))
def test_a_sound_whose_head_lies_costs_nothing(name: str, suffix: str, make: Make, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    make(path)
    assert "意外" not in looked_at(path), name


def test_all_of_them_at_the_door_are_no_fault_of_the_server(server: ServerUnderTest, tmp_path: Path) -> None:
    rows = [row for row in (*REFUSED, *BORNE) if any(part in row[0] for part in CI)]
    for number, (name, suffix, make) in enumerate(rows):
        path = tmp_path / f"{number}.{suffix}"
        make(path)
        with path.open("rb") as file:
            answer = requests.post(f"{server.url}/v1/api/music", files={"f": (path.name, file)}, timeout=60)
        assert answer.status_code in (200, 400), f"{name}: {answer.text}"
        assert answer.status_code == 400 or answer.json()["music"]["duration"] < 7_200, name

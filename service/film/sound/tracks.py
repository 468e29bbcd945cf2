"""Tracks of the mix: samples on disk, so that a long film needs no more memory than a short one."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from types import TracebackType

import numpy as np

from service.film.sound.decoding import Samples
from service.film.sound.loudness import CELL, Cells
from service.film.sound.reading import RATE

_BYTES = 8  # of one stereo sample
_SEAM_S = 1.0  # how long music fades into its own beginning when it is repeated
_SHORTEST_LOOP_S = 5.0


class Track:
    """A growing stereo file without a name: it is gone with the process, however that ends. What was never written is silence."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 - closed by __exit__
        self.samples = 0

    def __enter__(self) -> Track:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def write(self, at: int, block: Samples) -> None:
        """Put samples at a place."""
        data = np.ascontiguousarray(block.T, dtype=np.float32).tobytes()
        written = 0
        while written < len(data):
            written += os.pwrite(self._file.fileno(), data[written:], at * _BYTES + written)
        self.samples = max(self.samples, at + block.shape[1])

    def read(self, at: int, count: int) -> Samples:
        """Samples from a place; silence where nothing was written."""
        data = os.pread(self._file.fileno(), count * _BYTES, at * _BYTES)
        block = np.zeros((2, count), np.float32)
        samples = np.frombuffer(data[: len(data) // _BYTES * _BYTES], np.float32).reshape(-1, 2)
        block[:, : len(samples)] = samples.T
        return block


class Loop:
    """A track repeated for ever; its end fades into its beginning at equal power, so that the seam cannot be heard."""

    def __init__(self, track: Track, wanted: int) -> None:
        """`wanted` samples will be read of it; a track that has as many is not repeated, and heard to its own end.

        The track must not be empty. A very short one is first repeated on itself, to be read in decent pieces.
        """
        self._track = track
        self._seam, self._period = 0, track.samples
        if track.samples < wanted:
            self._prepare(track)

    def _prepare(self, track: Track) -> None:
        self._seam = min(int(_SEAM_S * RATE), track.samples // 4)
        angle = (np.arange(self._seam, dtype=np.float32) + np.float32(0.5)) * np.float32(np.pi / 2 / max(1, self._seam))
        self._rise, self._fall = np.sin(angle), np.cos(angle)
        if track.samples < _SHORTEST_LOOP_S * RATE:
            piece = track.read(0, track.samples)
            while piece.shape[1] < _SHORTEST_LOOP_S * RATE:
                piece = self._doubled(piece)
            track.write(0, piece)
        self._period = track.samples - self._seam

    def _doubled(self, piece: Samples) -> Samples:
        body = piece.shape[1] - self._seam
        seam = piece[:, body:] * self._fall + piece[:, : self._seam] * self._rise
        return np.concatenate([piece[:, :body], seam, piece[:, self._seam :]], axis=1)

    def read(self, at: int, count: int) -> Samples:
        """Samples from a place on the endless track."""
        parts = []
        while count:
            turn, offset = divmod(at, self._period)
            length = min(count, self._period - offset)
            part = self._track.read(offset, length)
            if turn and offset < self._seam:
                seam = min(length, self._seam - offset)
                tail = self._track.read(self._period + offset, seam)
                there = slice(offset, offset + seam)
                part[:, :seam] = part[:, :seam] * self._rise[there] + tail * self._fall[there]
            parts.append(part)
            at, count = at + length, count - length
        return np.concatenate(parts, axis=1)


def apply_gains(block: Samples, gains: Cells, at: int) -> Samples:
    """Multiply a block that starts at sample `at` (a whole cell) by factors given at the edges of the cells, straight between them."""
    first = at // CELL
    cells = -(-block.shape[1] // CELL)
    edges = gains[first : first + cells + 1].astype(np.float32)
    steps = (np.arange(CELL, dtype=np.float32) + np.float32(0.5)) / CELL
    factors = (edges[:-1, None] + np.diff(edges)[:, None] * steps).reshape(-1)
    scaled: Samples = block * factors[: block.shape[1]]
    return scaled

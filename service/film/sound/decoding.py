"""Audio files from outside, decoded to 48 kHz stereo whatever they are.

Uploads and other machines' files are hostile: only plain containers and codecs are let in (no playlists, which could name other files
or addresses), only local files are opened, and what is decoded is bounded.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from common.host_faults import raise_if_ours
from service.film.errors import UnusableMedia, cause_of

Samples = npt.NDArray[np.float32]
"""Planar stereo: shape (2, samples), full scale is 1."""

RATE = 48_000
LONGEST_S = 2 * 3600.0

_FORMATS = "wav,w64,mp3,flac,ogg,mov,matroska,aac,aiff,caf,amr,ac3,eac3,asf,au"
_CODECS = (
    "mp3,mp3float,mp2,mp2float,aac,aac_fixed,alac,flac,opus,libopus,vorbis,libvorbis,ac3,eac3,wmav1,wmav2,wmapro,amrnb,amrwb,"
    "pcm_u8,pcm_s8,pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,pcm_f32le,pcm_f32be,pcm_f64le,pcm_f64be,"
    "pcm_alaw,pcm_mulaw,adpcm_ms,adpcm_ima_wav"
)
_OPTIONS = {"protocol_whitelist": "file", "format_whitelist": _FORMATS, "codec_whitelist": _CODECS}
_YIELDED = RATE // 2  # samples, at least: codecs give a thousand at a time, too few for NumPy to be quick
_BAD_PACKETS = 500  # in a row; then it is no audio, whatever its header says
_FULL_SCALES = 8.0  # float files may exceed full scale, but a sample a million times as loud is no sound


class UnreadableAudio(UnusableMedia):
    """The file holds no audio that can be decoded; the text says why, in Chinese."""


def decode(path: Path, longest_s: float = LONGEST_S) -> Iterator[Samples]:
    """Yield the file's sound in blocks of about half a second, from its first sample.

    Broken packets are left out. Stops after `longest_s`. Raises UnreadableAudio when nothing at all can be decoded.
    """
    if not path.is_file():
        raise UnreadableAudio("音频文件不存在")
    if path.stat().st_size == 0:
        raise UnreadableAudio("音频文件是空的")
    left = round(longest_s * RATE)
    heard = False
    pending: list[Samples] = []
    try:
        with av.open(f"file:{path.absolute()}", options=_OPTIONS, metadata_errors="replace") as container:
            for block in _blocks(container):
                heard = True
                pending.append(block[:, :left])
                left -= block.shape[1]
                if left <= 0:
                    break
                if sum(part.shape[1] for part in pending) >= _YIELDED:
                    yield _tame(np.concatenate(pending, axis=1))
                    pending = []
    except (av.FFmpegError, ValueError, OverflowError, MemoryError) as error:
        if not isinstance(error, MemoryError):  # which a hostile header asks for
            raise_if_ours(error)
        # A file that is cut off in the middle is heard as far as it goes.
        if not heard:
            raise UnreadableAudio(f"音频无法解码: {cause_of(error)}") from error
    if not heard:
        raise UnreadableAudio("文件里没有声音")
    if pending:
        yield _tame(np.concatenate(pending, axis=1))


def _blocks(container: av.container.InputContainer) -> Iterator[Samples]:
    if not container.streams.audio:
        raise UnreadableAudio("文件里没有音轨")
    stream = container.streams.audio[0]
    resampler, setup = _resampler(), None
    bad = 0
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.FFmpegError as error:
            bad += 1
            if bad > _BAD_PACKETS:
                raise UnreadableAudio(f"音频已损坏: {cause_of(error)}") from error
            continue
        for frame in frames:
            bad = 0
            found = (frame.format.name, frame.layout.name, frame.sample_rate)
            if setup not in (None, found):  # pieces of several makes, joined byte by byte
                yield from map(_samples, resampler.resample(None))
                resampler = _resampler()
            setup = found
            yield from map(_samples, resampler.resample(frame))
    yield from map(_samples, resampler.resample(None))


def _resampler() -> av.AudioResampler:
    return av.AudioResampler(format="fltp", layout="stereo", rate=RATE)


def _samples(frame: av.AudioFrame) -> Samples:
    return frame.to_ndarray().astype(np.float32, copy=False)


def _tame(block: Samples) -> Samples:
    """Without what is no sound: NaN is silence, and nothing is louder than a few times full scale."""
    tamed: Samples = np.clip(block, -_FULL_SCALES, _FULL_SCALES)
    tamed[np.isnan(tamed)] = 0.0
    return tamed

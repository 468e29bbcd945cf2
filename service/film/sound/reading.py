"""Audio files from outside, read as 48 kHz stereo whatever they are.

Uploads and other machines' files are hostile: only plain containers and codecs are let in (no playlists, which could name other files
or addresses), only local files are opened, and what is decoded is bounded before it is made: a sample of a file that says 8 Hz would become
six thousand. Where the sounds of a file lie is found out first (`pieces`). This is run in a process of its own (`service.film.decoder`),
which also bounds what the libraries do by themselves.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from pathlib import Path

import av

from common.host_faults import raise_if_ours
from service.film.errors import UnusableMedia, cause_of
from service.film.sound.pieces import Found, Piece, pieces
from service.film.sound.window import Window

RATE = 48_000
LONGEST_S = 2 * 3600.0
RATES = (4000, 384_000)  # Hz: from a telephone's half to twice a studio's
MAX_CHANNELS = 24  # NHK's 22.2; no codec that we let in has more in common use

Block = tuple[bytes, bytes]
"""Left and right samples, 32-bit floats; full scale is 1."""

_FORMATS = "wav,w64,mp3,flac,ogg,mov,matroska,aac,aiff,caf,amr,ac3,eac3,asf,au"
_CODECS = (
    "mp3,mp3float,mp2,mp2float,aac,aac_fixed,alac,flac,opus,libopus,vorbis,libvorbis,ac3,eac3,wmav1,wmav2,wmapro,amrnb,amrwb,"
    "pcm_u8,pcm_s8,pcm_s16le,pcm_s16be,pcm_s24le,pcm_s24be,pcm_s32le,pcm_s32be,pcm_f32le,pcm_f32be,pcm_f64le,pcm_f64be,"
    "pcm_alaw,pcm_mulaw,adpcm_ms,adpcm_ima_wav"
)
_OPTIONS = {
    "protocol_whitelist": "file",
    "format_whitelist": _FORMATS,
    "codec_whitelist": _CODECS,
    "max_streams": "33",  # one more than is let in: what libav leaves out it does not tell
}
_MOST_STREAMS = 32  # sounds, subtitles, covers
_BYTES = 4  # of a sample
_YIELDED = RATE // 2 * _BYTES  # of a channel, at least: codecs give a thousand samples at a time, too few to be quick
_BAD_PACKETS = 500  # in a row; then it is no audio, whatever its header says
_LARGEST_PACKET = 8 << 20  # bytes
_MISJUDGED_S = 0.1  # what resampling and padding make of a length
_LONGEST_FRAME = 1 << 18  # samples; FLAC, whose frames are the longest, has 65,535


class UnreadableAudio(UnusableMedia):
    """The file holds no audio that can be decoded; the text says why, in Chinese."""


def look(path: Path) -> tuple[float, list[str]]:
    """How long a file's sound is, counted in decoded samples, and what there is to say about it (Chinese).

    Raises UnreadableAudio, also for one that is too long.
    """
    found = Found()
    heard_s = sum(len(left) for left, _ in blocks(path, found=found)) / _BYTES / RATE
    if heard_s >= LONGEST_S:
        raise UnreadableAudio(f"音频太长，最多 {LONGEST_S / 3600:.0f} 小时")
    return heard_s, found.notes()


def blocks(path: Path, longest_s: float = LONGEST_S, found: Found | None = None) -> Iterator[Block]:
    """Yield the file's sound in blocks of about half a second, from its first sample; of several sounds one after the other.

    Broken packets are left out. Stops after `longest_s`. `found` takes what was noticed. Raises UnreadableAudio when nothing at all can be
    decoded, also of one sound among several, or when it would be too much; MemoryError; `HostUnavailable`.
    """
    if not path.is_file():
        raise UnreadableAudio("音频文件不存在")
    if path.stat().st_size == 0:
        raise UnreadableAudio("音频文件是空的")
    left = round(longest_s * RATE) * _BYTES
    pending: list[Block] = []
    for block in _sounds(path, found or Found()):
        pending.append((block[0][:left], block[1][:left]))
        left -= len(pending[-1][0])
        if left <= 0:
            break
        if sum(len(part) for part, _ in pending) >= _YIELDED:
            yield _joined(pending)
            pending = []
    if pending:
        yield _joined(pending)


def _sounds(path: Path, found: Found) -> Iterator[Block]:
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            heard = False
            for piece in pieces(data, found):
                for block in _sound(data, piece, found):
                    heard = True
                    yield block
            if not heard:
                raise UnreadableAudio("文件里没有声音")
    except OSError as error:
        raise_if_ours(error)
        raise UnreadableAudio(f"音频无法解码: {cause_of(error)}") from error


def _sound(data: mmap.mmap, piece: Piece, found: Found) -> Iterator[Block]:
    samples = 0
    try:
        with av.open(
            Window(data, piece), format=piece.format or None, options=_OPTIONS, metadata_errors="replace"
        ) as container:
            for block in _decoded(container):
                samples += len(block[0]) // _BYTES
                yield block
    except MemoryError:  # first: libav's, too, is also one of the next
        raise
    except (av.FFmpegError, ValueError, OverflowError) as error:
        raise_if_ours(error)
        # A file that is cut off in the middle is heard as far as it goes.
        if not samples:
            raise UnreadableAudio(f"音频无法解码: {cause_of(error)}") from error
    if not samples:
        raise UnreadableAudio("文件里没有声音")
    if piece.claims_s is not None and abs(samples / RATE - piece.claims_s) > _MISJUDGED_S:
        found.disputed = True


def _joined(parts: list[Block]) -> Block:
    return b"".join(left for left, _ in parts), b"".join(right for _, right in parts)


def _decoded(container: av.container.InputContainer) -> Iterator[Block]:
    if len(container.streams) > _MOST_STREAMS:
        raise UnreadableAudio(f"文件里的轨道太多，最多 {_MOST_STREAMS} 条")
    if not container.streams.audio:
        raise UnreadableAudio("文件里没有音轨")
    stream = container.streams.audio[0]
    if stream.codec_context is None:  # of a codec that libav has no decoder for, or of none
        raise UnreadableAudio("音频的编码无法识别")
    _check(stream.codec_context.sample_rate or RATE, stream.codec_context.channels)
    resampler, setup = _resampler(), None
    bad = 0
    for packet in container.demux(stream):
        if packet.size > _LARGEST_PACKET:
            raise UnreadableAudio(f"音频的数据包过大，最多 {_LARGEST_PACKET >> 20} MB")
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
            if found != setup:
                _check(frame.sample_rate, frame.layout.nb_channels)
                if setup is not None:  # pieces of several makes, joined byte by byte
                    yield from map(_planes, resampler.resample(None))
                    resampler = _resampler()
            setup = found
            if frame.samples > _LONGEST_FRAME:
                raise UnreadableAudio(f"音频的一帧过长，最多 {_LONGEST_FRAME} 个采样")
            yield from map(_planes, resampler.resample(frame))
    yield from map(_planes, resampler.resample(None))


def _check(rate: int, channels: int) -> None:
    if not RATES[0] <= rate <= RATES[1]:
        raise UnreadableAudio(f"采样率为 {rate} Hz，应在 {RATES[0]} 到 {RATES[1]} Hz 之间")
    if channels > MAX_CHANNELS:
        raise UnreadableAudio(f"有 {channels} 个声道，最多 {MAX_CHANNELS} 个")


def _resampler() -> av.AudioResampler:
    return av.AudioResampler(format="fltp", layout="stereo", rate=RATE)


def _planes(frame: av.AudioFrame) -> Block:
    left, right = (memoryview(plane)[: frame.samples * _BYTES].tobytes() for plane in frame.planes)
    return left, right

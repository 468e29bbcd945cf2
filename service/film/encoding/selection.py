"""Which encoder makes a film, and with which options."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sys
import tempfile
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

import av
from av.error import FFmpegError

from service.film.encoding.ffmpeg import ffmpeg_exe, run_ffmpeg
from service.film.encoding.h264_levels import HIGH_PROFILE, level_for
from service.film.encoding.writers import X264_CODEC, Encoding
from service.film.errors import FilmError
from service.film.spec import LEAST_SIDE, Cancel, Encoder, FilmSpec, Quality, RateControl

STAGE: Final = "probe"
PROBE_TIMEOUT_S = 20.0
PREVIEW_SIDE, PREVIEW_FPS = 640, 15
PEAK = 4  # how many times the average rate a decoder is expected to bear where the rate is met in passes
HARDWARE_LEAST_LEVEL = 30  # videotoolbox knows none below
VAAPI_DEVICE = Path("/dev/dri/renderD128")

# Superfast with the two tools that its neighbour veryfast owes its quality to, at 0.6 of its time. Images under a slow camera need few
# frames that others are predicted from: seven B-frames between two, unasked, take a fifth of the bytes away at a better SSIM.
_FAST = {"preset": "superfast", "x264-params": "mbtree=1:rc-lookahead=10:b-adapt=0:bframes=7"}
# A preview keeps what ultrafast leaves out that costs little: it is smaller then, and not in blocks.
X264 = {
    Quality.PREVIEW: {"preset": "ultrafast", "crf": "31", "x264-params": "cabac=1:deblock=0,0:bframes=3:b-adapt=0"},
    Quality.FINAL: {**_FAST, "crf": "21.7"},
    Quality.HIGH: {"preset": "medium", "crf": "20"},
}
# Constant quality in each hardware encoder's own words.
HARDWARE: dict[Encoder, tuple[str, dict[str, str]]] = {
    Encoder.NVENC: ("h264_nvenc", {"preset": "p5", "rc": "vbr", "cq": "{q}", "b:v": "0"}),
    Encoder.QSV: ("h264_qsv", {"global_quality": "{q}"}),
    Encoder.VAAPI: ("h264_vaapi", {"rc_mode": "CQP", "qp": "{q}"}),
    Encoder.VIDEOTOOLBOX: ("h264_videotoolbox", {"q:v": "{percent}"}),
}
_PROVEN: dict[str, str] = {}  # successful probes; failed ones are repeated, since a device may come back
HARDWARE_QUALITY = {Quality.PREVIEW: 32, Quality.FINAL: 24, Quality.HIGH: 20}


def as_previewed(spec: FilmSpec) -> FilmSpec:
    """The spec in a preview's format, when it asks for one: the longer side at most 640, the aspect the same, at most 15 frames a second.

    A strip so narrow that it would be less than the smallest side of a film stays larger.
    """
    if spec.quality is not Quality.PREVIEW:
        return spec
    longer, shorter = max(spec.width, spec.height), min(spec.width, spec.height)
    scale = min(1.0, max(PREVIEW_SIDE / longer, LEAST_SIDE / shorter))
    width, height = (max(2, 2 * round(side * scale / 2)) for side in (spec.width, spec.height))
    return replace(spec, width=width, height=height, fps=min(spec.fps, PREVIEW_FPS))


def choose_encoding(spec: FilmSpec, cancel: Cancel) -> tuple[Encoding, list[str]]:
    """The encoding of all segments, and warnings (Chinese). A hardware encoder that cannot make this film gives way to x264.

    `spec` is the film as it is encoded: `as_previewed`. Raises Cancelled.
    """
    if spec.encoder is Encoder.X264:
        return x264_encoding(spec), []
    reasons: dict[str, None] = {}  # in order, each once
    for encoding in hardware_encodings(spec):
        try:
            header = probe(spec, encoding, cancel)
        except FilmError as error:
            reasons[error.reason] = None
            continue
        averaged = f"硬件编码器 {spec.encoder.value} 没有两遍编码，按平均码率编码一遍"
        notes = [averaged] if spec.rate_control is RateControl.TWO_PASS else []
        return replace(encoding, header=header), notes
    return x264_encoding(spec), [f"硬件编码器 {spec.encoder.value} 不可用，改用 x264（{'；'.join(reasons)}）"]


def x264_encoding(spec: FilmSpec) -> Encoding:
    """x264's options. `stitchable` and the level make the headers of all segments equal whatever their rate control does."""
    options = dict(X264[spec.quality])
    parameters = [options.pop("x264-params", ""), "stitchable=1"]
    bitrate, peak, buffer = 0, 0, 0
    if spec.rate_control is RateControl.CBR:
        bitrate = peak = spec.bitrate_kbps or 0
        # Every segment starts with a full buffer to spend, so a buffer of a second would exceed the rate by much in short ones.
        buffer = bitrate // 2
        options |= {"maxrate": f"{bitrate}k", "bufsize": f"{buffer}k"}
        parameters.append("nal-hrd=cbr:force-cfr=1")
        del options["crf"]
    elif spec.rate_control is RateControl.TWO_PASS:
        peak = PEAK * (spec.bitrate_kbps or 0)
    # A preview has no 8x8 transform, and so is of the Main profile.
    more = 1.0 if spec.quality is Quality.PREVIEW else HIGH_PROFILE
    level = level_for((spec.width, spec.height), spec.fps, peak / more, buffer / more)
    options["level"] = str(level.idc)
    if (
        spec.rate_control is RateControl.TWO_PASS
    ):  # at constant quality, which `two_pass` chooses, in what the level allows
        options |= {"maxrate": f"{int(level.kbps * more)}k", "bufsize": f"{int(level.buffer_kbit * more) // 2}k"}
    options["x264-params"] = ":".join(part for part in parameters if part)
    return Encoding(X264_CODEC, tuple(sorted(options.items())), bitrate)


def hardware_encodings(spec: FilmSpec) -> list[Encoding]:
    """The asked for hardware encoder's options, with every program and device that may have it here, the preferred ones first."""
    codec, words = HARDWARE[spec.encoder]
    quality = HARDWARE_QUALITY[spec.quality]
    options = {name: value.format(q=quality, percent=100 - 2 * quality) for name, value in words.items()}
    bitrate = 0
    if spec.rate_control is not RateControl.CRF:
        bitrate = spec.bitrate_kbps or 0
        options = {name: value for name, value in options.items() if name == "preset"}
        if codec == "h264_nvenc" and spec.rate_control is RateControl.CBR:
            options["rc"] = "cbr"  # the others take equal rates, average and highest, for it
        options |= {"maxrate": f"{bitrate}k", "bufsize": f"{bitrate}k"}
    level = level_for((spec.width, spec.height), spec.fps, bitrate, bitrate, HARDWARE_LEAST_LEVEL)
    options["level"] = str(level.idc)
    devices = [{"device": str(path)} for path in vaapi_devices()] if spec.encoder is Encoder.VAAPI else [{}]
    return [
        Encoding(codec, tuple(sorted((options | device).items())), bitrate, program)
        for program in hardware_programs()
        for device in devices
    ]


def hardware_programs() -> list[str]:
    """Paths of the ffmpeg programs to look for hardware in: ours, then the system's.

    Each is built for drivers from some version on, and a new one refuses an old driver: the system's often suits its drivers better.
    """
    return list(dict.fromkeys(path for path in (ffmpeg_exe(), shutil.which("ffmpeg")) if path))


def vaapi_devices() -> list[Path]:
    """The machine's graphics cards; the first one's usual name where there is none."""
    return sorted(VAAPI_DEVICE.parent.glob("renderD*")) or [VAAPI_DEVICE]


def reset_probe_cache() -> None:
    """Probe every encoder again: one that had passed has failed."""
    _PROVEN.clear()


def probe(spec: FilmSpec, encoding: Encoding, cancel: Cancel) -> str:
    """A hash of the stream header that this encoder writes in a film of this size and rate.

    It encodes a few frames in a process of its own: drivers crash, and hang. What has worked in this process is not tried again.

    Raises:
        Cancelled: `cancel` was set.
        FilmError: it cannot make such a film here; `reason` says why.
    """
    order = json.dumps({"size": [spec.width, spec.height], "fps": spec.fps, "encoding": asdict(encoding)})
    if order in _PROVEN:
        return _PROVEN[order]
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "probe.mp4"
        command = [sys.executable, "-m", "service.film.encoding.probe", str(made), order]
        root = Path(__file__).resolve().parents[3]
        try:
            run_ffmpeg(command, stage=STAGE, cancel=cancel, timeout_s=PROBE_TIMEOUT_S, cwd=root)
            with av.open(str(made)) as container:
                header = container.streams.video[0].codec_context.extradata or b""
        except FilmError as error:
            # The first line says what is wrong, and the last only that nothing came of it.
            first = error.log.partition("\n")[0]
            raise FilmError(STAGE, re.sub(r" @ 0x[0-9a-f]+", "", first)[:200] or error.reason) from error
        except (FFmpegError, IndexError) as error:
            raise FilmError(STAGE, f"编码器没有写出画面：{error}") from error
    _PROVEN[order] = hashlib.sha256(header).hexdigest()
    return _PROVEN[order]

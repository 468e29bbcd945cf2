"""Ways to make the same film: ours, MoviePy's, and x264 alone with frames that are already there."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import pickle
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO
from unittest import mock

from bench.harness import Cost, TreeMemory, note, run_timed
from service.film.compose import compose
from service.film.encoding.ffmpeg import ffmpeg_exe
from service.film.frames.camera_moves import Move
from service.film.frames.image_file import load_image
from service.film.frames.planes import Planes, empty
from service.film.frames.still import Box, Still
from service.film.render import renderer
from service.film.render.segments import Segment, Source
from service.film.render.video_track import VideoTrackMaker
from service.film.spec import FilmSpec, Fit
from service.film.subtitles.fonts import font_file

ROOT = Path(__file__).resolve().parent.parent
PEER = Path(__file__).with_name("peers") / "moviepy_film.py"
THREADS = 2
_CUE = re.compile(r"(\d+):(\d+):(\d+),(\d+) --> (\d+):(\d+):(\d+),(\d+)\n(.+?)(?:\n\n|\Z)", re.S)


@dataclass(frozen=True)
class Sight:
    """How long a shot is seen: its first frame, the frames' boxes in its image (left, top, right, bottom), the crossfade into it."""

    image: Path
    first: int
    boxes: list[Box]
    fade: int


def ours(spec: FilmSpec, folder: Path, *, keep_cache: bool = False) -> Cost:
    """Our film, from nothing (or from what the cache holds), in a process of its own."""
    return compose_process(spec, folder, keep_cache=keep_cache)[0]


def compose_process(spec: FilmSpec, folder: Path, *, keep_cache: bool = False) -> tuple[Cost, TreeMemory]:
    """The cost of a film, and the memory that its processes took at most."""
    if not keep_cache:
        shutil.rmtree(spec.cache_dir, ignore_errors=True)
    shutil.rmtree(spec.output_dir, ignore_errors=True)
    pickled = folder / "spec.pickle"
    pickled.write_bytes(pickle.dumps(spec))
    command = [sys.executable, "-m", "bench.compose_once", str(pickled)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        with TreeMemory(process.pid) as memory:
            said, _ = process.communicate()
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, command)
    cost = json.loads(said)
    return Cost(cost["wall"], cost["cpu"]), memory


def bare_x264(frames: Path, spec: FilmSpec, output: Path) -> Cost:
    """x264 veryfast at CRF 23 with all cores, fed raw frames from memory; no sound, no subtitles."""
    size = f"{spec.width}x{spec.height}"
    source = ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-s", size, "-r", str(spec.fps), "-i", str(frames)]
    coding = ["-c:v", "libx264", "-preset", "veryfast", "-crf", "23", str(output)]
    return run_timed([ffmpeg_exe(), "-nostdin", "-loglevel", "error", "-y", *source, *coding])


def moviepy(python: Path, plan: dict[str, Any], preset: str, output: Path, folder: Path) -> Cost:
    """MoviePy's film; `preset` "" is its own default."""
    file = folder / f"moviepy-{preset or 'default'}.json"
    file.write_text(json.dumps({**plan, "preset": preset, "output": str(output)}), encoding="utf-8")
    done = subprocess.run([str(python), str(PEER), str(file)], check=True, stdout=subprocess.PIPE, text=True)
    cost = json.loads(done.stdout.strip().splitlines()[-1])
    return Cost(cost["wall"], cost["cpu"])


def segments_of(spec: FilmSpec) -> list[Segment]:
    """The film's segments, without making them."""
    planned: list[Segment] = []

    class Planned(Exception):
        """The plan is all that is wanted."""

    def remember(_maker: VideoTrackMaker, _pool: object, segments: Sequence[Segment]) -> None:
        planned.extend(segments)
        raise Planned

    with mock.patch.object(VideoTrackMaker, "make", remember), contextlib.suppress(Planned):
        compose(spec, lambda _progress: None, threading.Event())
    return planned


def write_frames(segments: Sequence[Segment], target: Path) -> int:
    """All frames of the film, as our encoder gets them but without subtitles, as raw 4:2:0; returns their number."""
    with target.open("wb") as file:
        maker = renderer.Renderer()
        with mock.patch.object(renderer, "open_writer", lambda _path, size, *_rest: _RawWriter(file, size)):
            for segment in segments:
                maker.render(dataclasses.replace(segment, captions=()), target, lambda _frames: None)
    return sum(segment.frames for segment in segments)


class _RawWriter:
    """Stands in for an encoder."""

    def __init__(self, file: BinaryIO, size: tuple[int, int]) -> None:
        self._file, self._planes = file, empty(*size)

    def buffer(self) -> Planes:
        return self._planes

    def push(self) -> None:
        for plane in self._planes:
            self._file.write(plane.data)

    def __enter__(self) -> _RawWriter:
        return self

    def __exit__(self, *_error: object) -> None:
        return None


def sights_of(segments: Sequence[Segment]) -> list[Sight]:
    """Where the camera is in every frame of every shot; the shots are images."""
    sights: dict[int, Sight] = {}
    for start, segment in _placed(segments):
        for place, source in enumerate(segment.sources):
            if source.order not in sights:
                fade = segment.frames if place == 1 else 0
                sights[source.order] = Sight(Path(source.path), start - source.first, _boxes(source, segment), fade)
    return [sights[order] for order in sorted(sights)]


def _placed(segments: Sequence[Segment]) -> Iterator[tuple[int, Segment]]:
    at = 0
    for segment in segments:
        yield at, segment
        at += segment.frames


def _boxes(source: Source, segment: Segment) -> list[Box]:
    size = (segment.width, segment.height)
    rgb = load_image(Path(source.path), source.order, size)
    still = Still(rgb, size, fit=Fit(source.fit), move=Move(source.move), frames=source.frames, fps=segment.fps)
    return [still.box(frame) for frame in range(source.frames)]


def moviepy_plan(spec: FilmSpec, sights: Sequence[Sight], subtitles: Path, frames: int) -> dict[str, Any]:
    """What `peers/moviepy_film.py` reads: the same shots, moves, times and texts."""
    starts = [(sight.first + sight.fade / 2) / spec.fps for sight in sights]
    shots = [
        {
            "picture": str(sight.image),
            "start": sight.first / spec.fps,
            "boxes": sight.boxes,
            "fade": sight.fade / spec.fps,
            "narration": str(shot.narration),
            "speech_start": start + spec.breath_s / 2,
        }
        for shot, sight, start in zip(spec.shots, sights, starts, strict=True)
    ]
    cues = [{"start": start, "end": end, "text": text} for start, end, text in read_srt(subtitles)]
    note(f"  {len(shots)} shots, {len(cues)} cues")
    return {
        "size": [spec.width, spec.height],
        "fps": spec.fps,
        "threads": THREADS,
        "font": str(font_file(spec.font)),
        "font_size": round(0.058 * min(spec.width, spec.height)),
        "duration": frames / spec.fps,
        "shots": shots,
        "cues": cues,
    }


def read_srt(path: Path) -> list[tuple[float, float, str]]:
    """Start, end (seconds) and text of every cue."""
    cues = []
    for found in _CUE.finditer(path.read_text(encoding="utf-8")):
        h, m, s, ms, to_h, to_m, to_s, to_ms = (int(number) for number in found.groups()[:8])
        start, end = (a * 3600 + b * 60 + c + d / 1000 for a, b, c, d in ((h, m, s, ms), (to_h, to_m, to_s, to_ms)))
        cues.append((start, end, found.group(9).strip()))
    return cues

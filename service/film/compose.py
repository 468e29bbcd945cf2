"""`compose(spec, progress, cancel) -> report`: a film out of local files.

::

    inputs → materials → timeline → segments ─→ picture (worker processes) ─┐
                             └→ cues            sound (beside it)      ──────┴→ join → film

Whatever was made before, by this film or another, is taken from the cache; a film that was killed goes on where it was.
"""

from __future__ import annotations

import contextlib
import shutil
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from service.errors import Cancelled, FilmError
from service.film import sound
from service.film.cache import Cache, host_slot, work_folder
from service.film.captions import Captions
from service.film.cues import Cue, make_cues
from service.film.encoders import choose_encoding, frame_size
from service.film.join import Chapter, Parts, join
from service.film.materials import Material, file_digest, inspect
from service.film.motion import choose_moves
from service.film.picture import PictureMaker
from service.film.segments import Encoding, Look, Segment, Source, make_segments
from service.film.spec import Cancel, FilmReport, FilmSpec, OnProgress, Progress, ShotTiming, Subtitles
from service.film.subtitle_files import write_ass, write_srt
from service.film.timeline import Timeline, make_timeline

TIMEOUT_BASE_S, TIMEOUT_PER_S = 300.0, 10.0
# Where each stage ends, as a share of the whole.
PLANNED, PICTURED, SOUNDED = 0.03, 0.93, 0.95
PARTIAL = ".partial"


def compose(spec: FilmSpec, progress: OnProgress, cancel: Cancel) -> FilmReport:
    """Make the film that `spec` describes, into `spec.output_dir`.

    `progress` is called from this thread with rising fractions. Raises FilmError (the stage, the shot to blame, ffmpeg's last lines) or
    Cancelled, within a second of `cancel` being set; then no process is left and no file in `output_dir`.
    """
    stop = Stop(cancel, spec.timeout_s)
    tell = Teller(progress)
    spec.cache_dir.mkdir(parents=True, exist_ok=True)
    with (
        host_slot(spec.cache_dir, spec.max_concurrent, stop.check, lambda: tell("wait", 0.0, "等待其他影片完成")),
        work_folder(spec.cache_dir) as folder,
        output_folder(spec.output_dir) as output,
    ):
        report = _Film(spec, folder, output, tell, stop).make()
        Cache(spec.cache_dir).prune(spec.cache_bytes, spec.cache_age_s)
    tell("done", 1.0, "影片完成")
    return report


class Stop:
    """Cancelled by the user, by the time limit, or because another part of the film failed; `is_set` is a `Cancel` for the parts."""

    def __init__(self, cancel: Cancel, timeout_s: float | None) -> None:
        self._cancel = cancel
        self._given_up = threading.Event()
        self._started = time.monotonic()
        self.timeout_s = timeout_s

    def is_set(self) -> bool:
        return self._cancel.is_set() or self._given_up.is_set() or self._late()

    def check(self) -> None:
        """Raise Cancelled or FilmError when it is time to stop."""
        if self._cancel.is_set() or self._given_up.is_set():
            raise Cancelled("影片合成已取消")
        if self._late():
            raise FilmError("timeout", f"影片合成超过时限 {self.timeout_s:.0f} 秒")

    def give_up(self) -> None:
        """Stop the other parts."""
        self._given_up.set()

    def left(self) -> float:
        """Seconds until the time limit."""
        if self.timeout_s is None:
            return TIMEOUT_BASE_S
        return max(0.0, self.timeout_s - (time.monotonic() - self._started))

    def _late(self) -> bool:
        return self.timeout_s is not None and time.monotonic() - self._started > self.timeout_s


class Teller:
    """Reports progress that never goes back."""

    def __init__(self, progress: OnProgress) -> None:
        self._progress, self._fraction = progress, 0.0

    def __call__(self, stage: str, fraction: float, message: str) -> None:
        self._fraction = min(1.0, max(self._fraction, fraction))
        self._progress(Progress(stage, self._fraction, message))


@contextlib.contextmanager
def output_folder(target: Path) -> Iterator[Path]:
    """A folder inside `target` for the results; on success they move up into `target`, else nothing of them remains."""
    created = not target.exists()
    partial = target / PARTIAL
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
        for file in partial.iterdir():
            file.replace(target / file.name)
    except BaseException:
        shutil.rmtree(target if created else partial, ignore_errors=True)
        raise
    partial.rmdir()


@dataclass
class _Film:
    """The stages of one film, in order."""

    spec: FilmSpec
    folder: Path
    output: Path
    tell: Teller
    stop: Stop
    seconds: dict[str, float] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def make(self) -> FilmReport:
        started = time.monotonic()
        cache = Cache(self.spec.cache_dir)
        with self._stage("plan"):
            self.tell("plan", 0.0, "检查素材")
            self.spec, materials, missing = inspect(self.spec, cache, self.stop.check)
            self.warnings += missing
            narrations = [material.narration_s for material in materials]
            timeline = make_timeline(self.spec, narrations, [m.clip_s for m in materials], self.spec.fps)
            if self.stop.timeout_s is None:
                self.stop.timeout_s = TIMEOUT_BASE_S + TIMEOUT_PER_S * timeline.frames / timeline.fps
            count = len(timeline.slots)  # fewer than shots when the film ends early
            self.spec = _first(self.spec, count)
            timings = timeline.timings(self.spec.shots)
            encoding, notes = choose_encoding(self.spec)
            self.warnings += notes
            width, height = frame_size(self.spec)
            cues = self._cues(timings, materials, width, height)
            segments = self._segments(timeline, materials[:count], cues, encoding)
        self.tell("picture", PLANNED, "制作画面")
        names, cover, counts = self._picture_and_sound(cache, segments, timings, timeline.frames / timeline.fps)
        with self._stage("join"):
            self.tell("join", SOUNDED, "合并画面与声音")
            files = self._write_subtitles(cues, width, height)
            self._join(names, segments, timeline, files)
            shutil.copyfile(cover, self.output / "cover.jpg")
        target = self.spec.output_dir
        srt, ass = (target / name if name in files else None for name in ("subtitles.srt", "subtitles.ass"))
        self.seconds["total"] = time.monotonic() - started
        return FilmReport(
            film=target / "film.mp4",
            cover=target / "cover.jpg",
            duration_s=timeline.frames / timeline.fps,
            width=width,
            height=height,
            fps=timeline.fps,
            shots=timings,
            subtitles_srt=srt,
            subtitles_ass=ass,
            warnings=tuple(self.warnings),
            log=self._log(timeline, encoding, counts),
        )

    def _cues(self, timings: Sequence[ShotTiming], materials: Sequence[Material], width: int, height: int) -> list[Cue]:
        if self.spec.subtitles is Subtitles.OFF or not any(shot.text.strip() for shot in self.spec.shots):
            return []
        columns = Captions(width, height, self.spec.font).line_width
        cues: list[Cue] = []
        for shot, timing, material in zip(self.spec.shots, timings, materials, strict=False):
            start, end = timing.speech_start, timing.speech_end
            if material.narration_s <= 0:  # nobody speaks: the text is there to be read
                start, end = timing.start, timing.end
            elif end <= start:  # the film ends before the words
                continue
            # The whole narration is timed, then cut where the film is, so that the text keeps its pace.
            whole = start + material.narration_s if material.narration_s > 0 else end
            pauses = [(start + begin, start + stop) for begin, stop in material.pauses]
            for cue in make_cues(shot.text, start, whole, line_width=columns, pauses=pauses):
                if cue.start < end:
                    cues.append(cue._replace(end=min(cue.end, end)))
        return cues

    def _segments(
        self, timeline: Timeline, materials: Sequence[Material], cues: Sequence[Cue], encoding: Encoding
    ) -> list[Segment]:
        spec = self.spec
        width, height = frame_size(spec)
        moves = choose_moves([shot.seed for shot in spec.shots])
        sources = [
            Source(
                kind=material.kind,
                digest=material.digest,
                title=shot.title if material.kind == "placeholder" else "",
                fit=spec.fit.value,
                move="" if material.kind == "clip" else move.value,
                seed=shot.seed if material.kind == "placeholder" else 0,
                first=0,
                frames=0,
                path="" if material.path is None else str(material.path.absolute()),
                order=shot.order,
            )
            for shot, material, move in zip(spec.shots, materials, moves, strict=True)
        ]
        font = "" if spec.font is None else str(spec.font.absolute())
        look = Look(width, height, font, "" if spec.font is None else file_digest(spec.font), encoding)
        drawn = cues if spec.subtitles in (Subtitles.BURNED, Subtitles.BOTH) else []
        return make_segments(look, timeline, spec.shots, sources, drawn)

    def _picture_and_sound(
        self, cache: Cache, segments: Sequence[Segment], timings: Sequence[ShotTiming], total_s: float
    ) -> tuple[list[str], Path, dict[str, int]]:
        """Both at once; when one fails, the other is stopped, and the first failure is raised."""
        side = _Beside(lambda: self._sound(timings, total_s), self.stop)
        try:
            with self._stage("picture"):

                def check() -> None:
                    if side.error is not None:
                        raise side.error
                    self.stop.check()

                def shown(fraction: float) -> None:
                    frames = round(fraction * total_s * self.spec.fps)
                    self.tell("picture", PLANNED + (PICTURED - PLANNED) * fraction, f"制作画面（{frames} 帧）")

                maker = PictureMaker(self.spec, cache, self.folder, shown, check)
                names, cover = maker.make(segments)
            self.tell("sound", PICTURED, "混合声音")
            side.wait()
        except BaseException:
            self.stop.give_up()
            side.join()
            raise
        counts = maker.counts
        return (
            names,
            cover,
            {
                "segments_made": counts.made,
                "segments_reused": counts.reused,
                "frames_made": counts.frames_made,
            },
        )

    def _sound(self, timings: Sequence[ShotTiming], total_s: float) -> None:
        with self._stage("sound"):
            report = sound.make_sound(
                self.spec,
                timings,
                total_s,
                self.folder / "sound.m4a",
                cancel=self.stop,
                progress=lambda _fraction: None,
            )
        self.warnings += report.warnings

    def _write_subtitles(self, cues: Sequence[Cue], width: int, height: int) -> list[str]:
        if not cues:
            return []
        write_srt(self.output / "subtitles.srt", cues)
        write_ass(self.output / "subtitles.ass", cues, width, height)
        return ["subtitles.srt", "subtitles.ass"]

    def _join(
        self, names: Sequence[str], segments: Sequence[Segment], timeline: Timeline, subtitles: Sequence[str]
    ) -> None:
        soft = self.spec.subtitles in (Subtitles.SOFT, Subtitles.BOTH) and bool(subtitles)
        chapters = [
            Chapter(slot.start, slot.end, shot.title or f"镜头 {shot.order}")
            for shot, slot in zip(self.spec.shots, timeline.slots, strict=True)
        ]
        parts = Parts(
            folder=self.folder,
            segments=names,
            frames=[segment.frames for segment in segments],
            fps=timeline.fps,
            sound=self.folder / "sound.m4a",
            subtitles=self.output / "subtitles.srt" if soft else None,
            chapters=chapters,
            title=self.spec.title,
        )
        try:
            join(parts, self.output / "film.mp4", self.stop, self.stop.left())
        except FilmError:
            # A part that does not fit (a disk that lost power, say) must not spoil the next attempt too.
            cache = Cache(self.spec.cache_dir)
            for name in names:
                cache.drop(Path(name).stem, ".mp4")
            raise

    @contextlib.contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        self.stop.check()
        started = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = time.monotonic() - started

    def _log(self, timeline: Timeline, encoding: Encoding, counts: dict[str, int]) -> dict[str, object]:
        spec = self.spec
        return {
            "shots": len(spec.shots),
            "frames": timeline.frames,
            "size": "{}x{}".format(*frame_size(spec)),
            "fps": spec.fps,
            "quality": spec.quality.value,
            "rate_control": spec.rate_control.value,
            "bitrate_kbps": spec.bitrate_kbps,
            "encoder": encoding.codec,
            "encoder_options": dict(encoding.options),
            "subtitles": spec.subtitles.value,
            "music": spec.music is not None,
            **counts,
            "seconds": {name: round(value, 3) for name, value in self.seconds.items()},
        }


class _Beside:
    """A piece of work in a thread. What it raises is kept in `error`."""

    def __init__(self, work: Callable[[], None], stop: Stop) -> None:
        self.error: BaseException | None = None
        self._stop = stop
        self._work = work
        self._thread = threading.Thread(target=self._run, name="film-sound")
        self._thread.start()

    def wait(self) -> None:
        """Until it is done; raises what it raised, or what `Stop.check` does."""
        while self._thread.is_alive():
            self._stop.check()
            self._thread.join(0.02)
        if self.error is not None:
            raise self.error

    def join(self) -> None:
        """Until it is over, one way or another."""
        self._thread.join()

    def _run(self) -> None:
        try:
            self._work()
        except BaseException as error:  # noqa: BLE001 - handed over to the thread that waits
            self.error = error


def _first(spec: FilmSpec, count: int) -> FilmSpec:
    return spec if count == len(spec.shots) else replace(spec, shots=spec.shots[:count])

"""`compose(spec, progress, cancel) -> report`: a film out of local files.

::

    spec → inputs → timeline → segments ─→ video track (worker processes) ─┐
                        └→ cues            soundtrack (beside it)    ──────┴→ mux → film

Whatever was made before, by this film or another, is taken from the cache: a film that was killed resumes where it was.
"""

from __future__ import annotations

import contextlib
import math
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from common.cores import cores
from common.errors import Cancelled
from common.hashing import file_digest
from common.host_faults import raise_if_ours
from service.film.cache import Cache, work_folder
from service.film.control import BackgroundWork, CancelScope, ProgressReporter
from service.film.decoder import Decoder
from service.film.encoding.mux import STAGE as JOIN
from service.film.encoding.mux import Chapter, Parts, join
from service.film.encoding.selection import as_previewed, choose_encoding, reset_probe_cache
from service.film.encoding.writers import STAGE as ENCODE
from service.film.encoding.writers import X264_CODEC, Encoding
from service.film.errors import FilmError
from service.film.frames.camera_moves import Move, choose_moves
from service.film.inputs import Material, inspect
from service.film.render.segments import RenderSettings, Segment, Source, make_segments
from service.film.render.video_track import VideoTrackMaker
from service.film.render.worker_pool import WorkerPool
from service.film.sound import soundtrack
from service.film.spec import (
    INPUT,
    Cancel,
    Encoder,
    FilmReport,
    FilmSpec,
    Motion,
    OnProgress,
    ShotTiming,
    Subtitles,
    Word,
)
from service.film.subtitles.captions import Captions
from service.film.subtitles.cues import Cue, make_cues
from service.film.subtitles.fonts import language_of
from service.film.subtitles.markup import plain
from service.film.subtitles.subtitle_files import write_ass, write_srt
from service.film.subtitles.text_metrics import reading_s
from service.film.timeline import Timeline, make_timeline, too_long

TIMEOUT_BASE_S, TIMEOUT_PER_S = 300.0, 10.0
# Where each stage ends, as a share of the whole.
PLANNED, PICTURED, SOUNDED = 0.03, 0.93, 0.95
PARTIAL = ".partial"


def compose(spec: FilmSpec, progress: OnProgress, cancel: Cancel) -> FilmReport:
    """Make the film that `spec` describes, into `spec.output_dir`.

    `progress` is called from this thread with rising fractions. Raises FilmError (the stage, the shot to blame, ffmpeg's last lines),
    HostUnavailable (no space, say) or Cancelled, within a second of `cancel` being set; then no process is left and no file in
    `output_dir`.
    """
    scope = CancelScope(cancel, spec.timeout_s)
    report_progress = ProgressReporter(progress)
    try:
        spec.cache_dir.mkdir(parents=True, exist_ok=True)
        with work_folder(spec.cache_dir) as folder, output_folder(spec.output_dir) as output:
            scope.begin()
            report = _Film(spec, folder, output, report_progress, scope).make()
            Cache(spec.cache_dir).prune(spec.cache_bytes, spec.cache_age_s)
    except Cancelled:
        scope.check()  # to a part that is stopped the time limit is a `Cancel` like any other
        raise
    except Exception as error:  # the folders may be what finds no room
        raise_if_ours(error)
        raise
    report_progress("done", 1.0, "影片完成")
    return report


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
    report_progress: ProgressReporter
    scope: CancelScope
    seconds: dict[str, float] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    materials: Sequence[Material] = ()
    broken: dict[str, str] = field(
        default_factory=dict
    )  # digests of images and clips that turned out to be unusable, and why
    codec: str = ""  # of the last attempt
    options: dict[str, str] = field(default_factory=dict)  # of its encoder
    fallbacks: list[str] = field(default_factory=list)  # warnings of fallbacks, which outlast an attempt

    @cached_property
    def language(self) -> str:
        """Of what is written in the film: of the whole story's words, or of the shots' titles where nothing is told."""
        return language_of(
            "".join(shot.text for shot in self.spec.shots) or "".join(shot.title for shot in self.spec.shots)
        )

    def make(self) -> FilmReport:
        """The film; unusable inputs are replaced, unless the spec is strict, and x264 takes over when a hardware encoder fails."""
        whole = as_previewed(self.spec)
        started = time.monotonic()
        while True:
            self.spec = whole
            try:
                return self._attempt(started)
            except FilmError as error:
                # What lost frames on its way is found out when the segments are joined.
                if error.stage in (ENCODE, JOIN) and self.codec not in ("", X264_CODEC):
                    # All segments again: those of two encoders do not make one stream.
                    self.fallbacks.append(f"硬件编码器 {whole.encoder.value} 中途失败，改用 x264（{error.reason}）")
                    whole = replace(whole, encoder=Encoder.X264)
                    reset_probe_cache()
                elif whole.strict or error.stage != INPUT or not self._leave_out(error):
                    raise

    def _leave_out(self, error: FilmError) -> bool:
        """Leave out of the next attempt what this one failed on."""
        for shot, material in zip(self.spec.shots, self.materials, strict=False):
            if shot.order == error.shot and material.digest and material.digest not in self.broken:
                self.broken[material.digest] = error.reason
                return True
        return False

    def _attempt(self, started: float) -> FilmReport:
        with WorkerPool(self.spec.threads or cores()) as pool, Decoder() as decoder:
            pool.start(len(self.spec.shots))  # their imports take a moment, in which the film is planned
            return self._work(pool, decoder, started)

    def _work(self, pool: WorkerPool, decoder: Decoder, started: float) -> FilmReport:
        cache = Cache(self.spec.cache_dir)
        with self._stage("plan"):
            self.report_progress("plan", 0.0, "检查素材")
            self.spec, materials, missing = inspect(self.spec, cache, self.scope.check, self.broken, decoder)
            self.materials, self.warnings = materials, missing
            narrations = [material.narration_s for material in materials]
            timeline = make_timeline(
                self.spec, narrations, [m.clip_s for m in materials], self.spec.fps, self.scope.check
            )
            total_s = timeline.frames / timeline.fps
            self._check_length(total_s)
            if self.scope.timeout_s is None:
                self.scope.timeout_s = TIMEOUT_BASE_S + TIMEOUT_PER_S * total_s
            count = len(timeline.slots)  # fewer than shots when the film ends early
            self.spec = _first(self.spec, count)
            timings = timeline.timings(self.spec.shots)
            encoding, notes = choose_encoding(self.spec, self.scope)
            self.codec, self.options = encoding.codec, dict(encoding.options)
            self.warnings += self.fallbacks + notes
            width, height = self.spec.width, self.spec.height
            cues = self._cues(timings, materials, width, height)
            segments = self._segments(timeline, materials[:count], cues, encoding)
        self.report_progress("picture", PLANNED, "制作画面")
        names, cover, counts = self._video_and_sound(pool, decoder, cache, segments, timings, total_s)
        with self._stage("join"):
            self.report_progress("join", SOUNDED, "合并画面与声音")
            files = self._write_subtitles(cues, width, height)
            self._join(names, segments, timeline, files)
            shutil.copyfile(cover, self.output / "cover.jpg")
        target = self.spec.output_dir
        srt, ass = (target / name if name in files else None for name in ("subtitles.srt", "subtitles.ass"))
        self.seconds["total"] = time.monotonic() - started
        return FilmReport(
            film=target / "film.mp4",
            cover=target / "cover.jpg",
            duration_s=total_s,
            width=width,
            height=height,
            fps=timeline.fps,
            shots=timings,
            subtitles_srt=srt,
            subtitles_ass=ass,
            warnings=tuple(self.warnings),
            log=self._log(timeline, counts),
        )

    def _check_length(self, seconds: float) -> None:
        text = too_long(seconds, self.spec.max_duration_s or math.inf)
        if text:
            raise FilmError("plan", text)

    def _cues(self, timings: Sequence[ShotTiming], materials: Sequence[Material], width: int, height: int) -> list[Cue]:
        if self.spec.subtitles is Subtitles.OFF or not any(shot.text.strip() for shot in self.spec.shots):
            return []
        captions = Captions(width, height, self.spec.font, self.language, self.spec.style)
        karaoke = self.spec.style.karaoke
        burned = self.spec.subtitles in (Subtitles.BURNED, Subtitles.BOTH)
        cues: list[Cue] = []
        for shot, timing, material in zip(self.spec.shots, timings, materials, strict=False):
            self.scope.check()
            spoken = material.narration_s > 0
            if spoken and timing.speech_end <= timing.speech_start:  # the film ends before the words
                continue
            start = timing.speech_start if spoken else timing.start
            reading = reading_s(shot.text)
            # Shown while it is spoken; read in silence, or out of step with the voice, while the shot is seen.
            end = timing.speech_end if reading <= material.narration_s else timing.end
            # The whole narration is timed, then cut where the film or the shot is, so that the text keeps its pace.
            whole = start + max(material.narration_s, reading, 0.0 if spoken else end - start)
            if whole > timing.end + 0.1 and self.spec.first_seconds is None:
                self.warnings.append(f"镜头 {shot.order} 的文字太长，字幕没有全部显示")
            pauses = [(start + begin, start + stop) for begin, stop in material.pauses]
            words = [Word(text, start + begin, start + stop) for text, begin, stop in shot.words] if spoken else []
            own = make_cues(
                shot.text, start, whole, line_width=captions.line_width, pauses=pauses, words=words, karaoke=karaoke
            )
            shown = [cue._replace(end=min(cue.end, end)) for cue in own if cue.start < end]
            if burned and any(captions.lacks(cue.lines) for cue in shown):
                self.warnings.append(f"镜头 {shot.order} 的字幕含字体没有的文字，这些文字没有显示")
            cues += shown
        return cues

    def _segments(
        self, timeline: Timeline, materials: Sequence[Material], cues: Sequence[Cue], encoding: Encoding
    ) -> list[Segment]:
        spec = self.spec
        width, height = spec.width, spec.height
        # Of all shots, so that one that is to stand still leaves the moves of the others as they are.
        drawn = choose_moves([shot.seed for shot in spec.shots])
        moves = [Move.NONE if s.motion is Motion.NONE else move for s, move in zip(spec.shots, drawn, strict=True)]
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
        font_digest = "" if spec.font is None else file_digest(spec.font)
        settings = RenderSettings(width, height, font, font_digest, encoding, self.language, spec.style)
        burned = cues if spec.subtitles in (Subtitles.BURNED, Subtitles.BOTH) else []
        return make_segments(settings, timeline, spec.shots, sources, burned)

    def _video_and_sound(
        self,
        pool: WorkerPool,
        decoder: Decoder,
        cache: Cache,
        segments: Sequence[Segment],
        timings: Sequence[ShotTiming],
        total_s: float,
    ) -> tuple[list[str], Path, dict[str, int]]:
        """Both concurrently; when one fails, the other is cancelled, and the first failure is raised."""
        background = BackgroundWork(lambda cancel: self._sound(decoder, timings, total_s, cancel), self.scope)
        try:
            with self._stage("picture"):

                def shown(fraction: float) -> None:
                    frames = round(fraction * total_s * self.spec.fps)
                    self.report_progress(
                        "picture", PLANNED + (PICTURED - PLANNED) * fraction, f"制作画面（{frames} 帧）"
                    )

                maker = VideoTrackMaker(self.spec, cache, self.folder, shown, background.check)
                names, cover = maker.make(pool, segments)
            self.report_progress("sound", PICTURED, "混合声音")
            background.wait()
        except BaseException:
            background.cancel()
            raise
        self.warnings += maker.warnings
        if maker.crf is not None:
            self.options["crf"] = f"{maker.crf:g}"
        counts = maker.counts
        return (
            names,
            cover,
            {
                "segments_made": counts.made,
                "segments_reused": counts.reused,
                "frames_made": counts.frames_made,
                "passes": counts.passes,
            },
        )

    def _sound(self, decoder: Decoder, timings: Sequence[ShotTiming], total_s: float, cancel: Cancel) -> None:
        with self._stage("sound"):
            report = soundtrack.make_sound(
                self.spec,
                timings,
                total_s,
                self.folder / "sound.m4a",
                decoder=decoder,
                cancel=cancel,
                progress=lambda _fraction: None,
            )
        self.warnings += report.warnings

    def _write_subtitles(self, cues: Sequence[Cue], width: int, height: int) -> list[str]:
        if not cues:
            return []
        write_srt(self.output / "subtitles.srt", cues)
        write_ass(self.output / "subtitles.ass", cues, width, height, self.language, self.spec.style)
        return ["subtitles.srt", "subtitles.ass"]

    def _join(
        self, names: Sequence[str], segments: Sequence[Segment], timeline: Timeline, subtitles: Sequence[str]
    ) -> None:
        soft = self.spec.subtitles in (Subtitles.SOFT, Subtitles.BOTH) and bool(subtitles)
        chapters = [
            Chapter(slot.start, slot.end, plain(shot.title).strip() or f"镜头 {shot.order}")
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
            join(parts, self.output / "film.mp4", self.scope, self.scope.remaining_s())
        except FilmError:
            # A part that does not fit (a disk that lost power, say) must not spoil the next attempt too.
            cache = Cache(self.spec.cache_dir)
            for name in names:
                cache.drop(Path(name).stem, ".mp4")
            raise

    @contextlib.contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        self.scope.check()
        started = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = time.monotonic() - started

    def _log(self, timeline: Timeline, counts: dict[str, int]) -> dict[str, object]:
        spec = self.spec
        return {
            "shots": len(spec.shots),
            "frames": timeline.frames,
            "size": f"{spec.width}x{spec.height}",
            "fps": spec.fps,
            "quality": spec.quality.value,
            "rate_control": spec.rate_control.value,
            "bitrate_kbps": spec.bitrate_kbps,
            "encoder": self.codec,
            "encoder_options": self.options,
            "subtitles": spec.subtitles.value,
            "music": spec.music is not None,
            **counts,
            "seconds": {name: round(value, 3) for name, value in self.seconds.items()},
        }


def _first(spec: FilmSpec, count: int) -> FilmSpec:
    return spec if count == len(spec.shots) else replace(spec, shots=spec.shots[:count])

"""The film's video track: every segment that is not in the cache is rendered, by worker processes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from service.film.cache import Cache, take
from service.film.encoding.writers import X264_CODEC
from service.film.render.segments import Segment
from service.film.render.two_pass import UNMET, Tried, at_crf, crf_of, nearest, next_crf, video_bytes
from service.film.render.worker_pool import Job, WorkerPool
from service.film.spec import FilmSpec, RateControl

VIDEO, COVER = ".mp4", ".jpg"


@dataclass
class Counts:
    """For the report's log."""

    made: int = 0
    reused: int = 0
    frames_made: int = 0
    passes: int = 1


@dataclass
class VideoTrackMaker:
    """Makes and collects the segments of one film into its work folder."""

    spec: FilmSpec
    cache: Cache
    folder: Path
    progress: Callable[[float], None]
    check: Callable[[], None]
    counts: Counts = field(default_factory=Counts)
    warnings: list[str] = field(default_factory=list)  # Chinese
    crf: float | None = None  # the quality that an average rate was met with

    def make(self, pool: WorkerPool, segments: Sequence[Segment]) -> tuple[list[str], Path]:
        """Names in the folder of all segments in order, and the cover. Raises FilmError naming the shot, or what `check` raises."""
        cover = self._cover(segments)
        if segments[0].encoding.codec == X264_CODEC and self.spec.rate_control is RateControl.TWO_PASS:
            files = self._search(pool, segments, cover)
        else:
            files = self._make(pool, segments, cover, 0.0, 1.0)
        image = cover.own
        return [file.name for file in files], image

    def _search(self, pool: WorkerPool, segments: Sequence[Segment], cover: Job) -> list[Path]:
        """Pass after pass at one quality for all, until one comes near the film's bit rate."""
        frames = sum(segment.frames for segment in segments)
        wanted = (self.spec.bitrate_kbps or 0) * 1000 / 8 * frames / segments[0].fps
        tried: dict[Tried, list[Path]] = {}
        crf: float | None = crf_of(segments[0])
        while crf is not None:
            self.counts.passes = len(tried) + 1
            # Each pass takes half of what is left, so that progress never goes back.
            files = self._make(pool, at_crf(segments, crf), cover, 1 - 0.5 ** len(tried), 1 - 0.5 ** (len(tried) + 1))
            sizes = {file: video_bytes(file) for file in set(files)}
            tried[crf, sum(sizes[file] for file in files)] = files
            self.check()
            crf = next_crf(list(tried), wanted)
        self.progress(1.0)
        self.crf, size = best = nearest(list(tried), wanted)
        if abs(size / wanted - 1) > UNMET:
            asked = self.spec.bitrate_kbps or 0
            self.warnings.append(f"平均码率为 {asked * size / wanted:.0f} kbit/s，未能达到 {asked}")
        return tried[best]

    def _make(self, pool: WorkerPool, segments: Sequence[Segment], cover: Job, start: float, end: float) -> list[Path]:
        """Bring every segment into the folder, and the cover into the cache; equal ones are made once."""
        unique = {segment.key: segment for segment in segments}
        jobs = []
        for key, segment in unique.items():
            if self._reuse(key):
                self.counts.reused += 1
            else:
                jobs.append(Job(segment, self.folder / f"{key}.part", self.cache.path(key, VIDEO)))
        total = sum(job.frames for job in jobs)

        def made(frames: int) -> None:
            self.progress(start + (end - start) * frames / max(1, total))

        pool.run(_with_cover(jobs, cover), made, self.check)
        self.counts.made += len(jobs)
        self.counts.frames_made += total
        self.progress(end)
        return [self.folder / f"{segment.key}{VIDEO}" for segment in segments]

    def _reuse(self, key: str) -> bool:
        """Take a segment from the cache."""
        found = self.cache.find(key, VIDEO)
        if found is None:
            return False
        try:
            take_once(found, self.folder / f"{key}{VIDEO}")
        except FileNotFoundError:  # another film pruned it just now
            return False
        return True

    def _cover(self, segments: Sequence[Segment]) -> Job:
        """The middle frame of the first shot that has an image (else of the first), without captions."""
        plain = [segment for segment in segments if len(segment.sources) == 1]
        segment = next((one for one in plain if one.sources[0].kind != "placeholder"), plain[0])
        cover = Job(segment, self.folder / "cover.part", self.cache.path(segment.key, COVER), frame=segment.frames // 2)
        kept = self.cache.find(segment.key, COVER)
        if kept is not None:
            with contextlib.suppress(FileNotFoundError):  # another film pruned it just now
                take(kept, cover.own)
        return cover


def _with_cover(jobs: Sequence[Job], cover: Job) -> list[Job]:
    """The jobs, and the cover where it is not there yet: beside the segment that it is a frame of, whose image is then ready."""
    if cover.own.exists():
        return list(jobs)
    place = next((number for number, job in enumerate(jobs) if job.segment.key == cover.segment.key), 0)
    return [*jobs[:place], cover, *jobs[place:]]


def take_once(part: Path, target: Path) -> None:
    """`take`, unless it is there already."""
    if not target.exists():
        take(part, target)

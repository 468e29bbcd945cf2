"""The film's picture: every segment that the cache does not hold is made, by worker processes."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from service.errors import FilmError
from service.film.cache import Cache, take
from service.film.passes import second_pass
from service.film.segments import Segment
from service.film.spec import FilmSpec, RateControl
from service.film.workers import Job, WorkerPool

VIDEO, COVER = ".mp4", ".jpg"
STATS, TREE = ".stats", ".stats.mbtree"  # of x264's first pass; the second only where its macroblock tree is on


@dataclass
class Counts:
    """For the report's log."""

    made: int = 0
    reused: int = 0
    frames_made: int = 0


@dataclass
class PictureMaker:
    """Makes and collects the segments of one film into its work folder."""

    spec: FilmSpec
    cache: Cache
    folder: Path
    progress: Callable[[float], None]
    check: Callable[[], None]
    counts: Counts = field(default_factory=Counts)

    def make(self, pool: WorkerPool, segments: Sequence[Segment]) -> tuple[list[str], Path]:
        """Names in the folder of all segments in order, and the cover. Raises FilmError naming the shot, or what `check` raises."""
        cover = self._cover(segments)
        if segments[0].encoding.number == 1:
            files = self._make(pool, segments, cover, 0.0, 0.5, with_stats=True)
            sizes = [file.stat().st_size for file in files]
            if self.spec.rate_control is not RateControl.TWO_PASS or not self.spec.bitrate_kbps:
                raise FilmError("encode", "两遍编码需要 bitrate")
            segments = second_pass(segments, sizes, self.spec.bitrate_kbps)
            for segment, first in zip(segments, files, strict=True):
                # The second pass reads the statistics under the name that its own key gives it.
                for suffix in (STATS, TREE):
                    if first.with_suffix(suffix).exists():
                        take_once(first.with_suffix(suffix), self.folder / f"{segment.key}{suffix}")
            files = self._make(pool, segments, cover, 0.5, 1.0, with_stats=True)
        else:
            files = self._make(pool, segments, cover, 0.0, 1.0, with_stats=False)
        picture = cover.own
        return [file.name for file in files], picture

    def _make(
        self, pool: WorkerPool, segments: Sequence[Segment], cover: Job, start: float, end: float, *, with_stats: bool
    ) -> list[Path]:
        """Bring every segment into the folder, and the cover into the cache; equal ones are made once."""
        first_pass = segments[0].encoding.number == 1
        unique = {segment.key: segment for segment in segments}
        jobs = []
        for key, segment in unique.items():
            if self._reuse(key, with_stats=first_pass):
                self.counts.reused += 1
                continue
            stats = self.folder / f"{key}{STATS}" if with_stats else None
            suffixes = (STATS, TREE) if first_pass else ()
            kept = tuple((self.folder / f"{key}{suffix}", self.cache.path(key, suffix)) for suffix in suffixes)
            jobs.append(Job(segment, self.folder / f"{key}.part", self.cache.path(key, VIDEO), stats, kept=kept))
        total = sum(job.frames for job in jobs)

        def made(frames: int) -> None:
            self.progress(start + (end - start) * frames / max(1, total))

        pool.run(_with_cover(jobs, cover), made, self.check)
        self.counts.made += len(jobs)
        self.counts.frames_made += total
        self.progress(end)
        return [self.folder / f"{segment.key}{VIDEO}" for segment in segments]

    def _reuse(self, key: str, *, with_stats: bool) -> bool:
        """Take a segment from the cache; with its statistics, if they are wanted."""
        suffixes = (VIDEO, STATS, TREE) if with_stats else (VIDEO,)
        found = {suffix: self.cache.find(key, suffix) for suffix in suffixes}
        if found[VIDEO] is None or (with_stats and found[STATS] is None):
            return False
        try:
            for suffix, path in found.items():
                if path is not None:
                    take_once(path, self.folder / f"{key}{suffix}")
        except FileNotFoundError:  # another film pruned it just now
            return False
        return True

    def _cover(self, segments: Sequence[Segment]) -> Job:
        """The middle frame of the first shot that has a picture (else of the first), without captions."""
        plain = [segment for segment in segments if len(segment.sources) == 1]
        segment = next((one for one in plain if one.sources[0].kind != "placeholder"), plain[0])
        cover = Job(segment, self.folder / "cover.part", self.cache.path(segment.key, COVER), frame=segment.frames // 2)
        kept = self.cache.find(segment.key, COVER)
        if kept is not None:
            with contextlib.suppress(FileNotFoundError):  # another film pruned it just now
                take(kept, cover.own)
        return cover


def _with_cover(jobs: Sequence[Job], cover: Job) -> list[Job]:
    """The jobs, and the cover where it is not there yet: beside the segment that it is a frame of, whose picture is then ready."""
    if cover.own.exists():
        return list(jobs)
    place = next((number for number, job in enumerate(jobs) if job.segment.key == cover.segment.key), 0)
    return [*jobs[:place], cover, *jobs[place:]]


def take_once(part: Path, target: Path) -> None:
    """`take`, unless it is there already."""
    if not target.exists():
        take(part, target)


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

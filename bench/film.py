"""The film's claims, measured in one run: `python -m bench.film [--quick] [--only GROUP ...]`.

Speed is compared with contenders that make the same film in turns with ours, in the same minutes: MoviePy 2, and x264 alone with the frames
already there. Smoothness, sound and sync are measured on finished frames and files. The exit status is 1 when a claim does not hold.
"""

from __future__ import annotations

import argparse
import dataclasses
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench import jitter, sound_checks, sync
from bench.contenders import (
    bare_x264,
    compose_process,
    moviepy,
    moviepy_plan,
    ours,
    segments_of,
    sights_of,
    write_frames,
)
from bench.harness import MIB, Claim, Contender, Cost, cpu_ratio, machine, note, report, take_turns, wall_ratio
from bench.ideal import LUMA_709
from bench.material import FPS, HEIGHT, IMAGE, SHOT_S, WIDTH, make_shots, make_spec, mirror
from bench.quality import best_ssim, film_ssim
from service.film.frames.camera_moves import DRAWN
from service.film.spec import FilmShot, FilmSpec, Quality

ROUNDS, QUICK_ROUNDS = 5, 1
BARE, OURS, VERYFAST, DEFAULT = "bare x264", "ours", "MoviePy veryfast", "MoviePy default"
MEMORY = Path("/dev/shm")


class Bench:
    """One run: its folder, its material, its claims so far."""

    def __init__(self, folder: Path, rounds: int, peer: Path) -> None:
        self.folder, self.rounds, self.peer = folder, rounds, peer
        self.claims: list[Claim] = []
        self._shots: tuple[FilmShot, ...] = ()

    def add(self, name: str, peer: str, relation: str, limit: float, us: float, unit: str = "") -> None:
        """One more line of the table."""
        self.claims.append(Claim(name, peer, relation, limit, us, unit))
        note(self.claims[-1].say())

    def shots(self, count: int) -> tuple[FilmShot, ...]:
        """The first shots of the story; made when they are first asked for."""
        if len(self._shots) < count:
            note(f"painting and speaking {count} shots")
            self._shots = make_shots(self.folder / "material", count)
        return self._shots[:count]

    def speed_6(self) -> None:
        """Six shots against every contender."""
        self._speed(6, [VERYFAST, DEFAULT])

    def speed_20(self) -> None:
        """Twenty shots against x264 and MoviePy's fast preset."""
        self._speed(20, [VERYFAST])

    def _speed(self, count: int, peers: list[str]) -> None:
        folder = self.folder / f"speed{count}"
        folder.mkdir()
        spec = make_spec(self.shots(count), folder)
        segments = segments_of(spec)
        sights = sights_of(segments)
        room = MEMORY if MEMORY.is_dir() else folder
        with tempfile.TemporaryDirectory(dir=room) as memory:
            raw = Path(memory) / "frames.yuv"
            frames = write_frames(segments, raw)
            note(f"{count} shots, {frames} frames")
            compose_process(spec, folder)  # also brings everything into the machine's file cache
            plan = moviepy_plan(spec, sights, spec.output_dir / "subtitles.srt", frames)
            films = {name: folder / f"{name}.mp4" for name in peers}
            presets = {VERYFAST: "veryfast", DEFAULT: ""}

            def peer(name: str) -> Callable[[], Cost]:
                return lambda: moviepy(self.peer, plan, presets[name], films[name], folder)

            contenders = {
                BARE: lambda: bare_x264(raw, spec, folder / "bare.mp4"),
                OURS: lambda: ours(spec, folder),
                **{name: peer(name) for name in peers},
            }
            costs = take_turns(contenders, self.rounds)
        self.add(f"{count} shots: time", BARE, "<=", 1.1, wall_ratio(costs, OURS, BARE), "×")
        note(f"  processor time: {cpu_ratio(costs, OURS, BARE):.2f}× {BARE}")
        for name, limit in ((VERYFAST, 9.0), (DEFAULT, 7.0)):
            if name in peers:
                self.add(f"{count} shots: times as fast", name, ">=", limit, wall_ratio(costs, name, OURS), "×")
        ssim = film_ssim(spec.output_dir / "film.mp4", sights, LUMA_709)
        theirs = best_ssim(films[VERYFAST], sights)
        note(f"  SSIM to the ideal frames: ours {ssim:.4f}, {VERYFAST} {theirs:.4f}")
        self.add(f"{count} shots: SSIM to ideal, minus theirs", VERYFAST, ">=", 0.0, ssim - theirs)

    def memory_60(self) -> None:
        """The whole process tree's memory; counted twice, the stricter way (RSS) is the claim."""
        folder = self.folder / "memory60"
        folder.mkdir()
        peaks = []
        for _ in range(min(self.rounds, 3)):
            _, memory = compose_process(make_spec(self.shots(60), folder), folder)
            peaks.append(memory.rss / MIB)
            note(f"  60 shots: RSS {memory.rss / MIB:.0f} MiB, PSS {memory.pss / MIB:.0f} MiB")
        self.add(
            "60 shots: peak memory of the process tree (sum of RSS)", "-", "<=", 700, statistics.median(peaks), " MiB"
        )

    def redo(self) -> None:
        """One image of twenty changed, and a preview, against the whole film."""
        folder = self.folder / "redo"
        folder.mkdir()
        shots = self.shots(20)
        spec = make_spec(shots, folder)
        preview = dataclasses.replace(spec, quality=Quality.PREVIEW, cache_dir=folder / "preview-cache")
        changes = 0

        def redo() -> Cost:
            nonlocal changes
            changes += 1
            changed = folder / f"changed{changes}.png"
            # Never the same twice, or the cache would know it: another shot's image, turned over.
            mirror(_image(shots[9 + changes % 10]), changed, upright=changes % 20 < 10)
            new = [dataclasses.replace(s, image=changed) if s.order == 8 else s for s in shots]
            return ours(_with(spec, new), folder, keep_cache=True)

        contenders: dict[str, Contender] = {
            "full": lambda: ours(spec, folder),
            "one image changed": redo,
            "preview": lambda: ours(preview, folder),
        }
        costs = {name: list[Cost]() for name in contenders}
        for _ in range(self.rounds):  # in this order: a redo follows its full film
            for name, contender in contenders.items():
                costs[name].append(contender())
                note(f"  {name}: {costs[name][-1].wall:.2f} s")
        self.add(
            "20 shots, one image changed",
            "the full time",
            "<=",
            15,
            100 * wall_ratio(costs, "one image changed", "full"),
            " %",
        )
        self.add("20 shots, preview", "the full time", "<=", 30, 100 * wall_ratio(costs, "preview", "full"), " %")

    def smoothness(self) -> None:
        """Every camera move, over a wide and over a square image."""
        worst, which = 0.0, ""
        for move in DRAWN:
            for image in (IMAGE, (1024, 1024)):
                found = jitter.jitter(move, (WIDTH, HEIGHT), image, round((SHOT_S + 0.5) * FPS), FPS)
                note(f"  {move.value} over {image[0]}×{image[1]}: {found:.4f} px")
                worst, which = max((worst, which), (found, move.value))
        self.add(f"jitter of camera moves, RMS (worst: {which})", "the ideal course", "<=", 0.02, worst, " px")

    def sound(self) -> None:
        """Ten mixes, and a film of silence, speech, silence over a tone."""
        heard = sound_checks.measure_mixes(self.folder / "mixes")
        for (lufs, peak), mix in zip(heard, sound_checks.MIXES, strict=True):
            note(f"  {mix}: {lufs:.2f} LUFS, {peak:.2f} dBTP")
        off = max(abs(lufs + 16.0) for lufs, _ in heard)
        self.add("loudness of 10 mixes, off −16 LUFS", "ffmpeg ebur128", "<=", 0.3, off, " LU")
        self.add("true peak of 10 mixes", "ffmpeg ebur128", "<=", -1.0, max(peak for _, peak in heard), " dBTP")
        ducking = sound_checks.measure_ducking(self.folder / "ducking")
        self.add("ducking under speech, off −6 dB", "a steady tone", "<=", 0.5, abs(ducking.under_speech + 6.0), " dB")
        self.add("level after speech, off the level before", "a steady tone", "<=", 0.5, abs(ducking.after), " dB")

    def synchrony(self) -> None:
        """Every shot's image, narration and subtitle."""
        image, narration, subtitle = sync.measure(self.folder / "sync")
        self.add("sync of the images' changes", "the timeline", "<=", 1, image, " frames")
        self.add("sync of the narrations", "the timeline", "<=", 1, narration, " frames")
        self.add("sync of the subtitles", "the narrations", "<=", 1, subtitle, " frames")


def _with(spec: FilmSpec, shots: list[FilmShot]) -> FilmSpec:
    return dataclasses.replace(spec, shots=tuple(shots))


def _image(shot: FilmShot) -> Path:
    assert shot.image is not None
    return shot.image


GROUPS: dict[str, Callable[[Bench], None]] = {
    "smoothness": Bench.smoothness,
    "sound": Bench.sound,
    "sync": Bench.synchrony,
    "redo": Bench.redo,
    "memory": Bench.memory_60,
    "6": Bench.speed_6,
    "20": Bench.speed_20,
}


def main() -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.film", description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_ROUNDS} round instead of {ROUNDS}")
    parser.add_argument("--only", nargs="+", choices=list(GROUPS), default=list(GROUPS), help="some groups of claims")
    parser.add_argument(
        "--peer", type=Path, default=Path(".venv-bench/bin/python"), help="the interpreter that has MoviePy"
    )
    parser.add_argument("--folder", type=Path, help="where to work, and to leave everything; by default nothing stays")
    arguments = parser.parse_args()
    peer = Path.cwd() / arguments.peer
    if {"6", "20"} & set(arguments.only) and not peer.exists():
        parser.error(f"{arguments.peer} is not there: `make bench` makes it")
    rounds = QUICK_ROUNDS if arguments.quick else ROUNDS
    folder = Path(arguments.folder or tempfile.mkdtemp(prefix="film-bench-")).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    before = machine()
    try:
        bench = Bench(folder, rounds, peer)
        for name, measure in GROUPS.items():
            if name in arguments.only:
                note(f"== {name}")
                measure(bench)
    finally:
        if not arguments.folder:
            shutil.rmtree(folder, ignore_errors=True)
    return report(bench.claims, f"The film, {WIDTH}×{HEIGHT} at {FPS} fps, medians of {rounds}: {before}")


if __name__ == "__main__":
    sys.exit(main())

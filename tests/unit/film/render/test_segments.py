"""Segments: they are the film's frames, each once, and their keys change with what their bytes depend on and with nothing else."""

from __future__ import annotations

import dataclasses
import json
from importlib import metadata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.film.encoding.writers import Encoding
from service.film.render.segments import PIECE_S, ROOMS, RenderSettings, Segment, Source, code_version, make_segments
from service.film.render.worker_pool import Job, share
from service.film.spec import FilmShot, FilmSpec, Transition
from service.film.subtitles.cues import Cue
from service.film.timeline import make_timeline

SETTINGS = RenderSettings(320, 180, "/fonts/a.otf", "f0", Encoding("libx264", (("crf", "23"), ("preset", "superfast"))))


def _film(
    shots: list[FilmShot], narrations: list[float], cues: tuple[Cue, ...] = (), digests: list[str] | None = None
) -> list[Segment]:
    spec = FilmSpec(shots=tuple(shots), output_dir=Path("out"), cache_dir=Path("cache"))
    timeline = make_timeline(spec, narrations, [0.0] * len(shots), 15)
    digests = digests or [f"d{index}" for index in range(len(shots))]
    sources = [
        Source("image", digest, "", "crop", "zoom_in", 0, 0, 0, f"/tmp/{digest}.png", shot.order)
        for digest, shot in zip(digests, shots, strict=True)
    ]
    segments = make_segments(SETTINGS, timeline, shots, sources, cues)
    assert sum(segment.frames for segment in segments) == timeline.frames
    return segments


@given(st.lists(st.tuples(st.sampled_from(Transition), st.floats(0, 2), st.floats(0.1, 12)), min_size=1, max_size=8))
def test_segments_are_all_frames_of_every_shot_in_order(shots: list[tuple[Transition, float, float]]) -> None:
    segments = _film(
        [FilmShot(n, transition=kind, transition_s=length) for n, (kind, length, _) in enumerate(shots, 1)],
        [narration for _, _, narration in shots],
    )
    seen = dict.fromkeys(range(1, len(shots) + 1), 0)
    for segment in segments:
        assert segment.frames > 0
        assert len(segment.sources) == 1 + bool(segment.transition)
        assert segment.transition or segment.frames <= PIECE_S * 15
        for source in segment.sources:
            assert source.first == seen[source.order], "a shot's frames are not in order"
            seen[source.order] += segment.frames
    assert all(seen.values())


def test_one_changed_image_of_many_changes_only_its_own_segments() -> None:
    shots = [FilmShot(n) for n in range(1, 9)]
    digests = [f"d{n}" for n in range(8)]
    before = {segment.key for segment in _film(shots, [3.0] * 8, digests=digests)}
    digests[3] = "another"
    after = {segment.key for segment in _film(shots, [3.0] * 8, digests=digests)}
    assert len(before - after) == 3, "its own middle and the transitions into and out of it"


def test_a_shot_added_in_front_leaves_the_segments_of_the_others_as_they_are() -> None:
    shots = [FilmShot(n) for n in range(1, 5)]
    before = [segment.key for segment in _film(shots, [3.0] * 4)]
    more = _film([FilmShot(9), *shots], [3.0] * 5, digests=["new", "d0", "d1", "d2", "d3"])
    kept = {segment.key for segment in more}
    # The first shot is now seen a little longer, in the transition into it.
    assert len(set(before) - kept) == 2
    assert len(before) == 7


def test_cues_are_drawn_in_the_segments_that_they_lie_in_and_nowhere_else() -> None:
    shots = [FilmShot(1), FilmShot(2)]
    cue = Cue(1.0, 2.0, ("字幕",))
    plain, captioned = _film(shots, [3.0, 3.0]), _film(shots, [3.0, 3.0], (cue,))
    changed = [new for old, new in zip(plain, captioned, strict=True) if old.key != new.key]
    assert len(changed) == 1
    assert (changed[0].captions[0].first, changed[0].captions[0].end) == (15, 30)


def test_a_cue_across_a_joint_is_drawn_on_both_sides_without_a_gap() -> None:
    shots = [FilmShot(1, transition=Transition.CUT), FilmShot(2, transition=Transition.CUT)]
    segments = _film(shots, [3.0, 3.0], (Cue(3.0, 4.2, ("a",)),))
    drawn = sum(caption.end - caption.first for segment in segments for caption in segment.captions)
    assert drawn == 18


def test_where_a_file_lies_and_what_its_shot_is_numbered_makes_no_difference() -> None:
    segment = _film([FilmShot(1)], [3.0])[0]
    moved = dataclasses.replace(segment.sources[0], path="/elsewhere/b.png", order=42)
    assert dataclasses.replace(segment, sources=(moved,)).key == segment.key


@pytest.mark.parametrize("field", ["width", "height", "fps", "frames"])
def test_every_number_of_a_segment_is_in_its_key(field: str) -> None:
    segment = _film([FilmShot(1)], [3.0])[0]
    assert dataclasses.replace(segment, **{field: 8}).key != segment.key  # type: ignore[arg-type] # all are integers


def test_the_encoder_and_its_options_are_in_the_key() -> None:
    segment = _film([FilmShot(1)], [3.0])[0]
    other = dataclasses.replace(segment.encoding, options=(("crf", "24"),))
    assert dataclasses.replace(segment, encoding=other).key != segment.key


def test_a_segment_survives_the_way_to_a_worker() -> None:
    for segment in _film([FilmShot(1), FilmShot(2)], [3.0, 3.0], (Cue(0.0, 8.0, ('"{\\b1}', "%n")),)):
        assert Segment.from_json(json.loads(json.dumps(segment.to_json()))) == segment


def test_every_module_that_makes_pixels_counts_as_code() -> None:
    """What a worker imports of the film lies in a folder that is in the keys, but for what decides no pixel."""
    root = Path(__file__).parents[4]
    innocent = {"cache", "errors", "orders", "spec", "timeline"}
    seen, todo = set(), ["service.film.render.worker"]
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        lines = (root / f"{name.replace('.', '/')}.py").read_text().splitlines()
        todo += [line.split()[1] for line in lines if line.startswith("from service.film.")]
    folders = {name.removeprefix("service.film.").partition(".")[0] for name in seen}
    assert folders - innocent == set(ROOMS)


@pytest.mark.parametrize("library", ["av", "imageio-ffmpeg", "numpy", "opencv-python-headless", "pillow"])
def test_another_version_of_what_decodes_or_encodes_makes_another_key(
    monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    before = code_version()
    real = metadata.version
    monkeypatch.setattr(metadata, "version", lambda name: "0.0" if name == library else real(name))
    assert code_version.__wrapped__() != before


@given(st.integers(1, 40), st.integers(1, 8))
def test_work_is_shared_in_order_and_completely(count: int, workers: int) -> None:
    segment = _film([FilmShot(1)], [3.0])[0]
    jobs = [Job(segment, Path(str(number)), Path("out")) for number in range(count)]
    queues = share(jobs, workers)
    assert [job for queue in queues for job in queue] == jobs
    assert max(len(queue) for queue in queues) - min(len(queue) for queue in queues) <= 1

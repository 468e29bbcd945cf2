"""Where each shot lies in the film, in whole frames.

::

    slots        |--------- shot 1 ---------|------ shot 2 ------|---- shot 3 ----|
    transitions                          |==1→2==|            |=2→3=|
    speech         «narration 1»                  «narration 2»    «narration 3»

Slots touch and add up to the film. A transition is centred on the joint of two slots: both images are seen there, and each image is
seen from the start of the transition into it to the end of the transition out of it. Speech stays within its slot.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from service.film.spec import FilmShot, FilmSpec, ShotTiming, Subtitles, Transition
from service.film.subtitles.text_metrics import reading_s

UNHURRIED = 1.5  # a text that nobody speaks stays this much longer than it takes to read at the fastest
MAX_READING_S = 60.0  # but no shot is held longer than this for a text to be read
MAX_CLIP_S = 60.0  # a clip without a narration plays as long as it is, but no longer than this


@dataclass(frozen=True)
class Slot:
    """One shot's place, in frames. `before` and `after` are the halves of the transition into it, on either side of `start`.

    `speech` is the frame at which the narration starts (None without one), `speech_s` the narration's length in seconds.
    """

    start: int
    length: int
    before: int
    after: int
    speech: int | None
    speech_s: float

    @property
    def end(self) -> int:
        return self.start + self.length


@dataclass(frozen=True)
class Timeline:
    """All slots of a film, and its length in frames."""

    slots: tuple[Slot, ...]
    frames: int
    fps: int

    def visible(self, index: int) -> tuple[int, int]:
        """First frame and end (exclusive) of the time in which shot `index` can be seen, its transitions included."""
        slot = self.slots[index]
        end = slot.end + (self.slots[index + 1].after if index + 1 < len(self.slots) else 0)
        return slot.start - slot.before, end

    def timings(self, shots: Sequence[FilmShot]) -> tuple[ShotTiming, ...]:
        """The same in seconds, for the sound and for the report; speech is cut where the film is."""
        result = []
        for shot, slot in zip(shots, self.slots, strict=True):
            start, end = slot.start / self.fps, slot.end / self.fps
            said = start if slot.speech is None else slot.speech / self.fps
            stop = said if slot.speech is None else min(said + slot.speech_s, end)
            result.append(ShotTiming(shot.order, start, end, said, max(said, stop)))
        return tuple(result)


def make_timeline(
    spec: FilmSpec,
    narrations: Sequence[float],
    clips: Sequence[float],
    fps: int,
    check: Callable[[], None] = lambda: None,
) -> Timeline:
    """Lay the shots out.

    `narrations` and `clips` are the seconds of each shot's narration and clip, 0 where there is none. With `first_seconds` the film ends
    there: later shots have no slot, the last one is cut. `check` is called for every shot and may raise to stop.
    """
    lengths, leads = [], []
    for index, (shot, narration, clip) in enumerate(zip(spec.shots, narrations, clips, strict=True)):
        check()
        intro = _frames(spec.intro_s, fps) if index == 0 else 0
        outro = _frames(spec.outro_s, fps) if index == len(spec.shots) - 1 else 0
        # A voice is slower than an eye, unless the text is not what it says; where nobody speaks, nobody should have to hurry.
        pace = 0.0 if spec.subtitles is Subtitles.OFF else 1.0 if narration > 0 else UNHURRIED
        reading = min(pace * reading_s(shot.text), MAX_READING_S)
        if narration > 0:
            wanted = max(narration + spec.breath_s, reading + spec.breath_s, shot.minimum_s)
        elif clip > 0:
            wanted = max(min(clip, MAX_CLIP_S), reading)
        else:
            wanted = max(shot.minimum_s, reading)
        # Half the breath before the words and half after: the transition has passed when they begin, and nothing is cut off.
        # Rounding the lead down leaves the narration's last sample within the slot.
        leads.append(intro + math.floor(spec.breath_s / 2 * fps + 1e-9))
        lengths.append(max(1, math.ceil(wanted * fps - 1e-6)) + intro + outro)
    total = sum(lengths)
    if spec.first_seconds is not None:
        total = min(total, max(1, round(spec.first_seconds * fps)))
    slots: list[Slot] = []
    start = 0
    for index, (shot, narration, length, lead) in enumerate(zip(spec.shots, narrations, lengths, leads, strict=True)):
        if start >= total:
            break
        length = min(length, total - start)  # noqa: PLW2901 - only the last slot of a shortened film
        before, after = (0, 0) if index == 0 else _halves(shot, slots[-1].length, length, fps)
        speech = start + lead if narration > 0 and lead < length else None
        slots.append(Slot(start, length, before, after, speech, narration))
        start += length
    return Timeline(tuple(slots), total, fps)


def planned_s(spec: FilmSpec, narrations: Sequence[float]) -> float:
    """About how long a film will be, in seconds, while of its clips nothing is known."""
    timeline = make_timeline(spec, narrations, [0.0] * len(narrations), spec.fps)
    return timeline.frames / timeline.fps


def too_long(seconds: float, most_s: float) -> str:
    """What to say of a film that would last so many seconds (Chinese); "" where it may."""
    if seconds <= most_s:
        return ""
    return f"影片太长：约 {_spoken(seconds)}，上限 {_spoken(most_s)}（film.max_duration_s）"


def _spoken(seconds: float) -> str:
    for unit_s, unit in ((3600.0, "小时"), (60.0, "分钟")):
        if seconds >= unit_s:
            return f"{round(seconds / unit_s, 3):.12g} {unit}"
    return f"{round(seconds, 3):.12g} 秒"


def _halves(shot: FilmShot, previous: int, own: int, fps: int) -> tuple[int, int]:
    """Frames of a transition on either side of the joint.

    At most half of each neighbour, rounded so that the halves of two transitions in one slot never meet: at least a frame between them
    belongs to the shot alone.
    """
    if shot.transition is Transition.CUT:
        return 0, 0
    frames = round(shot.transition_s * fps)
    if frames < 2:
        return 0, 0
    before = min(frames // 2, (previous - 1) // 2)
    after = min(frames - frames // 2, own // 2)
    # A transition that is cut short stays centred; one frame more after the joint than before is as near as whole frames come.
    after = min(after, before + 1)
    before = min(before, after)
    return (before, after) if before else (0, 0)


def _frames(seconds: float, fps: int) -> int:
    return max(0, round(seconds * fps))

"""A storyboard by a language model: the cast, then scenes for the story's parts, checked, asked for again, and finished by rules.

The parts, their number and their order are ours, as the offline storyteller divides a story: what a model answers can make a scene poorer,
but it cannot lose, double or make up a sentence. Where it retells the story (`telling` "told") each narration is checked against its part.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Protocol

from worker_node.providers.base import Character, JobRun, QuietRun, Scene, Storyboard, StoryRequest
from worker_node.providers.deadline import Deadline
from worker_node.providers.offline.sentences import is_chinese, is_han
from worker_node.providers.offline.storyteller import OfflineStoryteller
from worker_node.providers.storytelling import retold
from worker_node.providers.storytelling.answers import CharacterAnswer, SceneAnswer, characters_in, scenes_in
from worker_node.providers.storytelling.batches import MAX_BATCH, batches, excerpt, pieces
from worker_node.providers.storytelling.cast import draw_cast, with_looks
from worker_node.providers.storytelling.prompts import Question, cast_question, scenes_question

AGAIN = 2  # times that a wrong answer is asked for again
MOST_NAMED = 8  # scenes that are named in a note
MISSING, NOT_ENGLISH, ALL_THE_SAME = (
    "it is missing",
    "its prompt is not in English",
    "its prompt is the same as the others'",
)


class ChatModel(Protocol):
    """A language model behind some server."""

    def answer(self, question: Question, part: str, run: JobRun, deadline: Deadline) -> str:
        """The text of its answer, "" where there is none; `part` names the call among the job's (`JobRun.once`). Raises `ProviderError`."""


def tell_story(model: ChatModel, request: StoryRequest, run: JobRun, deadline: Deadline) -> Storyboard:
    """Exactly `request.shots` scenes; raises `ProviderError` where the model cannot be asked."""
    return _Telling(model, request, run, deadline).tell()


class _Telling:
    def __init__(self, model: ChatModel, request: StoryRequest, run: JobRun, deadline: Deadline) -> None:
        self._model, self._request, self._run, self._deadline = model, request, run, deadline
        self._notes: list[str] = []

    def tell(self) -> Storyboard:
        run, request = self._run, self._request
        run.report(2, "正在划分镜头")
        ruled = OfflineStoryteller(prompts="en").tell(request, QuietRun()).scenes
        parts = [scene.narration for scene in ruled]
        story = "\n".join(filter(None, parts))
        run.report(5, "正在请模型整理人物")
        cast = draw_cast(pieces(story), story, self._characters)
        found: dict[int, SceneAnswer] = {}
        for batch in batches(parts):
            run.report(10 + 85 * batch.start // len(parts), f"正在请模型撰写分镜 {batch.start + 1}/{len(parts)}")
            found |= self._scenes([parts[number] for number in batch], batch.start, cast)
        scenes = [self._scene(found.get(number), scene, cast) for number, scene in enumerate(ruled)]
        self._note_missing([number for number in range(len(parts)) if number not in found], len(parts))
        self._note([n for n, each in found.items() if not is_english(each.prompt)], "的画面提示词不是英文")
        if self._told:
            kept = [n for n in found if parts[n] and scenes[n].narration == parts[n]]
            self._note(kept, "的旁白用了原文")
        return Storyboard(scenes, cast, "，".join(self._notes))

    @property
    def _told(self) -> bool:
        return self._request.telling == "told"

    def _characters(self, piece: str, known: Sequence[Character]) -> list[CharacterAnswer]:
        """Who is in a piece of the story. A list that is empty is taken at its word once it is JSON."""
        question = asked = cast_question(piece, known)
        for attempt in range(1 + AGAIN):
            answer = self._model.answer(asked, f"cast-{_mark(piece)}-{attempt}", self._run, self._deadline)
            found = characters_in(answer)
            if found or '"cast":[]' in "".join(answer.split()):
                return found
            asked = question.again(answer, "there is no cast list in it, with a name and look_en for each.")
        return []

    def _scenes(self, parts: list[str], start: int, cast: Sequence[Character]) -> dict[int, SceneAnswer]:
        """The scenes of some neighbouring parts, by their numbers in the story; the best of the answers for each."""
        told = self._told and sum(map(len, parts)) <= MAX_BATCH
        question = asked = scenes_question(
            [part if told else excerpt(part) for part in parts],
            cast,
            style=self._request.style,
            language="zh" if is_chinese(" ".join(parts)) else "en",
            told=told,
        )
        best: dict[int, tuple[str, SceneAnswer]] = {}
        for attempt in range(1 + AGAIN):
            answer = self._model.answer(asked, f"scenes-{start + 1}-{attempt}", self._run, self._deadline)
            scenes = scenes_in(answer, len(parts))
            for number, scene in scenes.items():
                fault = _fault(scene, parts[number - 1], scenes, told)
                if number not in best or (best[number][0] and not fault):
                    best[number] = (fault, scene)
            faults = {number: best[number][0] if number in best else MISSING for number in range(1, len(parts) + 1)}
            if not any(faults.values()):
                break
            asked = question.again(answer, _explained(faults, len(parts)))
        return {start + number - 1: scene for number, (fault, scene) in best.items() if fault != ALL_THE_SAME}

    def _scene(self, found: SceneAnswer | None, ruled: Scene, cast: Sequence[Character]) -> Scene:
        """The model's scene, with what it lacks from the one by rules."""
        prompt = found.prompt if found else ruled.prompt
        style = self._request.style.strip()
        if style.isascii() and style.casefold() not in prompt.casefold():
            prompt = f"{prompt.rstrip(' .')}, {style} style"
        narration = ruled.narration
        if found and self._told and narration and not retold.fault(found.narration, narration):
            narration = found.narration
        looks = with_looks(prompt, cast, who=found.who if found else "", narration=ruled.narration)
        title, bgm = (found.title, found.bgm) if found else ("", "")
        return Scene(title or ruled.title, looks, narration, bgm or ruled.bgm)

    def _note_missing(self, missing: list[int], count: int) -> None:
        if len(missing) == count:
            self._notes.append("模型没有给出可用的分镜，全部由离线规则写成")
        else:
            self._note(missing, "模型没有写好，由离线规则补写")

    def _note(self, numbers: list[int], said: str) -> None:
        if numbers:
            named = "、".join(str(number + 1) for number in sorted(numbers)[:MOST_NAMED])
            self._notes.append(f"第 {named} {'等' if len(numbers) > MOST_NAMED else ''}幕{said}")


def _mark(piece: str) -> str:
    return hashlib.sha256(piece.encode()).hexdigest()[:8]


def _fault(scene: SceneAnswer, part: str, scenes: dict[int, SceneAnswer], told: bool) -> str:
    if len(scenes) > 2 and len({each.prompt for each in scenes.values()}) == 1:
        return ALL_THE_SAME
    if not is_english(scene.prompt):
        return NOT_ENGLISH
    return retold.fault(scene.narration, part) if told and part else ""


def is_english(prompt: str) -> bool:
    """Whether a prompt is in Latin letters, but for a name or two."""
    letters = [each for each in prompt if each.isalpha()]
    foreign = sum(not each.isascii() and (is_han(each) or ord(each) > 0x24F) for each in letters)
    return foreign * 4 <= len(letters)


def _explained(faults: dict[int, str], count: int) -> str:
    named = [f"scene {number}: {fault}" for number, fault in faults.items() if fault]
    return f"{'; '.join(named[:MOST_NAMED])}. There must be exactly {count} scenes."

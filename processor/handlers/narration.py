"""One shot's narration."""

from __future__ import annotations

from typing import Any

from common.errors import BadNodeResult
from models.asset import AssetKind
from processor.claimed_task import ClaimedTask
from processor.handlers import node_asset
from processor.node_job import outcome, run_job, told
from service.assets.media_type import Kind
from service.assets.shot_versions import DURATION
from service.film.decoder import visiting_decoder
from service.film.errors import UnusableMedia
from service.film.subtitles.word_times import read_words
from service.node.interface import Job
from service.node.responses import clean_text

MAX_WORD, MOST_WORDS = 40, 10
UNREAD = "其中没有读出："
WORDS = "words"
"""Of a narration's details: `[[word, start_s, end_s], ...]`."""


def run(claimed: ClaimedTask) -> None:
    """Handler of `generate_audio` for one shot; a whole project's is the parent of these and runs nowhere itself."""
    job = run_job(claimed, "audio")
    with node_asset.downloaded(claimed, job, Kind.AUDIO) as (path, extension):
        try:
            with visiting_decoder(claimed.check) as decoder:
                seconds, notes = decoder.look_at_sound(path, claimed.check)
        except UnusableMedia as error:
            raise BadNodeResult(f"模型节点返回的语音无法播放：{error}") from error
        node_asset.store(
            claimed,
            AssetKind.NARRATION,
            path,
            extension,
            result=outcome("audio", job),
            message=_message(job, notes),
            details=_details(claimed, job, seconds),
        )


def _details(claimed: ClaimedTask, job: Job, seconds: float) -> dict[str, Any]:
    """How long the narration is, and, for the subtitles, when its words are heard, where the node says so."""
    spoken = ((claimed.task.parameters or {}).get("tts") or {}).get("text") or ""
    words = read_words(job.result.get("words"), str(spoken), seconds)
    length = {DURATION: round(seconds, 2)}
    return length | {WORDS: words} if words else length


def _message(job: Job, notes: list[str]) -> str:
    """With the words that the node says it did not speak, and what there is to say about the file."""
    words = job.result.get("unread")
    left_out = [clean_text(word, MAX_WORD) for word in words[:MOST_WORDS]] if isinstance(words, list) else []
    unread = "、".join(filter(None, left_out))
    made = told("旁白已生成", job)
    if unread and UNREAD not in made:
        made = f"{made}，{UNREAD}{unread}"
    return "；".join([made, *notes])

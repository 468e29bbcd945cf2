"""The functions that read or clean a text which others wrote, and texts that no person writes: what `bench.text` measures."""

from __future__ import annotations

import json
import logging
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from common.errors import StoryToVideoError
from config import addresses, go_dsn, masking
from config.settings import Settings
from processor.handlers import storyboard
from routers import middleware, observed, request_params
from runtime import demo, logging_setup
from service import fields, music, schemas
from service.film.encoding import ffmpeg, mux
from service.film.frames import placeholder
from service.film.spec import FilmShot, FilmSpec
from service.film.subtitles import captions, cues, line_breaks, subtitle_files, text_metrics
from service.film.timeline import make_timeline
from service.node import address, job_report, responses, transport
from service.node import storyboard as node_storyboard
from service.oss import keys, links
from worker_node import log as node_log
from worker_node.envelope import Envelope
from worker_node.errors import NodeError
from worker_node.providers.base import ClipRequest, ImageRequest, QuietRun, StoryRequest
from worker_node.providers.offline import animator, cast, sentences, shots, speaker, titles
from worker_node.providers.offline.lexicon import lexicon
from worker_node.providers.offline.painter import scene
from worker_node.providers.offline.storyteller import OfflineStoryteller
from worker_node.requests import provider_request

SIZE, LINE_WIDTH = (640, 360), 42
REFUSALS = (StoryToVideoError, NodeError, ValueError)
"""To refuse such a text is an answer as well."""

KINDS: Mapping[str, str] = {
    "combining marks": "\u0301",
    "marks to be sorted": "\u0301\u0323",
    "marks parted by blanks": "a\u0301\u0323 ",
    "full stops": "。",
    "punctuation": "，。！？…—；：",
    "one endless word": "abcdefghij",
    "one endless word of Han": "春天来了河水解冻",
    "blanks": " ",
    "wide blanks": "\u3000",
    "line breaks": "\n",
    "line breaks of all kinds": "\r\n\u2028\u0085",
    "tabs": "\t",
    "emoji joined": "👩\u200d",
    "families": "👨\u200d👩\u200d👧 ",
    "flags": "🇨🇳",
    "bidi controls": "\u202e\u2066a\u2069",
    "halves of pairs": "\ud83d",
    "private and unassigned": "\ue000\U0010ffff\U000e0fff",
    "straight quotes": "\"'",
    "opening quotes": "“",
    "quotes by turns": "“说”",
    "open brackets": "([{（【",
    "brackets by turns": "（。）",
    "digits": "1234567890",
    "digits and dots": "3.14,",
    "single words": "a ",
    "URLs": "https://user:pw@example.org/a?b=c&d=%e4#f ",
    "slashes and at signs": "/@\\",
    "Arabic": "السلام عليكم ",
    "Arabic with marks": "سَلَامٌ",
    "Thai": "สวัสดีครับ",
    "Thai marks": "\u0e31\u0e49",
    "Hangul": "안녕하세요 ",
    "Hangul jamo": "ᄒ\u1161\u11ab",
    "variation selectors": "葛\U000e0100\ufe0f",
    "zero width": "\u200b\u200d\u2060\ufeff",
    "names": "女孩叫小明，",
    "colours": "红猫",
    "one colour": "红",
    "clothes": "a red dress and ",
    "abbreviations": "Dr. U.S. e.g. ",
    "sentences": "春天来了，河水解冻。小鸟在枝头歌唱！",
    "clauses without words": "—\n",
    "mixed": "春a\u0301 1。“\n👩\u200d\u202e한ا\t(",
}
"""What is repeated until the text is long enough."""


def text_of(kind: str, length: int) -> str:
    """A text of this kind, exactly `length` characters long."""
    unit = KINDS[kind]
    return (unit * (length // len(unit) + 1))[:length]


def functions() -> dict[str, Callable[[str], object]]:
    """Every function of the project that reads a text which others wrote, by name: server, film, node."""
    return {**_film(), **_node(), **_server()}


def _film() -> dict[str, Callable[[str], object]]:
    drawn = captions.Captions(*SIZE)
    return {
        "film clean": text_metrics.clean,
        "film columns": line_breaks.columns,
        "film pieces": lambda text: text_metrics.pieces(text_metrics.clean(text), LINE_WIDTH),
        "film pieces, as it came": lambda text: text_metrics.pieces(text, LINE_WIDTH),
        "film reading_s": text_metrics.reading_s,
        "film make_timeline": _timeline,
        "film make_cues": _cues,
        "film make_cues, slow voice": lambda text: _cues(text, 1.0),
        "film captions.lacks": lambda text: drawn.lacks([text]),
        "film captions.draw": lambda text: [drawn.draw(cue.lines) for cue in _cues(text)[:8]],
        "film placeholder": lambda text: placeholder.draw_placeholder((64, 36), text, 1, None),
        "film write_srt": lambda text: _written(subtitle_files.write_srt, text),
        "film write_ass": lambda text: _written(lambda path, own: subtitle_files.write_ass(path, own, *SIZE), text),
        "film mux.escape": mux.escape,
        "film ffmpeg.last_lines": ffmpeg.last_lines,
    }


def _timeline(text: str) -> object:
    folder = Path("unused")
    return make_timeline(FilmSpec((FilmShot(1, image=folder, text=text),), folder, folder), [0.0], [0.0], 30)


def _cues(text: str, second_a_character: float = 0.2) -> list[cues.Cue]:
    seconds = second_a_character * len(text)
    pauses = [(at - 0.3, float(at)) for at in range(3, int(seconds), 3)]
    return cues.make_cues(text, 0.0, seconds, line_width=LINE_WIDTH, pauses=pauses)


def _written(write: Callable[[Path, list[cues.Cue]], None], text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder) / "subtitles", [cues.Cue(0.0, 1.0, (text,))])


def _node() -> dict[str, Callable[[str], object]]:
    words, teller = lexicon(), OfflineStoryteller()

    def named(text: str) -> object:
        return titles.title(titles.title_candidates(text, "zh", words), 1, "zh", set())

    def told(text: str, count: int) -> object:
        return teller.tell(StoryRequest(text, count, text[:200]), QuietRun())

    return {
        "node is_chinese": sentences.is_chinese,
        "node speakable": sentences.speakable,
        "node sentences": sentences.sentences,
        "node clause_cuts": sentences.clause_cuts,
        "node word_cuts": sentences.word_cuts,
        "node divide into 6": lambda text: shots.divide(text, 6),
        "node divide into 200": lambda text: shots.divide(text, 200),
        "node title": named,
        "node lexicon.hits": words.hits,
        "node lexicon.inside_words": words.inside_words,
        "node lexicon.coloured": words.coloured,
        "node cast": lambda text: cast.Cast(words, text, "zh").read(text, cast.shown(text, words.hits(text))),
        "node cast.with_article": cast.with_article,
        "node storyteller, 6 shots": lambda text: told(text, 6),
        "node storyteller, 200 shots": lambda text: told(text, 200),
        "node painter.plan": lambda text: scene.plan(ImageRequest(_paired(text), text[:200] and "水彩")),
        "node animator.weather": lambda text: animator.weather(
            ClipRequest(Path("unused"), text, width=64, height=36, fps=1, seconds=1)
        ),
        "node speaker.runs": lambda text: speaker.runs(text, "zh"),
        "node speaker.variant": speaker.variant,
        "node envelope": _envelope,
        "node log line": lambda text: node_log._TextLines("%(message)s").format(_record(text)),
        "node request id": lambda text: node_log.choose_request_id(text, text),
    }


def _paired(text: str) -> str:
    """Without halves of UTF-16 pairs, which the node refuses at its door."""
    return text.encode("utf-8", "replace").decode()


def _envelope(text: str) -> object:
    envelope = Envelope.model_validate(
        {
            "id": "1",
            "type": "generate_storyboard",
            "message": text[:20_000],
            "parameters": {"shot_defaults": {"storyText": text}},
        }
    )
    return provider_request(envelope, lang="zh", image=Path("unused"))


def _record(text: str) -> logging.LogRecord:
    return logging.LogRecord("bench", logging.INFO, "", 0, text, None, None)


def _server() -> dict[str, Callable[[str], object]]:
    settings = Settings()
    store: Any = SimpleNamespace(bucket="bucket", url=lambda key, base: f"{base}/{key}")
    node = address.NodeAddress("http://node:8000", "node", "")
    return {
        "server new project": lambda text: schemas.parse(
            schemas.NewProject, {"Title": text, "StoryText": text, "style": text, "shot_count": text}, settings
        ),
        "server film request": lambda text: schemas.parse(
            schemas.FilmRequest, {"resolution": text, "transition": text, "shot_id": text, "fps": text}, settings
        ),
        "server page request": lambda text: schemas.parse(schemas.PageRequest, {"page": text, "q": text}, settings),
        "server fold": schemas.fold,
        "server is_id": fields.is_id,
        "server frame_size": fields.frame_size,
        "server shorten": fields.shorten,
        "server query string": lambda text: list(
            request_params.urlencoded(f"a={text}&".encode("utf-8", "surrogatepass"))
        ),
        "server JSON body": lambda text: request_params.json_object(json.dumps({"a": text}).encode()),
        "server JSON body, raw": lambda text: request_params.json_object(text.encode("utf-8", "surrogatepass")),
        "server request id": lambda text: observed.accepted_id(text, text),
        "server host header": middleware._name_of,
        "server music tags": lambda text: schemas.MusicUpload.model_construct(tags=text).words(),
        "server music's file name": music._name,
        "server music terms": music.search_terms,
        "server clean_text": lambda text: responses.clean_text(text, len(text)),
        "server reason_text": lambda text: responses.reason_text({"error": text}, 2000),
        "server scenes": lambda text: node_storyboard.scenes_in_file(
            json.dumps([{"title": text, "prompt": text, "narration": text}]).encode()
        ),
        "server job": lambda text: job_report.read_job({"status": text, "progress": text, "error": [text]}, "1"),
        "server job's id": lambda text: responses.read_job_id({"id": text}),
        "server node's refusal": lambda text: transport._excerpt(text.encode("utf-8", "surrogatepass")),
        "server node's link": node.path_of,
        "server node's link, a path": lambda text: node.path_of("http://node:8000/v1/" + text),
        "server storyboard's path": storyboard._path,
        "server object key": keys.is_key,
        "server object key's id": lambda text: keys.image_key(text, text, 1, "png"),
        "server object key's type": keys.content_type,
        "server link": lambda text: links.resolve(text, store, "http://server"),
        "server link, presigned": lambda text: links.resolve(f"http://minio/bucket/{text}?{text}", store, ""),
        "server log line": lambda text: logging_setup._TextFormatter("%(message)s").format(_record(text)),
        "server log line, JSON": lambda text: logging_setup._JsonFormatter().format(_record(text)),
        "server DSN": go_dsn.parse,
        "server DSN's duration": lambda text: go_dsn._seconds("timeout", text),
        "server DSN's host": lambda text: go_dsn.split_host_port(text, 3306),
        "server address": addresses.parse_http,
        "server node's address": addresses.parse_node,
        "server bucket": addresses.parse_bucket,
        "server masked address": lambda text: masking.shown("server.public_url", text),
        "server demo's shots": lambda text: demo.shots(text, settings),
    }

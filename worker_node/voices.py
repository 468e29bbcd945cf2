"""The voices that the node's speakers have, and a sample of each: asked of a worker process, so that no model is loaded here."""

from __future__ import annotations

import hashlib
import logging
import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from worker_node.errors import FileRefused, ProviderError, QueueFull
from worker_node.job_notes import JobNotes
from worker_node.process import WorkProcess
from worker_node.providers.settings import ProviderSettings

KEEP_S = 600.0  # for which a list is good
LIST_S, SAMPLE_S = 60.0, 120.0
PATIENCE_S = 30.0  # for which a request waits for another one's process
MOST_SAMPLES = 1000
SAMPLES = {
    "zh": "你好，很高兴为你讲这个故事。",
    "yue": "你好，好高興為你講呢個故事。",
    "en": "Hello, I am glad to tell you this story.",
    "ja": "こんにちは。この物語をお話しできて嬉しいです。",
    "ko": "안녕하세요. 이 이야기를 들려드리게 되어 기뻐요.",
    "de": "Hallo, ich erzähle dir gern diese Geschichte.",
    "fr": "Bonjour, je suis heureux de vous raconter cette histoire.",
    "es": "Hola, me alegra contarte esta historia.",
    "it": "Ciao, sono felice di raccontarti questa storia.",
    "pt": "Olá, fico feliz em contar esta história.",
    "ru": "Здравствуйте, я рад рассказать вам эту историю.",
}

log = logging.getLogger(__name__)

Row = dict[str, str]


class Voices:
    """Thread-safe; one worker process at a time, which ends with what it was asked for. `folder` keeps the samples."""

    def __init__(self, providers: Sequence[ProviderSettings], slots: Path, folder: Path) -> None:
        self._providers, self._slots, self._folder = providers, slots, folder
        self._lock = threading.Lock()
        self._rows: list[Row] = []
        self._until = 0.0

    def rows(self) -> list[Row]:
        """Every voice: id, name, language, sex, provider, and `sample`, a path on this node. Raises `QueueFull`."""
        with self._turn():
            return self._listed()

    def sample(self, provider: str, voice: str) -> Path:
        """An MP3 of a sentence in the voice's language, made once; raises `FileRefused` for a voice that is not listed, `QueueFull`, and
        `ProviderError` where the provider cannot make it."""
        with self._turn():
            row = next((row for row in self._listed() if (row["provider"], row["id"]) == (provider, voice)), None)
            settings = next((each for each in self._providers if each.label == provider), None)
            if row is None or settings is None:
                raise FileRefused
            target = self._folder / f"{_digest(settings, row)}.mp3"
            if not target.is_file():
                self._make(settings, row, target)
            return target

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._lock.acquire(timeout=PATIENCE_S):
            raise QueueFull(1, round(PATIENCE_S))
        try:
            yield
        finally:
            self._lock.release()

    def _listed(self) -> list[Row]:
        if time.monotonic() < self._until:
            return self._rows
        found: list[Row] = self._ask(self._providers, {"ask": "voices"}, LIST_S)["voices"]
        self._rows = [{**row, "sample": _address(row)} for row in found]
        self._until = time.monotonic() + KEEP_S
        return self._rows

    def _make(self, settings: ProviderSettings, row: Row, target: Path) -> None:
        work = self._folder / "work"
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        language = row["language"].lower()
        text = SAMPLES.get(language) or SAMPLES.get(language.partition("-")[0]) or SAMPLES["zh"]
        request = {"text": text, "voice": row["id"], "lang": "en" if language.startswith("en") else "zh"}
        job = {"folder": str(work), "request": request, "key": target.stem, "notes": JobNotes().model_dump()}
        made = self._ask([settings], job, SAMPLE_S)
        (work / made["file"]).rename(target)
        for old in sorted(self._folder.glob("*.mp3"), key=lambda path: path.stat().st_mtime)[:-MOST_SAMPLES]:
            old.unlink(missing_ok=True)

    def _ask(self, providers: Sequence[ProviderSettings], job: dict[str, Any], timeout_s: float) -> dict[str, Any]:
        process = WorkProcess("tts", providers, self._slots)
        try:
            process.start()
            return process.run(job, lambda _percent, _message: None, lambda _notes: None, timeout_s)
        except ProviderError as error:
            log.warning("voices: %s", error)
            raise
        finally:
            process.close()


def _address(row: Row) -> str:
    return "/v1/voices/sample?" + urlencode({"provider": row["provider"], "voice": row["id"]})


def _digest(settings: ProviderSettings, row: Row) -> str:
    """What a sample depends on."""
    known = settings.model_dump_json(exclude={"key", "price", "timeout_s", "parallel"}) + row["id"]
    return hashlib.sha256(known.encode()).hexdigest()[:32]

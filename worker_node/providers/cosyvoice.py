"""tts "cosyvoice": CosyVoice in all its forms, by its own server, or by its package in this process where no address is set."""

from __future__ import annotations

from functools import cache, cached_property
from pathlib import Path
from typing import Any

from worker_node.errors import BrokenAnswer, ProviderUnable
from worker_node.providers.asset_client import AssetClient, media_type
from worker_node.providers.base import JobRun, SpeechRequest, Spoken
from worker_node.providers.base import Voice as VoiceRow
from worker_node.providers.cosyvoice_package import CosyVoicePackage, is_installed
from worker_node.providers.deadline import Deadline
from worker_node.providers.http import Answer, json_or_text
from worker_node.providers.settings import ProviderSettings, Voice
from worker_node.providers.sound_files import decoded, format_of, told, wav_of_pcm
from worker_node.providers.speaking import SpeechServer, speak
from worker_node.providers.voice_rows import rows_of_settings

BASE = "http://127.0.0.1:50000"
TIMEOUT_S = 600.0
LONGEST = 200  # characters of one request: the model loses its way in long ones
VOICE = "中文女"  # of the first model, which alone has voices of its own
OLD_RATE, NEW_RATE = 22_050, 24_000
NO_SOUND = ("application/json", "text/html", "text/plain")
RATE_HEADER = "x-custom-header-samplerate"
FIELDS = {
    "sft": ("spk_id",),
    "zero_shot": ("prompt_text", "prompt_wav"),
    "cross_lingual": ("prompt_wav",),
    "instruct": ("spk_id", "instruct_text"),
    "instruct2": ("instruct_text", "prompt_wav"),
}
"""What each form takes beside the text."""
SAMPLE_RATE, LONGEST_SAMPLE_S, MAX_SAMPLE = 24_000, 30.0, 32 << 20


class CosyVoiceSpeaker:
    """One server, or one model, for all jobs of this process."""

    def __init__(self, settings: ProviderSettings) -> None:
        self._settings = settings
        self._package = CosyVoicePackage(settings) if not settings.base and is_installed() else None
        self._http = AssetClient(settings, BASE)
        self._voices = {voice.id: voice for voice in settings.voices}
        self._paces: dict[str, float] = {}

    def voices(self) -> list[VoiceRow]:
        """Those of the settings, else the model's own; a server lists none."""
        named = (self._package.speakers() if self._package else []) or [self._default.id]
        return rows_of_settings(self._settings.voices) or [VoiceRow(name, name, "", "") for name in named]

    def speak(self, request: SpeechRequest, target: Path, run: JobRun) -> Spoken:
        """See `Speaker.speak`. A voice that is not among those of the settings is the one by default."""
        deadline = Deadline(self._settings.timeout_s or TIMEOUT_S)
        voice = self._voice(request.voice)
        form = self._settings.form or _form_of(voice)
        fields = _fields(form, voice)

        def ask(text: str, key: str) -> bytes:
            if self._package:
                return self._package.ask(form, text, fields, target.parent)
            return self._ask(form, {"tts_text": text, **fields}, key, deadline)

        longest = self._settings.longest or LONGEST
        return speak(request, target, run, SpeechServer(ask, longest, False, voice.id, self._paces))

    def _voice(self, asked: str) -> Voice:
        if self._package and not self._voices and asked in self._package.speakers():
            return Voice(id=asked)
        return self._voices.get(asked, self._default)

    @cached_property
    def _default(self) -> Voice:
        named = self._settings.voice
        return self._voices.get(named) or (
            Voice(id=named) if named else next(iter(self._voices.values()), Voice(id=VOICE))
        )

    def _ask(self, form: str, fields: dict[str, Any], key: str, deadline: Deadline) -> bytes:
        sample = fields.pop("prompt_wav", None)
        files = {"prompt_wav": ("prompt.wav", sample, "audio/wav")} if sample else None
        answer = self._http.call(
            "POST",
            f"/inference_{form}",
            deadline,
            headers={"Idempotency-Key": key},
            data={**fields, **self._settings.extra},
            files=files,
        )
        if format_of(answer.content[:12]) == "wav":
            return answer.content
        if media_type(answer) in NO_SOUND:
            found = json_or_text(answer.content)
            raise BrokenAnswer(f"服务没有给出声音：{told(found) if isinstance(found, dict) else media_type(answer)}")
        return wav_of_pcm(answer.content, self._rate(form, answer))

    def _rate(self, form: str, answer: Answer) -> int:
        """What the answer says, else the settings, else what this form's and model's is."""
        said = answer.headers.get(RATE_HEADER, "")
        if said.isdecimal() and 8000 <= int(said[:9]) <= 48_000:
            return int(said)
        if self._settings.sample_rate:
            return self._settings.sample_rate
        model = self._settings.model.lower()
        if model:
            return NEW_RATE if "cosyvoice2" in model or "cosyvoice3" in model else OLD_RATE
        return OLD_RATE if form in ("sft", "instruct") else NEW_RATE


def _form_of(voice: Voice) -> str:
    """The form that a voice's settings are made for."""
    if voice.prompt_wav is None:
        return "instruct" if voice.instruct else "sft"
    if voice.instruct:
        return "instruct2"
    return "zero_shot" if voice.prompt_text else "cross_lingual"


def _fields(form: str, voice: Voice) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name in FIELDS[form]:
        value: str | bytes | None = {
            "spk_id": voice.id,
            "prompt_text": voice.prompt_text,
            "instruct_text": voice.instruct,
        }.get(name)
        if name == "prompt_wav":
            value = _sample(voice.prompt_wav) if voice.prompt_wav else None
        if not value:
            setting = {"instruct_text": "instruct"}.get(name, name)
            raise ProviderUnable(f"{form} 需要声音 {voice.id} 的 {setting}，请在 voices 中设置")
        fields[name] = value
    return fields


@cache
def _sample(path: Path) -> bytes:
    """A voice's sample as the server takes it: WAV of at least 16 kHz, at most 30 s; raises `ProviderUnable`."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_SAMPLE)
    except OSError as error:
        raise ProviderUnable(f"声音样本 {path.name} 无法读取：{error.strerror}") from error
    try:
        samples = decoded(content, SAMPLE_RATE, LONGEST_SAMPLE_S + 1)
    except BrokenAnswer as error:
        raise ProviderUnable(f"声音样本 {path.name} 不是声音文件") from error
    if samples.size > LONGEST_SAMPLE_S * SAMPLE_RATE:
        raise ProviderUnable(f"声音样本 {path.name} 超过 {LONGEST_SAMPLE_S:g} 秒")
    return wav_of_pcm((samples.clip(-1, 1) * 32767).astype("<i2").tobytes(), SAMPLE_RATE)

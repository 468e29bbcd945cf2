"""From an envelope to what a provider is asked for; refuses what nothing can be made of."""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import Any

from worker_node.envelope import DEFAULT_SHOTS, SAMPLE_RATES, Envelope, Shot, ShotDefaults, Tts, Video
from worker_node.errors import BadRequest

KIND_OF_TYPE = {"generate_storyboard": "llm", "generate_shot": "t2i", "generate_audio": "tts", "generate_video": "i2v"}

MIN_SIDE, MAX_SIDE = 64, 2048
DEFAULT_SIDE = 1024
DEFAULT_RESOLUTION = "1280x720"
DEFAULT_FPS = 24
DEFAULT_SECONDS = 4.0
DEFAULT_SAMPLE_RATE = 24_000


def provider_request(envelope: Envelope, *, lang: str, image: Path) -> dict[str, Any]:
    """The keyword arguments of the provider's request (`providers.base`); raises `BadRequest` by the key's path."""
    parameters = envelope.parameters
    defaults = parameters.shot_defaults or ShotDefaults()
    shot, video, tts = parameters.shot or Shot(), parameters.video or Video(), parameters.tts or Tts()
    if envelope.type == "generate_storyboard":
        return _story(defaults)
    if envelope.type == "generate_shot":
        return _image(shot, defaults)
    if envelope.type == "generate_audio":
        return _speech(tts, (tts.text, shot.prompt, defaults.storyText, envelope.message or ""), lang)
    return _clip(shot, video, image)


def decode_image(envelope: Envelope) -> bytes:
    """The image's bytes for a clip, b"" where none came; raises `BadRequest`. Whether they are an image is found out in the worker."""
    shot = envelope.parameters.shot
    return b"" if shot is None else _decoded("image_base64", shot.image_base64)


def decode_references(envelope: Envelope) -> list[bytes]:
    """The reference pictures' bytes for an image; raises `BadRequest`. One that is no picture is left out by the provider."""
    shot = envelope.parameters.shot
    if shot is None or envelope.type != "generate_shot":
        return []
    return [_decoded("reference_images", text) for text in shot.reference_images]


def _decoded(name: str, text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise BadRequest(f"parameters.shot.{name}", "不是有效的 base64") from None


def _story(defaults: ShotDefaults) -> dict[str, Any]:
    if not defaults.storyText.strip():
        raise BadRequest("parameters.shot_defaults.storyText", "故事不能为空")
    return {
        "story": defaults.storyText,
        "shots": defaults.shot_count or DEFAULT_SHOTS,
        "style": defaults.style,
        "telling": defaults.telling or "verbatim",
    }


def _image(shot: Shot, defaults: ShotDefaults) -> dict[str, Any]:
    return {
        "prompt": shot.prompt,
        "style": shot.style or defaults.style,
        "width": _side("image_width", shot.image_width),
        "height": _side("image_height", shot.image_height),
        "seed": shot.seed,
        "steps": shot.steps,
        "cfg_scale": shot.cfg_scale,
        "negative_prompt": shot.negative_prompt,
        "model": shot.model,
    }


def _side(name: str, text: str) -> int:
    side = int(text) if text else DEFAULT_SIDE
    if not MIN_SIDE <= side <= MAX_SIDE:
        raise BadRequest(f"parameters.shot.{name}", f"{side} 超出范围，应在 {MIN_SIDE} 到 {MAX_SIDE} 像素之间")
    return side


def _speech(tts: Tts, texts: tuple[str, ...], lang: str) -> dict[str, Any]:
    text = next((text for text in texts if text.strip()), "")
    if not text:
        raise BadRequest("parameters.tts.text", "没有要朗读的文字")
    if tts.sample_rate and tts.sample_rate not in SAMPLE_RATES:
        allowed = ", ".join(map(str, SAMPLE_RATES))
        raise BadRequest("parameters.tts.sample_rate", f"{tts.sample_rate} 不受支持，可用：{allowed}")
    return {
        "text": text,
        "voice": tts.voice,
        "lang": _language(tts.lang, lang),
        "speed": tts.speed if tts.speed is not None else 1.0,
        "sample_rate": tts.sample_rate or DEFAULT_SAMPLE_RATE,
        "format": tts.format or "mp3",
    }


def _language(asked: str, default: str) -> str:
    code = asked.lower().partition("-")[0]
    return {"zh": "zh", "cmn": "zh", "en": "en"}.get(code, default)


def _clip(shot: Shot, video: Video, image: Path) -> dict[str, Any]:
    if not shot.image_base64:
        raise BadRequest("parameters.shot.image_base64", "图生视频需要一张图片（base64）")
    width, height = (int(side) for side in (video.resolution or DEFAULT_RESOLUTION).split("x"))
    if not (MIN_SIDE <= width <= MAX_SIDE and MIN_SIDE <= height <= MAX_SIDE) or width % 2 or height % 2:
        raise BadRequest("parameters.video.resolution", f"宽高应为 {MIN_SIDE} 到 {MAX_SIDE} 之间的偶数")
    return {
        "image": str(image),
        "prompt": shot.prompt,
        "width": width,
        "height": height,
        "fps": video.fps or DEFAULT_FPS,
        "seconds": video.duration or DEFAULT_SECONDS,
        "bitrate_kbit": video.bitrate,
        "seed": video.seed if video.seed is not None else shot.seed,
        "steps": shot.steps,
        "cfg_scale": shot.cfg_scale,
        "negative_prompt": shot.negative_prompt,
        "model": video.model or shot.model,
    }

"""The names of stored objects: laid out so that a person finds things in the storage's console.

::

    projects/<id>/shots/<shot id>/image-<n>.png  audio-<n>.mp3  clip-<n>.mp4
    projects/<id>/cast/<cast id>-<n>.png
    projects/<id>/films/<n>.mp4  <n>.jpg  <n>.srt  <n>.ass  <n>.log.json
    projects/<id>/uploads/<drawn>.png    what clients put there themselves, until it is looked at
    music/<n>.mp3
"""

from __future__ import annotations

import hashlib
import re
import secrets

from common.errors import InvalidKey

MAX_KEY = 255  # characters; the width of the column
_SEGMENT = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}")  # no leading dot: neither hidden files nor `..`
_SAFE_ID = re.compile(r"(?!id-)[A-Za-z0-9_-]{1,64}")  # `id-` marks those that are hashed
_EXTENSION = re.compile(r"[a-z0-9]{1,8}")
_FILM = re.compile(r"(projects/[^/]+/films/[0-9]+)\.mp4")
_FILM_PARTS = (".mp4", ".jpg", ".srt", ".ass", ".log.json")
_FILM_PART = re.compile(rf"(projects/[^/]+/films/[0-9]+)(?:{'|'.join(map(re.escape, _FILM_PARTS))})")

CONTENT_TYPES = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "gif": "image/gif",
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "m4a": "audio/mp4",
    "ogg": "audio/ogg",
    "flac": "audio/flac",
    "aac": "audio/aac",
    "weba": "audio/webm",
    "mp4": "video/mp4",
    "webm": "video/webm",
    "srt": "application/x-subrip; charset=utf-8",
    "ass": "text/x-ssa; charset=utf-8",
    "json": "application/json",
}


def check_key(key: str) -> str:
    """The key itself; raises `InvalidKey` unless it is a relative path of plain segments."""
    if len(key) > MAX_KEY or not all(map(_SEGMENT.fullmatch, key.split("/"))):
        raise InvalidKey(f"not a key: {key[:80]!r}")
    return key


def check_prefix(prefix: str) -> str:
    """The prefix itself; raises `InvalidKey` unless it is a key and a slash, so that nothing empties the whole store."""
    if not prefix.endswith("/"):
        raise InvalidKey(f"a prefix must end with a slash: {prefix[:80]!r}")
    check_key(prefix[:-1])
    return prefix


def is_key(text: str) -> bool:
    """Whether `check_key` accepts it."""
    try:
        check_key(text)
    except InvalidKey:
        return False
    return True


def may_begin_keys(prefix: str) -> bool:
    """Whether any key can begin like this: all but the prefix's last part must be a key."""
    folder, slash, _ = prefix.rpartition("/")
    return is_key(folder) if slash else True


def content_type(key: str) -> str:
    """By the key's extension."""
    return CONTENT_TYPES.get(key.rpartition(".")[2].lower(), "application/octet-stream")


def stem(key: str) -> str:
    """The key without its extensions: what all objects of one version have in common."""
    folder, slash, name = key.rpartition("/")
    return folder + slash + name.partition(".")[0]


def parts_of(key: str) -> list[str]:
    """The keys that a film may have besides its own, and it; of everything else the key alone."""
    film = _FILM.fullmatch(key)
    return [film[1] + extension for extension in _FILM_PARTS] if film else [key]


def main_of(key: str) -> str:
    """The film of which the key is a part; any other key itself."""
    part = _FILM_PART.fullmatch(key)
    return f"{part[1]}.mp4" if part else key


def image_key(project_id: str, shot_id: str, number: int, extension: str) -> str:
    """A shot's image."""
    return _shot_key("image", project_id, shot_id, number, extension)


def narration_key(project_id: str, shot_id: str, number: int, extension: str) -> str:
    """A shot's narration."""
    return _shot_key("audio", project_id, shot_id, number, extension)


def clip_key(project_id: str, shot_id: str, number: int, extension: str) -> str:
    """A shot's clip."""
    return _shot_key("clip", project_id, shot_id, number, extension)


def cast_key(project_id: str, cast_id: str, number: int, extension: str) -> str:
    """A picture of somebody in a project's cast."""
    return f"projects/{_id(project_id)}/cast/{_id(cast_id)}-{number}.{_extension(extension)}"


def film_key(project_id: str, number: int, extension: str) -> str:
    """A project's film."""
    return f"projects/{_id(project_id)}/films/{number}.{_extension(extension)}"


def music_key(number: int, extension: str) -> str:
    """A piece of music."""
    return f"music/{number}.{_extension(extension)}"


def uploads_prefix(project_id: str) -> str:
    """Where clients may write what belongs to a project."""
    return f"projects/{_id(project_id)}/uploads/"


def upload_key(project_id: str, extension: str) -> str:
    """A name that nobody can guess."""
    return f"{uploads_prefix(project_id)}{secrets.token_hex(16)}.{_extension(extension)}"


def _shot_key(kind: str, project_id: str, shot_id: str, number: int, extension: str) -> str:
    return f"projects/{_id(project_id)}/shots/{_id(shot_id)}/{kind}-{number}.{_extension(extension)}"


def _id(text: str) -> str:
    """An id as a segment. One that an older backend drew and that holds anything else is hashed: the same one always to the same name."""
    if _SAFE_ID.fullmatch(text):
        return text
    return "id-" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _extension(text: str) -> str:
    if not _EXTENSION.fullmatch(text):
        raise InvalidKey(f"not an extension: {text[:20]!r}")
    return text

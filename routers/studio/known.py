"""What the studio must know before it asks for anything; nothing here is a secret."""

from __future__ import annotations

from typing import Any

from flask import current_app

from config.settings import Settings
from config.version import version

_API = "/v1/api/"


def known(settings: Settings, *, is_closed: bool) -> dict[str, Any]:
    """The limits of forms, whether a login is needed, and what this server can do: the words of its addresses."""
    return {
        "version": version(),
        "login": is_closed,
        "routes": _words(),
        "story": {
            "maxChars": settings.story.max_chars,
            "maxTitle": settings.story.max_title,
            "defaultShots": settings.story.default_shots,
            "maxShots": settings.story.max_shots,
        },
        "maxMusic": settings.film.max_music,
    }


def _words() -> list[str]:
    rules = [rule.rule for rule in current_app.url_map.iter_rules() if rule.rule.startswith(_API)]
    return sorted({word for rule in rules for word in rule.removeprefix(_API).split("/") if not word.startswith("<")})

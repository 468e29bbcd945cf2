"""Settings as they may be printed: without secrets."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pydantic import BaseModel

from config.settings import Settings

SECRETS = frozenset(
    {
        "redis.password",
        "minio.access_key",
        "minio.secret_key",
        "minio.cdn_key",
        "worker.token",
        "worker.webhook_secret",
        "auth.secret",
    }
)
# A section in place of whose keys somebody wrote a text may show a secret too.
SECRET_SECTIONS = frozenset({"mysql", "database", *(key.partition(".")[0] for key in SECRETS)})
MASK = "***"

_PASSWORD_PARAMETER = re.compile(r"(?<=password)=[^&]*")
_URL_CREDENTIALS = re.compile(r"(^|//)[^/@]*@")


def shown(key: str, value: object) -> str:
    """The value for a person's eyes."""
    if key == "worker.addrs":
        return repr(_without_tokens(value))
    if key in SECRETS or key in SECRET_SECTIONS:
        return repr(MASK if value else "")
    if key == "mysql.dsn":
        return repr(_without_password(str(value)))
    if key == "database.url":
        return repr(_without_url_password(str(value)))
    return repr(_URL_CREDENTIALS.sub(rf"\1{MASK}@", value) if isinstance(value, str) else value)


def masked(settings: Settings) -> Iterator[tuple[str, str]]:
    """Every key in dotted form with its value for a person's eyes."""
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if name == "node":  # it may hold keys, at any depth: the node's own doctor shows the rest
            yield name, ", ".join(sorted(map(str, value))) or "-"
            continue
        if not isinstance(value, BaseModel):
            yield name, shown(name, str(value))
            continue
        for key in type(value).model_fields:
            yield f"{name}.{key}", shown(f"{name}.{key}", getattr(value, key))


def _without_tokens(value: object) -> object:
    """Model nodes without their credentials, also where they are written wrongly."""
    if isinstance(value, BaseModel):
        value = value.model_dump(exclude_defaults=True)
    if isinstance(value, dict):
        return {
            name: MASK if "token" in str(name).lower() and given else _without_tokens(given)
            for name, given in value.items()
        }
    if isinstance(value, list):
        return [_without_tokens(each) for each in value]
    return _URL_CREDENTIALS.sub(rf"\1{MASK}@", value) if isinstance(value, str) else value


def _without_url_password(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    if not separator:
        return _without_password(url)
    kept = _without_password(rest) if "@" in rest else rest
    return f"{scheme}://{_PASSWORD_PARAMETER.sub(f'={MASK}', kept)}"


def _without_password(dsn: str) -> str:
    credentials, at, rest = dsn.rpartition("@")
    if not at:
        return MASK if dsn else ""  # no '@': what is where cannot be told
    user, colon, _ = credentials.partition(":")
    return f"{user}:{MASK}@{rest}" if colon else dsn

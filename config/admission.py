"""Whether the server lets everybody in: on loopback it does unless told otherwise, elsewhere only where it is told so in as many words."""

from __future__ import annotations

import ipaddress

from common.errors import StartError
from config.addresses import parse_listen
from config.settings import Settings

HOW = "set auth.required to true and add accounts (main.py user add NAME) or keys (main.py key add NAME)"


class AdmissionError(StartError):
    """The settings would let everybody in, and do not say that this is meant."""


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens on this host; "" is every address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False


def needs_login(settings: Settings, host: str | None = None) -> bool:
    """Whether a login or a key is needed where the server listens on `host` (None: on `server.port`'s). Raises `AdmissionError`."""
    host = parse_listen(settings.server.port).host if host is None else host
    if settings.auth.required == "true":
        return True
    if is_loopback(host):
        return False
    if settings.auth.required == "auto" and not settings.auth.allow_anonymous:
        return True
    if settings.auth.allow_anonymous:
        return False
    raise AdmissionError(
        f"auth.required is false, and the server listens on {host or 'every address'}, where others reach it: {HOW}; "
        "or, to let everybody in, set auth.allow_anonymous to true"
    )


def warning(settings: Settings, host: str) -> str:
    """What an operator should know of a server that lets everybody in though others may reach it; "" where there is nothing to say."""
    behind_proxy = bool(settings.server.public_url or settings.server.trusted_proxies)
    everybody = settings.auth.required != "true" and settings.auth.allow_anonymous
    if is_loopback(host):
        return (
            f"everybody who reaches the proxy may do everything; to close it, {HOW}"
            if (behind_proxy and settings.auth.required != "true")
            else ""
        )
    where = host or "every address"
    return f"everybody who reaches {where} may do everything; to close it, {HOW}" if everybody else ""


def decided(settings: Settings, *, required: bool) -> Settings:
    """The settings with `auth.required` decided."""
    return _with(settings, required="true" if required else "false")


def without_accounts(settings: Settings) -> Settings:
    """The settings for a start on a Go backend's own file: where nothing is said of accounts there are none, as with that backend."""
    return _with(settings, allow_anonymous=True) if settings.auth.required == "auto" else settings


def _with(settings: Settings, **values: object) -> Settings:
    return settings.model_copy(update={"auth": settings.auth.model_copy(update=values)})

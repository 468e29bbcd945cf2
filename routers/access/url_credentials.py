"""Keys and tokens in addresses, for clients that can send no header: `/k/<key>/v1/api/...` (or `/api/...`) and `?token=`.

Both are taken out of the request before anything else sees it, so that no log line, error report or link can hold them; the gate finds them
in the environment. Answers forbid the browser to tell the address on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote_plus

if TYPE_CHECKING:
    from _typeshed import OptExcInfo
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

PATH_KEY, URL_TOKEN = "storytovideo.path_key", "storytovideo.url_token"
AMBIGUOUS = "-"  # no credential at all: several were sent
_PATH = re.compile(r"/k/([^/]*)(/(?:v1/api|api(?!/webhook)|tasks|static)/.*)", re.DOTALL)
_SIGNED_LINKS = ("/assets/", "/uploads/")  # whose `token` is their own


class UrlCredentials:
    """WSGI middleware that takes credentials out of the address."""

    def __init__(self, application: WSGIApplication) -> None:
        self._application = application

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        for name in (PATH_KEY, URL_TOKEN):
            environ.pop(name, None)
        found = _take_key(environ) | _take_token(environ)
        if not found:
            return self._application(environ, start_response)
        environ.update(found)
        _forget_raw_address(environ)

        def start(
            status: str, headers: list[tuple[str, str]], exc_info: OptExcInfo | None = None, /
        ) -> Callable[[bytes], object]:
            return start_response(status, [*headers, ("Referrer-Policy", "no-referrer")], exc_info)

        return self._application(environ, start)


def _take_key(environ: WSGIEnvironment) -> dict[str, str]:
    parts = _PATH.fullmatch(environ.get("PATH_INFO", ""))
    if parts is None:
        return {}
    environ["PATH_INFO"] = parts[2]
    return {PATH_KEY: parts[1]}


def _take_token(environ: WSGIEnvironment) -> dict[str, str]:
    query = environ.get("QUERY_STRING", "")
    if ("oken" not in query.lower() and "%" not in query) or environ.get("PATH_INFO", "").startswith(_SIGNED_LINKS):
        return {}
    pairs = query.split("&")
    tokens = [pair for pair in pairs if unquote_plus(pair.partition("=")[0]) == "token"]
    if not tokens:
        return {}
    environ["QUERY_STRING"] = "&".join(pair for pair in pairs if pair not in tokens)
    value = unquote_plus(tokens[0].partition("=")[2])
    return {URL_TOKEN: value if len(tokens) == 1 else AMBIGUOUS}


def _forget_raw_address(environ: WSGIEnvironment) -> None:
    """What the web server kept of the address as it came."""
    query = environ.get("QUERY_STRING", "")
    address = quote(environ["PATH_INFO"], encoding="latin-1") + (f"?{query}" if query else "")
    for name in ("RAW_URI", "REQUEST_URI"):
        if name in environ:
            environ[name] = address

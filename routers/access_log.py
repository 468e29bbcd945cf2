"""The access log: one line for each request, when its last byte was handed over. Nobody's query, header or body is in it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from common.request_id import Served

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

log = logging.getLogger("access")

LONGEST = 300  # characters of what a client says


class Answered(NamedTuple):
    """A request that is over. `route` is its template, `seconds` are those from its head to its end; `size` bytes were sent as body."""

    route: str
    status: int
    seconds: float
    size: int


def write(environ: WSGIEnvironment, answered: Answered, served: Served) -> None:
    """Write the line."""
    if not log.isEnabledFor(logging.INFO):
        return
    fields = {
        "method": environ["REQUEST_METHOD"][:LONGEST],
        "path": _quoted(environ.get("PATH_INFO", ""), "latin-1"),
        "route": answered.route,
        "status": answered.status,
        "ms": round(answered.seconds * 1000, 2),
        "upstream_ms": round(served.upstream_s * 1000, 2),
        "bytes": answered.size,
        "client": environ.get("REMOTE_ADDR", ""),
        "user": served.user,
        "task": _quoted(served.task_id, "utf-8"),  # a client's word, there or not
    }
    log.info(
        "%s %s %d %s ms, upstream %s ms, %d bytes, %s%s%s",
        fields["method"],
        fields["path"],
        answered.status,
        fields["ms"],
        fields["upstream_ms"],
        answered.size,
        fields["client"],
        f", user {fields['user']}" if fields["user"] else "",
        f", task {fields['task']}" if fields["task"] else "",
        extra={"fields": {name: value for name, value in fields.items() if value != ""}},
    )


def _quoted(said: str, encoding: str) -> str:
    """As it stands in an address, and no longer than is worth reading."""
    quoted = quote(said, safe="/:@!$'()*,;=", encoding=encoding, errors="replace")
    return quoted if len(quoted) <= LONGEST else f"{quoted[:LONGEST]}..."

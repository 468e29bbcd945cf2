"""The access log: one line for each request, when its last byte was handed over. Nobody's query, header or body is in it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from common.request_id import Served

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

log = logging.getLogger("access")

LONGEST = 300  # characters of a path


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
    method = environ["REQUEST_METHOD"]
    path = quote(environ.get("PATH_INFO", ""), safe="/:@!$'()*,;=", encoding="latin-1")
    fields = {
        "method": method if len(method) <= LONGEST else method[:LONGEST],
        "path": path if len(path) <= LONGEST else f"{path[:LONGEST]}...",
        "route": answered.route,
        "status": answered.status,
        "ms": round(answered.seconds * 1000, 2),
        "upstream_ms": round(served.upstream_s * 1000, 2),
        "bytes": answered.size,
        "client": environ.get("REMOTE_ADDR", ""),
        "user": served.user,
        "task": served.task_id,
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

"""`main.py serve`: the start order, from the listening socket to the last part that ends.

The embedded parts start beside this process while it imports what it serves with: that, not the work, is most of a start.
"""

from __future__ import annotations

import gc
import logging
import socket
from dataclasses import replace
from datetime import tzinfo

from common.errors import DependencyError
from common.hidden_credentials import hide
from config.addresses import Listen, parse_listen
from config.admission import decided, needs_login, warning
from config.processes import described, shared_out
from config.secrets import secrets_of
from config.settings import Settings
from runtime.data_dir import protect
from runtime.embedded.parts import EmbeddedParts
from runtime.listener import listen
from runtime.memory import hold_less

log = logging.getLogger("main")


def serve(settings: Settings, *, with_processor: bool, fd: int | None) -> int:
    """Serve HTTP and WebSockets until a signal, on an inherited listening socket where `fd` is one; returns the exit code.

    Raises `DependencyError`, `AddressInUse` and `AdmissionError`, whose texts say what to do.
    """
    protect(settings)
    settings = shared_out(settings)
    listener = socket.socket(fileno=fd) if fd is not None else listen(parse_listen(settings.server.port))
    bound = Listen(*listener.getsockname()[:2])
    settings, url = _admitting(settings, bound.host), bound.url()
    parts = EmbeddedParts.start(settings, url)
    try:
        code = _serve_with(parts, listener, url, with_processor)
        if parts.exited():
            raise DependencyError("the embedded parts were killed from outside; restart the server, no data is lost")
        return code
    finally:
        listener.close()  # what the node still has to report is refused, instead of holding up its end
        parts.stop()


def _admitting(settings: Settings, host: str) -> Settings:
    """The settings with a decision on who is let in where the server listens on `host`. Raises `ConfigError`."""
    required = needs_login(settings, host)
    text = warning(settings, host)
    if text:
        log.warning("%s", text)
    elif required:
        log.info("a login or a key is needed: main.py user add NAME, main.py key add NAME")
    return decided(settings, required=required)


def _serve_with(parts: EmbeddedParts, listener: socket.socket, url: str, with_processor: bool) -> int:
    hold_less()
    gc.disable()  # of what is imported nothing is garbage
    from runtime import gunicorn_server, site

    gc.freeze()  # nor ever will be: it is not looked through again, nor copied into the worker process by being looked through
    gc.enable()
    parts.wait()
    hide(secrets_of(parts.settings))  # some were drawn
    zone = _proven(parts.settings)
    gc.collect()  # what was proven may hold connections, which are not for the processes to be forked
    if needs_login(parts.settings):
        from service.access.tokens import Tokens

        Tokens.of(parts.settings)  # a key that cannot be used ends the start, too
    builder = site.Builder(parts.settings, zone)
    plan = gunicorn_server.Plan(builder.web, None, parts.exited)
    if with_processor:
        apart = parts.settings.server.processes > 1
        plan = replace(plan, work=builder.work) if apart else replace(plan, web=builder.both)
    log.info("serving on %s: %s", url, described(parts.settings, with_processor=with_processor))
    return gunicorn_server.serve(listener, parts.settings.server, plan)


def _proven(settings: Settings) -> tzinfo:
    """Open every part and close it again: a missing one ends the start here, in plain words. Returns the zone of the database's times."""
    from runtime import wiring

    services = wiring.open_services(settings)
    services.close()
    return services.database.zone

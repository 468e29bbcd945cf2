"""The gate before every route: whoever has no credential is turned away, unless the route stands on the one list of public ones.

A route that is added is closed by that. Whose rows a request may then see is told to `common.caller`, and held by `models.queries`.
"""

from __future__ import annotations

import hmac
from functools import cached_property
from ipaddress import IPv6Address, IPv6Network
from typing import TYPE_CHECKING, NoReturn

from flask import Flask, Request, g, request

from common.caller import calling
from common.errors import Forbidden, StoryToVideoError, Unauthorized
from common.request_id import asked_by
from config.addresses import parse_address
from config.admission import needs_login
from models.account import Scope
from routers.access.credentials import FORM_TOKEN_HEADER, Credential, Place, credential_of, is_from_own_page
from routers.at_once import NotAtOnce
from service.access import principals
from service.access.known import KnownPrincipals
from service.access.principals import Principal
from service.access.tokens import Tokens
from service.container import Services

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from routers.access.rate_limits import RateLimits

LOOKED, COUNTED = "storytovideo.looked", "storytovideo.counted"
SAFE = ("GET", "HEAD")
IPV6_PREFIX = 64
SAMPLE = "v1.voices.sample"
SOCKETS = {"sockets.watch", "sockets.watch_project"}
# Each of these looks after itself: by a signature, by a password, by a refresh token; or has nothing to tell.
PUBLIC = {
    "alive",
    "ready",
    "v1.health.health",
    "files.asset",
    "files.upload",
    "webhook.task_complete",
    "v1.auth.login",
    "v1.auth.refresh",
    "gateway.auth.login",
    "gateway.auth.refresh",
    "openapi.whole",
    "openapi.page",
    "openapi.file",
    "studio.home",
    "studio.page",
    "studio.worker",
    "studio.manifest",
    "studio.file",
}
UNCOUNTED = {
    "v1.auth_request.check"
}  # a proxy's question: what is let in is counted when it comes itself, what is not counts now
LOGINS = {
    "v1.auth.login": "login",
    "v1.auth.refresh": "write",
    "gateway.auth.login": "login",
    "gateway.auth.refresh": "write",
}
EXPENSIVE = {
    "v1.projects.create",
    "v1.projects.update",
    "v1.batches.create",
    "v1.cast.repaint",
    "v1.cast.set_reference",
    "v1.resume.again",
    "v1.projects.everything",
    "v1.shots.update",
    "v1.shot_edits.duplicate",
    "v1.shot_versions.upload",
    "v1.films.film",
    "v1.films.narration",
    "v1.tasks.create",
    "v1.tasks.retry",
    "v1.music.upload",
    "v1.voices.sample",
    "gateway.projects.create",
    "gateway.projects.compose",
    "gateway.projects.narration",
    "gateway.shots.generate_image",
    "gateway.shots.generate_video",
    "gateway.oss.complete",
}


class Gate:
    """What the routes of logins and links share with it."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.is_closed = needs_login(services.settings)
        enabled = services.settings.limits.enabled
        self._limited = self.is_closed if enabled == "auto" else enabled == "true"
        self._known = KnownPrincipals(services)

    @cached_property
    def tokens(self) -> Tokens:
        """Made when they are first needed: where nobody logs in no secret is drawn."""
        return Tokens.of(self.services.settings)

    @cached_property
    def limits(self) -> RateLimits:
        """The same; the library takes half a second to import."""
        from routers.access.rate_limits import RateLimits  # noqa: PLC0415

        return RateLimits(self.services)

    def prepare(self) -> None:
        """Make what every request needs. Raises `DependencyError` where the key that signs cannot be used."""
        _ = self.tokens
        if self._limited:
            _ = self.limits

    def admit(self) -> None:
        """Let the request in, or raise `Unauthorized`, `Forbidden` or `TooManyRequests`."""
        endpoint = request.endpoint
        if (
            endpoint is None or request.method == "OPTIONS"
        ):  # no route; or a browser that asks before it sends a credential
            return
        looked = request.environ.pop(LOOKED, None)
        if isinstance(looked, StoryToVideoError):
            raise looked
        principal = self.look(request.environ, endpoint, request.method) if looked is None else looked
        if isinstance(principal, Principal):
            g.principal = principal
            g.calling = calling(principal.caller)
            g.calling.__enter__()

    def look(self, environ: WSGIEnvironment, endpoint: str, method: str) -> Principal | None:
        """Who asks, None where that does not matter. The request is counted. Raises as `admit` does.

        Who has looked before the gate does leaves what came of it in the environment, as `LOOKED` (True for None): nobody counts twice.
        """
        if endpoint in PUBLIC or not self.is_closed:
            if endpoint in LOGINS or endpoint not in PUBLIC:
                self._count_address(environ, endpoint, method)
            return None
        try:
            found = credential_of(environ)
            if found is not None and self._is_signed_link(endpoint, found):
                self._count_address(environ, endpoint, method)
                return None
            principal = self._principal(found)
            asked_by(principal.account_id)
        except Unauthorized:
            self._count_address(environ, endpoint, method)
            raise
        if endpoint not in UNCOUNTED:
            self._count(environ, _counted_as(principal), endpoint, method)
        self._check(principal, found, endpoint, method)
        return principal

    def look_at_once(self, environ: WSGIEnvironment, endpoint: str) -> Principal | None:
        """The same for a route that reads and is not public, without counting, and without waiting for anybody; raises `NotAtOnce`."""
        if not self.is_closed:
            return None
        try:
            principal = self._principal(credential_of(environ), at_once=True)
        except Unauthorized as error:
            raise NotAtOnce from error
        asked_by(principal.account_id)
        return principal

    def count_at_once(self, environ: WSGIEnvironment, principal: Principal | None, endpoint: str) -> None:
        """Count what was looked at so; raises `NotAtOnce`, and has not counted it, where Redis has to be asked for that."""
        if not self._limited:
            return
        if "limits" not in vars(self):
            raise NotAtOnce
        from routers.access.rate_limits import Cost  # noqa: PLC0415 - see `limits`

        who = f"address:{client_address(environ)}" if principal is None else _counted_as(principal)
        if not self.limits.take_in_advance(who, Cost(_cost_of(endpoint, "GET"))):
            raise NotAtOnce

    def leave(self, _error: BaseException | None = None) -> None:
        """The request is over."""
        entered = g.pop("calling", None)
        if entered is not None:
            entered.__exit__(None, None, None)

    def _principal(self, found: Credential | None, *, at_once: bool = False) -> Principal:
        if found is None:
            raise Unauthorized("需要登录或 API 密钥")
        if found.place is Place.PATH:
            find = _not_at_once if at_once else lambda: principals.of_key(self.services, found.text)
            principal = self._known.of(found.text, find)
            if principal.scope is not Scope.LEGACY:
                raise Unauthorized("地址中只能使用 legacy 权限的 API 密钥")
            return principal
        find = _not_at_once if at_once else lambda: principals.of_credential(self.services, self.tokens, found.text)
        return self._known.of(found.text, find)

    def _check(self, principal: Principal, found: Credential | None, endpoint: str, method: str) -> None:
        """What the credential allows, and whether a cookie was sent by a page of ours."""
        if found is not None and found.place is Place.COOKIE:
            if endpoint in SOCKETS and not is_from_own_page(request, self.services.settings.server):
                raise Forbidden("此网页来源不能使用登录 Cookie")
            if method not in SAFE:
                self.check_form_token(principal.session_id)
        if method not in SAFE and not principal.may_write:
            raise Forbidden("此 API 密钥只能读取")

    def check_form_token(self, session_id: str) -> None:
        """Raise `Forbidden` where a page that is not ours may have sent the cookies along."""
        given = request.headers.get(FORM_TOKEN_HEADER, "")
        if not hmac.compare_digest(given.encode("utf-8", "replace"), self.tokens.form_token(session_id).encode()):
            raise Forbidden(f"缺少有效的 {FORM_TOKEN_HEADER} 请求头")

    def _is_signed_link(self, endpoint: str, found: Credential) -> bool:
        if endpoint != SAMPLE or found.place is not Place.QUERY or _has_body(request):
            return False
        return self.tokens.opens(found.text, request.query_string.decode("latin-1"))

    def sample_token(self, query: str) -> str:
        """What opens a voice's sample, asked for by exactly this query, without a credential; "" where everybody may."""
        return self.tokens.link(query) if self.is_closed else ""

    def _count_address(self, environ: WSGIEnvironment, endpoint: str, method: str) -> None:
        if self._limited:
            self._count(environ, f"address:{client_address(environ)}", endpoint, method)

    def count_again(self) -> None:
        """Count another request of its kind for whoever sent this one, which asks for several things; raises `TooManyRequests`."""
        who = request.environ.get(COUNTED)
        if who is not None:
            self._count(request.environ, who, request.endpoint or "", request.method)

    def _count(self, environ: WSGIEnvironment, who: str, endpoint: str, method: str) -> None:
        environ[COUNTED] = who
        if self._limited:
            from routers.access.rate_limits import Cost  # noqa: PLC0415 - see `limits`

            self.limits.take(who, Cost(_cost_of(endpoint, method)))


def install(app: Flask, gate: Gate) -> None:
    """Put the gate before every route."""
    app.before_request(gate.admit)
    app.teardown_request(gate.leave)
    app.extensions["gate"] = gate
    if gate.is_closed:  # now, not with the first request
        gate.prepare()


def _not_at_once() -> NoReturn:
    raise NotAtOnce


def _counted_as(principal: Principal) -> str:
    return f"key:{principal.key_id}" if principal.key_id else f"user:{principal.account_id}"


def _cost_of(endpoint: str, method: str) -> str:
    if endpoint in LOGINS:
        return LOGINS[endpoint]
    if endpoint in EXPENSIVE:
        return "expensive"
    return "read" if method in SAFE else "write"


def client_address(environ: WSGIEnvironment) -> str:
    """Whom a request without a credential counts for: its IPv4 address, or its IPv6 network, all of which one client may have."""
    address = parse_address(environ.get("REMOTE_ADDR", ""))
    if isinstance(address, IPv6Address):
        return str(IPv6Network((int(address), IPV6_PREFIX), strict=False))
    return str(address or "")


def _has_body(asked: Request) -> bool:
    return bool(asked.content_length) or "Transfer-Encoding" in asked.headers

"""A model server: keys, routes, scripted behaviours, and what it was asked and has charged for."""

from __future__ import annotations

import re
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, TypeVar

from tests.support.model_servers.exchange import SENDINGS, ModelExchange, Received, Reply, page
from tests.support.model_servers.fields import WrongField
from tests.support.node.server import Node

Work = TypeVar("Work")
OK = "ok"


class Refused(Exception):
    """A request that the server does not take: no work, no charge."""

    def __init__(self, status: int, message: str, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.param = status, message, code, param
        self.headers: dict[str, str] = {}

    def after(self, retry: str) -> Refused:
        """The same with `Retry-After`."""
        self.headers["Retry-After"] = retry
        return self


REFUSALS: dict[str, Callable[[], Refused]] = {
    "bad_request_400": lambda: Refused(400, "The request could not be processed.", "invalid_value"),
    "unauthorized_401": lambda: Refused(401, "Incorrect API key provided: sk-***.", "invalid_api_key"),
    "quota_402": lambda: Refused(402, "Insufficient Balance", "insufficient_balance").after("3600"),
    "forbidden_403": lambda: Refused(403, "This key may not use this model.", "access_denied"),
    "rate_limited_429": lambda: Refused(429, "Rate limit reached for requests.", "rate_limit_exceeded").after("1"),
    "rate_limited_429_until": lambda: Refused(429, "Rate limit reached for tokens.", "rate_limit_exceeded").after(
        "Fri, 01 Jan 2100 00:00:00 GMT"
    ),
    "quota_429": lambda: Refused(429, "You exceeded your current quota.", "insufficient_quota"),
    "server_error_500": lambda: Refused(500, "The server had an error while processing your request.", "server_error"),
    "overloaded_503": lambda: Refused(503, "The engine is currently overloaded.", "overloaded").after("1"),
}
"""Refusals in the API's own form."""

PAGES = {
    "html_500": page(500, "Internal Server Error"),
    "html_502": page(502, "Bad Gateway"),
    "html_504": page(504, "Gateway Time-out"),  # the server behind the proxy has done the work
    "html_524": page(524, "A timeout occurred"),  # so it has when a proxy waited for its 100 s
    "html_200": page(200, "Welcome"),
}
CHARGED_PAGES = ("html_504", "html_524")


@dataclass(frozen=True)
class Route(Generic[Work]):
    """`check` reads a request or refuses it, `reply` does the work, and so do `replies` where a behaviour of that name is asked for."""

    check: Callable[[Received], Work]
    reply: Callable[[Work], Reply]
    replies: Mapping[str, Callable[[Work], Reply]] = field(default_factory=dict)
    charged: bool = False

    def names(self) -> list[str]:
        """The behaviours that it knows."""
        return [OK, *self.replies, *REFUSALS, *PAGES, *SENDINGS]


class ServerExchange(ModelExchange):
    """Answers as its server says, in the way of the behaviour of the hour."""

    def _serve(self) -> None:
        server = self.node
        assert isinstance(server, ModelServer)
        received = self.receive()
        try:
            name, reply = server.respond(received)
            SENDINGS.get(name, type(self).send)(self, reply)
        except ConnectionError:
            server.left.append(received)
            raise

    do_GET = do_POST = do_DELETE = _serve  # noqa: N815 - the base class's names


class ModelServer(Node):
    """`main` is the route that does the work; faults are for it unless a script is `on` another one.

    `received` are the requests in order, `refused` those among them that it did not take, `left` those whose client did not
    wait for the end.
    `charged` counts the work done, by idempotency key ("" without one). With `honours_keys` a key that comes again gets its first answer.
    """

    exchange_class: ClassVar[type[ModelExchange]] = ServerExchange
    main: ClassVar[str]

    def __init__(
        self, *, key: str = "", faults: Iterable[str] = (), always: str = OK, honours_keys: bool = False
    ) -> None:
        super().__init__()
        self.key, self.always, self.honours_keys = key, always, honours_keys
        self.received: list[Received] = []
        self.refused: list[tuple[Received, Refused]] = []
        self.left: list[Received] = []
        self.charged: Counter[str] = Counter()
        self.paths_served = self.serves()
        self._scripts: dict[str, deque[str]] = {}
        self._answered: dict[str, Reply] = {}
        self._lock = threading.Lock()
        self._known(self.main, always)
        self.script(*faults)

    @property
    def url(self) -> str:
        """Its address without a path."""
        return f"http://{self.addr}"

    def serves(self) -> dict[str, Route[Any]]:
        """Its routes: "POST /path", with `{id}` for what differs."""
        raise NotImplementedError

    def form(self, refused: Refused) -> Reply:
        """A refusal in the API's form."""
        raise NotImplementedError

    def explain(self, wrong: WrongField) -> Refused:
        """What is wrong with a field, in the API's words."""
        raise NotImplementedError

    def script(self, *names: str, on: str = "") -> None:
        """Queue these behaviours for the next requests of a route."""
        route = on or self.main
        for name in names:
            self._known(route, name)
        with self._lock:
            self._scripts.setdefault(route, deque()).extend(names)

    def names(self, on: str = "") -> list[str]:
        """The behaviours of a route."""
        return self.paths_served[on or self.main].names()

    def requests(self, route: str = "") -> list[Received]:
        """What was asked of a route, in order."""
        return [each for each in self.received if self._matches(route or self.main, each)]

    def respond(self, received: Received) -> tuple[str, Reply]:
        """The behaviour of the hour and the answer to a request."""
        with self._lock:
            self.received.append(received)
        try:
            self._authorize(received)
            return self._work(*self._route(received), received)
        except (Refused, WrongField) as error:
            refused = error if isinstance(error, Refused) else self.explain(error)
            self.refused.append((received, refused))
            return OK, self.form(refused)

    def _known(self, route: str, name: str) -> None:
        if name not in self.names(route):
            raise ValueError(f"{type(self).__name__} has no behaviour {name!r} on {route}; it has {self.names(route)}")

    def _authorize(self, received: Received) -> None:
        if self.key and received.headers.get("authorization") != f"Bearer {self.key}":
            raise REFUSALS["unauthorized_401"]()

    def _matches(self, route: str, received: Received) -> bool:
        pattern = re.sub(r"\\\{[a-z_]+\\\}", "[^/]+", re.escape(route))
        return re.fullmatch(pattern, f"{received.method} {received.path}") is not None

    def _route(self, received: Received) -> tuple[str, Route[Any]]:
        found = [(name, route) for name, route in self.paths_served.items() if self._matches(name, received)]
        if not found:
            raise Refused(404, f"Invalid URL ({received.method} {received.path})", "unknown_url")
        return found[0]

    def _work(self, name: str, route: Route[Any], received: Received) -> tuple[str, Reply]:
        if received.broken:
            raise Refused(400, "We could not parse the JSON body of your request.", "invalid_json")
        work = route.check(received)
        with self._lock:
            known = self._answered.get(received.key) if self.honours_keys and route.charged else None
            if known is not None:
                return OK, known
            script = self._scripts.get(name)
            behaviour = script.popleft() if script else self.always if name == self.main else OK
            if behaviour in REFUSALS:
                raise REFUSALS[behaviour]()
            unserved = behaviour in PAGES and behaviour not in CHARGED_PAGES
            done = page(500, "") if unserved else route.replies.get(behaviour, route.reply)(work)
            if route.charged and done.status < 300:
                self.charged[received.key] += 1
                if received.key:
                    self._answered[received.key] = done
            reply = PAGES.get(behaviour, done)
        return behaviour, reply

"""Requests: how many of each kind, and how long they take."""

from __future__ import annotations

from service.metrics.instruments import Counter, Histogram

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
BOUNDS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

REQUESTS = Counter("http_requests", "Answers, by the route's template.", ("route", "method", "status"))
SECONDS = Histogram("http_request_seconds", "Time of requests, WebSockets left out.", BOUNDS_S, ("route",))


def count(route: str, method: str, status: int, seconds: float | None) -> None:
    """A request is over; `seconds` None: it was a WebSocket, whose time says nothing. `route` is one of a bounded number."""
    REQUESTS.add(1.0, route, method if method in METHODS else "other", str(status))
    if seconds is not None:
        SECONDS.observe(seconds, route)

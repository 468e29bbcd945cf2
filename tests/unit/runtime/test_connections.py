"""Whose connection goes when there are too many, and how long a body may take."""

from __future__ import annotations

import socket
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from gunicorn.config import Config

from config.addresses import parse_network
from runtime.connections import SLOWEST_BODY, ClientSocket, Connection, Crowd, Pace, origin_of
from tests.support.wait import wait_until

PROXIES = [parse_network("10.0.0.0/8"), parse_network("2001:db8:9::/48")]


@pytest.fixture
def pair() -> Iterator[tuple[ClientSocket, socket.socket]]:
    """A client's socket as the server has it, and the client's own end."""
    ours, theirs = socket.socketpair()
    with ClientSocket.of(ours) as wrapped, theirs:
        yield wrapped, theirs


class Clients:
    """Connections that are there in the order in which they were made."""

    def __init__(self, closed_at_the_end: ExitStack) -> None:
        self._stack, self._made = closed_at_the_end, 0
        self.crowd = Crowd()

    def add(self, origin: str | None, count: int = 1) -> Connection:
        """The first of so many new ones."""
        first, *_ = (self._one(origin) for _ in range(count))
        return first

    def _one(self, origin: str | None) -> Connection:
        ours, theirs = socket.socketpair()
        self._stack.enter_context(theirs)
        sock = self._stack.enter_context(ClientSocket.of(ours))
        made = Connection(Config(), sock, ("", 0), ("", 0), origin)
        self._made += 1
        made.since = float(self._made)
        self.crowd.add(made)
        return made


@pytest.fixture
def clients() -> Iterator[Clients]:
    with ExitStack() as stack:
        yield Clients(stack)


def test_the_oldest_of_the_address_that_has_most_goes_first(clients: Clients) -> None:
    clients.add("192.0.2.1", 10)
    most = clients.add("192.0.2.2", 20)
    assert clients.crowd.to_drop() is most


def test_few_connections_of_one_address_are_no_reason_to_drop_them(clients: Clients) -> None:
    stranger = clients.add("192.0.2.9")
    clients.add("192.0.2.1", 6)  # a browser's
    assert clients.crowd.to_drop() is stranger


def test_a_trusted_proxy_loses_one_only_where_there_is_nobody_else(clients: Clients) -> None:
    proxys = clients.add(None, 50)
    other = clients.add("192.0.2.1")
    assert clients.crowd.to_drop() is other
    clients.crowd.remove(other)
    assert clients.crowd.to_drop() is proxys
    assert clients.crowd.oldest_of(None, 10) is None


def test_an_address_has_a_limit_of_its_own(clients: Clients) -> None:
    first = clients.add("192.0.2.1", 11)
    clients.add("192.0.2.2", 3)
    assert clients.crowd.oldest_of("192.0.2.1", 11) is None
    assert clients.crowd.oldest_of("192.0.2.1", 10) is first
    assert clients.crowd.oldest_of("192.0.2.3", 0) is None


def test_a_crowd_knows_who_is_in_it(clients: Clients) -> None:
    assert clients.crowd.to_drop() is None
    first, second = clients.add("a"), clients.add("b")
    assert (len(clients.crowd), list(clients.crowd)) == (2, [first, second])
    clients.crowd.remove(first)
    assert (first in clients.crowd, second in clients.crowd, len(clients.crowd)) == (False, True, 1)


@pytest.mark.parametrize(
    ("client", "origin"),
    [
        (("192.0.2.7", 1), "192.0.2.7"),
        (("::ffff:192.0.2.7", 1, 0, 0), "192.0.2.7"),
        (("2001:db8:1:2:3:4:5:6", 1, 0, 0), "2001:db8:1:2::/64"),
        (("fe80::1%lo", 1, 0, 1), "fe80::/64"),
        (("10.1.2.3", 1), None),
        (("::ffff:10.1.2.3", 1, 0, 0), None),
        (("2001:db8:9::1", 1, 0, 0), None),
        ("", ""),
    ],
)
def test_a_connection_counts_for_its_address_or_its_ipv6_network(client: object, origin: str | None) -> None:
    assert origin_of(client, PROXIES) == origin


def test_a_body_at_a_good_pace_may_take_longer_than_the_patience(pair: tuple[ClientSocket, socket.socket]) -> None:
    ours, theirs = pair
    pace = Pace(0.5)
    theirs.sendall(b"a" * SLOWEST_BODY)
    with ours.keeping(pace):
        assert len(ours.recv(2 * SLOWEST_BODY)) == SLOWEST_BODY
    assert pace.left_s > 0.5


def test_a_body_that_drips_is_not_waited_for_any_longer(pair: tuple[ClientSocket, socket.socket]) -> None:
    """Each byte comes well within the time that one read may take."""
    ours, theirs = pair
    ours.settimeout(60)
    ended = threading.Event()

    def drip() -> None:
        while not ended.wait(0.01):
            theirs.send(b"a")

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        with pytest.raises(TimeoutError), ours.keeping(Pace(0.2)):
            deque(iter(lambda: ours.recv(1), b""), maxlen=0)
    finally:
        ended.set()
        thread.join()
    assert ours.gettimeout() == 60


def test_a_silent_body_ends_with_the_pace(pair: tuple[ClientSocket, socket.socket]) -> None:
    ours, _ = pair
    ours.settimeout(None)
    with pytest.raises(TimeoutError), ours.keeping(Pace(0.05)):
        ours.recv(1)


def test_a_thread_that_waits_for_its_client_can_be_seen_and_interrupted(clients: Clients) -> None:
    connection = clients.add("a")
    connection.sock.setblocking(True)
    heard: list[bytes] = []
    thread = threading.Thread(target=lambda: heard.append(connection.sock.recv(1)), daemon=True)
    thread.start()
    wait_until(lambda: connection.waits)
    connection.interrupt()
    thread.join(60)
    assert (heard, connection.waits) == ([b""], False)


def test_a_thread_whose_client_takes_nothing_is_interrupted_too(clients: Clients) -> None:
    connection = clients.add("a")
    connection.sock.setblocking(True)
    failed: list[OSError] = []

    def send() -> None:
        try:
            connection.sock.sendall(b"a" * (64 << 20))
        except OSError as error:
            failed.append(error)

    thread = threading.Thread(target=send, daemon=True)
    thread.start()
    wait_until(lambda: connection.waits)
    connection.interrupt()
    thread.join(60)
    assert len(failed) == 1

"""Nodes that would hold or drown the server: every exchange ends, in bounded memory."""

from __future__ import annotations

import gzip
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from common.errors import BadNodeResult, NodeUnavailable
from service.node.client import NodeClient
from service.node.interface import Job, JobState
from tests.support.node.server import LONG_S, Exchange, Node

LIMIT = 1 << 20
ENDS_S = LONG_S / 2  # far beyond the client's limits, well before the hostile node would end by itself
JOB = Job("j1", JobState.SUCCEEDED, result={"resource_url": "/files/a"})


@pytest.fixture
def node() -> Iterator[Node]:
    with Node() as started:
        yield started


@pytest.fixture
def client(node: Node) -> NodeClient:
    return NodeClient(node.addr, max_download=LIMIT, read_s=0.3, answer_s=0.3, poll_s=0.3, download_s=0.3)


@pytest.fixture
def patient(node: Node) -> NodeClient:
    """One that leaves a node for what it says, and not because the machine is busy."""
    return NodeClient(node.addr, max_download=LIMIT, read_s=LONG_S, answer_s=LONG_S, poll_s=LONG_S, download_s=LONG_S)


def ends(use: Callable[[], object], error: type[Exception], match: str = ".") -> None:
    """The use ends in this error, long before the node would."""
    start = time.monotonic()
    with pytest.raises(error, match=match):
        use()
    assert time.monotonic() - start < ENDS_S


def download(client: NodeClient) -> int:
    size = 0
    with client.asset(JOB) as stream:
        while chunk := stream.read(1 << 16):
            size += len(chunk)
    return size


def test_an_endless_file_is_cut_off(node: Node, patient: NodeClient) -> None:
    node.routes["GET"] = lambda exchange: exchange.flood(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536)
    ends(lambda: download(patient), BadNodeResult, "上限")


def test_an_endless_answer_is_cut_off(node: Node, patient: NodeClient) -> None:
    node.routes["GET"] = lambda exchange: exchange.flood(b'HTTP/1.1 200 OK\r\n\r\n{"message": "', b"x" * (1 << 20))
    ends(lambda: patient.job("j1"), NodeUnavailable, "上限")


def test_an_endless_refusal_is_read_only_in_part(node: Node, patient: NodeClient) -> None:
    node.routes["GET"] = lambda exchange: exchange.flood(b"HTTP/1.1 500 Oops\r\n\r\n", b"x" * 65536)
    ends(lambda: patient.job("j1"), NodeUnavailable, "500")


def test_a_file_that_says_it_is_too_long_is_not_begun(node: Node, patient: NodeClient) -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {LIMIT + 1}\r\n\r\n".encode()
    node.routes["GET"] = lambda exchange: exchange.trickle(head, b"")
    ends(lambda: patient.asset(JOB), BadNodeResult, "上限")


def test_a_file_of_just_the_limit_is_taken(node: Node) -> None:
    node.serve("/files/a", b"x" * LIMIT)
    assert download(NodeClient(node.addr, max_download=LIMIT)) == LIMIT


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        (b"", b""),
        (b"H", b""),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\nxxx", b""),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n"),
        (b"HTTP/1.1 500 Oops\r\n\r\n", b"x"),
    ],
    ids=["silence", "status line", "body", "known length", "stop", "chunks", "refusal"],
)
def test_a_node_that_trickles_is_left(node: Node, client: NodeClient, start: bytes, piece: bytes) -> None:
    for method in ("GET", "POST"):
        node.routes[method] = lambda exchange: exchange.trickle(start, piece)
    ends(lambda: client.job("j1"), NodeUnavailable)
    ends(lambda: client.generate({"id": "t1"}), NodeUnavailable)
    ends(lambda: download(client), NodeUnavailable)


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nxx",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nxx",
    ],
    ids=["length", "chunk", "chunk size"],
)
def test_a_file_that_breaks_off_is_not_taken_for_whole(node: Node, client: NodeClient, answer: bytes) -> None:
    node.routes["GET"] = lambda exchange: exchange.raw(answer)
    ends(lambda: download(client), NodeUnavailable)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"garbage\r\n\r\n",
        b"HTTP/1.1 999999 x\r\n\r\n",
        b"\x00" * 70_000,
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200,
    ],
)
def test_what_is_not_http_is_no_answer(node: Node, client: NodeClient, answer: bytes) -> None:
    node.routes["GET"] = lambda exchange: exchange.raw(answer)
    ends(lambda: client.job("j1"), NodeUnavailable)


def test_a_compressed_bomb_is_not_unpacked(node: Node, patient: NodeClient) -> None:
    bomb = gzip.compress(b"\x00" * (64 << 20))

    def answer(exchange: Exchange) -> None:
        exchange.answer(200, bomb, Content_Encoding="gzip")

    node.routes["GET"] = answer
    ends(lambda: patient.asset(JOB), BadNodeResult, "压缩")
    ends(lambda: patient.job("j1"), NodeUnavailable, "压缩")
    assert all(asked.headers["Accept-Encoding"] == "identity" for asked in node.asked)


def test_a_stream_gives_what_its_reader_asks_for(node: Node) -> None:
    node.serve("/files/a", b"0123456789" * 10_000)
    with NodeClient(node.addr).asset(JOB) as stream:
        assert (stream.read(4), stream.read(6)) == (b"0123", b"456789")
        assert len(stream.read()) == 99_990
        assert stream.read(1) == b""


def test_many_threads_share_a_client_and_its_connections(node: Node) -> None:
    client = NodeClient(node.addr)
    connections: set[object] = set()

    def answer(exchange: Exchange) -> None:
        connections.add(exchange.client_address)
        exchange.json({"status": "processing", "progress": 5, "message": exchange.path})

    node.routes["GET"] = answer
    with ThreadPoolExecutor(4) as pool:
        jobs = list(pool.map(lambda number: client.job(str(number)), range(80)))
    assert [job.message for job in jobs] == [f"/v1/jobs/{number}" for number in range(80)]
    assert len(connections) <= 4

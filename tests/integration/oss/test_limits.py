"""Storage that hangs, is silent, or trickles: whoever asks it has an answer in bounded time.

The bounds here are far above the limits, for a busy machine, and far below what a client would otherwise wait: for ever, most of it.
"""

from __future__ import annotations

import dataclasses
import io
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from urllib3.exceptions import TimeoutError

from common.errors import StorageUnavailable
from config.settings import MinioSettings
from service.oss import minio
from service.oss.limits import HURRIED, PATIENT, Patience, limited
from service.oss.minio import PART, MinioStore
from tests.support.servers.minio_server import MinioServer
from tests.support.soak import soaking

KEY = "music/1.mp3"
HURRY_S = 15.0  # a hurried operation takes 5 s at most
TRICKLE_S = 0.1
SHORT = Patience(connect_s=0.7, silence_s=0.7, total_s=1.0, retries=2)
SHORTER = dataclasses.replace(SHORT, retries=0)

Talk = Callable[[socket.socket], None]


def within(seconds: float, work: Callable[[], object]) -> BaseException | None:
    """What the work raised; fails when it is not done in time."""
    raised: list[BaseException | None] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - it is handed on
            raised.append(error)
        else:
            raised.append(None)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    assert raised, f"no answer within {seconds} s"
    return raised[0]


@contextmanager
def peer(talk: Talk) -> Iterator[MinioSettings]:
    """A storage that talks to each connection like this, in a thread of its own, until the client is gone."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=_talk, args=(talk, connection), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield MinioSettings(
            endpoint=f"127.0.0.1:{listener.getsockname()[1]}", access_key="a" * 8, secret_key="b" * 8, bucket="bucket"
        )
        listener.shutdown(socket.SHUT_RDWR)


def _talk(talk: Talk, connection: socket.socket) -> None:
    with connection:
        try:
            talk(connection)
        except OSError:
            return  # the client has gone


def silent(connection: socket.socket) -> None:
    """Takes everything and says nothing."""
    while connection.recv(65536):
        pass


def deaf(connection: socket.socket) -> None:
    """Takes a byte now and then, and says nothing."""
    while connection.recv(1):
        time.sleep(TRICKLE_S)  # such slowness is what is tried


def trickling_head(connection: socket.socket) -> None:
    """An answer whose head never ends."""
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while True:
        connection.sendall(b"a")
        time.sleep(TRICKLE_S)  # as above


def trickling_body(connection: socket.socket) -> None:
    """An answer of which a byte comes now and then."""
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 200000\r\nContent-Type: application/xml\r\n\r\n")
    while True:
        connection.sendall(b"a")
        time.sleep(TRICKLE_S)  # as above


TALKS = [silent, deaf, trickling_head, trickling_body]


@pytest.mark.parametrize(("talk", "size"), [*((talk, 10) for talk in TALKS), (silent, PART + 1)])
def test_an_upload_in_a_hurry_ends_soon(talk: Talk, size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.mp3"
    path.write_bytes(b"x" * size)
    monkeypatch.setattr("service.oss.limits.SLOWEST", 1 << 30)  # else so many bytes have some time more
    monkeypatch.setattr(minio, "HURRIED", HURRIED if talk is silent else SHORTER)
    with peer(talk) as settings:
        store = MinioStore(settings)
        assert isinstance(within(HURRY_S, lambda: store.put_file(KEY, path, hurry=True)), StorageUnavailable)


@pytest.mark.parametrize("talk", TALKS)
@pytest.mark.parametrize("ask", soaking([MinioStore.check, MinioStore.exists], keep=1))
def test_a_look_whether_storage_is_there_ends_soon(
    talk: Talk, ask: Callable[[MinioStore], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(minio, "HURRIED", HURRIED if talk is silent else SHORTER)
    with peer(talk) as settings:
        error = within(HURRY_S, lambda: ask(MinioStore(settings)))
        # A HEAD, which is all that `exists` asks for, has no body.
        assert isinstance(error, StorageUnavailable) or (ask is MinioStore.exists and talk is trickling_body)


@pytest.mark.parametrize("talk", TALKS)
@pytest.mark.parametrize(
    "ask",
    [
        lambda store: store.put(KEY, io.BytesIO(b"x")),
        lambda store: store.open(KEY).read(),
        lambda store: list(store.list("music/")),
        lambda store: store.remove(KEY),
        lambda store: store.remove_prefix("music/"),
    ],
    ids=["put", "open", "list", "remove", "remove_prefix"],
)
def test_whoever_has_patience_has_an_end_of_it(
    talk: Talk, ask: Callable[[MinioStore], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(minio, "PATIENT", SHORT)
    with peer(talk) as settings:
        assert isinstance(within(HURRY_S, lambda: ask(MinioStore(settings))), StorageUnavailable)


def test_the_end_of_one_operation_leaves_the_connections_of_others_alone(minio: MinioSettings) -> None:
    store = MinioStore(minio)
    store.check()
    pool = store._client._http.connection_from_url(f"http://{minio.endpoint}")

    def look() -> None:
        store._client.bucket_exists(minio.bucket)

    def be_late() -> None:
        with limited(PATIENT) as first:
            look()
            used = pool.num_connections
            with limited(PATIENT):
                look()
                first._expire()
                look()
                assert pool.num_connections == used, "all of it went over one connection"

    with pytest.raises(TimeoutError):
        be_late()


@pytest.fixture
def server(minio_of_ours: MinioServer) -> Iterator[MinioServer]:
    """A MinIO that tests may stop."""
    yield minio_of_ours
    minio_of_ours.go_on()


@pytest.mark.parametrize("size", soaking([3 * PART, 10], keep=1))
def test_a_minio_that_hangs_takes_no_upload_and_takes_them_again_when_it_goes_on(
    server: MinioServer, size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.mp3"
    path.write_bytes(b"x" * size)
    monkeypatch.setattr("service.oss.limits.SLOWEST", 1 << 30)
    store = MinioStore(server.settings("bucket"))
    store.check()
    server.hang()
    assert isinstance(within(HURRY_S, lambda: store.put_file(KEY, path, hurry=True)), StorageUnavailable)
    assert isinstance(within(HURRY_S, store.check), StorageUnavailable)
    server.go_on()
    assert store.put_file(KEY, path, hurry=True).size == size
    with store.open(KEY) as stream:
        assert len(stream.read()) == size

"""A download that breaks off goes on where it was, and one of another file does not."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from runtime.client import fetching
from runtime.client.outcomes import NoFile, Refused, Unreachable

CONTENT = bytes(range(256)) * 4096
CUT = 4 * fetching.CHUNK


class Files(ThreadingHTTPServer):
    """Sends CONTENT, of which each answer ends after `most` bytes; `asked` are the ranges."""

    def __init__(self, most: int, *, ranges: bool = True, status: int = 200) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.most, self.ranges, self.status = most, ranges, status
        self.asked: list[str] = []


class _Handler(BaseHTTPRequestHandler):
    server: Files

    def do_GET(self) -> None:
        wanted = self.headers.get("Range", "")
        self.server.asked.append(wanted)
        start = int(wanted[6:-1]) if wanted and self.server.ranges else 0
        if self.server.status != 200 or start >= len(CONTENT):
            self.send_response(self.server.status if self.server.status != 200 else 416)
            self.send_header("Content-Range", f"bytes */{len(CONTENT)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        self.wfile.write(CONTENT[start:][: self.server.most])

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def sending(most: int, *, ranges: bool = True, status: int = 200) -> Iterator[Files]:
    server = Files(most, ranges=ranges, status=status)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "PAUSE_S", 0)


def fetch(server: Files, target: Path, name: str = "film.mp4") -> list[tuple[int, int]]:
    told: list[tuple[int, int]] = []
    fetching.fetch(f"http://127.0.0.1:{server.server_port}/{name}?token=x", target, lambda *at: told.append(at))
    return told


def test_what_came_is_not_asked_for_again(tmp_path: Path) -> None:
    target = tmp_path / "film.mp4"
    with sending(CUT) as server:
        told = fetch(server, target)
        assert server.asked == ["", *(f"bytes={CUT * part}-" for part in range(1, 4))]
    assert target.read_bytes() == CONTENT
    assert told[-1] == (len(CONTENT), len(CONTENT))
    assert list(tmp_path.iterdir()) == [target]


def test_an_earlier_commands_part_is_gone_on_with_and_one_that_is_whole_is_taken(tmp_path: Path) -> None:
    target = tmp_path / "film.mp4"
    with sending(0) as server, pytest.raises(Unreachable):
        fetch(server, target)
    [part] = tmp_path.iterdir()
    assert not target.exists()
    for there in (CUT, len(CONTENT)):
        part.write_bytes(CONTENT[:there])
        with sending(len(CONTENT)) as server:
            fetch(server, target)
            assert server.asked == [f"bytes={there}-"]
        assert target.read_bytes() == CONTENT


def test_the_part_of_another_file_and_a_server_without_ranges_begin_anew(tmp_path: Path) -> None:
    target = tmp_path / "film.mp4"
    with sending(0) as server, pytest.raises(Unreachable):
        fetch(server, target)
    [part] = tmp_path.iterdir()
    part.write_bytes(b"x" * (len(CONTENT) + 1))
    with sending(len(CONTENT)) as server:
        fetch(server, target)
    assert target.read_bytes() == CONTENT
    part.write_bytes(b"x" * CUT)
    with sending(len(CONTENT), ranges=False) as server:
        fetch(server, target)
    assert target.read_bytes() == CONTENT
    part.write_bytes(b"x" * CUT)
    with sending(len(CONTENT)) as server:
        fetch(server, target, "film-2.mp4")
    assert target.read_bytes() == CONTENT, "another film has a part of its own"


def test_what_is_not_to_be_had_and_what_cannot_be_written_end_in_words(tmp_path: Path) -> None:
    with sending(CUT, status=403) as server, pytest.raises(Refused, match="403"):
        fetch(server, tmp_path / "film.mp4")
    with sending(len(CONTENT)) as server, pytest.raises(NoFile):
        fetch(server, tmp_path / "no" / "film.mp4")

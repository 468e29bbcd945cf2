"""What a model node can send besides pictures and clips, and what it can say."""

from __future__ import annotations

import io
import re
import struct
import unicodedata
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image

from tests.integration.attacks.memory import Peak
from tests.support.hostile_media import ffmpeg
from tests.support.node.scripts import failed, finished, png
from tests.support.node.stand_in import StandInNode
from tests.support.server_process import ServerUnderTest
from tests.support.wait import wait_until

MIB = 1 << 20
ROOM = 200 * MIB
ROOM_FOR_TWO = 1700 * MIB
AT_ONCE = 5  # tasks that a processor has
ENDED = ("finished", "failed", "cancelled")
FORGED = "2026-01-01 00:00:00,000 ERROR   main: all is lost"


@pytest.fixture(scope="module")
def node() -> Iterator[StandInNode]:
    with StandInNode() as running:
        running.health["providers"] = {"i2v": {"provider": "scripted", "available": True}}
        yield running


@pytest.fixture(scope="module")
def server(node: StandInNode, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerUnderTest]:
    """One whose node is a stranger's."""
    settings = {"worker.addr": f"http://{node.addr}", "worker.poll_seconds": 0.1, "worker.dispatch_retries": 0}
    with ServerUnderTest(tmp_path_factory.mktemp("strange-node"), settings) as running:
        yield running


def ended(server: ServerUnderTest, task_id: str) -> dict[str, Any]:
    """The task when it has."""

    def look() -> dict[str, Any] | None:
        task: dict[str, Any] = requests.get(f"{server.url}/v1/api/tasks/{task_id}", timeout=20).json()["task"]
        return task if task["status"] in ENDED else None

    return wait_until(look, 40, f"the end of task {task_id}") or {}


def create(server: ServerUnderTest, shots: int = 1) -> dict[str, Any]:
    answer = requests.post(f"{server.url}/v1/api/projects?story_text=a&shot_count={shots}", timeout=20)
    created: dict[str, Any] = answer.json()
    return created


def image_of(server: ServerUnderTest) -> dict[str, Any]:
    """The task of a new project's one image, when it has ended."""
    created = create(server)
    assert ended(server, created["text_task_id"])["status"] == "finished"
    (task_id,) = images_of(server, created["project_id"])
    return ended(server, task_id)


def images_of(server: ServerUnderTest, project_id: str) -> list[str]:
    """The ids of a project's tasks of images."""
    tasks = requests.get(f"{server.url}/v1/api/projects/{project_id}/tasks", timeout=20).json()["tasks"]
    return [task["id"] for task in tasks if task["type"] == "generate_shot"]


def chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_of(width: int, height: int, *, depth: int = 8, colour: int = 2, data: bytes = b"", extra: bytes = b"") -> bytes:
    """A PNG whose header says so, whatever its data is."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    packed = data or zlib.compress(b"\0" * 100)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def zeros(count: int) -> bytes:
    """So many zero bytes, packed."""
    packer = zlib.compressobj(1)
    parts = [packer.compress(bytes(MIB)) for _ in range(count // MIB)]
    return b"".join([*parts, packer.compress(bytes(count % MIB)), packer.flush()])


def saved(form: str, size: tuple[int, int], **options: Any) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (1, 2, 3)).save(out, form, **options)
    return out.getvalue()


REFUSED: dict[str, Callable[[], bytes]] = {
    "PNG of 1 by 60,000": lambda: saved("PNG", (1, 60_000)),
    "PNG of 60,000 by 1": lambda: saved("PNG", (60_000, 1)),
    "PNG of 2^31-1 by 2^31-1 with 16 bits": lambda: png_of(0x7FFFFFFF, 0x7FFFFFFF, depth=16, colour=6),
    "PNG of 29,999 by 29,999 with 16 bits": lambda: png_of(29_999, 29_999, depth=16, colour=6),
    "PNG whose pixels are missing": lambda: png_of(1000, 1000),
    "a program of PostScript": lambda: b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 100 100\n(/etc/passwd) (r) file\n",
    "SVG with a file in it": lambda: (
        b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'
    ),
    "an icon in an icon": lambda: b"\0\0\1\0\1\0\0\0\0\0\1\0\x20\0" + struct.pack("<II", 1 << 30, 6),
    "a list of an HLS": lambda: b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
}
TAKEN: dict[str, Callable[[], bytes]] = {
    "PNG with a text of 128 MiB": lambda: png_of(
        64, 64, data=zeros(64 * 193), extra=chunk(b"zTXt", b"a\0\0" + zeros(128 * MIB))
    ),
    "PNG with more pixels than it needs": lambda: png_of(64, 64, data=zeros(128 * MIB)),
    "PNG of 5,000 by 5,000 with 16 bits": lambda: png_of(5000, 5000, depth=16, colour=6, data=zeros(5000 * 40_001)),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_no_usable_picture_fails_in_words(server: ServerUnderTest, node: StandInNode, kind: str) -> None:
    content = REFUSED[kind]()
    node.script("generate_shot", lambda _envelope: finished(content))

    with Peak(server) as peak:
        task = image_of(server)

    assert task["status"] == "failed"
    assert task["error"]
    assert "内部错误" not in task["error"]
    assert str(server.folder) not in task["error"]
    assert peak.bytes < ROOM


@pytest.mark.parametrize("kind", TAKEN)
def test_a_picture_that_unpacks_to_far_more_costs_no_memory(
    server: ServerUnderTest, node: StandInNode, kind: str
) -> None:
    content = TAKEN[kind]()
    node.script("generate_shot", lambda _envelope: finished(content))

    with Peak(server) as peak:
        task = image_of(server)

    assert "内部错误" not in task["error"]
    assert peak.bytes < ROOM


LARGE: dict[str, Callable[[], bytes]] = {
    "WebP": lambda: saved("WEBP", (7000, 7000), lossless=True, method=0),
}


@pytest.mark.parametrize("form", LARGE)
def test_large_pictures_that_come_at_once_are_looked_at_few_at_a_time_elsewhere(
    server: ServerUnderTest, node: StandInNode, form: str
) -> None:
    content = LARGE[form]()
    node.script("generate_shot", lambda _envelope: finished(content))

    with Peak(server) as peak:
        created = create(server, AT_ONCE)
        assert ended(server, created["text_task_id"])["status"] == "finished"
        images = [ended(server, task_id) for task_id in images_of(server, created["project_id"])]

    assert [task["status"] for task in images] == ["finished"] * AT_ONCE
    assert peak.of_the_server < ROOM
    assert peak.bytes < ROOM_FOR_TWO


def clip(folder: Path, suffix: str, *options: str, source: str = "testsrc=size=64x64:rate=10:duration=1") -> bytes:
    path = folder / f"a.{suffix}"
    ffmpeg("-f", "lavfi", "-i", source, "-pix_fmt", "yuv420p", *options, path)
    return path.read_bytes()


def patched(data: bytes, mark: bytes, offset: int, form: str, *values: int) -> bytes:
    changed = bytearray(data)
    struct.pack_into(form, changed, data.index(mark) + offset, *values)
    return bytes(changed)


def _sound(folder: Path) -> bytes:
    path = folder / "a.mp4"
    ffmpeg("-f", "lavfi", "-i", "sine=duration=1", path)
    return path.read_bytes()


LATER = "setts=ts='if(gt(N,4),TS+{}/TB,TS)'"
CLIPS: dict[str, Callable[[Path], bytes]] = {
    "nothing but sound": _sound,
    "a second half thirty hours later": lambda folder: clip(folder, "mp4", "-bsf:v", LATER.format(108_000)),
    "WebM whose second half comes 30 years later": lambda folder: clip(
        folder, "webm", "-c:v", "libvpx", "-bsf:v", LATER.format(946_000_000)
    ),
    "a box as large as the sky": lambda folder: patched(clip(folder, "mp4"), b"moov", -4, ">I", 0x7FFFFFFF),
    "a list of other files": lambda _folder: b"ffconcat version 1.0\nfile '/etc/passwd'\n",
    "a playlist": lambda _folder: b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
}


@pytest.fixture(scope="module")
def drawn(server: ServerUnderTest, node: StandInNode) -> tuple[str, str]:
    """A project and its shot, whose image is there."""
    node.script("generate_shot", lambda _envelope: finished(png()))
    task = image_of(server)
    assert task["status"] == "finished", task
    return task["projectId"], task["shotId"]


@pytest.mark.parametrize("kind", CLIPS)
def test_a_clip_that_lies_is_refused_in_words(
    server: ServerUnderTest, node: StandInNode, drawn: tuple[str, str], tmp_path: Path, kind: str
) -> None:
    content = CLIPS[kind](tmp_path)
    node.script("generate_video", lambda _envelope: finished(content))
    project_id, shot_id = drawn

    with Peak(server) as peak:
        asked = requests.post(f"{server.url}/v1/api/projects/{project_id}/video?shot_id={shot_id}", timeout=20)
        task = ended(server, asked.json()["task_id"])

    assert "内部错误" not in task["error"]
    assert str(server.folder) not in task["error"]
    assert peak.bytes < ROOM
    assert task["status"] == "failed", task["message"]


MARKS = [
    "\x85",
    "\u2028",
    "\u2029",
    "\x07",
    "\x1b]8;;http://evil.example\x1b\\",
    "\x9b31m",
    "\x9d0;title\x9c",
    *"\x0b\x0c\x1c\x1d\x1e\r\n\u202e\ud800\x7f",
    "\x08" * 80,
]


def test_nothing_that_a_node_says_forges_a_line(server: ServerUnderTest, node: StandInNode) -> None:
    text = "".join(f"图{mark}{FORGED}" for mark in MARKS)
    node.script("generate_shot", lambda _envelope: failed(text))
    began = len(server.lines())

    task = image_of(server)

    assert task["status"] == "failed"
    lines = server.lines()[began:]
    assert "all is lost" in lines
    assert not [line for line in re.split("[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]", lines) if line.startswith(FORGED)]
    assert not {c for c in lines if unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp") and c != "\n"}

"""No text for users says where files lie, and none loses anything else."""

from __future__ import annotations

import errno
import os
import subprocess
import tempfile
from pathlib import Path

import av
import pytest
from PIL import Image

from common.user_text import hide, without_paths
from service.film.encoding.ffmpeg import ffmpeg_exe

PATHS = [
    (
        "[Errno 2] No such file or directory: '/home/film/data/assets/a.png'",
        "[Errno 2] No such file or directory: 'a.png'",
    ),
    ("cannot identify image file '/tmp/s2v-ab12/My Films/a b.png'", "cannot identify image file 'a b.png'"),
    ("Error opening input file /tmp/tmpab12cd/list.txt.", "Error opening input file list.txt."),
    ("[concat @ 0x55] Impossible to open '/tmp/x/segments/1.mp4'", "[concat @ 0x55] Impossible to open '1.mp4'"),
    ("/data/film/片段/一.mp4: Invalid data found", "一.mp4: Invalid data found"),
    ("字体无法读取: /usr/share/fonts/a.ttf (cannot open resource)", "字体无法读取: a.ttf (cannot open resource)"),
    ("文件（/var/lib/s2v/x.png）无法读取", "文件（x.png）无法读取"),
    ("无法打开/tmp/x/y.png，请重试", "无法打开y.png，请重试"),
    ("无法读取 /tmp/x/y.png的内容", "无法读取 y.png的内容"),
    ("mkdir /srv/data/node/tmp", "mkdir …"),
    ("cannot open file:///tmp/a/b.png", "cannot open file:b.png"),
    ('File "/usr/lib/python3.11/site-packages/av/error.py", line 3', 'File "error.py", line 3'),
    ("a=/opt/models/sd/xl.safetensors;b", "a=…;b"),
    ("unix:///run/redis/redis.sock refused", "unix:redis.sock refused"),
    ("one /a/b/c.png\nand /d/e/f.wav", "one c.png\nand f.wav"),
]
KEPT = [
    "影片已生成，时长 12.0 秒",
    "music a 不存在，可用的见 GET /v1/api/music，或用 auto",
    "无法连接模型节点 http://127.0.0.1:8800/a/b.png：超时",
    "对象存储 https://minio.example:9000 不可用",
    "3/6 个镜头的旁白失败：无",
    "苹果/梨/桃、横/竖",
    "宽/高 与 and/or, 24/30/60, km/h",
    "C:\\models\\sd\\xl.bin",
    "https://film.example/files/a/b.mp4",
    "1 / 2 / 3",
    "",
]


@pytest.mark.parametrize(("text", "shown"), PATHS)
def test_a_path_is_shortened_to_its_file(text: str, shown: str) -> None:
    assert without_paths(text) == shown


@pytest.mark.parametrize("text", KEPT)
def test_what_is_no_path_stays(text: str) -> None:
    assert without_paths(text) == text


@pytest.mark.parametrize("text", [shown for _, shown in PATHS])
def test_a_text_that_was_seen_to_stays_as_it_is(text: str) -> None:
    assert without_paths(text) == text


def test_a_folder_that_is_named_is_hidden_with_all_its_blanks(tmp_path: Path) -> None:
    folder = tmp_path / "My Films, 2026" / "data"
    hide(folder)
    shown = without_paths(f"Error opening {folder}/cache/seg-1.mp4: no space in {folder}")
    assert shown == "Error opening seg-1.mp4: no space in …"


def errors_of_libraries(folder: Path) -> list[str]:
    """What the libraries that open files say about one of this folder that is none."""
    broken = folder / "broken.mp4"
    broken.write_bytes(b"no picture")
    said = [str(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(broken), None, str(folder / "b.png")))]
    for read in (Image.open, av.open):
        with pytest.raises(Exception, match="broken") as failure:
            read(str(broken))
        said.append(str(failure.value))
    run = subprocess.run([ffmpeg_exe(), "-i", broken, folder / "out" / "x.mp4"], capture_output=True, check=False)
    lines = run.stderr.decode()
    assert str(broken) in lines
    return [*said, lines]


def test_what_libraries_say_shows_no_folder() -> None:
    with tempfile.TemporaryDirectory(prefix="s2v-") as temporary:
        folder = Path(temporary) / "films"
        folder.mkdir()
        for text in errors_of_libraries(folder):
            shown = without_paths(text)
            assert "broken.mp4" in shown, text
            assert (temporary in shown, Path(temporary).name in shown) == (False, False), shown

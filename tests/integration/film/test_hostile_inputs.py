"""Files and texts that nobody should have sent: a film that says what it left out, or an error that names the shot; never a hang."""

from __future__ import annotations

import dataclasses
import io
import zlib
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from common.errors import HostUnavailable
from service.film.errors import FilmError
from service.film.spec import INPUT, FilmShot, Subtitles, Transition
from tests.integration.film import material
from tests.integration.film.material import decode, difference, make, seen
from tests.support.soak import soaking

pytestmark = pytest.mark.timeout(120)


def _truncated(path: Path) -> None:
    rng = np.random.default_rng(2)
    Image.fromarray(rng.integers(0, 255, (200, 300, 3), np.uint8)).save(path, "PNG")
    path.write_bytes(path.read_bytes()[:-5000])


def _png(path: Path, width: int, height: int, data: bytes) -> None:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b""))


def _huge(path: Path) -> None:
    _png(path, 20_000, 20_000, zlib.compress(bytes(1000)))


def _bomb(path: Path) -> None:
    """A small image with a comment that unpacks to a hundred megabytes."""
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", "a" * 100_000_000, zip=True)
    Image.new("RGB", (16, 16)).save(path, "PNG", pnginfo=info)


def _text(path: Path) -> None:
    path.write_text("this is no picture\n" * 100)


def _empty(path: Path) -> None:
    path.write_bytes(b"")


def _bad_exif(path: Path) -> None:
    """To be turned upright, but with another tag of a type that cannot hold its value: Pillow answers with struct.error."""
    exif = Image.Exif()
    exif[0x0112], exif[0x0100] = 6, 32
    with io.BytesIO() as file:
        Image.new("RGB", (32, 24), (200, 30, 40)).save(file, "JPEG", exif=exif)
        data = bytearray(file.getvalue())
    data[data.index(b"Exif\0\0") + 19] = 1
    path.write_bytes(data)


def _sound_only(path: Path) -> None:
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=48_000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 48_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _corrupt_clip(path: Path) -> None:
    """The headers are there, the images are not."""
    material.clip(path, [np.full((90, 160, 3), 20 * n, np.uint8) for n in range(10)])
    data = bytearray(path.read_bytes())
    start = data.index(b"mdat") + 4
    end = data.index(b"moov") - 4
    data[start:end] = np.random.default_rng(4).integers(0, 255, end - start, np.uint8).tobytes()
    path.write_bytes(data)


def _headless_clip(path: Path) -> None:
    material.clip(path, [np.full((90, 160, 3), 20 * n, np.uint8) for n in range(10)])
    path.write_bytes(path.read_bytes()[:600])


def _playlist(path: Path) -> None:
    """A playlist that names a file of the machine."""
    path.write_text("ffconcat version 1.0\nfile /etc/passwd\n")


def _stream_list(path: Path) -> None:
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n")


Maker = Callable[[Path], None]


@pytest.mark.parametrize("spoil", soaking([_truncated, _huge, _bomb, _bad_exif, _text, _empty], keep=4))
def test_an_image_that_cannot_be_used_is_replaced_and_named(tmp_path: Path, spoil: Maker) -> None:
    shots = list(material.shots(tmp_path / "in", 3, 0.5, minimum_s=0.3))
    spoil(tmp_path / "bad.png")
    shots[1] = dataclasses.replace(shots[1], image=tmp_path / "bad.png", title="第二幕")
    report = make(material.spec(tmp_path, shots, width=160, height=90))
    if spoil in (_bomb, _bad_exif):  # their pixels are innocent
        assert not [warning for warning in report.warnings if "镜头 1" in warning or "镜头 3" in warning]
    else:
        assert [warning for warning in report.warnings if warning.startswith("镜头 2 的图片无法使用")]
        assert str(tmp_path) not in str(report.warnings), "nobody outside need know where files lie"
    frames = decode(report.film)
    assert len(frames) == round(report.duration_s * 15)
    middle = frames[round((report.shots[0].start + report.shots[0].end) / 2 * 15)]
    assert shots[0].image is not None
    assert difference(middle[:60], seen(shots[0].image, (160, 90))[:60]) < 20, "the others are as they were"


@pytest.mark.parametrize("spoil", soaking([_truncated, _huge, _text, _empty], keep=1))
def test_a_strict_film_fails_on_it_by_the_shots_number(tmp_path: Path, spoil: Maker) -> None:
    shots = list(material.shots(tmp_path / "in", 2, 0.3))
    spoil(tmp_path / "bad.png")
    shots[1] = dataclasses.replace(shots[1], image=tmp_path / "bad.png")
    with pytest.raises(FilmError, match="镜头 2") as caught:
        make(material.spec(tmp_path, shots, width=160, height=90, strict=True))
    assert caught.value.stage == INPUT
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "spoil",
    soaking([_sound_only, _corrupt_clip, _playlist, _stream_list, _truncated, _headless_clip, _text, _empty], keep=5),
)
def test_a_clip_that_cannot_be_used_gives_way_to_the_image(tmp_path: Path, spoil: Maker) -> None:
    """A truncated PNG is a clip of one broken frame to ffmpeg."""
    spoil(tmp_path / "bad.mp4")
    shot = FilmShot(1, clip=tmp_path / "bad.mp4", image=material.image(tmp_path / "a.png", 1), minimum_s=0.5)
    report = make(material.spec(tmp_path, [shot], width=160, height=90, threads=1))
    assert [warning for warning in report.warnings if warning.startswith("镜头 1 的视频片段无法使用")]
    assert str(tmp_path) not in str(report.warnings), "nobody outside need know where files lie"
    assert difference(decode(report.film)[3], seen(tmp_path / "a.png", (160, 90))) < 20
    with pytest.raises(FilmError, match="镜头 1"):
        make(material.spec(tmp_path / "strict", [shot], width=160, height=90, threads=1, strict=True))


def test_with_clip_and_image_broken_there_is_a_placeholder(tmp_path: Path) -> None:
    _corrupt_clip(tmp_path / "bad.mp4")
    _truncated(tmp_path / "bad.png")
    shot = FilmShot(7, clip=tmp_path / "bad.mp4", image=tmp_path / "bad.png", minimum_s=0.5)
    report = make(material.spec(tmp_path, [shot], width=160, height=90, threads=1))
    assert ["片段" in warning or "图片" in warning for warning in report.warnings] == [True, True]
    assert all("镜头 7" in warning for warning in report.warnings)
    assert decode(report.film).mean() > 30


@pytest.mark.parametrize("spoil", soaking([_truncated, _playlist, _text, _empty], keep=2))
def test_a_narration_that_cannot_be_heard_becomes_silence(tmp_path: Path, spoil: Maker) -> None:
    shots = list(material.shots(tmp_path / "in", 2, 0.5))
    spoil(tmp_path / "bad.wav")
    shots[0] = dataclasses.replace(shots[0], narration=tmp_path / "bad.wav", text="无声")
    report = make(material.spec(tmp_path, shots, width=160, height=90))
    assert [warning for warning in report.warnings if warning.startswith("镜头 1 的旁白无法使用")]
    assert str(tmp_path) not in str(report.warnings), "nobody outside need know where files lie"
    with pytest.raises(FilmError, match="镜头 1"):
        make(material.spec(tmp_path / "strict", shots, width=160, height=90, strict=True))


def _refusing(path: Path, error: OSError, monkeypatch: pytest.MonkeyPatch) -> None:
    """Root may read everything, so a file is taken away by hand."""
    real = Path.open

    def refuse(opened: Path, *arguments: object, **options: object) -> object:
        if opened == path:
            raise error
        return real(opened, *arguments, **options)  # type: ignore[call-overload] # as it came

    monkeypatch.setattr(Path, "open", refuse)


def test_a_file_that_goes_meanwhile_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shots = material.shots(tmp_path / "in", 1, 0.3)
    assert shots[0].image is not None
    _refusing(shots[0].image, FileNotFoundError(2, "No such file or directory"), monkeypatch)
    report = make(material.spec(tmp_path, shots, width=160, height=90, threads=1))
    assert [warning for warning in report.warnings if "No such file" in warning]


def test_a_file_that_this_machine_may_not_read_is_no_broken_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shots = material.shots(tmp_path / "in", 1, 0.3)
    assert shots[0].image is not None
    _refusing(shots[0].image, PermissionError(13, "Permission denied"), monkeypatch)
    with pytest.raises(HostUnavailable):
        make(material.spec(tmp_path, shots, width=160, height=90, threads=1))


TEXTS = {
    "braces": r"{\an8\fs90}大字{\p1}m 0 0 l 100 100{\p0}",
    "backslashes": r"C:\new\table \N \h \n \\",
    "quotes": "'\"`' “引号” ‘单’ it's",
    "filter": "drawtext=text='x':fontfile=/etc/passwd,movie=/etc/passwd[a];[a]null",
    "percent": "100% %d %s %n %{pts} {0} ${HOME} $(id)",
    "html": "<b>bold</b> <font color=red>x</font> &lt; --> <script>",
    "lines": "一\n\n2\n00:00:01,000 --> 00:00:09,000\r\nfake\x0b\x0c\u2028x",
    "controls": "a\x00b\x1b[31mc\x7f\u0085\ufeff\u200b\ue000\U000e0041",
    "right to left": "שלום עולם \u202eevil\u202c مرحبا",
    "emoji": "😀👩‍👩‍👧‍👦🇨🇳 1️⃣",
    "surrogate": "a\ud800b",
    "combining": "Z̸̧̢͎̗̞a̷̛̳̱l̶̛̰g̸o" * 5,
}


def test_any_text_is_only_text_in_subtitles_titles_and_chapters(tmp_path: Path) -> None:
    shots = []
    for number, text in enumerate(TEXTS.values(), 1):
        image = material.image(tmp_path / f"{number}.png", number, (64, 48)) if number % 2 else None
        shots.append(FilmShot(number, image=image, text=text, title=text, minimum_s=1.0))
    title = "".join(TEXTS.values())
    spec = material.spec(tmp_path, shots, width=160, height=90, fps=8, title=title, subtitles=Subtitles.BOTH)
    report = make(spec)
    with av.open(str(report.film)) as container:
        assert [stream.type for stream in container.streams] == ["video", "audio", "subtitle", "data"]  # the chapters
        assert len(container.chapters()) == len(shots), "a text ended its own chapter, or took in the next"
        shown = b"".join(bytes(packet)[2:] for packet in container.demux(container.streams.subtitles[0]))
    assert report.subtitles_srt is not None
    blocks = report.subtitles_srt.read_text("utf-8").split("\n\n")
    assert all(block.splitlines()[0].isdecimal() for block in blocks)
    assert sum("-->" in block for block in blocks) == len(blocks), "a text made a cue of its own"
    assert b"root:" not in shown
    assert b"root:" not in report.film.read_bytes()
    assert len(decode(report.film)) == round(report.duration_s * 8)


def test_ten_thousand_characters_are_no_longer_than_a_minute_and_never_too_fast_to_read(tmp_path: Path) -> None:
    text = "清晨的阳光洒在山谷里，小狐狸醒来了。" * 560
    shot = FilmShot(1, image=material.image(tmp_path / "a.png", 1, (96, 64)), text=text, minimum_s=0.5)
    report = make(material.spec(tmp_path, [shot], width=96, height=64, fps=5, title=text))
    assert report.duration_s <= 60.2
    assert [warning for warning in report.warnings if "文字太长" in warning]
    assert report.subtitles_srt is not None
    blocks = report.subtitles_srt.read_text("utf-8").strip().split("\n\n")
    assert 20 < len(blocks) < 70


def test_a_narration_much_shorter_than_its_text_leaves_time_to_read(tmp_path: Path) -> None:
    shot = FilmShot(1, narration=material.speech(tmp_path / "a.wav", 0.3), text="很久很久以前，有一只小狐狸。" * 3)
    report = make(material.spec(tmp_path, [shot], width=96, height=64, fps=5))
    assert 42 / 9 < report.duration_s < 8


NAMES = ("it's", 'a"b', "with blank", "-y", "new\nline", "%03d", "a:b", "http:x", "'; rm -rf x;'", "中文 🎬", "a\\b")


def test_files_and_folders_may_have_any_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / 'it\'s "%d"\n-in'
    folder.mkdir()
    monkeypatch.chdir(folder)  # names stay relative, where a leading dash could be an option
    frames = [np.full((64, 96, 3), 20 * n + 50, np.uint8) for n in range(5)]
    clip = material.clip(tmp_path / "c.mp4", frames)
    shots = []
    for number, name in enumerate(NAMES, 1):
        image = material.image(tmp_path / "x.png", number, (96, 64)).rename(folder / name)
        narration = material.speech(tmp_path / "n.wav", 0.3).rename(folder / f"{name}.wav")
        (folder / f"{name}.mp4").write_bytes(clip.read_bytes())
        moving = Path(f"{name}.mp4") if number % 2 else None
        named = Path(image.name), moving, Path(narration.name)
        shots.append(FilmShot(number, *named, minimum_s=0.3, transition=Transition.CUT))
    spec = material.spec(tmp_path / '-it\'s "%d"\n out', shots, width=96, height=64, fps=8, strict=True)
    report = make(spec)
    assert report.film.parent == spec.output_dir
    assert len(decode(report.film)) == round(report.duration_s * 8)
    with pytest.raises(FilmError, match="镜头 3"):
        make(dataclasses.replace(spec, shots=(*shots[:2], FilmShot(3, image=Path("-nothing")))))

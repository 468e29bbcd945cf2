"""The music library over HTTP, on either store."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from common.errors import DatabaseUnavailable, InvalidInput
from config.settings import FilmSettings, MinioSettings, Settings
from routers.app import create_app
from service import films, music
from service.container import Services
from service.oss.minio import MinioStore
from service.schemas import FilmRequest, MusicUpload
from tests.support.audio_signals import encode, silence, write_wav
from tests.support.audio_signals import music as melody
from tests.support.hostile_media import plain_wav, raw_sound, watched
from tests.support.removals import swept
from tests.support.soak import soaking
from tests.support.web_app import make_settings, serving, unsigned
from tests.support.web_app import new_task as new_project_with_task

MUSIC = "/v1/api/music"
LIMIT = 400_000  # with what is over it still less than the test client would put into a file of its own


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return make_settings(tmp_path / "data").model_copy(update={"film": FilmSettings(max_music=LIMIT)})


@pytest.fixture(params=["local", "minio"])
def stored(request: pytest.FixtureRequest, services: Services) -> Services:
    """Services whose store is a local folder, or a MinIO."""
    if request.param == "local":
        services.store.check()
        return services
    minio: MinioSettings = request.getfixturevalue("minio")
    store = MinioStore(minio)
    store.check()
    settings = services.settings.model_copy(update={"minio": minio})
    return dataclasses.replace(services, store=store, settings=settings)


# For a test whose subject is no store.
minio_by_soak = pytest.mark.parametrize("stored", soaking(["local", "minio"], keep=1), indirect=True)


@pytest.fixture
def client(stored: Services) -> FlaskClient:
    return create_app(stored).test_client()


def upload(client: FlaskClient, content: bytes, name: str = "a.mp3", **fields: str) -> TestResponse:
    return client.post(MUSIC, data={"file": (io.BytesIO(content), name), **fields})


def listed(client: FlaskClient) -> list[dict[str, Any]]:
    body = client.get(MUSIC).get_json()
    assert body["total"] == len(body["music"])
    return list(body["music"])


def downloaded(client: FlaskClient, url: str) -> bytes:
    if "/assets/" in url:
        parts = urlsplit(url)
        with client.get(f"{parts.path}?{parts.query}") as answer:
            return bytes(answer.data)
    return requests.get(url, timeout=10).content


def nothing_kept(client: FlaskClient, services: Services) -> bool:
    return listed(client) == [] and swept(services) == []


@pytest.mark.parametrize(
    ("suffix", "codec", "content_type"),
    [
        ("mp3", "mp3", "audio/mpeg"),
        ("wav", "pcm_s16le", "audio/wav"),
        ("flac", "flac", "audio/flac"),
        ("ogg", "libopus", "audio/ogg"),
        ("m4a", "aac", "audio/mp4"),
        ("aac", "aac", "audio/aac"),
        ("weba", "libopus", "audio/webm"),
    ],
)
@minio_by_soak
def test_music_is_known_by_its_bytes_whatever_its_name(
    suffix: str, codec: str, content_type: str, client: FlaskClient, tmp_path: Path
) -> None:
    name = {"weba": "webm"}.get(suffix, suffix)
    content = encode(tmp_path / f"a.{name}", melody(1.8), codec).read_bytes()
    answer = upload(client, content, "晨光.exe", tags="平静, 钢琴;calm  calm")
    assert answer.status_code == 200, answer.text
    piece = answer.get_json()["music"]
    assert piece["url"].partition("?")[0].endswith(f"music/1.{suffix}")
    assert (piece["title"], piece["tags"]) == ("晨光", ["平静", "钢琴", "calm"])
    assert (piece["duration"], piece["size"], piece["contentType"]) == (2, len(content), content_type)
    assert list(map(unsigned, listed(client))) == [unsigned(piece)]
    assert downloaded(client, piece["url"]) == content


@minio_by_soak
def test_joined_music_is_taken_whole_and_told(client: FlaskClient, tmp_path: Path) -> None:
    one = write_wav(tmp_path / "a.wav", melody(0.6)).read_bytes()
    answer = upload(client, one + encode(tmp_path / "b.mp3", melody(1.4), "mp3").read_bytes()).get_json()
    assert answer["music"]["duration"] == 2
    assert answer["message"].startswith("音乐已上传；文件由 2 段声音拼接而成")


def _silent_film(folder: Path) -> bytes:
    import av

    with av.open(str(folder / "v.mp4"), "w") as file:
        stream = file.add_stream("libx264", rate=5)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        file.mux(stream.encode(av.VideoFrame(64, 64, "yuv420p")))
        file.mux(stream.encode(None))
    return (folder / "v.mp4").read_bytes()


USELESS: dict[str, Callable[[Path], bytes]] = {
    "empty": lambda _: b"",
    "text": lambda _: b"#EXTM3U\nfile:///etc/passwd\n",
    "page": lambda _: b"<html>not found</html>",
    "picture": lambda _: b"\x89PNG\r\n\x1a\n" + bytes(200),
    "header only": lambda folder: write_wav(folder / "e.wav", silence(0)).read_bytes(),
    "a film without sound": _silent_film,
    "mp3 in name only": lambda _: b"ID3\x04" + bytes(5000),
}


@pytest.mark.parametrize("kind", USELESS)
def test_what_cannot_be_played_is_refused_and_not_kept(
    kind: str, client: FlaskClient, stored: Services, tmp_path: Path
) -> None:
    answer = upload(client, USELESS[kind](tmp_path))
    assert (answer.status_code, answer.get_json()["field"]) == (400, "file")
    assert nothing_kept(client, stored)


@pytest.mark.parametrize("rate", soaking([1, 8, 3_999], keep=[1, 3_999]))
@pytest.mark.parametrize("suffix", ["flac", "wav", "mov"])
def test_a_sound_of_too_low_a_rate_is_refused_over_http_and_costs_no_memory(
    suffix: str, rate: int, services: Services, tmp_path: Path
) -> None:
    with (
        serving(create_app(services)) as address,
        watched() as peak,
        raw_sound(tmp_path / f"a.{suffix}", rate).open("rb") as file,
    ):
        answer = requests.post(f"http://{address}{MUSIC}", files={"file": file}, timeout=60)
    said = answer.json()
    assert (answer.status_code, said["field"]) == (400, "file")
    assert f"{rate} Hz，应在 4000 到 384000 Hz 之间" in said["error"]
    assert said["error"].startswith("file ")
    assert peak.bytes < 400 << 20
    assert nothing_kept(create_app(services).test_client(), services)


@pytest.mark.parametrize(
    "rate",
    soaking([8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000, 192_000], keep=[8_000, 44_100, 192_000]),
)
def test_a_sound_of_a_usual_rate_is_taken(rate: int, services: Services, tmp_path: Path) -> None:
    client = create_app(services).test_client()
    answer = upload(client, plain_wav(tmp_path / "a.wav", rate, 2.0).read_bytes())
    assert answer.get_json()["music"]["duration"] == 2


@pytest.mark.parametrize("excess", [1, 70_000])
def test_music_over_the_limit_is_refused_by_its_number(
    excess: int, client: FlaskClient, stored: Services, tmp_path: Path
) -> None:
    wav = write_wav(tmp_path / "a.wav", melody(1)).read_bytes()
    answer = upload(client, wav + bytes(LIMIT + excess - len(wav)))
    assert answer.status_code == 413
    assert "0.381 MB" in answer.get_json()["error"]
    assert nothing_kept(client, stored)
    assert upload(client, wav + bytes(LIMIT - len(wav))).status_code == 200


@pytest.mark.parametrize(
    ("filename", "title"),
    [
        ("../../etc/平静.mp3", "平静"),
        ("C:\\\\music\\\\calm.final.mp3", "calm.final"),
        ("a\tb\x07c.mp3", "a b c"),
        (".mp3", ".mp3"),
        ("...", "..."),
        ("x" * 300 + ".mp3", "x" * 200),
    ],
)
@minio_by_soak
def test_a_files_name_becomes_a_title_that_can_be_shown(
    filename: str, title: str, client: FlaskClient, tmp_path: Path
) -> None:
    answer = upload(client, write_wav(tmp_path / "a.wav", melody(0.3)).read_bytes(), filename)
    assert answer.get_json()["music"]["title"] == title
    assert answer.get_json()["music"]["duration"] == 1


@pytest.mark.parametrize(
    ("fields", "field", "limit"), [({"title": "t" * 201}, "title", "200"), ({"tags": "t" * 201}, "tags", "200")]
)
def test_a_title_or_tags_over_their_limits_are_refused(
    fields: dict[str, str], field: str, limit: str, client: FlaskClient, stored: Services, tmp_path: Path
) -> None:
    answer = upload(client, write_wav(tmp_path / "a.wav", melody(0.3)).read_bytes(), **fields)
    assert (answer.status_code, answer.get_json()["field"]) == (400, field)
    assert limit in answer.get_json()["error"]
    assert nothing_kept(client, stored)


def test_exactly_one_file_is_needed(client: FlaskClient, tmp_path: Path) -> None:
    wav = write_wav(tmp_path / "a.wav", melody(0.3)).read_bytes()
    none = client.post(MUSIC, data={"title": "x"}, content_type="multipart/form-data")
    two = client.post(MUSIC, data={"a": (io.BytesIO(wav), "a.wav"), "b": (io.BytesIO(wav), "b.wav")})
    same = client.post(MUSIC, data={"file": [(io.BytesIO(wav), "a.wav"), (io.BytesIO(wav), "b.wav")]})
    for answer, count in ((none, 0), (two, 2), (same, 2)):
        assert (answer.status_code, answer.get_json()["field"]) == (400, "file")
        assert str(count) in answer.get_json()["error"]
    assert client.post(MUSIC).status_code == 400


def test_a_deleted_piece_is_gone_and_its_number_is_never_given_again(
    client: FlaskClient, stored: Services, tmp_path: Path
) -> None:
    wav = write_wav(tmp_path / "a.wav", melody(0.3)).read_bytes()
    for title in ("one", "two"):
        upload(client, wav, title=title)
    assert client.delete(f"{MUSIC}/2").get_json()["music_id"] == "2"
    assert [piece["title"] for piece in listed(client)] == ["one"]
    assert swept(stored) == ["music/1.wav"]
    assert upload(client, wav, title="three").get_json()["music"]["id"] == "3"
    for unknown in ("2", "nobody", "..%2f1", "x" * 65):
        assert client.delete(f"{MUSIC}/{unknown}").status_code == 404
    assert [piece["title"] for piece in listed(client)] == ["three", "one"]


def test_a_store_that_fails_keeps_no_row(
    client: FlaskClient, stored: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from common.errors import StorageUnavailable

    def fail(*_given: object, **_options: object) -> None:
        raise StorageUnavailable("gone")

    with monkeypatch.context() as patch:
        patch.setattr(stored.store, "put_file", fail)
        assert upload(client, write_wav(tmp_path / "a.wav", melody(0.3)).read_bytes()).status_code == 503
    assert nothing_kept(client, stored)


def test_a_piece_whose_row_cannot_be_written_is_not_kept(
    client: FlaskClient, stored: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_given: object, **_options: object) -> None:
        raise DatabaseUnavailable("gone")

    with monkeypatch.context() as patch:
        patch.setattr("service.assets.versions.mark_stored", fail)
        assert upload(client, write_wav(tmp_path / "a.wav", melody(0.3)).read_bytes()).status_code == 503
    assert nothing_kept(client, stored)


class _Reads:
    """A stream that remembers the sizes it was asked for."""

    def __init__(self, content: bytes) -> None:
        self._stream = io.BytesIO(content)
        self.sizes: list[int] = []

    def read(self, size: int = -1) -> bytes:
        self.sizes.append(size)
        return self._stream.read(size)


def test_an_upload_is_taken_in_pieces(stored: Services, tmp_path: Path) -> None:
    reads = _Reads(write_wav(tmp_path / "a.wav", melody(8)).read_bytes())
    roomy = dataclasses.replace(stored, settings=stored.settings.model_copy(update={"film": FilmSettings()}))
    music.add(roomy, reads, "a.wav", MusicUpload())  # type: ignore[arg-type] # all that is used of a stream
    assert len(reads.sizes) > 1
    assert all(0 < size <= 1 << 20 for size in reads.sizes)


def chosen(services: Services, wanted: str, mood: str) -> str:
    with services.database.read() as session:
        piece = music.choose(session, wanted, mood)
        return "" if piece is None else piece.title


@minio_by_soak
def test_a_film_gets_the_piece_that_fits_its_storyboard_best(
    client: FlaskClient, stored: Services, tmp_path: Path
) -> None:
    wav = write_wav(tmp_path / "a.wav", melody(0.3)).read_bytes()
    for title, tags in (("Peaceful", "piano"), ("快乐时光", ""), ("追逐", "tense"), ("Quiet", "")):
        assert upload(client, wav, title=title, tags=tags).status_code == 200
    assert chosen(stored, "auto", "舒缓的钢琴") == "Peaceful"
    assert chosen(stored, "auto", "calm") == "Quiet"  # of equals the newest
    assert chosen(stored, "auto", "欢快") == "快乐时光"
    assert chosen(stored, "auto", "悬疑、紧张") == "追逐"
    assert chosen(stored, "auto", "magical") == chosen(stored, "auto", "") == chosen(stored, "", "calm") == ""
    assert chosen(stored, "2", "calm") == "快乐时光"


def test_a_film_cannot_be_asked_for_with_music_that_is_not_there(client: FlaskClient, stored: Services) -> None:
    from models.task import Task

    task_id = new_project_with_task(stored)
    with stored.database.read() as session:
        project_id = session.get_one(Task, task_id).project_id
    answer = client.post(f"/v1/api/projects/{project_id}/video", json={"music": "7"})
    assert (answer.status_code, answer.get_json()["field"]) == (400, "music")
    with pytest.raises(InvalidInput):
        films.request(stored, project_id, FilmRequest(music="7"))

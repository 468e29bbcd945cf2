"""Assets of the local store, static files, and the music library over HTTP."""

from __future__ import annotations

import dataclasses
import io
import math
import struct
import wave
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from werkzeug.http import parse_options_header

from models.task import TaskStatus
from routers.app import create_app
from service.container import Services
from tests.support.web_app import new_task, unsigned

V1 = "/v1/api"
BYTES = bytes(range(256)) * 40
KEY = "projects/p/films/1.mp4"


@pytest.fixture
def link(services: Services) -> str:
    """A signed link to a stored film, as a path."""
    services.store.put(KEY, io.BytesIO(BYTES))
    return services.store.url(KEY)


def test_a_proxy_is_told_which_file_a_link_means_and_sends_it_itself(services: Services, link: str) -> None:
    server = services.settings.server.model_copy(update={"accel_redirect": "/_objects/"})
    settings = services.settings.model_copy(update={"server": server})
    client = create_app(dataclasses.replace(services, settings=settings)).test_client()
    answer = client.get(link)
    assert (answer.status_code, answer.data, answer.mimetype) == (200, b"", "video/mp4")
    assert answer.headers["X-Accel-Redirect"] == f"/_objects/{KEY}"
    assert answer.headers["Cache-Control"] == "public, max-age=3600, immutable"
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    for refused in (f"/assets/{KEY}", f"{link}x"):
        answer = client.get(refused)
        assert answer.status_code == 403
        assert "X-Accel-Redirect" not in answer.headers


@pytest.mark.parametrize("location", ["", "/_objects/"])
def test_a_link_may_say_under_which_name_to_save(services: Services, link: str, location: str) -> None:
    server = services.settings.server.model_copy(update={"accel_redirect": location})
    settings = services.settings.model_copy(update={"server": server})
    client = create_app(dataclasses.replace(services, settings=settings)).test_client()
    with client.get(services.store.url(KEY, saved_as="狐狸 & القمر.mp4")) as answer:
        assert answer.status_code == 200
        saved = parse_options_header(answer.headers["Content-Disposition"])
        assert saved == ("attachment", {"filename": "狐狸 & القمر.mp4"})
    with client.get(link) as answer:
        assert "attachment" not in answer.headers.get("Content-Disposition", "")


def test_an_asset_is_served_whole_with_type_size_and_cache_headers(client: FlaskClient, link: str) -> None:
    with client.get(link) as answer:
        assert (answer.status_code, answer.mimetype, answer.data) == (200, "video/mp4", BYTES)
        assert answer.headers["Accept-Ranges"] == "bytes"
        assert "private" in answer.headers["Cache-Control"]
        assert "max-age=3600" in answer.headers["Cache-Control"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        etag = answer.headers["ETag"]
    with client.get(link, headers={"If-None-Match": etag}) as again:
        assert (again.status_code, again.data) == (304, b"")


@pytest.mark.parametrize(
    ("asked", "first", "last"),
    [("bytes=0-99", 0, 99), ("bytes=100-", 100, 10_239), ("bytes=-10", 10_230, 10_239), ("bytes=0-999999", 0, 10_239)],
)
def test_a_player_may_ask_for_a_range(client: FlaskClient, link: str, asked: str, first: int, last: int) -> None:
    with client.get(link, headers={"Range": asked}) as answer:
        assert answer.status_code == 206
        assert answer.data == BYTES[first : last + 1]
        assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{len(BYTES)}"


def test_a_range_beyond_the_end_is_a_416(client: FlaskClient, link: str) -> None:
    answer = client.get(link, headers={"Range": "bytes=99999-"})
    assert (answer.status_code, answer.get_json()["code"]) == (416, 416)


def test_a_head_request_has_the_size_and_no_body(client: FlaskClient, link: str) -> None:
    with client.head(link) as answer:
        assert (answer.status_code, answer.content_length, answer.data) == (200, len(BYTES), b"")


@pytest.mark.parametrize("token", ["", "?token=", "?token=x.y.z", "?Token=x"])
def test_an_asset_without_a_good_token_is_forbidden(client: FlaskClient, link: str, token: str) -> None:
    answer = client.get(link.partition("?")[0] + token)
    assert (answer.status_code, answer.get_json()["code"]) == (403, 403)


def test_a_token_opens_its_own_asset_only(client: FlaskClient, services: Services, link: str) -> None:
    services.store.put("projects/p/films/2.mp4", io.BytesIO(b"another"))
    assert client.get(link.replace("1.mp4", "2.mp4")).status_code == 403


def test_a_signed_link_to_an_asset_that_is_gone_is_a_404(client: FlaskClient, services: Services, link: str) -> None:
    services.store.remove(KEY)
    assert client.get(link).status_code == 404


@pytest.mark.parametrize(
    "key", ["../secret", "%2e%2e/secret", "..%2fsecret", "projects/../../secret", "a%00b", "/etc/passwd"]
)
def test_a_key_leads_nowhere_but_into_the_store(
    client: FlaskClient, settings: object, key: str, tmp_path: Path
) -> None:
    (tmp_path / "data" / "secret").write_text("the secret")
    assert client.get(f"/assets/{key}?token=x").status_code in {400, 403, 404}


def test_static_files_are_served_with_type_and_ranges(client: FlaskClient, static_folder: Path) -> None:
    (static_folder / "old").mkdir()
    (static_folder / "old" / "a.png").write_bytes(BYTES)
    with client.get("/static/old/a.png", headers={"Range": "bytes=1-2"}) as answer:
        assert (answer.status_code, answer.mimetype, answer.data) == (206, "image/png", BYTES[1:3])


def test_a_script_in_the_static_folder_runs_nothing_of_ours(client: FlaskClient, static_folder: Path) -> None:
    (static_folder / "a.html").write_text("<script>fetch('/v1/api/projects')</script>")
    with client.get("/static/a.html") as answer:
        assert "sandbox" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "path",
    [
        "",
        "nothing.png",
        "old",
        "../secret.txt",
        "%2e%2e/secret.txt",
        "..%2fsecret.txt",
        "..%5csecret.txt",
        "link.txt",
        "circle",
        "a%00b",
        "a" * 300,
        "a/" * 3000,
    ],
)
def test_nothing_but_a_file_under_static_is_served(client: FlaskClient, static_folder: Path, path: str) -> None:
    secret = static_folder.parent / "secret.txt"
    secret.write_text("the secret")
    (static_folder / "old").mkdir()
    (static_folder / "link.txt").symlink_to(secret)
    (static_folder / "circle").symlink_to(static_folder / "circle")
    answer = client.get(f"/static/{path}")
    assert (answer.status_code, answer.get_json()["code"]) == (404, 404)


def tone(seconds: float = 1.0) -> bytes:
    """A WAV file with something to hear."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(16_000)
        samples = (round(8000 * math.sin(n / 6)) for n in range(round(16_000 * seconds)))
        writer.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
    return file.getvalue()


def test_uploaded_music_is_listed_and_playable(client: FlaskClient) -> None:
    sent = {"file": (io.BytesIO(tone()), "弦乐 calm.wav"), "title": "安静的弦乐"}
    stored = client.post(f"{V1}/music", data=sent, content_type="multipart/form-data")
    assert stored.status_code == 200, stored.text
    piece = stored.get_json()["music"]
    assert piece["title"] == "安静的弦乐"
    assert list(map(unsigned, client.get(f"{V1}/music").get_json()["music"])) == [unsigned(piece)]
    with client.get(piece["url"]) as answer:
        assert (answer.status_code, answer.data) == (200, tone())
    project = client.post(f"{V1}/projects", query_string={"StoryText": "故事。"}).get_json()["project_id"]
    film = client.post(f"{V1}/projects/{project}/video", json={"music": piece["id"]})
    assert film.status_code == 200, film.text


@pytest.mark.parametrize("files", [0, 2])
def test_music_is_uploaded_one_file_at_a_time(client: FlaskClient, files: int) -> None:
    sent = {f"file{n}": (io.BytesIO(tone()), "a.wav") for n in range(files)}
    assert client.post(f"{V1}/music", data=sent, content_type="multipart/form-data").status_code == 400


@pytest.mark.parametrize("content", [b"", b"<html>not music</html>", b"RIFF\xff\xff\xff\xffWAVE"])
def test_what_cannot_be_played_is_refused_and_not_listed(client: FlaskClient, content: bytes) -> None:
    sent = {"file": (io.BytesIO(content), "a.mp3")}
    answer = client.post(f"{V1}/music", data=sent, content_type="multipart/form-data")
    assert (answer.status_code, answer.get_json()["field"]) == (400, "file")
    assert client.get(f"{V1}/music").get_json()["total"] == 0


def test_a_finished_films_image_of_an_expired_go_link_is_signed_afresh(client: FlaskClient, services: Services) -> None:
    services.store.put("shots/s1/image.png", io.BytesIO(b"png"))
    stored = "http://10.0.0.7:9000/storytovideo/shots/s1/image.png?X-Amz-Expires=259200&X-Amz-Signature=dead"
    task_id = new_task(services, status=TaskStatus.FINISHED, result={"resource_url": stored})
    url = client.get(f"{V1}/tasks/{task_id}").get_json()["task"]["result"]["resource_url"]
    with client.get(url) as answer:
        assert (answer.status_code, answer.data) == (200, b"png")


@pytest.mark.parametrize(
    ("name", "filename", "title", "field"),
    [
        (b"title", b"a.wav", b"\xff\xfe", "title"), (b"title", b"a.wav", "标题".encode("gbk"), "title"),
        (b"title", b"a\xff.wav", b"x", "body"), (b"ti\xfftle", b"a.wav", b"x", "body"),
    ],
)  # fmt: skip
def test_a_multipart_form_that_is_not_utf8_is_refused(
    client: FlaskClient, name: bytes, filename: bytes, title: bytes, field: str
) -> None:
    part = b'--B\r\nContent-Disposition: form-data; name="%b"'
    body = part % name + b"\r\nContent-Type: text/plain; charset=iso-8859-1\r\n\r\n" + title + b"\r\n"
    body += part % b"file" + b'; filename="%b"\r\n\r\n' % filename + tone() + b"\r\n--B--\r\n"
    answer = client.post(f"{V1}/music", data=body, content_type="multipart/form-data; boundary=B")
    assert (answer.status_code, answer.get_json()["field"]) == (400, field)
    assert client.get(f"{V1}/music").get_json()["total"] == 0


@pytest.mark.parametrize("path", ["/v1/api/projects", "/api/projects/create"])
@pytest.mark.parametrize("head", ["form-data", "form-data; name*=UTF-8''x", 'form-data; filename="a.txt"'])
def test_a_part_without_a_name_is_no_parameter(client: FlaskClient, path: str, head: str) -> None:
    nameless = f"--B\r\nContent-Disposition: {head}\r\n\r\nx\r\n"
    story = '--B\r\nContent-Disposition: form-data; name="story_text"\r\n\r\na story.\r\n--B--\r\n'
    answer = client.post(path, data=nameless + story, content_type="multipart/form-data; boundary=B")
    assert answer.status_code == 200, answer.text


def test_a_multipart_form_in_chinese_is_taken(client: FlaskClient) -> None:
    sent = {"file": (io.BytesIO(tone()), "曲.wav"), "title": "标题\ufffd"}
    answer = client.post(f"{V1}/music", data=sent, content_type="multipart/form-data")
    assert answer.get_json()["music"]["title"] == "标题\ufffd"


@pytest.mark.parametrize("charset", ["utf-8", "gbk", "gb18030"])
def test_a_files_name_is_what_its_client_wrote(client: FlaskClient, charset: str) -> None:
    part = '--B\r\nContent-Disposition: form-data; name="file"; filename="小猫的歌.wav"\r\n\r\n'.encode(charset)
    body = part + tone() + b"\r\n--B--\r\n"
    answer = client.post(f"{V1}/music", data=body, content_type="multipart/form-data; boundary=B")
    assert answer.get_json()["music"]["title"] == "小猫的歌"

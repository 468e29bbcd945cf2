"""Where an attack is put: the path, and every parameter and header that the rules of its family read."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import quote, urlencode

import requests

from tests.integration.deploy.gateway import Gateway

Place = Callable[[Gateway, str], requests.Response]


def _quoted(text: str) -> str:
    return quote(text, safe="")


def _path(gateway: Gateway, attack: str) -> requests.Response:
    return gateway.ask("GET", f"/v1/api/projects/{_quoted(attack)}")


def _old_file(gateway: Gateway, attack: str) -> requests.Response:
    return gateway.ask("GET", f"/static/{_quoted(attack)}")


def _query(gateway: Gateway, attack: str) -> requests.Response:
    return gateway.ask("GET", f"/v1/api/projects?{urlencode({'page': 1, 'q': attack})}")


def _query_of_a_post(gateway: Gateway, attack: str) -> requests.Response:
    return gateway.ask("POST", f"/api/projects/x/tts?{urlencode({'voice': attack})}")


def _json(gateway: Gateway, attack: str) -> requests.Response:
    return gateway.ask("POST", "/v1/api/projects", json={"story_text": "一只猫。", "title": "猫", "aspect": attack})


def _json_within(gateway: Gateway, attack: str) -> requests.Response:
    body = {"type": "generateVideo", "parameters": {"video": {"format": attack}}}
    return gateway.ask("POST", "/v1/api/tasks", json=body)


def _json_list(gateway: Gateway, attack: str) -> requests.Response:
    return gateway.ask("PUT", "/v1/api/projects/x", json={"title": "猫", "events": ["a", attack]})


def _form(gateway: Gateway, attack: str) -> requests.Response:
    return gateway.ask("POST", "/v1/api/projects/x/video", data={"story": "猫", "resolution": attack})


def _multipart(gateway: Gateway, attack: str) -> requests.Response:
    return gateway.ask("POST", "/v1/api/music", files={"file": ("a.mp3", b"ID3"), "tags": (None, attack)})


def _login(gateway: Gateway, attack: str) -> requests.Response:
    return gateway.ask("POST", "/v1/api/auth/login", json={"username": attack, "password": "correct horse battery"})


def _name(gateway: Gateway, attack: str) -> requests.Response:
    return gateway.ask("GET", f"/v1/api/projects?{_quoted(attack)}=1")


def _json_name(gateway: Gateway, attack: str) -> requests.Response:
    return gateway.ask("POST", "/v1/api/projects", json={"story_text": "一只猫。", attack: "1"})


def _cookie(gateway: Gateway, attack: str) -> requests.Response:
    return gateway.ask("GET", "/v1/api/projects", headers={"Cookie": f"lang={attack.replace(';', '|')}"})


def _path_of_an_upload(gateway: Gateway, attack: str) -> requests.Response:
    return gateway.bare("PUT", f"/uploads/{_quoted(attack)}", data=b"RIFF", headers={"Content-Type": "audio/wav"})


def _uploaded(gateway: Gateway, query: str, **headers: str) -> requests.Response:
    """A file by a link of `/api/oss/presign`, which the rules see without its body."""
    sent = {"Content-Type": "audio/wav", **headers}
    return gateway.bare("PUT", f"/uploads/projects/x/uploads/a.wav?{query}", data=b"RIFF\0\xff", headers=sent)


def _query_of_an_upload(gateway: Gateway, attack: str) -> requests.Response:
    return _uploaded(gateway, f"token=x&v={_quoted(attack)}")


def _token_of_an_upload(gateway: Gateway, attack: str) -> requests.Response:
    return _uploaded(gateway, f"token={_quoted(attack)}")


def _name_in_an_upload(gateway: Gateway, attack: str) -> requests.Response:
    return _uploaded(gateway, f"token=x&{_quoted(attack)}=1")


def _cookie_of_an_upload(gateway: Gateway, attack: str) -> requests.Response:
    return _uploaded(gateway, "token=x", Cookie=f"lang={attack.replace(';', '|')}")


def _agent_of_an_upload(gateway: Gateway, attack: str) -> requests.Response:
    return _uploaded(gateway, "token=x", **{"User-Agent": attack.strip()})


def _text_cookie(gateway: Gateway, attack: str) -> requests.Response:
    return gateway.ask("GET", "/v1/api/projects", headers={"Cookie": f"title={attack.replace(';', '|')}"})


def _header(name: str) -> Place:
    def place(gateway: Gateway, attack: str) -> requests.Response:
        return gateway.ask("GET", "/v1/api/projects", headers={name: attack.strip()})

    return place


PARAMETERS: dict[str, Place] = {
    "path": _path,
    "old file": _old_file,
    "query": _query,
    "query of a post": _query_of_a_post,
    "json": _json,
    "json within": _json_within,
    "json list": _json_list,
    "form": _form,
    "multipart": _multipart,
    "login": _login,
    "upload's path": _path_of_an_upload,
    "upload's query": _query_of_an_upload,
    "upload's token": _token_of_an_upload,
}
NAMES: dict[str, Place] = {
    "name": _name,
    "json name": _json_name,
    "cookie": _cookie,
    "text's cookie": _text_cookie,
    "name in an upload": _name_in_an_upload,
    "upload's cookie": _cookie_of_an_upload,
}
_UPLOAD_AGENT: dict[str, Place] = {"upload's User-Agent": _agent_of_an_upload}
AGENT: dict[str, Place] = {name: _header(name) for name in ("User-Agent", "Referer")} | _UPLOAD_AGENT
ANY_HEADER: dict[str, Place] = {name: _header(name) for name in ("User-Agent", "X-Other", "Title")} | _UPLOAD_AGENT
FILE_NAME: dict[str, Place] = {
    name: _header(name) for name in ("X-Filename", "X_Filename", "X.Filename", "X-File-Name")
}

# Which places the rules of a family read: those of LFI and RFI read no names, and in headers the one and the other attack (IN_HEADERS).
PLACES: dict[str, dict[str, Place]] = {
    "lfi": PARAMETERS,
    "rfi": PARAMETERS,
    "shell": PARAMETERS | NAMES,
    "php": PARAMETERS | NAMES,
    "nodejs": PARAMETERS | NAMES,
    "java": PARAMETERS | NAMES | ANY_HEADER,
    "xss": PARAMETERS | NAMES | AGENT,
    "sql": PARAMETERS | NAMES | AGENT,
}
# What the families' rules on headers are about.
IN_HEADERS: tuple[tuple[str, dict[str, Place]], ...] = (
    ("../../../etc/passwd", {name: _header(name) for name in ("User-Agent", "X-Other", "Authorization")}),
    ("() { :; }; /bin/bash -c id", ANY_HEADER | AGENT),
    ('O:8:"stdClass":1:{s:1:"a";s:1:"b";}', ANY_HEADER | {"cookie": _cookie}),
    ("shell.php", FILE_NAME),
    (".htaccess", {name: FILE_NAME[name] for name in ("X-Filename", "X_Filename", "X-File-Name")}),
)

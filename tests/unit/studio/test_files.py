"""The studio as it is sent: files under the hash of all of them, packed, with a policy; and what holds of their sources."""

from __future__ import annotations

import gzip
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from config.settings import MinioSettings, ServerSettings, Settings
from routers import errors, studio
from routers.studio.files import Files
from routers.studio.policy import policy
from service.container import Services

FOLDER = studio.FOLDER
SCRIPTS = sorted((FOLDER / "js").rglob("*.js"))
IMPORT = re.compile(r"""^(?:import|export)\s(?:[^"']*?\sfrom\s)?["']([^"']+)["']""", re.MULTILINE)
MARKUP = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc|DOMParser|setHTML"
)


def nothing() -> Mapping[str, Any]:
    return {"login": False}


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    (tmp_path / "js").mkdir()
    (tmp_path / "index.html").write_text(
        '<meta content="{{settings}}"><script src="{{base}}/js/app.js"></script>', "utf-8"
    )
    (tmp_path / "sw.js").write_text("self.STUDIO;", "utf-8")
    (tmp_path / "manifest.webmanifest").write_text('{"icon": "{{base}}/a.png"}', "utf-8")
    (tmp_path / "js/app.js").write_text("export const one = 1;\n" * 50, "utf-8")
    made = Flask("test")
    settings = Settings(data_dir=tmp_path / "data")
    services = Services.__new__(Services)
    object.__setattr__(services, "settings", settings)
    errors.install(made)
    made.register_blueprint(studio.blueprint(services, is_closed=True, folder=tmp_path))
    return made


def test_a_file_is_kept_for_ever_packed_and_gone_once_another_edition_is_there(app: Flask, tmp_path: Path) -> None:
    client = app.test_client()
    page = client.get("/studio/p/1/film")
    address = re.search(r'src="([^"]+)"', page.text)
    assert address is not None
    assert (page.headers["Cache-Control"], page.headers["X-Content-Type-Options"]) == ("no-cache", "nosniff")
    assert "&quot;login&quot;: true" in page.text
    file = client.get(address[1], headers={"Accept-Encoding": "gzip"})
    assert "immutable" in file.headers["Cache-Control"]
    assert gzip.decompress(file.data) == client.get(address[1]).data == (tmp_path / "js/app.js").read_bytes()
    assert client.get(address[1], headers={"If-None-Match": client.get(address[1]).headers["ETag"]}).status_code == 304
    (tmp_path / "js/app.js").write_text("export const two = 2;", "utf-8")
    assert address[1] not in client.get("/studio").text
    assert client.get(address[1]).status_code == 404
    assert client.get("/").headers["Location"] == "/studio"


def test_the_worker_is_told_what_to_keep_and_may_look_after_the_whole_studio(app: Flask) -> None:
    client = app.test_client()
    worker = client.get("/studio/sw.js")
    assert worker.headers["Service-Worker-Allowed"] == "/studio"
    assert re.search(r"/studio/v/[0-9a-f]{12}/js/app.js", worker.text)
    assert "/studio/v/" in client.get("/studio/manifest.webmanifest").text


@pytest.mark.parametrize("path", ["../config.yaml", "%2e%2e/config.yaml", "js/../../config.yaml", "README.md", "js"])
def test_nothing_else_is_sent(path: str) -> None:
    files = Files(FOLDER, nothing)
    assert files.get(path) is None


@pytest.mark.parametrize(
    ("settings", "places"),
    [
        ({}, "'self'"),
        ({"server": {"public_url": "https://film.example.org/x"}}, "'self' https://film.example.org"),
        ({"minio": {"endpoint": "minio:9000"}}, "'self' http://minio:9000"),
        ({"minio": {"endpoint": "minio:9000", "domain": "https://files.example/s3"}}, "'self' https://files.example"),
        (
            {"minio": {"endpoint": "https://oss-cn-beijing.aliyuncs.com", "bucket": "films"}},
            "'self' https://films.oss-cn-beijing.aliyuncs.com https://oss-cn-beijing.aliyuncs.com",
        ),
        (
            {"minio": {"endpoint": "minio:9000", "use_ssl": True, "cdn": "https://cdn.example/a"}},
            "'self' https://cdn.example",
        ),
    ],
)
def test_the_policy_names_this_server_and_where_links_lead(settings: dict[str, dict[str, Any]], places: str) -> None:
    server, minio = ServerSettings(**settings.get("server", {})), MinioSettings(**settings.get("minio", {}))
    rules = dict(rule.split(" ", 1) for rule in policy(Settings(server=server, minio=minio)).split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == rules["style-src"] == "'self'"
    assert (rules["connect-src"], rules["img-src"]) == (places, f"{places} data: blob:")
    assert "unsafe" not in str(rules)


def test_what_the_page_needs_first_is_named_in_its_head() -> None:
    """Otherwise the browser learns of each module by the one before it."""
    head = (FOLDER / "index.html").read_text("utf-8")
    wanted, left = set[Path](), [FOLDER / "js/app.js"]
    while left:
        script = left.pop()
        found = {(script.parent / name).resolve() for name in IMPORT.findall(script.read_text("utf-8"))} - wanted
        wanted |= found
        left += found
    named = {FOLDER / name for name in re.findall(r'modulepreload" href="\{\{base\}\}/([^"]+)"', head)}
    assert wanted - named == set()
    assert [path for path in named if not path.is_file()] == []


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.relative_to(FOLDER).as_posix())
def test_scripts_are_short_and_make_no_markup_out_of_text(script: Path) -> None:
    text = script.read_text("utf-8")
    assert MARKUP.findall(text) == []
    assert len(text.splitlines()) <= 300 or script.parent.name == "i18n"

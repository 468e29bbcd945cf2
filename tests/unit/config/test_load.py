"""Where settings come from, and what a wrong one says."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.load import KEYS, ConfigError, load, variable
from config.masking import masked
from config.settings import Settings


def write(folder: Path, text: str, name: str = "config.yaml") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def fault(path: Path | None, environ: dict[str, str]) -> str:
    with pytest.raises(ConfigError) as caught:
        load(path, environ)
    return str(caught.value)


def test_nothing_given_is_the_defaults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load(None, {}).settings == Settings()


def test_the_environment_counts_before_the_go_file_and_that_before_our_file(tmp_path: Path) -> None:
    path = write(tmp_path, "server: {port: ':1', threads: 1, max_sockets: 1}")
    write(tmp_path, "server: {port: ':2', threads: 2}", "config/config.yaml")
    loaded = load(path, {"S2V_SERVER_PORT": ":3"})
    server = loaded.settings.server
    assert (server.port, server.threads, server.max_sockets) == (":3", 2, 1)
    assert [file.name for file in loaded.files] == ["config.yaml", "config.yaml"]


def test_go_backend_s_own_file_is_read_as_it_is(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        """
server:
  port: ":8080"
mysql:
  dsn: "root:123456@tcp(127.0.0.1:3306)/StoryToVideo?charset=utf8mb4&parseTime=True&loc=Local"
redis: {addr: "127.0.0.1:6379", password: "", db: 0}
worker: {addr: "http://127.0.0.1:8000", timeout_minutes: 20}
minio: {endpoint: "127.0.0.1:9000", access_key: k, secret_key: s, bucket: films, use_ssl: false, domain: "files.example.org"}
ai: {text_url: "http://a", image_url: "http://b"}
jwt: {secret: x}
worker_pool: 3
log: {file: server.log, level: debug}
""",
        "config/config.yaml",
    )
    loaded = load(path, {})
    assert loaded.settings.mysql.dsn.startswith("root:123456@tcp(")
    assert loaded.settings.minio.domain == "files.example.org"
    assert [text.split(" is ")[0].split(": ")[1] for text in loaded.warnings] == ["jwt", "worker_pool", "log.file"]


def test_wrong_value_in_the_go_backend_s_file_stops_the_start(tmp_path: Path) -> None:
    assert "redis.db" in fault(write(tmp_path, "redis: {db: x}", "config/config.yaml"), {})


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("server: {prot: 1}", ["server.prot", "did you mean server.port?"]),
        ("sever: {port: 1}", ["sever", "did you mean server"]),
        ("port: 1", ["port", "did you mean server.port?"]),
        ("minio: {zzzzzzzzzzzz: 1}", ["minio.zzzzzzzzzzzz", "minio.bucket"]),
        ("zzz: 1", ["zzz", "server", "mysql"]),
        ("server: {threads: many}", ["server.threads", "'many'", "whole number"]),
        ("server: {threads: 1.5}", ["server.threads", "'1.5'", "whole number"]),
        ("server: {threads: 0}", ["server.threads", "'0'", "greater than 0"]),
        ("server: {threads: [1]}", ["server.threads", "['1']", "single value"]),
        ("server: {cors_origins: '*'}", ["server.cors_origins", "'*'", "list"]),
        ("server: {cors_origins: [{a: b}]}", ["server.cors_origins", "list"]),
        ("server: 8080", ["server", "'8080'", "section"]),
        ("server: {port: http}", ["server.port", "'http'", ":8080"]),
        ("server: {port: ':70000'}", ["server.port", "65535"]),
        ("server: {port: 'a..b:80'}", ["server.port", "'a..b:80'", "name or an IP address"]),
        (f"server: {{port: '{'a' * 64}:80'}}", ["server.port", "name or an IP address"]),
        ('server: {port: "a\\0b:80"}', ["server.port", "control characters"]),
        ("server: {client_timeout_s: 3000000}", ["server.client_timeout_s", "'3000000'", "86400"]),
        (f"server: {{threads: {'9' * 5000}}}", ["server.threads", "whole number"]),
        ("worker: {timeout_minutes: 10000000000000}", ["worker.timeout_minutes", "100000"]),
        ('worker: {token: " hush"}', ["worker.token", "'***'", "blanks"]),
        ("worker: {addrs: 'a:1'}", ["worker.addrs", "list of addresses"]),
        ("worker: {addrs: [[a]]}", ["worker.addrs", "list of addresses"]),
        ("worker: {addrs: ['a..b']}", ["worker.addrs", "a..b", "host:port"]),
        ("worker: {addrs: [{weight: 2}]}", ["worker.addrs", "addr", "Field required"]),
        (
            "worker: {addrs: [{addr: a:1, weight: 0, token: hidden}]}",
            ["worker.addrs", "'***'", "greater than or equal to 1"],
        ),
        ("worker: {addrs: [{addr: a:1, wieght: 2}]}", ["worker.addrs", "wieght", "not permitted"]),
        ("worker: {addrs: [{addr: a:1, token: ' hidden'}]}", ["worker.addrs", "'***'", "blanks"]),
        ("worker: {addrs: ['http://u:hidden@a:1', 'a:1']}", ["worker.addrs", "***@a:1", "http://a:1 is there twice"]),
        ("worker: {addr: a..b}", ["worker.addr", "'a..b'", "host:port"]),
        ('redis: {password: "hidden\\0"}', ["redis.password", "'***'", "control characters"]),
        ('redis: {password: "hidden\\uD800"}', ["redis.password", "'***'", "UTF-8"]),
        ("redis: {addr: 'a..b'}", ["redis.addr", "'a..b'", "name or an IP address"]),
        (f"data_dir: {'a' * 256}", ["data_dir", "at most 255"]),
        (f"data_dir: {'a/' * 2001}", ["data_dir", "at most 4000"]),
        (f"film: {{font: {'a' * 256}}}", ["film.font", "at most 255"]),
        ("mysql: 'u:hidden@tcp(h)/x'", ["mysql", "'***'", "section"]),
        ("redis: hidden", ["redis", "'***'", "section"]),
        ("redis: {password: hidden: x}", ["not YAML", "line 1"]),
        ("server: {public_url: film.example.org}", ["server.public_url", "https://"]),
        ("server: {public_url: 'https://film.example.org?a=b'}", ["server.public_url", "https://"]),
        ("server: {public_url: 'https://film.example.org:99999'}", ["server.public_url", "https://"]),
        ("worker: {addr: 'http://a?b'}", ["worker.addr", "'http://a?b'", "host:port"]),
        ("worker: {addr: 'a b:1'}", ["worker.addr", "'a b:1'", "host:port"]),
        ("worker: {addr: 'ftp://a'}", ["worker.addr", "'ftp://a'", "host:port"]),
        ("worker: {addr: 'http://u:hidden@a?b'}", ["worker.addr", "host:port"]),
        ("worker: {addr: 'u:hidden@a?b'}", ["worker.addr", "host:port"]),
        ("minio: {domain: 'http://u:hidden@a'}", ["minio.domain", "host:port"]),
        ("minio: {endpoint: 'minio:9000/folder'}", ["minio.endpoint", "'minio:9000/folder'", "without a path"]),
        ("minio: {endpoint: 'minio:port'}", ["minio.endpoint", "'minio:port'", "host:port"]),
        ("minio: {domain: 'files.example.org?'}", ["minio.domain", "host:port"]),
        ("minio: {cdn: cdn.example.org}", ["minio.cdn", "'cdn.example.org'", "https://"]),
        ("minio: {cdn: 'https://cdn.example.org/a#b'}", ["minio.cdn", "https://"]),
        ("minio: {cdn_parameter: 'a&b'}", ["minio.cdn_parameter", "letters, digits and underscores"]),
        ("minio: {addressing: both}", ["minio.addressing", "virtual"]),
        ("minio: {bucket: My_Bucket}", ["minio.bucket", "'My_Bucket'", "small letters"]),
        ("minio: {bucket: a..b}", ["minio.bucket", "'a..b'", "small letters"]),
        ("minio: {bucket: ''}", ["minio.bucket", "small letters"]),
        ("story: {max_title: 256}", ["story.max_title", "'256'", "255"]),
        ("story: {max_chars: 200001}", ["story.max_chars", "'200001'", "200000"]),
        ("story: {default_shots: 61}", ["story.default_shots", "'61'", "story.max_shots, which is 60"]),
        ("story: {max_shots: 5}", ["default: story.default_shots", "'6'", "story.max_shots, which is 5"]),
        ("minio: {use_ssl: perhaps}", ["minio.use_ssl", "'perhaps'", "boolean"]),
        ("film: {subtitles: loud}", ["film.subtitles", "'loud'", "'burned'", "'off'"]),
        ("film: {resolution: 1280x721}", ["film.resolution", "'1280x721'", "even"]),
        ("redis: {db: -1}", ["redis.db", "'-1'", "0"]),
        ("redis: {addr: 'a/b'}", ["redis.addr", "'a/b'", "host:port"]),
        ("mysql: {dsn: 'u:hidden@h'}", ["mysql.dsn", "'u:***@h'", "'/'"]),
        ("log: {level: LOUD}", ["log.level", "'LOUD'", "'DEBUG'"]),
        ("server: {port: ':1', port: ':2'}", ["'port'", "twice"]),
        ("server: [", ["not YAML"]),
        ("[" * 5000, ["not YAML"]),
        ("- a", ["sections"]),
    ],
)
def test_fault_names_the_key_what_was_found_and_what_is_allowed(tmp_path: Path, text: str, says: list[str]) -> None:
    message = fault(write(tmp_path, text), {})
    assert message.startswith(("default: ", str(tmp_path / "config.yaml")))
    assert [word for word in says if word not in message] == []
    assert "hidden" not in message


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    message = fault(write(tmp_path, "server: {threads: x, prot: 1}\nredis: {db: -1}"), {"S2V_FILM_FPS": "61"})
    assert len(message.splitlines()) == 4
    assert "S2V_FILM_FPS: film.fps: found '61'" in message


def test_main_file_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    assert "there is no such file" in fault(tmp_path / "none.yaml", {})


def test_file_that_is_not_text_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_bytes(b"\xff\xfe\x00server")
    assert "not YAML" in fault(tmp_path / "config.yaml", {})


def test_misspelt_variable_stops_the_start() -> None:
    assert "did you mean S2V_SERVER_PORT?" in fault(None, {"S2V_SERVER_PROT": ":1"})


@pytest.mark.parametrize("name", ["S2V_MINIO_REGION", "S2V_DATA_DIR", "S2V_REDIS_QUEUE"])
def test_variable_that_is_no_text_stops_the_start(name: str) -> None:
    assert f"{name}: " in fault(None, {name: "a\udcff"})


def test_variables_of_the_model_node_are_left_to_it() -> None:
    assert load(None, {"S2V_NODE_PORT": "1", "S2V_TEST_MINIO": "x", "PATH": "/bin"}).settings == Settings()


@pytest.mark.parametrize(
    ("name", "text", "key", "value"),
    [
        ("S2V_DATA_DIR", "/srv/s2v", "data_dir", Path("/srv/s2v")),
        ("S2V_SERVER_PORT", "8081", "server.port", "8081"),
        ("S2V_SERVER_THREADS", "3", "server.threads", 3),
        ("S2V_SERVER_CORS_ORIGINS", "https://a, https://b", "server.cors_origins", ["https://a", "https://b"]),
        ("S2V_MINIO_USE_SSL", "true", "minio.use_ssl", True),
        ("S2V_WORKER_POLL_SECONDS", "0.5", "worker.poll_seconds", 0.5),
        ("S2V_LOG_LEVEL", "info", "log.level", "INFO"),
        ("S2V_LOG_LEVEL", "warn", "log.level", "WARNING"),
        ("S2V_REDIS_DB", "20", "redis.db", 20),
        ("S2V_REDIS_PASSWORD", "007", "redis.password", "007"),
        ("S2V_FILM_SUBTITLES", "off", "film.subtitles", "off"),
    ],
)
def test_variable_is_converted_by_its_key_s_type(name: str, text: str, key: str, value: object) -> None:
    settings: object = load(None, {name: text}).settings
    for part in key.split("."):
        settings = getattr(settings, part)
    assert settings == value


def test_empty_variable_leaves_a_number_at_its_default_and_empties_a_text(tmp_path: Path) -> None:
    path = write(tmp_path, "server: {threads: 3}\nredis: {addr: 'h:1'}")
    settings = load(path, {"S2V_SERVER_THREADS": "", "S2V_REDIS_ADDR": ""}).settings
    assert (settings.server.threads, settings.redis.addr) == (64, "")


def test_scalars_are_the_text_that_stands_there(tmp_path: Path) -> None:
    """YAML would make 83, True and None of these."""
    settings = load(
        write(tmp_path, "redis: {password: 0123, queue: yes, addr: null}\nserver:\nlog: {level: ~}"), {}
    ).settings
    assert (settings.redis.password, settings.redis.queue, settings.redis.addr) == ("0123", "yes", "")


def test_every_key_has_a_variable_of_its_own() -> None:
    assert len({variable(key) for key in KEYS}) == len(KEYS)


def test_no_secret_is_printed() -> None:
    secrets = {
        "S2V_MYSQL_DSN": "u:hidden@tcp(h)/x",
        "S2V_REDIS_PASSWORD": "hidden",
        "S2V_MINIO_ACCESS_KEY": "hidden",
        "S2V_MINIO_SECRET_KEY": "hidden",
        "S2V_WORKER_WEBHOOK_SECRET": "hidden",
        "S2V_WORKER_ADDR": "http://u:hidden@node:8000",
    }
    lines = dict(masked(load(None, secrets).settings))
    assert not [key for key, value in lines.items() if "hidden" in value]
    assert set(lines) == set(KEYS) - {"ai"} | {"node"}
    assert lines["mysql.dsn"] == "'u:***@tcp(h)/x'"


def test_the_nodes_section_is_handed_on_as_it_stands_and_shows_no_key(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(
        "node:\n  llm:\n    - openai: {key: hush, extra: {temperature: 0.5, n: 1, s: '1'}}\n    - offline\n"
    )
    settings = load(file, {"S2V_NODE_LLM_OPENAI_KEY": "other"}).settings
    assert settings.node == {
        "llm": [{"openai": {"key": "hush", "extra": {"temperature": 0.5, "n": 1, "s": "1"}}}, "offline"]
    }
    assert dict(masked(settings))["node"] == "llm"
    assert "hush" not in repr(list(masked(settings)))


@pytest.mark.parametrize("text", ["node: offline\n", "node: [offline]\n"])
def test_a_nodes_section_without_keys_is_a_fault(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match="node: must be a section"):
        load(file, {})


def test_a_nodes_section_beside_another_nodes_address_is_a_warning(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("node:\n  llm: [offline]\nworker:\n  addr: 127.0.0.1:8000\n")
    assert "worker.addr names another" in "".join(load(file, {}).warnings)


def test_nodes_are_listed_by_address_or_with_what_is_to_be_said_of_them(tmp_path: Path) -> None:
    path = write(tmp_path, "worker: {addrs: ['http://a:1', {addr: b:1, weight: 3, backup: true, token: '0123'}]}")
    nodes = load(path, {}).settings.worker.nodes
    assert [(node.addr, node.weight, node.backup, node.token) for node in nodes] == [
        ("http://a:1", 1, False, ""),
        ("b:1", 3, True, "0123"),
    ]
    variable = '["http://a:1", {"addr": "b:1", "weight": 3, "backup": true, "token": "0123"}]'
    assert load(None, {"S2V_WORKER_ADDRS": variable}).settings.worker.nodes == nodes
    assert "worker.addrs" in fault(None, {"S2V_WORKER_ADDRS": '["http://a:1", {'})
    shown = dict(masked(load(path, {}).settings))["worker.addrs"]
    assert "'b:1'" in shown
    assert "0123" not in shown

"""deploy/compose and its images: what can be held to without Docker. `docker compose config` reads the file where it is installed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from config.load import load
from tests.conftest import leave_out

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "deploy" / "compose"
FILE, POSTGRESQL = FOLDER / "compose.yaml", FOLDER / "postgresql.yaml"
TEXTS = FILE.read_text("utf-8") + POSTGRESQL.read_text("utf-8")
STACK: dict[str, Any] = yaml.safe_load(FILE.read_text("utf-8"))


class Changes(yaml.SafeLoader):
    """What changes a file of Compose; `!reset` takes away."""


Changes.add_constructor("!reset", lambda _loader, _node: None)
CHANGES: dict[str, Any] = yaml.load(POSTGRESQL.read_text("utf-8"), Changes)
SERVICES: dict[str, dict[str, Any]] = {**STACK["services"], "postgresql": CHANGES["services"]["postgresql"]}
ONCE = {"minio-volume", "minio-user"}
VARIABLE = re.compile(r"(?<!\$)\$\{(\w+)(:[?-])?([^}]*)\}")
GIVEN = {"PUBLIC_URL": "https://film.example.org", "MEDIA_URL": "https://media.example.org", "TLS_DIR": "/etc/tls"}
DOCKERFILES = sorted(ROOT.glob("deploy/*/Dockerfile"))


def drawn(tmp_path: Path) -> dict[str, str]:
    """What deploy/secrets.sh draws."""
    subprocess.run(["sh", str(ROOT / "deploy/secrets.sh"), str(tmp_path / "env")], check=True, capture_output=True)
    return dict(line.split("=", 1) for line in (tmp_path / "env").read_text("utf-8").splitlines())


def filled(text: str, values: dict[str, str]) -> str:
    return VARIABLE.sub(lambda found: values.get(found[1], found[3] if found[2] == ":-" else ""), text)


def test_the_whole_column_is_there() -> None:
    wanted = {
        "gateway",
        "server",
        "processor",
        "node",
        "mysql",
        "postgresql",
        "redis",
        "minio",
        "prometheus",
        "alertmanager",
        "grafana",
        "frpc",
    }
    assert set(SERVICES) == wanted | ONCE


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_a_service_is_healthy_or_done_not_root_and_can_do_next_to_nothing(name: str) -> None:
    service = SERVICES[name]
    assert ("healthcheck" in service) != (name in ONCE)
    assert (service["user"] in ("root", "0")) == (name == "minio-volume")
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert name == "minio-volume" or service["read_only"]
    if "image" in service and "storytovideo" not in service["image"]:
        assert not re.search(r":latest$|^[^:]+$", service["image"]), "a version is pinned"


def test_only_the_gateway_is_reached_from_outside_and_minio_s_console_is_on_9001_here() -> None:
    ports = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert ports.pop("gateway") == ["80:80", "443:443"]
    assert all(port.startswith("127.0.0.1:") for published in ports.values() for port in published)
    assert ports["minio"] == ["127.0.0.1:9001:9001"]


def test_no_secret_has_a_default_and_all_are_drawn(tmp_path: Path) -> None:
    secrets = drawn(tmp_path)
    used = VARIABLE.findall(TEXTS)
    named = {name for name, _, _ in used}
    assert set(secrets) - named == set(), "drawn for nothing"
    assert {(name, how) for name, how, _ in used if name in secrets} == {(name, ":?") for name in secrets}
    assert named - set(secrets) - set(GIVEN) == {"NODES", "LAN_CONF", "ACME_DIR", "FRP_SERVER_ADDR"}
    assert not re.search(r"(PASSWORD|SECRET|TOKEN|KEY)\w*: (?!\$|\"\$)\S", TEXTS)
    assert (tmp_path / "env").stat().st_mode & 0o077 == 0
    again = subprocess.run(
        ["sh", str(ROOT / "deploy/secrets.sh"), str(tmp_path / "env"), "S2V_AUTH_SECRET"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert again.stdout == "drawn: S2V_AUTH_SECRET\n"
    after = dict(line.split("=", 1) for line in (tmp_path / "env").read_text("utf-8").splitlines())
    assert {name for name in secrets if secrets[name] != after[name]} == {"S2V_AUTH_SECRET"}


def test_the_server_reads_its_settings_and_is_closed(tmp_path: Path) -> None:
    values = {**drawn(tmp_path), **GIVEN}
    environment = {name: filled(str(text), values) for name, text in SERVICES["server"]["environment"].items()}
    settings = load(None, environment).settings
    assert settings.auth.required == "true"
    assert len(settings.auth.secret) == 64
    assert [node.addr for node in settings.worker.nodes] == ["http://node:8800"]
    [network] = STACK["networks"]["back"]["ipam"]["config"]
    assert settings.server.trusted_proxies == [network["subnet"]]
    assert SERVICES["processor"]["environment"] == SERVICES["server"]["environment"]


def test_postgresql_stands_in_mysql_s_place(tmp_path: Path) -> None:
    changed = CHANGES["services"]
    assert (changed["mysql"], CHANGES["volumes"]["mysql"], set(changed)) == (
        None,
        None,
        {
            "mysql",
            "postgresql",
            *(name for name in STACK["services"] if "mysql" in SERVICES[name].get("depends_on", ())),
        },
    )
    for name in ("server", "processor"):
        assert changed[name]["depends_on"] == {"mysql": None, "postgresql": {"condition": "service_healthy"}}
        values = {**drawn(tmp_path), **GIVEN}
        environment = {**SERVICES[name]["environment"], **changed[name]["environment"]}
        settings = load(None, {key: filled(str(text), values) for key, text in environment.items()}).settings
        password = values["POSTGRES_PASSWORD"]
        assert (settings.mysql.dsn, settings.database.url) == (
            "",
            f"postgresql://storytovideo:{password}@postgresql:5432/storytovideo",
        )


def mounted() -> Iterator[Path]:
    for service in SERVICES.values():
        for volume in service.get("volumes", ()):
            source = filled(volume, {}).split(":")[0]
            if source.startswith("."):
                yield FOLDER / source


def test_what_is_mounted_and_built_is_there() -> None:
    paths = set(mounted())
    assert len(paths) >= 7
    assert [path for path in paths if not path.exists()] == []
    for service in SERVICES.values():
        if "build" in service:
            assert (FOLDER / service["build"]["context"] / service["build"]["dockerfile"]).is_file()


def test_nginx_s_upstreams_there_are_those_of_deploy_nginx_by_another_name() -> None:
    def groups(path: Path) -> list[str]:
        lines = [line.partition("#")[0].strip() for line in path.read_text("utf-8").splitlines()]
        return [line.replace("127.0.0.1:8080", "server:8080") for line in lines if line]

    assert groups(FOLDER / "nginx/upstream.conf") == groups(ROOT / "deploy/nginx/upstream.conf")


def test_the_server_s_key_of_minio_is_for_its_bucket_alone() -> None:
    policy = json.loads((FOLDER / "minio-policy.json").read_text("utf-8"))
    resources = {resource for statement in policy["Statement"] for resource in statement["Resource"]}
    assert resources == {"arn:aws:s3:::storytovideo", "arn:aws:s3:::storytovideo/*"}


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.parent.name)
def test_what_an_image_copies_is_there_and_not_left_out_by_dockerignore(path: Path) -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if line.startswith("!")}
    for sources in re.findall(r"^COPY (.+) \S+$", path.read_text("utf-8"), re.MULTILINE):
        for source in sources.split():
            assert (ROOT / source).exists(), source
            assert any(source == each or source.startswith(f"{each}/") for each in kept), source


def test_the_server_s_image_has_all_that_the_server_is_made_of() -> None:
    copied = set(
        re.findall(r"^COPY (\S+) /opt/storytovideo/\1$", (ROOT / "deploy/server/Dockerfile").read_text("utf-8"), re.M)
    )
    parts = ("common", "config", "models", "service", "processor", "routers", "runtime", "studio", "worker_node")
    assert {part for part in parts if (ROOT / part).is_dir()} <= copied


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.parent.name)
def test_hadolint_finds_nothing(path: Path) -> None:
    program = shutil.which("hadolint") or shutil.which("hadolint", path=str(ROOT / ".venv" / "bin"))
    if program is None:
        leave_out("hadolint is not installed")
    command = [
        program,
        "--failure-threshold",
        "warning",
        "--ignore",
        "DL3008",
        str(path),
    ]  # Debian mends what is pinned
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout

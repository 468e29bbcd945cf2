"""Every setting can be given by the environment and by the file, and a wrong value of any of them stops every command with its name."""

from __future__ import annotations

import os
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml
from click.testing import CliRunner

import main
from config.load import KEYS, ConfigError, load, variable
from config.settings import Settings

# Texts of a form of their own; every other text may be anything.
OTHERS = {
    "data_dir": "/srv/films",
    "server.port": ":9090",
    "server.public_url": "https://film.example.org",
    "server.allowed_hosts": ".example.org",
    "server.trusted_proxies": "10.0.0.0/8",
    "server.accel_redirect": "/_files/",
    "server.assets_group": "100",
    "webhooks.allow_networks": "10.0.0.0/8",
    "metrics.allow_networks": "10.0.0.0/8",
    "metrics.processor_port": ":9108",
    "log.sentry_dsn": "https://key@sentry.example/1",
    "mysql.dsn": "u:p@tcp(db:3306)/films",
    "database.url": "postgresql://u:p@db:5432/films",
    "redis.addr": "redis:6379",
    "minio.cdn": "https://cdn.example.org/films",
    "film.resolution": "640x360",
    "auth.secret": "another-secret-of-at-least-thirty-two-characters",
    **dict.fromkeys(
        ("limits.read", "limits.write", "limits.expensive", "limits.login", "limits.failed_logins"), "7/hour"
    ),
}
GIVEN = sorted(key for key in KEYS if key != "ai" and not key.startswith("ai."))


def value_of(settings: Settings, key: str) -> Any:
    value: Any = settings
    for part in key.split("."):
        value = getattr(value, part)
    return value


def other(key: str) -> str:
    """A good value that is not the default."""
    default = value_of(Settings(), key)
    choices = [choice for choice in choices_of(KEYS[key]) if choice != default]
    if key in OTHERS:
        return OTHERS[key]
    if choices:
        return choices[0]
    if isinstance(default, bool):
        return str(not default).lower()
    if isinstance(default, list):
        return "https://a.example,https://b.example"
    if isinstance(default, (int, float)):
        return str(default + 1)
    return "another"


def choices_of(annotation: Any) -> Iterator[str]:
    if typing.get_origin(annotation) is Literal:
        yield from typing.get_args(annotation)
    for inner in typing.get_args(annotation):
        if typing.get_origin(inner) is Literal:
            yield from typing.get_args(inner)


def as_file(folder: Path, key: str, value: Any) -> Path:
    section, dot, name = key.partition(".")
    path = folder / "config.yaml"
    path.write_text(yaml.safe_dump({section: {name: value}} if dot else {section: value}), "utf-8")
    return path


@pytest.mark.parametrize("key", GIVEN)
def test_the_environment_and_the_file_say_the_same(key: str, tmp_path: Path) -> None:
    text = other(key)
    by_environment = value_of(load(None, {variable(key): text}).settings, key)
    assert by_environment != value_of(Settings(), key)
    in_file = text.split(",") if isinstance(by_environment, list) else yaml.safe_load(text)
    assert value_of(load(as_file(tmp_path, key, in_file), {}).settings, key) == by_environment
    default = value_of(Settings(), key)
    path = as_file(tmp_path, key, default if isinstance(default, list) else str(default))
    assert (
        value_of(load(path, {variable(key): text}).settings, key) == by_environment
    )  # the environment counts before the file


@pytest.mark.parametrize("key", [key for key in GIVEN if not isinstance(value_of(Settings(), key), (str, Path, list))])
@pytest.mark.parametrize("wrong", ["many", "-1", "1e99"])
def test_a_wrong_number_is_named_with_what_was_found_and_what_is_allowed(key: str, wrong: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(None, {variable(key): wrong})
    [line] = str(caught.value).splitlines()
    assert line.startswith(f"{variable(key)}: {key}: found '{wrong}', must be ")
    assert len(line.partition(", must be ")[2]) > 3


@pytest.mark.parametrize("command", ["serve", "processor", "demo", "doctor"])
def test_every_command_reads_the_file_that_it_is_told(command: str, tmp_path: Path) -> None:
    path = as_file(tmp_path, "server.threads", "many")
    done = CliRunner().invoke(main.cli, [command, "--config", str(path)], env={})
    assert done.exit_code == main.CONFIG_WRONG
    assert f"{path}: server.threads: found 'many', must be a whole number" in done.stderr
    done = CliRunner().invoke(main.cli, [command, "--config", str(tmp_path / "none.yaml")])
    assert done.exit_code == main.CONFIG_WRONG
    assert "there is no such file" in done.stderr
    done = CliRunner().invoke(main.cli, [command, "--config", os.devnull], env={"S2V_SERVER_PROT": ":1"})
    assert done.exit_code == main.CONFIG_WRONG
    assert "did you mean S2V_SERVER_PORT?" in done.stderr

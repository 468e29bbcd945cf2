"""systemd's units below deploy/: known keys in known sections, and files that are there or that the pages say where to put."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from worker_node.settings import parse_settings

DEPLOY = Path(__file__).resolve().parents[3] / "deploy"
UNITS = sorted(DEPLOY.rglob("*.service"))
KNOWN = {
    "Unit": {"Description", "Documentation", "Wants", "After"},
    "Service": {
        *("Type", "User", "DynamicUser", "StateDirectory", "LoadCredential", "Environment", "EnvironmentFile"),
        *("ExecStart", "Restart", "RestartSec", "TimeoutStopSec", "CapabilityBoundingSet", "NoNewPrivileges"),
        *("PrivateDevices", "PrivateTmp", "ProtectHome", "ProtectSystem", "ProtectKernelModules"),
        *("ProtectKernelTunables", "ProtectControlGroups", "RestrictAddressFamilies", "RestrictNamespaces"),
        *("LockPersonality", "MemoryDenyWriteExecute", "SystemCallArchitectures"),
    },
    "Install": {"WantedBy"},
}


def lines(unit: Path) -> Iterator[tuple[str, str, str]]:
    """Section, key and value; what is neither a section nor a key fails."""
    section = ""
    for line in unit.read_text("utf-8").splitlines():
        if not line.strip():
            continue
        head = re.fullmatch(r"\[(\w+)\]", line)
        if head:
            section = head[1]
            continue
        key, equals, value = line.partition("=")
        assert section, line
        assert equals, line
        yield section, key, value


def value(unit: Path, key: str) -> str:
    [found] = [found for _, name, found in lines(unit) if name == key]
    return found


def test_there_are_units() -> None:
    assert len(UNITS) == 4


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_has_known_keys_starts_again_by_itself_and_runs_as_nobody_in_particular(unit: Path) -> None:
    found = list(lines(unit))
    assert [(section, key) for section, key, _ in found if key not in KNOWN[section]] == []
    assert {section for section, _, _ in found} == set(KNOWN)
    assert value(unit, "Restart") == "always"
    assert value(unit, "NoNewPrivileges") == "yes"
    assert any(key in ("DynamicUser", "User") for _, key, _ in found)
    assert value(unit, "WantedBy") == "multi-user.target"


@pytest.mark.parametrize("unit", [unit for unit in UNITS if "frp" in unit.name], ids=lambda unit: unit.name)
def test_frp_is_started_with_a_file_of_this_folder_and_its_secrets(unit: Path) -> None:
    program, option, config = shlex.split(value(unit, "ExecStart"))
    assert option == "-c"
    assert Path(program).name == Path(config).name[:4]
    assert (unit.parent / Path(config).name).is_file()
    assert value(unit, "EnvironmentFile") in (unit.parent / "README.md").read_text("utf-8")


def test_the_node_s_unit_gives_it_settings_that_it_knows_and_a_token(tmp_path: Path) -> None:
    unit = DEPLOY / "node" / "storytovideo-node.service"
    _, *arguments = shlex.split(value(unit, "ExecStart"))
    (tmp_path / "token").write_text("hush\n", "utf-8")
    (tmp_path / "node.yaml").write_text("tts: [offline]\n", "utf-8")
    arguments[arguments.index("--config") + 1] = str(tmp_path / "node.yaml")
    given = dict(text.split("=", 1) for _, key, text in lines(unit) if key == "Environment")
    environment = {name: text.replace("%d", str(tmp_path)) for name, text in given.items()}
    settings = parse_settings(arguments, environment)
    assert (settings.host, settings.token) == ("127.0.0.1", "hush")
    assert value(unit, "LoadCredential").startswith("token:/etc/")

"""systemd's units below deploy/: known keys in known sections, and files that are there or that the pages say where to put."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

import main
from config.load import load
from tests.conftest import IN_CI
from worker_node.settings import parse_settings

DEPLOY = Path(__file__).resolve().parents[3] / "deploy"
UNITS = sorted(DEPLOY.rglob("*.service"))
SERVICES = [unit for unit in UNITS if "backup" not in unit.name]
HARDENED = {
    *("NoNewPrivileges=yes", "PrivateTmp=yes", "ProtectHome=yes", "ProtectSystem=strict", "CapabilityBoundingSet="),
    *("PrivateDevices=yes", "ProtectKernelModules=yes", "ProtectKernelTunables=yes", "ProtectControlGroups=yes"),
    *("RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX", "RestrictNamespaces=yes", "LockPersonality=yes"),
    "SystemCallArchitectures=native",
}
KNOWN = {
    "Unit": {"Description", "Documentation", "Wants", "After"},
    "Service": {
        *("Type", "User", "Group", "SupplementaryGroups", "DynamicUser", "WorkingDirectory", "StateDirectory"),
        *(
            "StateDirectoryMode",
            "LoadCredential",
            "Environment",
            "EnvironmentFile",
            "ExecStart",
            "Restart",
            "RestartSec",
        ),
        *("TimeoutStopSec", "LimitNOFILE", "UMask", "Nice", "CapabilityBoundingSet", "NoNewPrivileges"),
        *("PrivateDevices", "PrivateTmp", "ProtectHome", "ProtectSystem", "ProtectClock", "ProtectHostname"),
        *("ProtectKernelLogs", "ProtectKernelModules", "ProtectKernelTunables", "ProtectControlGroups", "ProtectProc"),
        *("RemoveIPC", "RestrictAddressFamilies", "RestrictNamespaces", "RestrictRealtime", "RestrictSUIDSGID"),
        *("LockPersonality", "MemoryDenyWriteExecute", "SystemCallArchitectures", "SystemCallFilter"),
        "SystemCallErrorNumber",
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
    assert len(UNITS) == 7


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
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


@pytest.mark.parametrize("unit", [unit for unit in UNITS if unit.parent.name != "node"], ids=lambda unit: unit.name)
def test_all_but_the_node_which_needs_a_gpu_may_do_next_to_nothing(unit: Path) -> None:
    assert HARDENED - set(unit.read_text("utf-8").splitlines()) == set()


@pytest.mark.parametrize("name", ["server/storytovideo-server@.service", "server/storytovideo-processor@.service"])
def test_a_server_s_unit_starts_a_command_that_there_is_with_settings_that_it_knows(name: str) -> None:
    unit = DEPLOY / name
    _, program, *words = shlex.split(value(unit, "ExecStart").replace("%i", "8080"))
    assert program == "main.py"
    assert CliRunner().invoke(main.cli, [*words[: words.index("--config")], "--help"]).exit_code == 0
    given = dict(text.replace("%i", "8080").split("=", 1) for _, key, text in lines(unit) if key == "Environment")
    assert load(None, given).settings.data_dir == Path("/var/lib/storytovideo/data")


@pytest.mark.skipif(shutil.which("systemd-analyze") is None and not IN_CI, reason="systemd-analyze is not installed")
def test_systemd_itself_finds_nothing_wrong(tmp_path: Path) -> None:
    """With programs that are there in the place of those that are not."""
    units = [*UNITS, *DEPLOY.rglob("*.timer")]
    for unit in units:
        text = re.sub(r"^(ExecStart=)\S+", r"\1/bin/true", unit.read_text("utf-8"), flags=re.MULTILINE)
        (tmp_path / unit.name).write_text(text, "utf-8")
    command = ["systemd-analyze", "verify", *(str(tmp_path / unit.name) for unit in units)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    own = [line for line in done.stderr.splitlines() if "storytovideo" in line]
    assert own == []

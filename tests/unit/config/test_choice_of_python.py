"""`make` takes a Python that fits, and says in one line what is missing and what mends it, on every distribution."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = ROOT / ".make" / "python"
DEBIAN = "ID=debian\nVERSION_ID=12\n"
UBUNTU = 'ID=ubuntu\nID_LIKE=debian\nVERSION_ID="22.04"\n'

Choose = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def choose(tmp_path: Path) -> Choose:
    """Runs the script where nothing is installed but Pythons that answer as they are told: "3.12", or "3.12 ensurepip" without that."""

    def run(
        pythons: dict[str, str], *given: str, release: str = DEBIAN, system: str = "Linux", machine: str = "x86_64"
    ) -> subprocess.CompletedProcess[str]:
        programs = tmp_path / "bin"
        programs.mkdir()
        said = {name: f"echo {answer}" if answer else "exit 127" for name, answer in pythons.items()}
        said |= {"uname": f"[ $1 = -s ] && echo {system} || echo {machine}", "id": "echo 1000"}
        for name, line in said.items():
            (programs / name).write_text(f"#!/bin/sh\n{line}\n")
            (programs / name).chmod(0o755)
        (programs / "sh").symlink_to(str(shutil.which("sh")))
        (tmp_path / "os-release").write_text(release)
        return subprocess.run(
            [programs / "sh", SCRIPT, *given],
            env={"PATH": str(programs), "OS_RELEASE": str(tmp_path / "os-release")},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    return run


@pytest.mark.parametrize(
    ("pythons", "given", "chosen"),
    [
        ({"python3": "3.11", "python3.13": "3.13"}, (), "python3"),
        ({"python3": "3.9", "python3.12": "3.12", "python3.10": "3.10"}, (), "python3.12"),
        ({"python3": "3.15", "python3.14": "3.14"}, (), "python3.14"),
        ({"python3": "3.11 ensurepip", "python3.10": "3.10"}, (), "python3.10"),
        ({"python3": "", "python3.14": "", "python3.10": "3.10"}, (), "python3.10"),  # pyenv's names without a version
        ({"python3": "3.11", "python3.13": "3.13"}, ("python3.13",), "python3.13"),
        ({"python": "3.12"}, ("python",), "python"),
    ],
)
def test_the_first_python_that_fits_is_taken(
    choose: Choose, tmp_path: Path, pythons: dict[str, str], given: tuple[str, ...], chosen: str
) -> None:
    done = choose(pythons, *given)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{tmp_path / 'bin' / chosen}\n", "")


NOTHING: dict[str, str] = {}
OLD = {"python3": "3.9"}


@pytest.mark.parametrize(
    ("release", "pythons", "says"),
    [
        (DEBIAN, NOTHING, "python3 is not there; this mends it: sudo apt update && sudo apt install python3-venv"),
        (UBUNTU, NOTHING, "sudo apt update && sudo apt install python3-venv"),
        ("ID=linuxmint\nID_LIKE='ubuntu debian'\n", NOTHING, "apt install python3-venv"),
        ("ID=fedora\nVERSION_ID=43\n", NOTHING, "sudo dnf install python3.12"),
        (
            'ID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.4"\n',
            OLD,
            "python3 is 3.9; this mends it: sudo dnf",
        ),
        ("ID=arch\n", NOTHING, "sudo pacman -S python"),
        ("ID=arch\n", {"python3": "3.15"}, "python3 is 3.15; this mends it: sudo pacman -S uv && uv python install"),
        ('ID="opensuse-leap"\nID_LIKE="suse opensuse"\nVERSION_ID="15.6"\n', OLD, "sudo zypper install python311"),
        ('ID="opensuse-tumbleweed"\nID_LIKE="opensuse suse"\n', NOTHING, "sudo zypper install python313"),
        ("ID=nixos\n", NOTHING, "curl -LsSf https://astral.sh/uv/install.sh | sh && ~/.local/bin/uv python install"),
        ("ID=alpine\n", {"python3": "3.12"}, "Alpine has musl"),
    ],
)
def test_what_mends_it_depends_on_the_distribution(
    choose: Choose, release: str, pythons: dict[str, str], says: str
) -> None:
    done = choose(pythons, release=release)
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(f".*{re.escape(says)}.*\n", done.stderr), done.stderr


def test_a_missing_module_is_named(choose: Choose) -> None:
    done = choose({"python3": "3.9", "python3.12": "3.12 ensurepip"}, release=UBUNTU)
    assert "python3.12 is Python 3.12 without the module ensurepip; this mends it: sudo apt" in done.stderr


def test_a_name_that_is_given_does_not_give_way_but_one_that_fits_is_named(choose: Choose, tmp_path: Path) -> None:
    done = choose({"python3": "3.11", "python3.9": "3.9"}, "python3.9")
    assert done.returncode == 1
    assert done.stderr == (
        f"Python 3.10 to 3.14 is needed, python3.9 is 3.9; this mends it: make PYTHON={tmp_path / 'bin' / 'python3'}\n"
    )


@pytest.mark.parametrize(
    ("machine", "says"), [("x86_64", "macOS on Intel"), ("arm64", "brew install python@3.13"), ("ppc64", "for ppc64")]
)
def test_on_a_mac_one_line_says_what_its_processor_needs(choose: Choose, machine: str, says: str) -> None:
    done = choose({}, system="Darwin", machine=machine)
    assert done.returncode == 1
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


def test_bounds_are_those_of_the_project() -> None:
    oldest, newest = re.findall(r"\b(?:oldest|newest)=(\d+)", SCRIPT.read_text("utf-8"))
    wanted = f'requires-python = ">=3.{oldest},<3.{int(newest) + 1}"'
    assert wanted in (ROOT / "pyproject.toml").read_text("utf-8")

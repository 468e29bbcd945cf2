"""Whether pip finds a wheel of every locked package: `python .ci/wheels.py 3.14 aarch64`.

pip can look for wheels of another Python and another machine, but judges the lock's markers, and the Pythons that a package asks for, by
the ones it runs on; so they are judged here.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

LOCK = Path(__file__).resolve().parents[1] / "requirements.txt"
GLIBC = 28  # 2.28: Debian 10, Ubuntu 20.04 and RHEL 8 have it
PATCH = 9  # of each Python; no marker of the lock asks for a later one
MACHINES: dict[str, tuple[dict[str, str], list[str]]] = {
    name: (
        {"sys_platform": "linux", "platform_machine": name, "platform_system": "Linux", "os_name": "posix"},
        [f"manylinux_2_{minor}_{name}" for minor in range(GLIBC, 16, -1)] + [f"manylinux2014_{name}"],
    )
    for name in ("x86_64", "aarch64")
} | {
    "macos-arm64": (
        {"sys_platform": "darwin", "platform_machine": "arm64", "platform_system": "Darwin", "os_name": "posix"},
        ["macosx_14_0_arm64"],
    )
}


def lines_for(version: str, environment: dict[str, str]) -> list[str]:
    """The lines of the lock that count there, without their markers."""
    kept = []
    for line in LOCK.read_text(encoding="utf-8").replace("\\\n", " ").splitlines():
        text, _, hashes = line.partition(" --hash=")
        if not text or text.lstrip().startswith("#"):
            continue
        requirement = Requirement(text)
        there = environment | {"python_version": version, "python_full_version": f"{version}.{PATCH}"}
        if requirement.marker is None or requirement.marker.evaluate(there):
            kept.append(f"{requirement.name}{requirement.specifier} --hash={hashes}")
    return kept


def main(version: str, machine: str) -> int:
    """Ask pip; returns 1 where a wheel is missing, which pip or the last line names."""
    environment, platforms = MACHINES[machine]
    with tempfile.TemporaryDirectory() as folder:
        wanted, report = Path(folder) / "requirements.txt", Path(folder) / "report.json"
        wanted.write_text("\n".join(lines_for(version, environment)), encoding="utf-8")
        command = [sys.executable, "-m", "pip", "install", "--dry-run", "--ignore-installed", "--target", folder]
        command += ["--no-deps", "--require-hashes", "--only-binary=:all:", "--ignore-requires-python", "--quiet"]
        command += ["--python-version", version, "--report", str(report), "-r", str(wanted)]
        command += [word for platform in platforms for word in ("--platform", platform)]
        if subprocess.run(command, check=False).returncode:
            return 1
        found = [package["metadata"] for package in json.loads(report.read_text(encoding="utf-8"))["install"]]
    refused = [
        package["name"]
        for package in found
        if f"{version}.{PATCH}" not in SpecifierSet(package.get("requires_python", ""))
    ]
    print(f"{len(found)} wheels" + (f"; not for this Python: {', '.join(refused)}" if refused else ""))
    return 1 if refused else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

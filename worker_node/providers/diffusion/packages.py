"""The packages that diffusion models need, which no installation of the node has by itself: they are gigabytes."""

from __future__ import annotations

from importlib.util import find_spec

from worker_node.errors import ProviderUnable

PACKAGES = ("torch", "diffusers", "transformers", "accelerate")
INSTALL = "python -m pip install " + " ".join(PACKAGES)


def missing_packages() -> list[str]:
    """Those that are not there. Nothing is imported."""
    return [name for name in PACKAGES if find_spec(name) is None]


def require_packages() -> None:
    """Raise `ProviderUnable`, with the command that installs them, where one is missing."""
    missing = missing_packages()
    if missing:
        raise ProviderUnable(f"这台机器没有安装 {'、'.join(missing)}（{INSTALL}）")

"""`python -m worker_node doctor`: what this machine has, and whether each provider answers, has its model and does its work.

Each provider of each list is tried with a small job, which a paid one charges for. Nothing is kept; keys are shown nowhere.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from worker_node import __version__
from worker_node.chain import make_provider
from worker_node.errors import ProviderError
from worker_node.providers.base import QuietRun
from worker_node.providers.settings import ProviderSettings, model_name
from worker_node.settings import PREFIX, NodeSettings
from worker_node.work import perform

Echo = Callable[[str], object]

TRIAL_S = 120.0
GPU_S = 10.0
MOST_MODELS = 12
GIB = 1 << 30
HIDDEN = "***"

STORY = "清晨，小猫走进花园，看见一只蝴蝶。她跟着蝴蝶跑到了河边。"
TRIALS: dict[str, dict[str, Any]] = {
    "llm": {"story": STORY, "shots": 2},
    "t2i": {"prompt": "a small cat in a garden, morning light", "width": 512, "height": 512},
    "tts": {"text": "你好，这是一次试音。", "format": "wav"},
    "i2v": {"width": 320, "height": 180, "fps": 12, "seconds": 1.0},
}
# What mends an error, by what it says. `{variable}` is the beginning of the provider's variables.
MENDS = (
    (r"ollama pull", "{pull}"),
    (r"（(python -m pip install [^）]+)）", ".venv/bin/{0}"),
    (r"只用本机已有的文件", "export {variable}DOWNLOAD=true, or {variable}MODEL=<the folder of a model>"),
    (r"没有安装 (\S+)", ".venv/bin/python -m pip install {0}"),
    (r"没有设置 model|模型不存在", "export {variable}MODEL=<one of its models>"),
    (r"密钥", "export {variable}KEY=<the key>, or {variable}KEY_FILE=<a file that has it>"),
    (
        r"缺少节点类",
        "install the missing nodes in ComfyUI, or export {variable}WORKFLOW=<a workflow that does without them>",
    ),
    (
        r"做不了这个工作流",
        "put the files into ComfyUI's models folder, or export {variable}WORKFLOW=<a workflow of what is there>",
    ),
    (r"工作流 ", "export {variable}WORKFLOW=<a workflow that was saved by 'Export (API)'>"),
    (r"额度用完|请求过多|服务繁忙", "export {list}={label},offline   (another provider behind it serves meanwhile)"),
    (r"base|网页|证书", "export {variable}BASE=<the server's address, with /v1 where it has that>"),
    (r"没有答完", "export {variable}TIMEOUT_S=<more seconds>, or a smaller model"),
    (r"内存或显存", "export {variable}MODEL=<a smaller model>"),
    (r"连接不上", "{start}"),
)


def examine(settings: NodeSettings, echo: Echo) -> int:
    """Print everything; returns 0 when all is well, else 1."""
    say = _without_keys(settings, echo)
    say(f"storytovideo-node {__version__}, Python {platform.python_version()} on {platform.platform()}")
    say(f"[ok]   device: {_processors()}, {_memory()}; {_graphics()}")
    failures = 0 if _output(settings, say) else 1
    for kind, chain in settings.providers.items():
        say(f"{kind}: {', '.join(provider.label for provider in chain)}")
        failures += sum(not _provider(kind, provider, say) for provider in chain)
    say("All checks passed." if not failures else f"{failures} checks failed.")
    return 1 if failures else 0


def _without_keys(settings: NodeSettings, echo: Echo) -> Echo:
    secrets = {provider.key.get_secret_value() for chain in settings.providers.values() for provider in chain}
    secrets |= {settings.token, settings.webhook_secret}

    def say(line: str) -> None:
        for secret in sorted(filter(None, secrets), key=len, reverse=True):
            line = line.replace(secret, HIDDEN)
        echo(line)

    return say


def _processors() -> str:
    return f"{os.cpu_count()} processors"


def _memory() -> str:
    total = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / GIB
    try:
        found = re.search(r"MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text("ascii"))
    except OSError:
        found = None
    free = f", {int(found[1]) / (1 << 20):.1f} free" if found else ""
    return f"{total:.1f} GiB of memory{free}"


def _graphics() -> str:
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return "no NVIDIA GPU"
    command = [tool, "--query-gpu=name,memory.total,memory.free", "--format=csv,noheader"]
    try:
        asked = subprocess.run(command, capture_output=True, text=True, check=True, timeout=GPU_S)  # noqa: S603 - fixed arguments
    except (OSError, subprocess.SubprocessError) as error:
        return f"nvidia-smi does not work ({type(error).__name__})"
    return "; ".join(" ".join(line.split()) for line in asked.stdout.splitlines()) or "no NVIDIA GPU"


def _output(settings: NodeSettings, say: Echo) -> bool:
    folder = settings.output.absolute()
    there = next(each for each in (folder, *folder.parents) if each.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        say(f"[FAIL] output: {there} is no folder that this user may write to\n       --output <another folder>")
        return False
    say(f"[ok]   output: {folder}, {shutil.disk_usage(there).free / GIB:.1f} GiB free")
    return True


def _provider(kind: str, settings: ProviderSettings, say: Echo) -> bool:
    """Whether a provider can be made, has its model, and does a small job."""
    name = f"{kind} {settings.label}"
    settings = settings.model_copy(update={"timeout_s": min(settings.timeout_s or TRIAL_S, TRIAL_S)})
    try:
        provider = make_provider(kind, settings)
        if hasattr(provider, "models"):
            say(f"[ok]   {name}: {_models(model_name(kind, settings), provider.models())}")
        started = time.perf_counter()
        made = _trial(kind, provider)
    except ProviderError as error:
        reason = str(error)
    except ImportError as error:
        reason = f"没有安装 {error.name or settings.provider}"
    except Exception as error:  # noqa: BLE001 - whatever a provider does, the others are looked at
        reason = f"{type(error).__name__}: {error}"
    else:
        seconds = time.perf_counter() - started
        said = f", but: {made['note']}" if made.get("note") else ""
        say(f"[{'warn' if said else 'ok'}] {'' if said else '  '}{name}: trial done in {seconds:.1f} s{said}")
        return True
    mends = "".join(f"\n       {mend}" for mend in _mends(kind, settings, reason))
    say(f"[FAIL] {name}: {reason}{mends}")
    return False


def _models(asked: str, models: list[str]) -> str:
    more = f" and {len(models) - MOST_MODELS} more" if len(models) > MOST_MODELS else ""
    return f"answers, has {', '.join(models[:MOST_MODELS]) or 'no models'}{more}" + (
        f"; asked for: {asked}" if asked else ""
    )


def _trial(kind: str, provider: Any) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="storytovideo-doctor-") as folder:
        request = dict(TRIALS[kind])
        if kind == "i2v":
            request["image"] = str(Path(folder) / "input.png")
            Image.linear_gradient("L").convert("RGB").save(request["image"])
        return perform(kind, provider, {"folder": folder, "request": request}, QuietRun())


def _mends(kind: str, settings: ProviderSettings, reason: str) -> Iterator[str]:
    variable = f"{PREFIX}{kind}_{settings.label}_".upper().replace("-", "_")
    start = f"start it, or export {variable}BASE=<its address>"
    names = {
        "variable": variable,
        "list": f"{PREFIX}{kind.upper()}_PROVIDER",
        "label": settings.label,
        "pull": reason[reason.find("ollama pull") :],
        "start": "ollama serve" if settings.provider == "ollama" and not settings.base else start,
    }
    for said, mend in MENDS:
        found = re.search(said, reason)
        if found:
            yield mend.format(*found.groups(), **names)
            return

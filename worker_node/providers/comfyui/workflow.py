"""The operator's workflow, in ComfyUI's API format: read, its places filled in, and held against what the server has.

A place is `%name%`, or `%name=default%`, in any text of a node's inputs. It is replaced in the parsed workflow, never in its text: no
prompt can end a text there, or become a place itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from worker_node.errors import ProviderUnable

Workflow = dict[str, dict[str, Any]]

MAX_FILE = 8 << 20  # bytes
PLACES = ("prompt", "negative", "seed", "width", "height", "image", "steps", "cfg", "model")
USUAL: dict[str, Any] = {"negative": "", "steps": 20, "cfg": 7.0}
MODEL_INPUTS = ("ckpt_name", "unet_name", "model_name")
MOST_SHOWN = 6
_PLACE = re.compile(rf"%({'|'.join(PLACES)})(?:=([^%]{{0,200}}))?%")


def read_workflow(path: Path) -> Workflow:
    """The workflow of a file; raises `ProviderUnable` in words."""
    try:
        with path.open("rb") as file:
            found = json.loads(file.read(MAX_FILE).decode("utf-8-sig"))
    except OSError as error:
        raise ProviderUnable(f"工作流 {path.name} 无法读取：{error.strerror}") from error
    except (ValueError, RecursionError):
        raise ProviderUnable(f"工作流 {path.name} 不是 JSON") from None
    if isinstance(found, dict) and isinstance(found.get("nodes"), list):
        raise ProviderUnable(f"工作流 {path.name} 是界面格式，请在 ComfyUI 中用“导出 (API)”保存")
    if isinstance(found, dict) and isinstance(found.get("prompt"), dict):
        found = found["prompt"]
    nodes = list(found.values()) if isinstance(found, dict) else []
    if not nodes or not all(isinstance(node, dict) and isinstance(node.get("class_type"), str) for node in nodes):
        raise ProviderUnable(f"工作流 {path.name} 不是 ComfyUI 的 API 格式")
    return {str(name): node for name, node in found.items()}


def places_of(workflow: Workflow) -> set[str]:
    """The places that a workflow has."""
    return {match[1] for text in _texts(workflow) for match in _PLACE.finditer(text)}


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, dict)):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each)


def filled(workflow: Workflow, values: Mapping[str, Any]) -> Workflow:
    """The workflow with its places filled in; a value that is None or "" gives way to the place's default, or a usual one."""
    return {name: {**node, "inputs": _filled(node.get("inputs", {}), values)} for name, node in workflow.items()}


def _filled(value: Any, values: Mapping[str, Any]) -> Any:
    if isinstance(value, dict):
        return {name: _filled(each, values) for name, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, values) for each in value]
    if not isinstance(value, str):
        return value
    whole = _PLACE.fullmatch(value)
    if whole:
        return _value(whole, values)
    return _PLACE.sub(lambda match: str(_value(match, values)), value)


def _value(place: re.Match[str], values: Mapping[str, Any]) -> Any:
    name, default = place[1], place[2]
    if values.get(name) not in (None, ""):
        return values[name]
    if default is None:
        return USUAL.get(name, "")
    try:
        number = json.loads(default)
    except ValueError:
        return default
    return number if isinstance(number, int | float) else default


def model_of(workflow: Workflow) -> str:
    """The model's file in a workflow that is filled in; "" where none is named."""
    inputs = [node.get("inputs", {}) for node in workflow.values()]
    named = (each[name] for each in inputs for name in MODEL_INPUTS if isinstance(each.get(name), str))
    return next(named, "")


def lacks(workflow: Workflow, known: Mapping[str, Any]) -> list[str]:
    """What a server lacks for a workflow that is filled in, in words: node classes, files, inputs. `known` is its `/object_info`."""
    missing: list[str] = []
    for name, node in workflow.items():
        kind = node["class_type"]
        info = known.get(kind)
        if not isinstance(info, dict):
            missing.append(f"缺少节点类 {kind}（节点 {name}）")
            continue
        missing += _lacks_of(name, node.get("inputs", {}), info)
    return missing


def _lacks_of(name: str, inputs: Mapping[str, Any], info: Mapping[str, Any]) -> Iterator[str]:
    told = info.get("input")
    parts: dict[str, Any] = told if isinstance(told, dict) else {}
    required = parts.get("required") or {}
    for each in required:
        if each not in inputs:
            yield f"节点 {name} 缺少输入 {each}"
    for each, spec in {**required, **(parts.get("optional") or {})}.items():
        options, value = options_of(spec), inputs.get(each)
        if options is not None and isinstance(value, str) and each != "image" and value not in options:
            there = "、".join(map(str, options[:MOST_SHOWN])) or "无"
            yield f"节点 {name} 的 {each} 没有 {value}（有：{there}）"


def options_of(spec: Any) -> list[Any] | None:
    """What an input may be chosen from, in either of the forms that ComfyUI tells it in; None where it is no choice."""
    if not isinstance(spec, list) or not spec:
        return None
    if isinstance(spec[0], list):
        return spec[0]
    more = spec[1] if spec[0] == "COMBO" and len(spec) > 1 else None
    return more["options"] if isinstance(more, dict) and isinstance(more.get("options"), list) else None

"""Reading the settings: defaults, then config.yaml, then a Go backend's config/config.yaml beside it, then the environment.

Every scalar is taken as the text that stands there and converted by its key's type, so that `password: 0123` is that password in a file
as in a variable. A key that does not exist, a type or a value out of range stops the start by a `ConfigError`
that names all that is wrong at once. Only the Go backend's file may hold keys that we do not know: those are warnings.
"""

from __future__ import annotations

import difflib
import re
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from common.errors import StartError
from config.admission import without_accounts
from config.masking import shown
from config.settings import Section, Settings

PREFIX = "S2V_"
FOREIGN_PREFIXES = (
    "S2V_NODE_",
    "S2V_CLIENT_",
    "S2V_TEST_",
)  # the model node's, the client's and the tests' own variables
GO_FILE = Path("config") / "config.yaml"
FREE_SECTIONS = frozenset({"ai"})  # takes any key: nothing uses them
NODES = "worker.addrs"  # a list whose items may be objects
NODE = "node"  # the embedded model node's own settings, handed on as they stand

_NO_TEXT = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")  # what no address, path or header takes

SECTIONS: dict[str, type[Section]] = {
    name: field.annotation
    for name, field in Settings.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, Section)
}
KEYS: dict[str, Any] = {
    name: field.annotation for name, field in Settings.model_fields.items() if name not in SECTIONS and name != NODE
} | {
    f"{section}.{name}": field.annotation
    for section, model in SECTIONS.items()
    for name, field in model.model_fields.items()
}


class ConfigError(StartError):
    """A key, type or value that cannot be used. The text names the key, where it stands, what was found and what is allowed."""


@dataclass(frozen=True)
class Loaded:
    """The settings, what is worth a warning, and the files that were read."""

    settings: Settings
    warnings: tuple[str, ...] = ()
    files: tuple[Path, ...] = ()


@dataclass(frozen=True)
class _Given:
    """A value as it stands somewhere: text, a list of texts, or the node's section; `where` names the file or the variable."""

    value: str | list[str] | dict[str, Any]
    where: str


def load(path: Path | None, environ: Mapping[str, str]) -> Loaded:
    """Read everything; `path` None means no main file, and the Go backend's file is looked for in the working directory.

    Raises `ConfigError` listing every fault.
    """
    given: dict[str, _Given] = {}
    warnings: list[str] = []
    faults: list[str] = []
    files = _files(path)
    for file, from_go in files:
        for key, entry in _read(file):
            problem = _problem(key, entry)
            if problem is None:
                given[key] = entry
            else:
                (warnings if from_go and not _known(key) else faults).append(f"{entry.where}: {problem}")
    for key, entry in _from_environment(environ, faults):
        given[key] = entry
    settings = _build(given, faults)
    if settings is None or faults:
        raise ConfigError("\n".join(faults))
    if settings.node and settings.worker.nodes:
        named = "worker.addr" if settings.worker.addr else NODES
        warnings.append(f"{given[NODE].where}: node: is for the embedded model node, and {named} names another")
    if any(from_go for _, from_go in files):
        settings = without_accounts(settings)
    return Loaded(settings, tuple(f"{text} (ignored)" for text in warnings), tuple(file for file, _ in files))


def _files(path: Path | None) -> list[tuple[Path, bool]]:
    """The files to read, each with whether it is the Go backend's."""
    folder = path.parent if path else Path()
    if path and path.parent.name == GO_FILE.parent.name and path.name == GO_FILE.name:
        return [(path, True)]
    overlay = folder / GO_FILE
    return ([(path, False)] if path else []) + ([(overlay, True)] if overlay.is_file() else [])


class _TextLoader(yaml.SafeLoader):
    """Every scalar is its text, null is "", and a key given twice is a fault."""


def _construct_scalar(loader: _TextLoader, node: yaml.ScalarNode) -> str:
    return "" if node.style is None and node.value in ("~", "null", "Null", "NULL") else str(node.value)


def _construct_mapping(loader: _TextLoader, node: yaml.MappingNode) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = str(loader.construct_object(key_node, deep=True))
        if key in found:
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {key!r} stands there twice", key_node.start_mark
            )
        found[key] = loader.construct_object(value_node, deep=True)
    return found


_TextLoader.yaml_implicit_resolvers = {}


_TextLoader.add_constructor("tag:yaml.org,2002:str", _construct_scalar)


_TextLoader.add_constructor("tag:yaml.org,2002:map", _construct_mapping)


def _read(file: Path) -> Iterator[tuple[str, _Given]]:
    """The file's keys in dotted form."""
    try:
        text = file.read_text(encoding="utf-8-sig")
        document = yaml.load(text, _TextLoader)  # noqa: S506 - a SafeLoader with fewer types
    except FileNotFoundError as error:
        raise ConfigError(f"{file}: there is no such file") from error
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read ({error.strerror})") from error
    except yaml.MarkedYAMLError as error:  # its own text quotes the line, which may hold a secret
        mark = error.problem_mark
        where = f" in line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ConfigError(f"{file}: is not YAML: {error.problem}{where}") from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"{file}: is not YAML: {' '.join(str(error).split())}") from error
    if document in (None, ""):
        return
    if not isinstance(document, dict):
        raise ConfigError(f"{file}: must hold sections such as 'server:' at its top")
    for name, content in document.items():
        if name == NODE:  # numbers inside are numbers: some of it is the JSON of requests
            yield name, _Given(yaml.safe_load(text)[NODE] or "", str(file))
            continue
        if name not in SECTIONS or not isinstance(content, dict):
            yield name, _Given(content, str(file))
            continue
        for key, value in content.items():
            yield f"{name}.{key}", _Given(value, str(file))


def _from_environment(environ: Mapping[str, str], faults: list[str]) -> Iterator[tuple[str, _Given]]:
    names = {variable(key): key for key in KEYS}
    for name, value in sorted(environ.items()):
        if not name.startswith(PREFIX) or name.startswith(FOREIGN_PREFIXES):
            continue
        key = names.get(name)
        if key is None:
            faults.append(f"environment: {name} is not a setting{_did_you_mean(name, names)}")
        elif key == NODES and value.lstrip().startswith("["):
            entry = _Given(_flow_list(value), name)
            problem = _problem(key, entry)
            if problem is None:
                yield key, entry
            else:
                faults.append(f"{name}: {problem}")
        elif _is_list(key):
            yield key, _Given([item.strip() for item in value.split(",") if item.strip()], name)
        else:
            entry = _Given(value, name)
            problem = _problem(key, entry)
            if problem is None:
                yield key, entry
            else:
                faults.append(f"{name}: {problem}")


def _flow_list(text: str) -> Any:
    """A list of objects in the environment, written as in YAML or JSON; the text itself where it is none."""
    try:
        return yaml.load(text, _TextLoader)  # noqa: S506 - a SafeLoader with fewer types
    except (yaml.YAMLError, RecursionError):
        return text


def variable(key: str) -> str:
    """The environment variable of a key: `server.port` is S2V_SERVER_PORT."""
    return PREFIX + key.replace(".", "_").upper()


def _known(key: str) -> bool:
    return key in KEYS or key in SECTIONS or key == NODE


def _problem(key: str, entry: _Given) -> str | None:
    """What is wrong with a key or with the shape of its value, before its type is looked at."""
    section = key.partition(".")[0]
    if section in FREE_SECTIONS:
        return None
    if key == NODE:
        fits = entry.value == "" or isinstance(entry.value, dict)
        return None if fits else f"{key}: must be a section with keys of its own"
    if key in SECTIONS:
        return (
            None
            if entry.value == ""
            else f"{key}: found {shown(key, entry.value)}, must be a section with keys of its own"
        )
    if key not in KEYS:
        return f"{key} is not a setting{_did_you_mean(key, KEYS if '.' in key else [*KEYS, *SECTIONS])}"
    if _is_list(key):
        items = str if key != NODES else (str, dict)
        fits = isinstance(entry.value, list) and all(isinstance(item, items) for item in entry.value)
        wanted = "a list of texts" if key != NODES else "a list of addresses, or of objects with an addr"
        return None if fits or entry.value == "" else f"{key}: found {shown(key, entry.value)}, must be {wanted}"
    wanted = "a single value" if not isinstance(entry.value, str) else "text in UTF-8 without control characters"
    good = isinstance(entry.value, str) and not _NO_TEXT.search(entry.value)
    return None if good else f"{key}: found {shown(key, entry.value)}, must be {wanted}"


def _did_you_mean(name: str, names: Iterable[str]) -> str:
    """The nearest existing name; the same key in another section is nearer than any other spelling."""
    same_key = [known for known in names if known.rpartition(".")[2] == name.rpartition(".")[2]]
    near = difflib.get_close_matches(name, same_key, 1, 0.0) or difflib.get_close_matches(name, names, 1)
    if near:
        return f"; did you mean {near[0]}?"
    siblings = [known for known in names if known.startswith(name.partition(".")[0] + ".")]
    return f"; allowed are {', '.join(siblings)}" if siblings else f"; the sections are {', '.join(SECTIONS)}"


def _is_list(key: str) -> bool:
    return typing.get_origin(KEYS[key]) is list


def _build(given: Mapping[str, _Given], faults: list[str]) -> Settings | None:
    tree: dict[str, Any] = {}
    for key, entry in given.items():
        section, dot, name = key.partition(".")
        if key in SECTIONS or section in FREE_SECTIONS or (entry.value == "" and KEYS.get(key) is not str):
            continue  # no value: the default stays
        target = tree.setdefault(section, {}) if dot else tree
        target[name or section] = entry.value
    try:
        return Settings.model_validate(tree)
    except ValidationError as error:
        for fault in error.errors(include_url=False):
            key = ".".join(str(part) for part in fault["loc"][:2])
            entry = given.get(key) or _Given(str(fault["input"]), "default")
            faults.append(f"{entry.where}: {key}: found {shown(key, entry.value)}, {_allowed(fault['msg'])}")
        return None


def _allowed(message: str) -> str:
    """pydantic's message as the rule that it states."""
    message = re.sub(r", unable to .*|^Value error, ", "", message)
    message = re.sub(r"^Unable to parse input string as an integer.*", "Input should be a valid integer", message)
    return (
        message.replace("Input should be", "must be")
        .replace("a valid integer", "a whole number")
        .replace("a valid ", "a ")
    )

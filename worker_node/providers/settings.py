"""What can be set for one provider, and the ordered lists of them that a configuration names."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path, PurePath
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from typing_extensions import Self

from worker_node.providers.registry import DEFAULT_MODELS, LOADED, PROVIDERS

MAX_CHAIN = 8
MAX_KEY_FILE = 16_384  # bytes
LONGEST_S = 86_400.0
SHORTEST_KEEP_S, FOR_EVER_S = 1.0, 1e8
USUAL_KEEP = "10m"
UNITS_S = {"": 1, "s": 1, "m": 60, "h": 3600}

Chains = Mapping[str, Sequence["ProviderSettings"]]


class SettingsError(Exception):
    """A setting is unknown or wrong; the text names its key, what was found and what is allowed."""


def _address(text: str) -> str:
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # half an IPv6 address, a port that is none
        usable = False
    if text and (not usable or parts.query or parts.fragment or parts.username or parts.password):
        raise ValueError(
            "an http:// or https:// address without a password, query or fragment; a password is the `key`"
        )
    return text.rstrip("/")


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("text without control characters")
    return text


Name = Annotated[str, Field(max_length=200), AfterValidator(_printable)]
Size = Annotated[str, Field(pattern=r"^[1-9][0-9]{1,3}x[1-9][0-9]{1,3}$")]
Price = Annotated[Decimal, Field(ge=0, le=1_000_000, allow_inf_nan=False)]


def keep_seconds(text: str) -> float:
    """How long a model without work is kept, in seconds: of "10m", "1h", "90"; "-1" is for ever. Raises `ValueError`."""
    found = re.fullmatch(r"(\d{1,6})([smh]?)|-1", text.strip() or USUAL_KEEP)
    if not found:
        raise ValueError("a time such as 10m, 1h or 90s; -1 for ever")
    return int(found[1]) * UNITS_S[found[2]] if found[1] else FOR_EVER_S


class Voice(BaseModel):
    """A voice that an operator names: what the provider calls it, and how it is asked for where it is made from a sample."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: Name
    name: Name = ""
    language: Name = ""
    sex: Literal["", "female", "male"] = ""
    prompt_text: Annotated[str, Field(max_length=1000)] = ""
    prompt_wav: Path | None = None
    instruct: Annotated[str, Field(max_length=1000)] = ""


class ProviderSettings(BaseModel):
    """One provider of a kind's list. `timeout_s` is the time that it may take for a whole job, "" and None its own defaults.

    `extra` is laid over the JSON of each request; `price` is what one unit costs (`JobRun.used` names the units), without a currency.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    provider: str
    label: str = ""
    base: Annotated[str, AfterValidator(_address)] = ""
    model: Name = ""
    key: SecretStr = SecretStr("")
    timeout_s: Annotated[float, Field(gt=0, le=LONGEST_S)] | None = None
    parallel: Annotated[int, Field(ge=1, le=64)] | None = None
    extra: dict[str, Any] = Field(default_factory=dict)
    price: dict[str, Price] = Field(default_factory=dict)
    voice: Name = ""
    voices: Annotated[list[Voice], Field(max_length=200)] = Field(default_factory=list)
    form: Literal["", "sft", "zero_shot", "cross_lingual", "instruct", "instruct2"] = ""
    sample_rate: Annotated[int, Field(ge=8000, le=48_000)] | None = None
    longest: Annotated[int, Field(ge=20, le=100_000)] | None = None
    keep_alive: Name = ""
    workflow: Path | None = None
    sizes: Annotated[list[Size], Field(max_length=100)] = Field(default_factory=list)
    device: Annotated[str, Field(pattern=r"^(|cpu|mps|cuda(:[0-9]{1,2})?)$")] = ""
    download: bool = False
    batch: Annotated[int, Field(ge=1, le=64)] | None = None

    @model_validator(mode="after")
    def _keeps_for_a_time(self) -> Self:
        if self.provider in LOADED:
            keep_seconds(self.keep_alive)
        return self

    @property
    def idle_s(self) -> float | None:
        """How long a worker process without a job stays where this provider holds a model in it; None where it holds none."""
        return max(SHORTEST_KEEP_S, keep_seconds(self.keep_alive)) if self.provider in LOADED else None

    def for_child(self) -> dict[str, Any]:
        """As JSON for the worker process, with its key: over a pipe, never on a command line."""
        return {**self.model_dump(mode="json"), "key": self.key.get_secret_value()}


def model_name(kind: str, settings: ProviderSettings) -> str:
    """The model that a provider works with, as users are told: its default where none is set; of a file or a folder its name; "" where it
    has none, or only its server knows."""
    named = settings.model or DEFAULT_MODELS.get(kind, {}).get(settings.provider, "")
    path = PurePath(named)
    return path.name if path.is_absolute() else named


FROM_ENVIRONMENT = tuple(
    name for name in (*ProviderSettings.model_fields, "key_file") if name not in ("provider", "label")
)


def read_chain(
    kind: str, listed: object, where: str, environment: Mapping[str, str], prefix: str
) -> tuple[ProviderSettings, ...]:
    """A kind's providers in their order: names, or `{name: {setting: value}}`; raises `SettingsError`.

    `S2V_NODE_<KIND>_<NAME>_<SETTING>` wins over what is listed; lists and objects are JSON there.
    """
    entries = list(listed) if isinstance(listed, (list, tuple)) else str(listed).split(",")
    if not 1 <= len(entries) <= MAX_CHAIN:
        raise SettingsError(f"{where}: a list of 1 to {MAX_CHAIN} providers")
    chain: list[ProviderSettings] = []
    for entry in entries:
        name, given = _entry(kind, entry, where)
        same = sum(provider.provider == name for provider in chain)
        label = f"{name}-{same + 1}" if same else name
        path = f"{where}.{label}"
        given = {**given, **_of_environment(kind, label, environment, prefix)}
        chain.append(_provider(name, label, _with_key(given, path), path))
    return tuple(chain)


def chain_variables(kind: str, chain: Sequence[ProviderSettings], prefix: str) -> set[str]:
    """The variables that `read_chain` looks at."""
    return {_variable(kind, provider.label, setting, prefix) for provider in chain for setting in FROM_ENVIRONMENT}


def _variable(kind: str, label: str, setting: str, prefix: str) -> str:
    return f"{prefix}{kind}_{label}_{setting}".upper().replace("-", "_")


def _entry(kind: str, entry: object, where: str) -> tuple[str, dict[str, Any]]:
    name: object = entry.strip() if isinstance(entry, str) else entry
    given: object = {}
    if isinstance(entry, dict) and len(entry) == 1:
        name, given = next(iter(entry.items()))
    if not isinstance(name, str) or name not in PROVIDERS[kind]:
        allowed = ", ".join(PROVIDERS[kind])
        raise SettingsError(f"{where}: found {str(name)[:200]!r}, allowed is a list of {allowed}")
    if given is None:
        given = {}
    if not isinstance(given, dict):
        raise SettingsError(f"{where}.{name}: settings by name, as in `{name}: {{model: ...}}`")
    return name, given


def _of_environment(kind: str, label: str, environment: Mapping[str, str], prefix: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for setting in FROM_ENVIRONMENT:
        variable = _variable(kind, label, setting, prefix)
        text = environment.get(variable)
        if text is None:
            continue
        found[setting] = text
        if setting in ("extra", "price", "voices", "sizes"):
            try:
                found[setting] = json.loads(text)
            except ValueError:
                raise SettingsError(f"{variable}: not JSON") from None
    return found


def _with_key(given: dict[str, Any], path: str) -> dict[str, Any]:
    given = dict(given)
    file = given.pop("key_file", None)
    if file is None:
        return given
    try:
        with Path(str(file)).open("rb") as opened:
            given["key"] = opened.read(MAX_KEY_FILE).decode("utf-8").strip()
    except (OSError, UnicodeDecodeError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a text"
        raise SettingsError(f"{path}.key_file: {str(file)[:200]!r} cannot be read: {reason}") from None
    return given


def _provider(name: str, label: str, given: dict[str, Any], path: str) -> ProviderSettings:
    try:
        return ProviderSettings(**{**given, "provider": name, "label": label})
    except (ValidationError, TypeError) as error:
        if not isinstance(error, ValidationError):
            raise SettingsError(f"{path}: settings have names") from None
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise SettingsError(f"{path}.{key}: {first['msg']}") from None

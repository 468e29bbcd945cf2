"""The node's settings: defaults, then a file, then `S2V_NODE_...` variables, then command-line options; a wrong one stops the start by
its name."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from worker_node.providers.registry import DEFAULT_CHAINS, KINDS, LOADED
from worker_node.providers.settings import ProviderSettings, SettingsError, chain_variables, read_chain
from worker_node.settings_file import read_settings_file

PREFIX = "S2V_NODE_"
MAX_TOKEN = 4096  # bytes of a file


@dataclass(frozen=True)
class NodeSettings:
    """Everything that can be set. `concurrency` and `providers`, ordered lists, are keyed by kind (llm, t2i, i2v, tts); a missing kind has
    its default. `degrade`: an offline provider may do what a real one before it in its list could not.
    """

    output: Path
    host: str = "127.0.0.1"
    port: int = 8800
    queue: int = 256
    concurrency: Mapping[str, int] = field(default_factory=dict)
    providers: Mapping[str, tuple[ProviderSettings, ...]] = field(default_factory=dict)
    degrade: bool = True
    webhook_url: str = ""
    webhook_secret: str = ""
    token: str = ""
    serve_without_token: bool = False
    keep_jobs: int = 1000
    keep_hours: float = 24.0
    job_minutes: float = 15.0
    lang: str = "zh"
    parent_pid: int = 0
    log_format: str = "text"
    log_level: str = "INFO"

    def secrets(self) -> list[str]:
        """What no log line may hold."""
        keys = [provider.key.get_secret_value() for chain in self.providers.values() for provider in chain]
        return [self.token, self.webhook_secret, *keys]

    def __post_init__(self) -> None:
        providers = {
            **{kind: read_chain(kind, DEFAULT_CHAINS[kind], kind, {}, PREFIX) for kind in KINDS},
            **self.providers,
        }
        object.__setattr__(self, "providers", {kind: self._allowed(chain) for kind, chain in providers.items()})
        at_once = {kind: _at_once(kind, chain) for kind, chain in providers.items()}
        object.__setattr__(self, "concurrency", {**at_once, **self.concurrency})
        if self.webhook_url and not self.webhook_secret:
            raise SettingsError(
                f"{PREFIX}WEBHOOK_SECRET: missing, while a webhook URL is set: deliveries must be signed"
            )
        if not (self.token or self.serve_without_token or is_loopback(self.host)):
            raise SettingsError(
                f"{PREFIX}TOKEN: missing, while --host is {self.host!r}: whoever reaches that address could use the node. "
                f"Set {PREFIX}TOKEN or --token-file, or say so by --serve-without-token true"
            )

    def _allowed(self, chain: tuple[ProviderSettings, ...]) -> tuple[ProviderSettings, ...]:
        real = tuple(provider for provider in chain if provider.provider != "offline")
        return chain if self.degrade or not real else real


DEFAULT_CONCURRENCY = {"llm": 1, "t2i": 2, "i2v": 1, "tts": 2}


def _at_once(kind: str, chain: Sequence[ProviderSettings]) -> int:
    usual = 1 if any(provider.provider in LOADED for provider in chain) else DEFAULT_CONCURRENCY[kind]
    return max([usual, *(provider.parallel or 0 for provider in chain)])


@dataclass(frozen=True)
class _Option:
    key: str
    parse: Callable[[str], Any]
    default: str
    help: str
    flag: bool = True

    @property
    def variable(self) -> str:
        return PREFIX + self.key.upper()


def _whole(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
            raise ValueError(f"a whole number from {low} to {high}")
        return int(text)

    return parse


def _hours(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= 100_000:
        raise ValueError("a number above 0")
    return number


def _switch(text: str) -> bool:
    words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    if text.lower() not in words:
        raise ValueError("true or false")
    return words[text.lower()]


def _or_default(parse: Callable[[str], int]) -> Callable[[str], int | None]:
    return lambda text: parse(text) if text else None


def _one_of(*allowed: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text not in allowed:
            raise ValueError("one of " + ", ".join(allowed))
        return text

    return parse


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:  # half an IPv6 address, a port that is none
        usable = False
    if text and not usable:
        raise ValueError("an http:// or https:// address, or nothing")
    return text


def _host(text: str) -> str:
    if not text.isascii() or not text.isprintable():  # asking the resolver for such a name may raise
        raise ValueError("a name or an IP address")
    return text


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens there; a name other than localhost may be anything."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _token(text: str) -> str:
    if text and (not text.isprintable() or text != text.strip()):
        raise ValueError("text without control characters, and without blanks around it")
    return _text(text)


def _token_file(text: str) -> str:
    """The token in a file, "" where none is named."""
    if not text:
        return ""
    try:
        with Path(_text(text)).open("rb") as file:
            token = _token(file.read(MAX_TOKEN).decode("utf-8").strip())
    except (OSError, ValueError) as error:
        raise ValueError("a file that this user can read and that holds a token in UTF-8") from error
    if not token:
        raise ValueError("a file that holds a token: this one is empty")
    return token


def _text(text: str) -> str:
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("text in UTF-8 without NUL bytes")
    return text


def _folder(text: str) -> Path:
    if not text or "\0" in text:
        raise ValueError("a folder's path")
    return Path(text)


_OPTIONS = [
    _Option(
        "config", _text, "", "YAML file with any of these settings, and `llm`, `t2i`, `i2v`, `tts`: lists of providers"
    ),
    _Option("host", _host, "127.0.0.1", "address to listen on"),
    _Option("port", _whole(0, 65535), "8800", "port to listen on; 0 = a free one, printed once ready"),
    _Option("output", _folder, "node-output", "folder that results are written to; one node per folder"),
    _Option("queue", _whole(1, 100_000), "256", "jobs that may wait; one more is answered 503"),
    *(
        _Option(
            f"{kind}_concurrency",
            _or_default(_whole(1, 64)),
            "",
            f"{kind} jobs at once; nothing = what its providers take, at least {DEFAULT_CONCURRENCY[kind]}",
        )
        for kind in KINDS
    ),
    *(
        _Option(
            f"{kind}_provider",
            _text,
            ",".join(DEFAULT_CHAINS[kind]),
            f"what does the {kind} work: one, or several in their order, of which the next serves when one cannot",
        )
        for kind in KINDS
    ),
    _Option("degrade", _switch, "true", "whether an offline provider may do what a real one could not"),
    _Option("webhook_url", _url, "", "URL that is notified when a job ends; empty = none"),
    _Option("webhook_secret", _text, "", "shared secret that signs deliveries", flag=False),
    _Option(
        "token", _token, "", "what each request must carry, as password or bearer token; empty = nothing", flag=False
    ),
    _Option("token_file", _token_file, "", "file that holds the token, in place of S2V_NODE_TOKEN"),
    _Option(
        "serve_without_token",
        _switch,
        "false",
        "start without a token on an address that is not loopback: whoever reaches it may use the node",
    ),
    _Option("keep_jobs", _whole(1, 1_000_000), "1000", "ended jobs that are remembered, with their files"),
    _Option("keep_hours", _hours, "24", "hours that an ended job is remembered"),
    _Option(
        "job_minutes",
        _hours,
        "15",
        "minutes, and those of its providers' timeout_s, after which a running job is stopped and failed",
    ),
    _Option("lang", _one_of("zh", "en"), "zh", "language of speech where the text's script does not say"),
    _Option("parent_pid", _whole(0, 2**31 - 1), "0", "end when this process, which started the node, ends; 0 = never"),
    _Option("log_format", _one_of("text", "json"), "text", "form of the log on standard error"),
    _Option(
        "log_level",
        _one_of("DEBUG", "INFO", "WARNING", "ERROR"),
        "INFO",
        "what is logged: DEBUG, INFO, WARNING or ERROR",
    ),
]


def parse_settings(arguments: Sequence[str], environment: Mapping[str, str]) -> NodeSettings:
    """Read the command line and the environment; raises `SettingsError`, or leaves by argparse for --help and unknown options."""
    parser = argparse.ArgumentParser(
        prog="python -m worker_node",
        description="The StoryToVideo model node. `python -m worker_node doctor`, with the same options, tries what it would run with.",
        epilog=f"Every option can also be set as {PREFIX}<NAME>, for example {PREFIX}PORT. The webhook's secret and the "
        f"token are read from {PREFIX}WEBHOOK_SECRET and {PREFIX}TOKEN only, so that they do not show in the list of processes.",
    )
    for option in _OPTIONS:
        if option.flag:
            name = "--" + option.key.replace("_", "-")
            shown = f"{option.help} (default: {option.default or 'none'})"
            parser.add_argument(name, dest=option.key, metavar="VALUE", help=shown)
    given = vars(parser.parse_args(arguments))
    filed = read_settings_file(
        _value(_OPTIONS[0], given.get("config"), environment, {}),
        {*KINDS, *(option.key for option in _OPTIONS[1:])},
    )
    values = {option.key: _value(option, given.get(option.key), environment, filed) for option in _OPTIONS[1:]}
    wished = {kind: values.pop(f"{kind}_concurrency") for kind in KINDS}
    concurrency = {kind: count for kind, count in wished.items() if count}
    providers = {kind: _chain(kind, values.pop(f"{kind}_provider"), given, environment, filed) for kind in KINDS}
    token_file = values.pop("token_file")
    values["token"] = values["token"] or token_file
    known = {option.variable for option in _OPTIONS}.union(
        *(chain_variables(kind, chain, PREFIX) for kind, chain in providers.items())
    )
    for variable in environment:
        if variable.startswith(PREFIX) and variable not in known:
            raise SettingsError(f"{variable}: no such setting")
    return NodeSettings(concurrency=concurrency, providers=providers, **values)


def _chain(
    kind: str, named: str, given: Mapping[str, Any], environment: Mapping[str, str], filed: Mapping[str, Any]
) -> tuple[ProviderSettings, ...]:
    option = f"{kind}_provider"
    if given.get(option) is None and PREFIX + option.upper() not in environment and kind in filed:
        return read_chain(kind, filed[kind], kind, environment, PREFIX)
    return read_chain(kind, named, "--" + option.replace("_", "-"), environment, PREFIX)


def _value(option: _Option, given: str | None, environment: Mapping[str, str], filed: Mapping[str, Any]) -> Any:
    name = option.variable if given is None else "--" + option.key.replace("_", "-")
    text = given if given is not None else environment.get(option.variable)
    if text is None and option.key in filed:
        name, text = option.key, str(filed[option.key])
    try:
        return option.parse(option.default if text is None else text)
    except ValueError as error:
        found = f"found {text[:200]!r}, " if option.flag and text is not None else ""  # what has no flag is secret
        raise SettingsError(f"{name}: {found}allowed is {error}") from None

"""The node's settings, and the page that describes them."""

from __future__ import annotations

import importlib
import re
from pathlib import Path

import pytest

from worker_node.providers.registry import KINDS, PROVIDERS
from worker_node.providers.settings import ProviderSettings, SettingsError, model_name
from worker_node.settings import _OPTIONS, parse_settings

PAGE = Path(__file__).parents[3] / "doc" / "worker-node.md"


def test_the_page_describes_every_setting_as_it_is() -> None:
    rows = re.findall(r"^\| `([^`]+)` \| `(S2V_NODE_\w+)` \| (\S+) \| (.+) \|$", PAGE.read_text(encoding="utf-8"), re.M)
    expected = [
        (
            "--" + option.key.replace("_", "-") if option.flag else "—",
            option.variable,
            f"`{option.default}`" if option.default else "—",
            option.help,
        )
        for option in _OPTIONS
    ]
    assert rows == expected


def test_an_option_wins_over_a_variable_and_a_variable_over_the_default() -> None:
    assert parse_settings(["--queue", "7"], {"S2V_NODE_QUEUE": "9"}).queue == 7
    assert parse_settings([], {"S2V_NODE_QUEUE": "9"}).queue == 9
    assert parse_settings([], {}).queue == 256
    assert parse_settings(["--tts-concurrency", "5"], {}).concurrency == {"llm": 1, "t2i": 2, "i2v": 1, "tts": 5}


@pytest.mark.parametrize("kind", KINDS)
def test_an_unknown_provider_is_named_with_those_there_are(kind: str) -> None:
    with pytest.raises(SettingsError, match=f"--{kind}-provider: found 'gpt'.*list of offline"):
        parse_settings([f"--{kind}-provider", "gpt"], {})


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in KINDS for name in PROVIDERS[kind]])
def test_every_provider_that_can_be_chosen_is_there(kind: str, name: str) -> None:
    module, _, attribute = PROVIDERS[kind][name].partition(":")
    method = {"llm": "tell", "t2i": "paint", "i2v": "animate", "tts": "speak"}[kind]
    assert callable(getattr(getattr(importlib.import_module(module), attribute), method))


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind in KINDS for name in PROVIDERS[kind]])
def test_every_provider_that_has_a_model_by_default_names_it(kind: str, name: str) -> None:
    by_rules = kind != "tts" and name == "offline"
    asks_for_one = (kind, name) == ("llm", "openai")
    has_its_servers = name in ("cosyvoice", "comfyui") or (kind, name) == ("i2v", "openai")
    named = model_name(kind, ProviderSettings(provider=name))
    assert bool(named) is not (by_rules or asks_for_one or has_its_servers), named


@pytest.mark.parametrize(
    ("model", "said"),
    [("", "qwen2.5:0.5b"), ("llama3.2", "llama3.2"), ("a/b:c", "a/b:c"), ("/srv/models/m.gguf", "m.gguf")],
)
def test_a_models_name_is_told_and_no_folder_of_the_machine(model: str, said: str) -> None:
    assert model_name("llm", ProviderSettings(provider="ollama", model=model)) == said


@pytest.mark.parametrize("url", ["ftp://host/", "http:///path", "http://host:99999/", "http://[::1", "host:8080"])
def test_an_address_that_nothing_can_be_sent_to_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match=r"--webhook-url: found .*allowed is an http:// or https:// address"):
        parse_settings(["--webhook-url", url], {"S2V_NODE_WEBHOOK_SECRET": "shared"})


@pytest.mark.parametrize("host", ["é" * 70, "a\0b", "a\udcff"])
def test_a_host_that_cannot_be_asked_for_is_refused(host: str) -> None:
    with pytest.raises(SettingsError, match=r"--host: found .*allowed is a name or an IP address"):
        parse_settings(["--host", host], {})


def test_a_secret_that_cannot_sign_is_refused_and_not_shown() -> None:
    """Bytes that are no UTF-8 come out of the environment as unpaired surrogates."""
    with pytest.raises(SettingsError, match=r"S2V_NODE_WEBHOOK_SECRET: allowed is text in UTF-8") as raised:
        parse_settings([], {"S2V_NODE_WEBHOOK_SECRET": "hush\udcff"})
    assert "hush" not in str(raised.value)


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "", "10.0.0.5", "gpu-box", "127.0.0.1.example.org", "0", "::ffff:10.0.0.5"]
)
def test_whoever_could_reach_it_from_elsewhere_needs_a_token(host: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"S2V_NODE_TOKEN: missing.*--serve-without-token true"):
        parse_settings(["--host", host], {})
    (tmp_path / "token").write_text("  hush\n", "utf-8")
    assert parse_settings(["--host", host], {"S2V_NODE_TOKEN": "hush"}).token == "hush"
    assert parse_settings(["--host", host, "--token-file", str(tmp_path / "token")], {}).token == "hush"
    assert parse_settings(["--host", host, "--serve-without-token", "true"], {}).token == ""


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_on_loopback_it_needs_none(host: str) -> None:
    assert parse_settings(["--host", host], {}).token == ""


@pytest.mark.parametrize("content", [b"", b" \n", b"two\nlines", b"\xff"])
def test_a_file_without_a_token_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(content)
    with pytest.raises(SettingsError, match=r"--token-file: found .*allowed is a file that"):
        parse_settings(["--token-file", str(tmp_path / "token")], {})
    with pytest.raises(SettingsError, match=r"S2V_NODE_TOKEN_FILE: found .*none.*allowed is a file that"):
        parse_settings([], {"S2V_NODE_TOKEN_FILE": str(tmp_path / "none")})


def test_a_token_in_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("other", "utf-8")
    environment = {"S2V_NODE_TOKEN": "hush", "S2V_NODE_TOKEN_FILE": str(tmp_path / "token")}
    assert parse_settings([], environment).token == "hush"


@pytest.mark.parametrize("token", [" hush", "hush\n", "hu\x01sh", "hush\udcff"])
def test_a_token_that_no_header_carries_is_refused_and_not_shown(token: str) -> None:
    with pytest.raises(SettingsError, match=r"S2V_NODE_TOKEN: allowed is text") as raised:
        parse_settings([], {"S2V_NODE_TOKEN": token})
    assert "hu" not in str(raised.value)

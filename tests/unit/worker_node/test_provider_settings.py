"""Lists of providers: from the file, the environment and the command line, and what is refused of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from worker_node.providers import registry
from worker_node.providers.settings import SettingsError
from worker_node.settings import NodeSettings, parse_settings

SECRET = "sk-do-not-show-me"


@pytest.fixture(autouse=True)
def _providers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.PROVIDERS["llm"], "openai", "nowhere:Nobody")
    monkeypatch.setitem(registry.PROVIDERS["llm"], "ollama", "nowhere:Nobody")


def from_file(tmp_path: Path, found: object, environment: dict[str, str] | None = None) -> NodeSettings:
    file = tmp_path / "node.yaml"
    file.write_text(yaml.safe_dump(found, allow_unicode=True), encoding="utf-8")
    return parse_settings(["--config", str(file)], environment or {})


def test_a_file_names_providers_in_their_order_each_with_its_own_settings(tmp_path: Path) -> None:
    openai = {"base": "https://a.example/v1/", "model": "m", "key": SECRET, "timeout_s": 86_400, "extra": {"seed": 1}}
    settings = from_file(
        tmp_path, {"port": 1, "llm": ["ollama", {"openai": openai}, {"openai": {"parallel": 6}}, "offline"]}
    )
    chain = settings.providers["llm"]
    assert [provider.label for provider in chain] == ["ollama", "openai", "openai-2", "offline"]
    assert (chain[1].base, chain[1].timeout_s, chain[1].extra) == ("https://a.example/v1", 86_400, {"seed": 1})
    assert chain[1].key.get_secret_value() == SECRET
    assert settings.concurrency["llm"] == 6, "as many jobs as a provider takes at once"
    assert settings.port == 1
    assert SECRET not in repr(settings)


def test_the_configuration_may_come_as_json_from_the_server_that_starts_the_node() -> None:
    text = json.dumps({"llm": [{"openai": {"model": "m"}}], "degrade": False})
    settings = parse_settings([], {"S2V_NODE_CONFIG": text})
    assert [provider.model for provider in settings.providers["llm"]] == ["m"]


def test_a_variable_wins_over_the_file_and_an_option_over_both(tmp_path: Path) -> None:
    found = {"llm": [{"openai": {"model": "file", "base": "http://a"}}]}
    environment = {"S2V_NODE_LLM_OPENAI_MODEL": "variable", "S2V_NODE_LLM_OPENAI_EXTRA": '{"top_p": 0.5}'}
    openai = from_file(tmp_path, found, environment).providers["llm"][0]
    assert (openai.model, openai.base, openai.extra) == ("variable", "http://a", {"top_p": 0.5})
    listed = parse_settings(["--llm-provider", "openai, offline"], {**environment, "S2V_NODE_LLM_PROVIDER": "ollama"})
    assert [(provider.label, provider.model) for provider in listed.providers["llm"]] == [
        ("openai", "variable"),
        ("offline", ""),
    ]


def test_a_key_may_lie_in_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(SECRET + "\n")
    for settings in (
        from_file(tmp_path, {"llm": [{"openai": {"key_file": str(tmp_path / "key")}}]}),
        parse_settings(["--llm-provider", "openai"], {"S2V_NODE_LLM_OPENAI_KEY_FILE": str(tmp_path / "key")}),
    ):
        assert settings.providers["llm"][0].key.get_secret_value() == SECRET


def test_the_offline_provider_stands_in_for_real_ones_only_where_that_is_allowed(tmp_path: Path) -> None:
    labels = [
        each.label for each in from_file(tmp_path, {"degrade": False, "llm": ["ollama", "offline"]}).providers["llm"]
    ]
    assert labels == ["ollama"]
    alone = from_file(tmp_path, {"degrade": False, "llm": ["offline"]})
    assert [each.label for each in alone.providers["llm"]] == ["offline"], "it stands in for nobody"


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ({"lm": ["offline"]}, "'lm': no such setting"),
        ({"llm": []}, "llm: a list of 1 to 8"),
        ({"llm": ["offline"] * 9}, "llm: a list of 1 to 8"),
        ({"llm": ["gpt"]}, "llm: found 'gpt', allowed is a list of offline"),
        ({"llm": [{"openai": {}, "ollama": {}}]}, "llm: found"),
        ({"llm": [{"openai": "m"}]}, "llm.openai: settings by name"),
        ({"llm": [{"openai": {"colour": "red"}}]}, "llm.openai.colour"),
        ({"llm": ["openai", {"openai": {"parallel": 0}}]}, "llm.openai-2.parallel"),
        ({"llm": [{"openai": {"timeout_s": 86_401}}]}, "llm.openai.timeout_s"),
        ({"llm": [{"openai": {"base": "ftp://a"}}]}, "llm.openai.base"),
        ({"llm": [{"openai": {"base": f"http://me:{SECRET}@a"}}]}, "llm.openai.base"),
        ({"llm": [{"openai": {"key_file": "/no/such/file"}}]}, "llm.openai.key_file: '/no/such/file' cannot be read"),
        ({"llm": [{"openai": {"key": [SECRET]}}]}, "llm.openai.key"),
        ({"llm": [{"openai": {"price": {"images": "free"}}}]}, "llm.openai.price.images"),
        ([1], "settings by name"),
    ],
)
def test_what_is_wrong_stops_the_start_by_its_path_and_shows_no_key(tmp_path: Path, found: Any, said: str) -> None:
    with pytest.raises(SettingsError) as raised:
        from_file(tmp_path, found)
    assert said in str(raised.value)
    assert SECRET not in str(raised.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"--config: .*cannot be read: No such file"):
        parse_settings(["--config", str(tmp_path / "none.yaml")], {})
    (tmp_path / "torn.yaml").write_text("a: [1\nb: 2")
    with pytest.raises(SettingsError, match=r"torn\.yaml: not YAML in line 2"):
        parse_settings(["--config", str(tmp_path / "torn.yaml")], {})


def test_a_variable_of_a_provider_that_is_not_listed_is_no_setting() -> None:
    with pytest.raises(SettingsError, match="S2V_NODE_LLM_OPENAI_KEY: no such setting") as raised:
        parse_settings([], {"S2V_NODE_LLM_OPENAI_KEY": SECRET})
    assert SECRET not in str(raised.value)

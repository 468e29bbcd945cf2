"""deploy/node/Dockerfile: instructions that there are, files that are there, a user that is not root, and no secret inside."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from worker_node.providers.settings import SettingsError
from worker_node.settings import parse_settings

ROOT = Path(__file__).resolve().parents[3]
FOLDER = ROOT / "deploy" / "node"
INSTRUCTIONS = {
    *("ARG", "FROM", "ENV", "RUN", "COPY", "USER", "VOLUME", "EXPOSE", "HEALTHCHECK", "STOPSIGNAL", "ENTRYPOINT"),
}


def instructions() -> list[tuple[str, str]]:
    """Word and rest of each instruction, continued lines joined."""
    text = re.sub(r"^#.*\n", "", (FOLDER / "Dockerfile").read_text("utf-8"), flags=re.MULTILINE)
    joined = re.sub(r"\\\n\s*", " ", text)
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in joined.splitlines() if line.strip())]


def of(word: str) -> list[str]:
    return [rest for found, rest in instructions() if found == word]


def environment() -> dict[str, str]:
    return dict(re.findall(r"(\w+)=(\S+)", " ".join(of("ENV"))))


def test_it_is_made_of_instructions_that_docker_knows() -> None:
    words = [word for word, _ in instructions()]
    assert set(words) <= INSTRUCTIONS
    assert words[:2] == ["ARG", "FROM"]
    assert [rest for rest in of("FROM") if rest.startswith("nvidia/cuda:")] == of("FROM")
    assert json.loads(of("ENTRYPOINT")[0]) == ["/opt/node/bin/storytovideo-node"]


def test_what_it_copies_is_there_and_is_installed_by_its_lock() -> None:
    copied = [rest.split()[0] for rest in of("COPY")]
    assert copied == ["worker_node/requirements.txt", "worker_node"]
    assert all((ROOT / path).exists() for path in copied)
    assert any("--require-hashes -r /opt/requirements.txt" in rest for rest in of("RUN"))
    assert 'storytovideo-node = "worker_node.__main__:run"' in (ROOT / "worker_node/pyproject.toml").read_text("utf-8")


def test_it_runs_as_a_user_of_its_own_and_holds_no_secret() -> None:
    words = [word for word, _ in instructions()]
    assert of("USER") == ["node"]
    assert words.index("USER") < words.index("ENTRYPOINT")
    assert not re.search(r"(TOKEN|SECRET|KEY)=", (FOLDER / "Dockerfile").read_text("utf-8"))


def test_the_node_reads_its_variables_and_does_not_start_without_a_token() -> None:
    own = {name: text for name, text in environment().items() if name.startswith("S2V_NODE_")}
    assert own["S2V_NODE_PORT"] in of("EXPOSE")
    with pytest.raises(SettingsError, match="S2V_NODE_TOKEN: missing"):
        parse_settings([], own)
    assert parse_settings([], {**own, "S2V_NODE_TOKEN": "hush"}).host == "0.0.0.0"
    [volume] = json.loads(of("VOLUME")[0])
    assert own["S2V_NODE_OUTPUT"].startswith(volume)


def test_the_page_publishes_it_on_loopback_and_says_that_it_was_not_run() -> None:
    page = (FOLDER / "README.md").read_text("utf-8")
    assert re.findall(r" -p (\S+)", page)[0] == "127.0.0.1:8800:8800"
    assert "*Not run*" in page

"""`python -m worker_node doctor`."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tests.support.model_servers.ollama import Ollama
from tests.support.model_servers.openai_chat import OpenAIChat
from tests.support.stories import right
from worker_node import doctor
from worker_node.command import main
from worker_node.doctor import examine
from worker_node.settings import parse_settings

KEY = "sk-planted-0123456789"


def look(folder: Path, environment: dict[str, str] | None = None, *options: str) -> tuple[int, str]:
    lines: list[str] = []
    settings = parse_settings(["--output", str(folder / "out"), *options], environment or {})
    code = examine(settings, lines.append)
    return code, "\n".join(lines)


def openai(server: OpenAIChat, **settings: str) -> dict[str, str]:
    named = {"BASE": server.base, "MODEL": "stand-in", "KEY": KEY, **settings}
    return {
        "S2V_NODE_LLM_PROVIDER": "openai",
        **{f"S2V_NODE_LLM_OPENAI_{name}": value for name, value in named.items()},
    }


@pytest.fixture
def storyteller_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """The other kinds pass untried: what they do is no matter of the test."""
    try_it = doctor._provider
    monkeypatch.setattr(doctor, "_provider", lambda kind, *given: kind != "llm" or try_it(kind, *given))


def test_each_kind_is_tried_with_its_time_and_nothing_is_left(tmp_path: Path) -> None:
    code, said = look(tmp_path)
    assert code == 0, said
    for kind in ("llm", "t2i", "i2v", "tts"):
        assert f"[ok]   {kind} offline: trial done in " in said
    assert "processors" in said
    assert "GiB of memory" in said
    assert "All checks passed." in said
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("storyteller_alone")
def test_the_models_of_a_server_are_listed_and_its_key_is_not(tmp_path: Path) -> None:
    with OpenAIChat(answer=right, key=KEY) as server:
        code, said = look(tmp_path, openai(server))
    assert code == 0, said
    assert "llm openai: answers, has stand-in; asked for: stand-in" in said
    assert KEY not in said


@pytest.mark.usefixtures("storyteller_alone")
@pytest.mark.parametrize(
    ("fault", "said", "mend"),
    [
        ("unauthorized_401", "密钥不对", "export S2V_NODE_LLM_OPENAI_KEY="),
        ("quota_402", "额度用完", "export S2V_NODE_LLM_PROVIDER=openai,offline"),
        ("html_502", "网页", "export S2V_NODE_LLM_OPENAI_BASE="),
        ("server_error_500", "模型服务出错", ""),
    ],
)
def test_what_fails_is_said_with_what_mends_it(tmp_path: Path, fault: str, said: str, mend: str) -> None:
    with OpenAIChat(answer=right, always=fault) as server:
        code, text = look(tmp_path, openai(server))
    assert code == 1
    failed = text.partition("[FAIL] llm openai: ")[2]
    assert said in failed
    assert mend in failed
    assert "1 checks failed." in text
    assert KEY not in text


@pytest.mark.usefixtures("storyteller_alone")
def test_a_model_that_is_not_there_is_pulled_by_a_command(tmp_path: Path) -> None:
    with Ollama(answer=right) as server:
        code, said = look(tmp_path, {"S2V_NODE_LLM_PROVIDER": "ollama", "S2V_NODE_LLM_OLLAMA_BASE": server.url})
    assert code == 1
    assert "has qwen3:8b, llama3.2:latest" in said
    assert "\n       ollama pull qwen2.5:0.5b" in said


@pytest.mark.usefixtures("storyteller_alone")
def test_a_model_that_writes_nothing_usable_is_warned_of(tmp_path: Path) -> None:
    with OpenAIChat(answer=right, always="promise") as server:
        code, said = look(tmp_path, openai(server))
    assert code == 0
    assert "[warn] llm openai: trial done in" in said
    assert "离线规则" in said


@pytest.mark.usefixtures("storyteller_alone")
def test_a_server_that_is_away_and_a_model_without_a_name(tmp_path: Path) -> None:
    base = {"S2V_NODE_LLM_OLLAMA_BASE": "http://127.0.0.1:1"}
    _, said = look(tmp_path, {"S2V_NODE_LLM_PROVIDER": "ollama", **base})
    assert "连接不上 http://127.0.0.1:1" in said
    assert "start it, or export S2V_NODE_LLM_OLLAMA_BASE=" in said
    with OpenAIChat(answer=right) as server:
        _, said = look(tmp_path, openai(server, MODEL=""))
    assert "export S2V_NODE_LLM_OPENAI_MODEL=" in said


def test_a_provider_without_its_packages_or_with_a_bug_does_not_hide_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(kind: str, settings: object) -> object:
        if kind == "t2i":
            raise ImportError(name="torch")
        raise ZeroDivisionError(KEY)

    monkeypatch.setattr("worker_node.doctor.make_provider", broken)
    with OpenAIChat(answer=right) as server:
        code, said = look(tmp_path, openai(server))
    assert code == 1
    assert "pip install torch" in said
    assert "[FAIL] tts offline: ZeroDivisionError: ***" in said


def test_a_gpu_is_named_with_its_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'NVIDIA X, 24576 MiB, 20000 MiB'\n")
    tool.chmod(tool.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr("worker_node.doctor._provider", lambda *_: True)
    assert "; NVIDIA X, 24576 MiB, 20000 MiB" in look(tmp_path)[1]
    tool.write_text("#!/bin/sh\nexit 9\n")
    assert "nvidia-smi does not work" in look(tmp_path)[1]


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("worker_node.doctor._provider", lambda *_: True)
    (tmp_path / "file").touch()
    code, said = look(tmp_path, {}, "--output", str(tmp_path / "file"))
    assert code == 1
    assert "[FAIL] output:" in said


def test_the_command_line_knows_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("worker_node.doctor._provider", lambda *_: True)
    assert main(["doctor", "--output", str(tmp_path)]) == 0
    assert "All checks passed." in capsys.readouterr().out
    assert main(["doctor", "--output", ""]) == 2

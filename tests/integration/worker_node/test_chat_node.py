"""The node as a process with language models behind it: its lists, its keys, its kills."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.integration.worker_node.conftest import PATIENCE_S, NodeProcess, StartNode
from tests.support.model_servers.ollama import Ollama
from tests.support.model_servers.openai_chat import OpenAIChat
from tests.support.soak import soaking_rows
from tests.support.stories import CAST, STORY, right
from tests.support.wait import wait_until

KEY = "sk-planted-0123456789"
STORYBOARD = {"storyText": STORY, "shot_count": 4}


def openai(server: OpenAIChat, label: str = "OPENAI", **settings: str) -> dict[str, str]:
    named = {"BASE": server.base, "MODEL": "stand-in", "KEY": KEY, "TIMEOUT_S": "60", **settings}
    return {f"S2V_NODE_LLM_{label}_{name}": value for name, value in named.items()}


def ollama(server: Ollama) -> dict[str, str]:
    return {"S2V_NODE_LLM_OLLAMA_BASE": server.url, "S2V_NODE_LLM_OLLAMA_MODEL": "llama3.2"}


def storyboard(node: NodeProcess, **more: Any) -> dict[str, Any]:
    return node.ended(node.submit("storyboard", shot_defaults={**STORYBOARD, **more}))


def scenes(job: dict[str, Any]) -> list[dict[str, str]]:
    found: list[dict[str, str]] = job["result"]["task_shots"]["generated_shots"]
    return found


def assert_key_is_nowhere(node: NodeProcess, *answers: object) -> None:
    seen = [node.log.read_text(encoding="utf-8"), node.get("/health").text, *map(str, answers)]
    for process in (psutil.Process(node.process.pid), *node.workers()):
        seen += process.cmdline()
    files = [path.read_bytes() for path in node.output.rglob("*") if path.is_file()]
    assert KEY not in "".join(seen)
    assert not [content for content in files if KEY.encode() in content]


def test_a_story_is_told_by_the_first_of_a_list_with_its_cast_and_its_price(start_node: StartNode) -> None:
    with OpenAIChat(answer=right, key=KEY) as server:
        price = '{"input_tokens": "0.001", "output_tokens": "0.01"}'
        node = start_node("--llm-provider", "openai,offline", env=openai(server, PRICE=price))
        job = storyboard(node)
        told = storyboard(node, telling="told")
        assert_key_is_nowhere(node, job, told)
    assert (job["status"], job["message"]) == ("finished", "完成")
    assert "".join(scene["narration"] for scene in scenes(job)) == STORY
    assert job["result"]["made_by"] == {"provider": "openai", "model": "stand-in"}
    assert job["result"]["cast"] == CAST
    [usage] = job["result"]["usage"]
    assert usage["units"]["input_tokens"] > 100
    assert float(usage["cost"]) > 0.1
    assert all(scene["narration"].startswith("话说") for scene in scenes(told))


def test_an_unknown_telling_is_refused(start_node: StartNode) -> None:
    node = start_node()
    answer = node.post("storyboard", shot_defaults={**STORYBOARD, "telling": "sung"})
    assert answer.status_code == 422
    assert "telling" in answer.text


@pytest.mark.parametrize(
    ("fault", "reason"),
    soaking_rows([("quota_429", "额度用完"), ("unauthorized_401", "密钥不对"), ("html_502", "收到的是网页")], keep=1),
)
def test_the_next_tells_the_story_when_one_cannot(start_node: StartNode, fault: str, reason: str) -> None:
    with OpenAIChat(answer=right, always=fault) as first, Ollama(answer=right) as second:
        node = start_node("--llm-provider", "openai,ollama", env={**openai(first), **ollama(second)})
        job = storyboard(node)
        assert_key_is_nowhere(node, job)
        degraded = node.get("/health").json()["degraded"]["llm"]
    assert job["status"] == "finished"
    assert f"由 ollama 代替（openai：{reason}" in job["message"]
    assert degraded["provider"] == "ollama"
    assert job["result"]["made_by"]["provider"] == "ollama"


def test_the_model_that_is_asked_where_none_is_set_is_named(start_node: StartNode) -> None:
    with Ollama(answer=right, models={"qwen2.5:0.5b": ("completion",)}) as server:
        node = start_node("--llm-provider", "ollama", env={"S2V_NODE_LLM_OLLAMA_BASE": server.url})
        job = storyboard(node)
        listed = node.get("/health").json()["lists"]["llm"]
    named = {"provider": "ollama", "model": "qwen2.5:0.5b"}
    assert job["result"]["made_by"] == named
    assert {name: job["result"]["usage"][0][name] for name in named} == named
    assert listed == [named]


def test_none_that_can_fails_the_job_with_every_reason_and_no_key(start_node: StartNode) -> None:
    with OpenAIChat(answer=right, key="another") as server:
        env = {**openai(server), **openai(server, "OPENAI_2", BASE="http://127.0.0.1:1")}
        node = start_node("--llm-provider", "openai,openai", env=env)
        job = storyboard(node)
        assert_key_is_nowhere(node, job)
    assert job["status"] == "failed"
    assert job["code"] == 903
    assert "openai：密钥不对" in job["error"]
    assert "openai-2：连接不上" in job["error"]


def test_a_broken_model_is_finished_by_rules_and_that_is_said(start_node: StartNode) -> None:
    with Ollama(answer=right, always="refusal_in_chinese") as server:
        job = storyboard(start_node("--llm-provider", "ollama", env=ollama(server)))
    assert job["status"] == "finished"
    assert "全部由离线规则写成" in job["message"]
    assert "".join(scene["narration"] for scene in scenes(job)) == STORY


def test_content_that_the_safety_system_refuses_goes_to_no_other(start_node: StartNode) -> None:
    with OpenAIChat(answer=right, always="content_filter") as first, Ollama(answer=right) as second:
        job = storyboard(start_node("--llm-provider", "openai,ollama", env={**openai(first), **ollama(second)}))
        assert not second.received
    assert job["status"] == "failed"
    assert "安全系统" in job["error"]
    [usage] = job["result"]["usage"]
    assert (usage["provider"], usage["units"]["input_tokens"] > 100) == ("openai", True), "it is paid all the same"


def test_a_kill_in_the_middle_of_a_call_costs_at_most_that_call_under_the_same_key(start_node: StartNode) -> None:
    with OpenAIChat(answer=right, faults=["ok", "hang"]) as server:
        node = start_node("--llm-provider", "openai", env=openai(server))
        job = node.submit("storyboard", task="t", shot_defaults=STORYBOARD)
        wait_until(lambda: len(server.requests()) == 2, PATIENCE_S, "the second call")
        assert node.end(signal.SIGKILL) == -signal.SIGKILL
        again = start_node("--llm-provider", "openai", output=node.output, env=openai(server))
        ended = again.ended(job)
        keys = [received.key for received in server.requests()]
    assert ended["status"] == "finished"
    assert len(keys) == 3, "what was answered is not asked again"
    assert keys[1] == keys[2]
    assert keys[0] != keys[1]
    assert "1 次调用没有得到回答" in ended["message"]
    assert "".join(scene["narration"] for scene in scenes(ended)) == STORY
    assert ended["result"]["usage"][0]["units"]["input_tokens"] > 100, "also of the call before the kill"


def test_a_key_may_lie_in_a_file(start_node: StartNode, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text(KEY + "\n")
    with OpenAIChat(answer=right, key=KEY) as server:
        env = openai(server)
        del env["S2V_NODE_LLM_OPENAI_KEY"]
        node = start_node("--llm-provider", "openai", env={**env, "S2V_NODE_LLM_OPENAI_KEY_FILE": str(file)})
        job = storyboard(node)
        assert_key_is_nowhere(node, job)
    assert job["status"] == "finished"

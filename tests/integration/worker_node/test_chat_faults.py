"""What becomes of each fault that was seen of the servers of chat models."""

from __future__ import annotations

import pytest

from tests.integration.worker_node.chat import (
    BOTH,
    KEY,
    OLLAMA,
    OPENAI,
    assert_nothing_is_lost,
    is_models_own,
    stand_in,
    tell,
)
from tests.support.model_servers.broken_answers import BROKEN_ANSWERS
from tests.support.soak import soaking
from worker_node.errors import ProviderError, ProviderUnable

OWN = "own"  # the outcome of an answer that is usable
BY_RULES = "全部由离线规则写成"
SEEN: dict[tuple[str, str], str | tuple[type[ProviderError], str]] = {
    (OPENAI, "json_schema_unsupported"): OWN,
    (OPENAI, "response_format_unsupported"): OWN,
    (OPENAI, "ignores_schema"): OWN,
    (OPENAI, "answer_in_reasoning"): OWN,
    (OPENAI, "answer_in_reasoning_and_null"): OWN,
    (OPENAI, "reasoning_beside"): OWN,
    (OPENAI, "content_in_parts"): OWN,
    (OPENAI, "content_as_object"): OWN,
    (OPENAI, "list_as_body"): OWN,
    (OPENAI, "not_utf8"): OWN,
    (OPENAI, "text_as_body"): OWN,
    (OLLAMA, "answer_in_thinking"): OWN,
    (OLLAMA, "answer_in_both"): OWN,
    (OPENAI, "reasoning_until_the_limit"): BY_RULES,
    (OPENAI, "content_null"): BY_RULES,
    (OPENAI, "content_missing"): BY_RULES,
    (OPENAI, "refusal_field"): BY_RULES,
    (OPENAI, "choices_empty"): BY_RULES,
    (OPENAI, "choices_null"): BY_RULES,
    (OPENAI, "choices_missing"): BY_RULES,
    (OLLAMA, "only_loaded"): BY_RULES,
    (OLLAMA, "message_missing"): BY_RULES,
    (OLLAMA, "ends_halfway"): BY_RULES,
    (OPENAI, "finish_length"): "由离线规则补写",
    (OLLAMA, "finish_length"): "由离线规则补写",
    (OPENAI, "content_filter"): (ProviderError, "安全系统拒绝"),
    (OPENAI, "error_with_200"): (ProviderUnable, "模型服务出错（HTTP 500）：upstream error"),
    (OLLAMA, "error_with_200"): (ProviderUnable, "模型服务出错（HTTP 200）：unexpected EOF"),
    (OLLAMA, "model_not_found"): (ProviderUnable, "ollama pull llama3.2"),
    (OLLAMA, "out_of_memory"): (ProviderUnable, "内存或显存不足"),
    (OLLAMA, "out_of_gpu_memory"): (ProviderUnable, "内存或显存不足"),
    (OLLAMA, "error_halfway"): (ProviderUnable, "内存或显存不足"),
    (OLLAMA, "server_busy"): (ProviderUnable, "服务繁忙"),
}
ANY: dict[str, str | tuple[type[ProviderError], str]] = {
    "gzip": OWN,
    "empty_body": BY_RULES,
    "bad_request_400": (ProviderUnable, "请求被拒绝（HTTP 400）"),
    "unauthorized_401": (ProviderUnable, "密钥不对"),
    "quota_402": (ProviderUnable, "额度用完"),
    "forbidden_403": (ProviderUnable, "没有权限"),
    "rate_limited_429": (ProviderUnable, "请求过多"),
    "rate_limited_429_until": (ProviderUnable, "请求过多"),
    "quota_429": (ProviderUnable, "额度用完"),
    "server_error_500": (ProviderUnable, "模型服务出错（HTTP 500）"),
    "overloaded_503": (ProviderUnable, "服务繁忙"),
    "html_500": (ProviderUnable, "网页"),
    "html_502": (ProviderUnable, "网页"),
    "html_504": (ProviderUnable, "网页"),
    "html_524": (ProviderUnable, "网页"),
    "html_200": (ProviderUnable, "网页"),
    "hang": (ProviderUnable, "秒内没有答完"),
    "drip": (ProviderUnable, "秒内没有答完"),
    "cut": (ProviderUnable, "读不下去"),
    "closed": (ProviderUnable, "断开了连接"),
    "reset": (ProviderUnable, "断开了连接"),
    "huge": (ProviderUnable, "超过 16 MB"),
    "gzip_bomb": (ProviderUnable, "超过 16 MB"),
}
CASES = {**SEEN, **{(kind, name): outcome for kind in BOTH for name, outcome in ANY.items()}}


@pytest.mark.parametrize(("kind", "fault"), CASES, ids=str)
def test_each_fault_that_was_seen_has_its_outcome(kind: str, fault: str) -> None:
    outcome = CASES[kind, fault]
    seconds = 2 if fault in ("hang", "drip") else 30
    with stand_in(kind, always=fault, key=KEY) as server:
        if isinstance(outcome, tuple):
            with pytest.raises(outcome[0], match=outcome[1]) as raised:
                tell(kind, server, key=KEY, timeout_s=seconds)
            assert isinstance(raised.value, ProviderUnable) == (outcome[0] is ProviderUnable)
            assert KEY not in str(raised.value)
            assert len(server.requests()) <= 4
            return
        board = tell(kind, server, key=KEY, timeout_s=seconds)
    assert_nothing_is_lost(board)
    if outcome == OWN:
        assert is_models_own(board)
        assert board.note == ""
    else:
        assert outcome in board.note


@pytest.mark.parametrize("kind", BOTH)
def test_every_fault_of_the_stand_ins_has_a_case(kind: str) -> None:
    with stand_in(kind) as server:
        names = set(server.names())
    assert names - {broken.name for broken in BROKEN_ANSWERS} - {"ok"} == {name for each, name in CASES if each == kind}


@pytest.mark.parametrize("kind", soaking(BOTH, keep=1))
def test_a_server_that_is_busy_for_a_moment_is_asked_again_under_the_same_key(kind: str) -> None:
    with stand_in(kind, faults=["rate_limited_429", "ok", "overloaded_503"]) as server:
        assert is_models_own(tell(kind, server))
        keys = [received.key for received in server.requests()]
    assert keys[0] == keys[1]
    assert keys[2] == keys[3]
    assert sum(server.charged.values()) == 2


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("fault", ["server_error_500", "html_504", "reset", "cut", "closed"])
def test_what_may_have_been_paid_is_not_asked_again(kind: str, fault: str) -> None:
    with stand_in(kind, faults=[fault]) as server:
        with pytest.raises(ProviderUnable):
            tell(kind, server)
        assert len(server.requests()) == 1

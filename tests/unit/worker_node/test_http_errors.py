"""What a model server's refusals mean."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest

from worker_node.errors import ProviderError, ProviderUnable
from worker_node.providers.http_errors import MAX_WORDS, Busy, Refused, refusal

OPENAI, FLAT = '{{"error": {{"message": "{1}", "code": "{0}", "type": "x"}}}}', '{{"code": "{0}", "message": "{1}"}}'


@pytest.mark.parametrize("form", [OPENAI, FLAT])
@pytest.mark.parametrize(
    ("status", "code", "words", "kind", "said"),
    [
        (401, "invalid_api_key", "Incorrect API key", ProviderUnable, "密钥不对"),
        (403, "access_denied", "not for you", ProviderUnable, "没有权限"),
        (402, "", "Insufficient Balance", ProviderUnable, "额度用完"),
        (429, "insufficient_quota", "You exceeded your current quota", ProviderUnable, "额度用完"),
        (403, "AllocationQuota.FreeTierOnly", "The free tier has been exhausted", ProviderUnable, "额度用完"),
        (400, "Arrearage", "账户已欠费", ProviderUnable, "额度用完"),
        (429, "rate_limit_exceeded", "Rate limit reached", Busy, "请求过多"),
        (503, "overloaded", "busy", Busy, "服务繁忙"),
        (404, "model_not_found", "The model m does not exist", Refused, "模型不存在"),
        (404, "unknown_url", "Invalid URL", Refused, "请检查 base"),
        (400, "context_length_exceeded", "This model's maximum context length is 4096", Refused, "上下文长度"),
        (413, "", "too large", Refused, "上下文长度"),
        (400, "invalid_value", "response_format is not supported", Refused, "response_format is not supported"),
        (500, "", "CUDA out of memory. Tried to allocate", ProviderUnable, "内存或显存不足"),
        (500, "", "model requires more system memory (9 GiB) than is available", ProviderUnable, "内存或显存不足"),
        (500, "server_error", "sorry", ProviderUnable, "模型服务出错（HTTP 500）：sorry"),
        (400, "content_filter", "The prompt triggered a policy", ProviderError, "安全系统拒绝"),
        (400, "data_inspection_failed", "Input data may contain", ProviderError, "安全系统拒绝"),
        (400, "DataInspectionFailed", "Input data may contain", ProviderError, "安全系统拒绝"),
        (400, "SensitiveContentDetected", "the request failed", ProviderError, "安全系统拒绝"),
        (400, "ResponsibleAIPolicyViolation", "policy", ProviderError, "安全系统拒绝"),
        (400, "invalid", "content_filter is no parameter", Refused, "请求被拒绝"),
    ],
)
def test_a_refusal_is_told_in_words_that_a_user_can_act_on(
    form: str, status: int, code: str, words: str, kind: type[ProviderError], said: str
) -> None:
    error = refusal(status, form.format(code, words))
    assert type(error) is kind
    assert said in str(error)
    assert f"HTTP {status}" in str(error)


@pytest.mark.parametrize("status", [200, 404, 500, 502])
def test_a_web_page_is_no_models_answer_and_is_named_by_its_title(status: int) -> None:
    error = refusal(status, "<!DOCTYPE html>\n<html><head><title>502 Bad\nGateway</title></head><body>x</body></html>")
    assert isinstance(error, ProviderUnable)
    assert "502 Bad Gateway" in str(error)
    assert "网页" in str(error)
    assert "网页" in str(refusal(status, "<html><body>frp</body></html>"))


@pytest.mark.parametrize(
    "body",
    [
        "",
        "not JSON",
        "[]",
        "null",
        "[" * 5000,
        '{"error": null}',
        '{"error": ["a"]}',
        '{"detail": [1]}',
        '{"error": {"code": {}}}',
        "\x00\x1b[2J",
    ],
)
def test_a_body_in_no_known_form_is_shown_in_one_short_line(body: str) -> None:
    text = str(refusal(500, body))
    assert text.isprintable()
    assert len(text) < MAX_WORDS + 40


@pytest.mark.parametrize(
    ("header", "low", "high"),
    [("3", 3, 3), ("0.5", 0.5, 0.5), ("", None, None), ("soon", None, None), ("9" * 50, None, None)],
)
def test_a_pause_is_read_as_seconds(header: str, low: float | None, high: float | None) -> None:
    error = refusal(429, "{}", header)
    assert isinstance(error, Busy)
    assert error.after == low == high


def test_a_pause_is_read_as_a_date() -> None:
    then = datetime.now(timezone.utc) + timedelta(seconds=100)
    error = refusal(503, json.dumps({"error": "busy"}), format_datetime(then, usegmt=True))
    assert isinstance(error, Busy)
    assert error.after is not None
    assert 0 < error.after <= 100

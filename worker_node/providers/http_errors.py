"""What a model server's refusal means for the user, and whether another provider may do better."""

from __future__ import annotations

import json
import re
from email.utils import parsedate_to_datetime
from time import time
from typing import Any

from worker_node.errors import ProviderError, ProviderUnable

MAX_WORDS = 200  # characters of what a server says that are passed on
MAX_PAGE = 20_000  # characters of a web page that are looked at
BUSY = (429, 503)

# What servers write into `code` and `type`: of OpenAI, Azure, Moonshot, DashScope, Ark, Zhipu.
_SAFETY = re.compile(
    r"content_?filter|content_?policy|data_?inspection|responsible_?ai|sensitive_?content|moderation_?(?:blocked|failed)",
    re.I,
)
_QUOTA = re.compile(
    r"insufficient.?(?:quota|balance|funds|credit)|current quota|quota.?(?:exceeded|exhausted)|FreeTierOnly|arrear|billing"
    r"|余额不足|欠费|额度(?:已|用|不足)",
    re.I,
)
_MEMORY = re.compile(
    r"out of (?:\w+ )?memory|more system memory|insufficient (?:gpu |system )?memory|cudaMalloc|(?:显存|内存)不足", re.I
)
_TOO_LONG = re.compile(r"context.?length|maximum context|too many tokens|reduce the length|range of input length", re.I)
_TITLE = re.compile(r"<title[^>]{0,200}>([^<]{0,300})", re.I)
_PAGE = re.compile(r"\s{0,1000}(?:<!--.{0,2000}?-->\s{0,1000})?<(?:!doctype html|html|head|body)\b", re.I | re.S)


class Refused(ProviderUnable):
    """A request that the server does not take as it is. `said` is what it says about it."""

    def __init__(self, text: str, status: int, said: str) -> None:
        super().__init__(text)
        self.status, self.said = status, said


class Busy(ProviderUnable):
    """The server takes no request now; it named a pause of `after` seconds, or none."""

    def __init__(self, text: str, after: float | None) -> None:
        super().__init__(text)
        self.after = after


def refusal(status: int, text: str, retry_after: str = "") -> ProviderError:
    """The error for an answer of this status and body; `Busy` where a pause may help, `Refused` where another request may."""
    if is_page(text):
        return _of_page(status, text)
    code, words = _told(text)
    said = f"（HTTP {status}）：{words}" if words else f"（HTTP {status}）"
    if is_unsafe(code):
        return ProviderError(f"内容被模型服务的安全系统拒绝，没有重试{said}")
    told = f"{code} {words}"
    if status == 402 or (status < 500 and _QUOTA.search(told)):
        return ProviderUnable(f"额度用完{said}")
    if means_no_memory(told):
        return ProviderUnable(f"内存或显存不足{said}")
    return _by_status(status, told, said, retry_after)


def _by_status(status: int, told: str, said: str, retry_after: str) -> ProviderError:
    if status in (401, 403):
        return ProviderUnable(f"密钥不对，或没有权限{said}")
    if status in BUSY:
        return Busy(("请求过多" if status == 429 else "服务繁忙") + said, _seconds(retry_after))
    if status == 404:
        return Refused(f"{_not_found(told)}{said}", status, told)
    if status == 413 or _TOO_LONG.search(told):
        return Refused(f"内容超过模型的上下文长度{said}", status, "")
    if 400 <= status < 500:
        return Refused(f"请求被拒绝{said}", status, told)
    return ProviderUnable(f"模型服务出错{said}")


def _not_found(told: str) -> str:
    return "模型不存在" if re.search(r"model|模型|endpoint", told, re.I) else "地址不对，请检查 base"


def _of_page(status: int, text: str) -> ProviderError:
    title = _TITLE.search(text[:MAX_PAGE])
    words = clean(title[1]) if title else ""
    if status == 404:
        return ProviderUnable(f"地址不对，请检查 base（HTTP 404，收到的是网页：{words}）")
    return ProviderUnable(f"收到的是网页，不是模型的回答（HTTP {status}：{words}），可能来自代理或隧道")


def is_unsafe(code: str) -> bool:
    """Whether an error's code is that of a safety system."""
    return _SAFETY.search(code) is not None


def means_no_memory(words: str) -> bool:
    """Whether an error is that of a full memory."""
    return _MEMORY.search(words) is not None


def is_page(text: str) -> bool:
    """Whether this is a web page, as proxies and tunnels send it in a server's stead."""
    return _PAGE.match(text[:MAX_PAGE]) is not None


def clean(text: str) -> str:
    """Some words for a user: one line of what can be seen, and not too much of it."""
    seen = "".join(character if character.isprintable() else " " for character in text[: 4 * MAX_WORDS])
    return " ".join(seen.split())[:MAX_WORDS]


def _told(text: str) -> tuple[str, str]:
    """The code, with the field that is to blame, and the words of an error's body, in the forms that servers give them."""
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return "", clean(text)
    found: Any = body if isinstance(body, dict) else {}
    inner = found.get("error")
    if isinstance(inner, dict):
        found = inner
    codes = [str(found[name]) for name in ("code", "type", "param") if isinstance(found.get(name), (str, int))]
    words = [found.get(name) for name in ("message", "error", "detail", "msg")]
    return " ".join(codes)[:MAX_WORDS], clean(next((each for each in words if isinstance(each, str)), "") or text)


def _seconds(retry_after: str) -> float | None:
    """The pause that a `Retry-After` header asks for, which has seconds or a date."""
    if re.fullmatch(r"[0-9]{1,9}(?:\.[0-9]{1,6})?", retry_after.strip()):
        return float(retry_after)
    try:
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - time())
    except (TypeError, ValueError, OverflowError):
        return None

"""Digits in a Chinese text as they are said: 2024年 digit by digit, 2024 as a number, 3.14, 两 before what is counted."""

from __future__ import annotations

import re

_DIGITS = "零一二三四五六七八九"
_NUMBER = re.compile(r"\d+(?:\.\d+)*")
_YEAR = re.compile(r"\s?年(?![前后后间来级以])")
_LONGEST = 16  # digits that are read as one number
_MOBILE = re.compile(r"1[3-9]\d{9}")
_COUNTED = frozenset(
    "个只条张本位天年次块件家万千亿斤公里种座匹头辆颗棵把双对群名岁元米杯碗瓶间层遍步口片套周分秒人样股道门場场幅封首台部架倍点小"
)
_NOT_COUNTED = re.compile(r"(?:月|日|号|楼|点[一二三四五六七八九十零百]|分之|年级|班|元宵|周年)")


def in_characters(text: str) -> str:
    """The text with its ASCII digits as Chinese characters."""
    return _NUMBER.sub(lambda found: _said(found.group(), text[: found.start()], text[found.end() :]), text)


def _said(number: str, before: str, behind: str) -> str:
    whole, *parts = number.split(".")
    if parts:
        return cardinal(whole) + "".join("点" + _each(part) for part in parts)
    if len(number) == 4 and not number.endswith("000") and number[0] in "12" and _YEAR.match(behind):
        return _each(number)
    if len(number) > _LONGEST or (number[0] == "0" and len(number) > 1) or _MOBILE.fullmatch(number):
        return _each(number)
    if (
        int(number) == 2
        and behind[:1] in _COUNTED
        and not before.endswith(("第", "分之"))
        and not _NOT_COUNTED.match(behind)
    ):
        return "两"
    return cardinal(number)


def _each(digits: str) -> str:
    return "".join(_DIGITS[int(digit)] for digit in digits)


def cardinal(digits: str) -> str:
    """A number of at most 16 digits in words; more are said one by one."""
    value = int(digits)
    if value >= 10**16:
        return _each(digits)
    if value == 0:
        return "零"
    said, pending_zero = "", False
    for unit, size in (("万亿", 10**12), ("亿", 10**8), ("万", 10**4), ("", 1)):
        group, value = divmod(value, size)
        if group:
            said += (
                "零" * bool(said and (pending_zero or group < 1000)) + _group(group, leading=not said, unit=unit) + unit
            )
        pending_zero = bool(said) and not group
    return said


def _group(group: int, *, leading: bool, unit: str) -> str:
    """A number under 10,000: 十二 and not 一十二 at the start, 两千 and 两万, but 二十 and 二百."""
    if group == 2 and unit:
        return "两"
    said, zero = "", False
    for name, size in (("千", 1000), ("百", 100), ("十", 10), ("", 1)):
        digit, group = divmod(group, size)
        if digit:
            word = "两" if digit == 2 and name == "千" and not said else _DIGITS[digit]
            word = "" if digit == 1 and name == "十" and leading and not said else word
            said += "零" * (zero and bool(said)) + word + name
        zero = not digit
    return said

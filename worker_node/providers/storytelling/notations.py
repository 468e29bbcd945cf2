"""Records in other notations than JSON: tables, elements, and keys with their values, however those are quoted."""

from __future__ import annotations

import csv
import html
import re
from collections.abc import Iterator

from worker_node.providers.storytelling.records import Form, Record, records

MAX_TEXT = 1 << 18  # characters
MAX_HEAD = 2000  # of a line that names columns
_QUOTES = {'"': '"', "'": "'", "“": "”", "「": "」", "『": "』", "`": "`", "‘": "’", "＂": "＂"}
_ROW = re.compile(
    r"<tr\b[^<>]{0,200}>", re.I
)  # where one begins: looking for its end, too, takes long where there is none
_CELL = re.compile(r"<t[hd]\b[^<>]{0,200}>", re.I)
_CELL_END = re.compile(r"</?t[hdr]\b", re.I)
_ELEMENT = re.compile(r"<([\w\u4e00-\u9fff]{1,24})>([^<>]{0,20000})</\1>")
_RULE = re.compile(r"[\s|:\-]+")
_OPEN, _CLOSE = r"[\"'“”「」『』`*\\＂‘’]{0,8}", r"[\"'“”「」『』`*\\＂‘’]{0,8}"
_KEY = re.compile(
    rf"(?:^|(?<=[\s{{\[,;，；|>#｛【“”「」\"'`*-])){_OPEN}"
    rf"(?P<key>[A-Za-z\u4e00-\u9fff][A-Za-z0-9_\u4e00-\u9fff]{{0,23}}(?: ?[(（][^()（）\n]{{1,20}}[)）])?){_CLOSE}\s{{0,5}}[:：=]"
    r"|【(?P<label>[^【】\n]{1,40})】",
    re.M,
)
_END = re.compile(r"\s*(?:[,，;；}\]｝】\n]|\Z)")
_TAIL = " \t\r\n,，;；}]｝】"


def tables(text: str, form: Form) -> Iterator[list[Record]]:
    """The records of tables in Markdown, HTML and CSV."""
    text = text[:MAX_TEXT]
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    marked = [line.strip("|").split("|") for line in lines if line.startswith("|") and not _RULE.fullmatch(line)]
    yield records([[cell.strip() for cell in row] for row in marked], form)
    rows = [[_cell(cell) for cell in _CELL.split(row)[1:]] for row in _ROW.split(text)[1:]]
    yield records(rows, form)
    yield _separated(lines, form)


def _cell(text: str) -> str:
    return html.unescape(_CELL_END.split(text, maxsplit=1)[0]).strip()


def _separated(lines: list[str], form: Form) -> list[Record]:
    for at, line in enumerate(lines[:50]):
        if len(line) > MAX_HEAD or "," not in line:
            continue
        try:
            head = next(csv.reader([line]))
            if set(form.essential) <= {form.field(cell) for cell in head}:
                return records([head, *csv.reader(lines[at + 1 :])], form)
        except csv.Error:
            return []
    return []


def elements(text: str, form: Form) -> list[Record]:
    """The records of XML, an element a field."""
    pairs = [(form.field(found[1]), html.unescape(found[2]).strip()) for found in _ELEMENT.finditer(text[:MAX_TEXT])]
    return _grouped(pairs, form)


def pairs(text: str, form: Form) -> list[Record]:
    """The records of keys and values in prose, in YAML, and in JSON that nothing can mend."""
    text = text[:MAX_TEXT]
    marks = [mark for mark in _KEY.finditer(text) if form.field(mark["key"] or mark["label"]) or _is_quoted(mark)]
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    found = [
        (form.field(mark["key"] or mark["label"]), _value(text[mark.end() : end]))
        for mark, end in zip(marks, ends, strict=False)
    ]
    return _grouped(found, form)


def _is_quoted(mark: re.Match[str]) -> bool:
    return mark[0][:1] in _QUOTES


def _grouped(pairs: list[tuple[str, str]], form: Form) -> list[Record]:
    """A record begins where a field comes again."""
    found: list[Record] = [{}]
    for name, value in pairs:
        if name and name in found[-1]:
            found.append({})
        if name:
            found[-1][name] = value
    return [record for record in found if form.is_whole(record)]


def _value(text: str) -> str:
    text = text.strip(" \t\r\n*\\")
    opening = text[:1]
    if opening not in _QUOTES:
        return text.partition("\n")[0].strip(_TAIL + "*")
    while text[:1] == opening:
        text = text[1:]
    closing, at = _QUOTES[opening], 0
    while (at := text.find(closing, at)) >= 0:
        if _END.match(text, at + 1):
            return _unescaped(text[:at])
        at += 1
    return _unescaped(text.strip(_TAIL + closing + "{[｛【"))


def _unescaped(text: str) -> str:
    return re.sub(r"\s+", " ", text.replace('\\"', '"').replace("\\n", " ").replace("\\t", " ").strip('\\`"“”'))

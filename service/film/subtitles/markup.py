"""Markdown and HTML as the text that they show.

The server and the model node import nothing of each other, so each has this file; a test holds the two to the same bytes. What only looks
like markup stays: `a < b`, `2 * 3 * 4`, `snake_case`, `C#`, `#1`. The time grows with the text's length, whatever the text is.
"""

from __future__ import annotations

import html
import re

_INLINE = (
    "a abbr b bdi bdo big cite code del dfn em font i img input ins kbd label mark q rp rt ruby s samp small span strike strong sub sup tt "
    "u var wbr button link meta option source track base"
)
_BLOCKS = (
    "article aside blockquote body br center dd details div dl dt figcaption figure footer form h1 h2 h3 h4 h5 h6 head header hr html li "
    "main nav ol p pre section summary table tbody td tfoot th thead title tr ul audio canvas dialog fieldset iframe legend menu noscript "
    "object picture select svg template textarea video"
)
_TAG = re.compile(
    rf"</?(?:(?P<block>{_BLOCKS.replace(' ', '|')})|{_INLINE.replace(' ', '|')})"
    r"(?P<more>\s{0,9}/?\s{0,9}|\s(?=[^<>]{0,2000}=)[^<>]{0,2000})>",
    re.I,
)
_ALT = re.compile(r"""\balt\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.I)
_ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")
_HIDDEN = (("<!--", "-->"), ("<script", "</script>"), ("<style", "</style>"), ("<!doctype", ">"))
_FENCE = re.compile(r"[ \t]{0,3}(?:`{3,}[^`]*|~{3,}[^~]*)")
_RULE = re.compile(r"[ \t]{0,3}(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,}|={3,}[ \t]*)")
_CELLS = re.compile(r"[ \t]*\|(.*)\|[ \t]*")
_CELL_RULE = re.compile(r"[ \t]{0,3}\|?[ \t]{0,9}:?-+:?[ \t]{0,9}(?:\|[ \t]{0,9}:?-+:?[ \t]{0,9})+\|?[ \t]{0,9}")
_DEFINITION = re.compile(r"[ \t]{0,3}\[[^\[\]]{1,200}\]:[ \t]*(?:https?://|www\.|/|<|#|mailto:).*")
_QUOTED = re.compile(r"(?:[ \t]{0,3}>)+[ \t]?")
_ITEM = re.compile(r"[ \t]*[-*+•][ \t]+(?:\[[ xX]\][ \t]+)?(?=\S)")
_HEADING = re.compile(r"[ \t]{0,3}#{1,6}[ \t]+(.*)")
_CODE = re.compile(r"``([^\n]{1,500}?)``|`([^`\n]{1,500})`")
_LINK = re.compile(
    r"!?\[([^\[\]\n]{0,500})\]\((?=[^\s()]{0,2000}[/.#:@]|\))[ \t]*<?[^\s()<>]{0,2000}(?:\([^\s()]{0,200}\)[^\s()]{0,200})?>?"
    r"(?:[ \t]+(?:\"[^\"\n]{0,300}\"|'[^'\n]{0,300}'))?[ \t]*\)"
)
_REFERENCE = re.compile(r"!?\[([^\[\]\n]{0,500})\]\[[^\[\]\n]{0,100}\]")  # only where something defines references
_NOTE = re.compile(r"\[\^[^\[\]\s]{1,50}\]")
_AUTOLINK = re.compile(r"<((?:https?://|mailto:)[^\s<>]{1,2000}|[\w.+-]{1,64}@[\w.-]{1,255})>")
_BEFORE_LINE = r"(?<![^\s(\[{\"'“‘「『（【《*~,.:;!?，。：；！？、—-])"
_EMPHASIS = (
    re.compile(r"(?<![\\*0-9])\*\*\*(?=[^\s*])([^*]+?)(?<=[^\s*])\*\*\*(?![*0-9])"),
    re.compile(r"(?<![\\*A-Za-z0-9])\*(?=[^\s*])([^*]+)(?<=[^\s\\])\*(?![*A-Za-z0-9])"),
    re.compile(r"(?<![\\*A-Za-z0-9])\*\*(?=[^\s*])([^*]+)(?<=[^\s\\])\*\*(?![*0-9])"),
    re.compile(r"(?<![\\*0-9])\*\*(?=[^\s*])([^*\s]+)\*\*(?![*0-9])"),
    re.compile(rf"{_BEFORE_LINE}__(?=[^\s_])([^_]+(?:_[^_]+)*)(?<=[^\s\\])__(?![\w^])"),
    re.compile(rf"{_BEFORE_LINE}_(?=[^\s_])([^_]+(?:_[^\s_]+)*?)(?<=[^\s\\])_(?![\w^])"),
    re.compile(r"(?<![\\~])~~(?=[^\s~])([^~]+)(?<=\S)~~(?!~)"),
)
_ESCAPED = re.compile(r"\\([*_#`\[\]~>|!-])")
_SIGNS_OF_MARKUP = re.compile(r"[*_`#<>&\[\]~|\\]|(?m:^[ \t]*(?:[-+•][ \t]|[=-]{3}))")


def plain(text: str) -> str:
    """What a reader sees of a text in Markdown or HTML, or in neither. Lines stay lines."""
    if not _SIGNS_OF_MARKUP.search(text):
        return text
    shown: list[str] = []
    for at, part in enumerate(_by_fences(text.replace("\r\n", "\n").replace("\r", "\n"))):
        shown += part if at % 2 else [_without_markdown(_without_tags("\n".join(part)))] * bool(part)
    return "\n".join(shown)


def _by_fences(text: str) -> list[list[str]]:
    """Lines outside and inside of code fences, by turns; an unclosed fence holds nothing back."""
    parts: list[list[str]] = [[]]
    lines = text.split("\n")
    fences = [at for at, line in enumerate(lines) if _FENCE.fullmatch(line)]
    last = fences[-1] if len(fences) % 2 else -1
    kept = set(fences)
    for at, line in enumerate(lines):
        if at == last:
            continue
        if at in kept:
            parts.append([])
        else:
            parts[-1].append(line)
    return parts


def _without_tags(text: str) -> str:
    for opening, closing in _HIDDEN:
        text = _without(text, opening, closing)
    return _ENTITY.sub(lambda found: html.unescape(found.group()), _TAG.sub(_instead, _AUTOLINK.sub(r"\1", text)))


def _without(text: str, opening: str, closing: str) -> str:
    """The text without what stands from each `opening` to the next `closing`; where none comes it stays."""
    lowered = text.lower() if text.isascii() else "".join(char.lower() if char.isascii() else char for char in text)
    kept, start = [], 0
    while (at := lowered.find(opening, start)) >= 0 and (end := lowered.find(closing, at)) >= 0:
        kept.append(text[start:at])
        start = end + len(closing)
    return "".join([*kept, text[start:]]) if kept else text


def _instead(tag: re.Match[str]) -> str:
    if tag["block"]:
        return "\n"
    alt = _ALT.search(tag["more"]) if tag.group()[:4].lower() == "<img" else None
    return (alt[1] or alt[2] or "") if alt else ""


def _without_markdown(text: str) -> str:
    written = text.split("\n")
    lines = [line for line in map(_line, written) if line is not None]
    text = "\n".join(lines)
    if len(lines) < len(written) and any(map(_DEFINITION.fullmatch, written)):
        text = _REFERENCE.sub(r"\1", text)
    pieces: list[str] = []
    start = 0
    for code in _CODE.finditer(text):
        pieces += (_inline(text[start : code.start()]), code[1] or code[2])
        start = code.end()
    return "".join([*pieces, _inline(text[start:])])


def _line(line: str) -> str | None:
    """A line without the marks at its start; None where it only rules something off or defines a link."""
    if _RULE.fullmatch(line) or _CELL_RULE.fullmatch(line) or _DEFINITION.fullmatch(line):
        return None
    line = _QUOTED.sub("", line, count=1) if line.lstrip()[:1] == ">" else line
    item = _ITEM.match(line)
    line = line[item.end() :] if item else line
    heading = _HEADING.fullmatch(line)
    if heading:
        title = heading[1].rstrip()
        bare = title.rstrip("#")
        return bare.rstrip() if bare[-1:] in ("", " ", "\t") else title
    cells = _CELLS.fullmatch(line)
    return " ".join(cell.strip() for cell in cells[1].split("|")) if cells else line


def _inline(text: str) -> str:
    text = _LINK.sub(r"\1", _LINK.sub(r"\1", _NOTE.sub("", text)))  # twice: an image may be what a link shows
    for emphasis in _EMPHASIS:
        text = emphasis.sub(r"\1", text)
    return _ESCAPED.sub(r"\1", text)

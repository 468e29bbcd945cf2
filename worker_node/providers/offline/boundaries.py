"""Where a sentence ends, and what is never cut: numbers, dates, times, addresses.

The server and the model node import nothing of each other, so each has this file; a test holds the two to the same bytes.
"""

from __future__ import annotations

import re
from functools import lru_cache

SENTENCE_MARKS = frozenset(".．!?…。｡！？‼⁇⁈⁉।॥؟۔።။།༎។")
CLOSING = frozenset("”’\"'）)】]》」』»›}>〕〗〙｝］＞")
_OPENING = "“‘\"'「『《（([{«‹„‚¿¡"
_SURE = SENTENCE_MARKS - frozenset(".．!?…")
_GOES_ON = frozenset(",;:，、；：")
_REACH = 24  # characters that are looked at on either side of a full stop


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_FOLLOWED = _words(
    """mr mrs ms mx messrs dr drs prof profs rev revd hon gen maj col lt capt cmdr cdr adm sgt cpl pvt brig pres gov sen rep msgr supt insp
    vs cf viz e.g i.e approx incl esp ca ph wm
    hr hrn fr frl dipl ing bzw vgl z.b d.h u.a u.u z.t i.d.r v.a s.o s.u o.g inkl exkl ggf evtl sog geb gest gegr bspw zzgl abzgl allg
    fa inh insb bzgl einschl hl dt engl frz lat
    m mm mme mmes mlle mlles mgr pr ste p.ex c.-à-d env sra srta dra ud uds"""
)  # something always follows, even with a capital letter: titles, "for example"
_BEFORE_NUMBERS = _words(
    "no nos nr nrn n.º p pp s vol vols fig figs ch chap sec par art abb kap bd abs tab tel est max min ed éd op l ll"
)
_MAY_END = _words(
    """st mt ft jr sr inc ltd co corp bros dept ave rd blvd etc usw al esq str mio mrd jh jan feb aug sept oct nov dec okt dez av apr
    cie sq univ ed éd tsd abt dhr"""
)
_ENDS_BEFORE_CAPITAL = _words("etc usw u.s.w a.m p.m u.ä o.ä")
_FIRST_WORDS = _words(
    """the a an he she it they we i you this that these those there then here his her its their my our your but and so or yet nor if when
    while as after before since because although though once now soon later suddenly finally at in on by from with for to of no not
    nobody everyone everybody someone one every each all some many most both what who why how where which is was were are do does did
    der die das den dem des ein eine einen einem er sie es wir ihr ich du man und aber doch dann da hier als wenn weil obwohl nach vor
    bei mit von zu im am auf aus nun jetzt alle jeder niemand wer wie wo warum
    le la les un une il elle ils elles on nous vous je tu ce cette ces et mais ou donc puis alors quand lorsque si dans sur sous avec
    pour par de du au aux à après avant tout tous rien personne qui que quoi où pourquoi comment"""
)
_IN_NAMES = _words("le la les du de des der den dem an so von no one")  # J. Le Carré, W. E. B. Du Bois, J. S. von Bach
_DAYS = re.compile(r"(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day\b")
_MONTHS = re.compile(r"(?:Januar|Jänner|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember)\b")
_ABBREVIATED = re.compile(r"(?<!\w)(?:[^\W\d_]\.[ \u00a0\u202f-]?|[^\W\d_]{1,3}\.)*[^\W\d_]+(?:-[^\W\d_]+)*[º°]?\Z")
_WORD = re.compile(r"[^\W\d_]+")
_ORDINAL = re.compile(
    r"(?:(?:\A|[\n\r]|[.!?。！？][ \u00a0])[ \t]*|\b(?i:am|im|der|dem|den|des|die|das|zum|zur|vom|beim|bis|seit|nach|und|"
    r"(?:k?ein|mein|dein|sein|ihr|unser|jed|dies)(?:e[rmns]?)?)[ \u00a0\u202f])\d{1,2}\Z"
)  # the numbers of a list; am 3. Oktober, der 2. Weltkrieg
_ROMAN_OR_LETTER = re.compile(r"(?:[IVXLC]+|[A-Z])\b")


def ends_sentence(text: str, at: int) -> bool:
    """Whether the mark at `at` (one of `SENTENCE_MARKS`) ends a sentence. Abbreviations, initials, ordinals and decimals end none, nor does
    what is followed by a word in lower case. Looks at a few characters around only."""
    mark = text[at]
    if mark in _SURE:
        return True
    behind = at + 1
    while behind < len(text) and text[behind] in CLOSING and behind - at < _REACH:
        behind += 1
    rest = text[behind : behind + _REACH]
    tight = text[at + 1 : at + 2]
    if mark in ".．" and (tight in SENTENCE_MARKS or (rest[:1].isascii() and rest[:1] and not rest[0].isspace())):
        return tight != "" and tight in "!?！？。"  # 3.14, example.org; an ellipsis ends at its last dot
    following = rest.lstrip().lstrip(_OPENING)
    if following[:1].islower() or rest.lstrip()[:1] in _GOES_ON:
        return False
    return mark != "." or not rest.strip() or not _abbreviates(text[max(0, at - _REACH) : at], following)


@lru_cache(maxsize=1024)  # a text is looked at several times
def _abbreviates(before: str, following: str) -> bool:
    """Whether the full stop only shortens a word, or makes a number an ordinal."""
    if before[-1:].isdigit():
        return _MONTHS.match(following) is not None or _ORDINAL.search(before) is not None
    found = _ABBREVIATED.search(before)
    if found is None:
        return False
    written = found.group()
    if written == "I":
        return before[max(0, found.start() - 2) : found.start()].strip()[-1:] in ("", *SENTENCE_MARKS)
    name = re.sub(r"[ \u00a0\u202f]", "", written).lower()
    if name in _BEFORE_NUMBERS and (following[:1].isdigit() or (name != "no" and _ROMAN_OR_LETTER.match(following))):
        return True
    return name in _FOLLOWED or not _ends_with(name, following)


def _ends_with(name: str, following: str) -> bool:
    """Whether a sentence may well end with this word and its full stop."""
    if name in _ENDS_BEFORE_CAPITAL:
        return following[:1].isupper() and not following[1:2].isupper() and _DAYS.match(following) is None
    parts = re.split(r"[.-]+", name)
    initials = max(map(len, parts)) == 1
    if initials or name in _MAY_END or ("." in name and max(map(len, parts)) <= 3):
        return _begins(following, initials)
    return True


def _begins(following: str, initials: bool) -> bool:
    """Whether a sentence is likely to begin so, where it might also be a name."""
    word = _WORD.match(following)
    if word is None:
        return False
    first = word.group()
    if not (first[0].isupper() or first[0].islower()):
        return True  # a script without capitals
    if following[word.end() : word.end() + 1] == ".":
        return False  # the next initial
    return first.lower() in _FIRST_WORDS and not (initials and first.lower() in _IN_NAMES)


_BLANK = r"[ \u00a0\u2007\u2009\u202f]"
_BETWEEN_DIGITS = r"[.,:/'’\-–−‑~_．：／－～·٫]|[，＇٬](?=\d{3}(?!\d))"
_NUMBER = rf"(?:\d{{1,3}}(?:{_BLANK}\d{{3}}(?!\d))+|\d+)(?:(?:{_BETWEEN_DIGITS})\d+)*"
_WHOLE = re.compile(
    r"(?<![A-Za-z0-9])(?:[A-Za-z][A-Za-z0-9+.-]{1,15}://(?![^\x00-\x7f])|www\.|mailto:)[!#-;=?-_a-~]*[A-Za-z0-9/=&#_~%+-]"
    r"|(?<![A-Za-z0-9])https?://[^\x00-\x7f][^\s，。、！？；：（）()《》「」『』“”\"<>]{0,200}"
    r"|(?<![A-Za-z0-9.@_-])(?:[A-Za-z0-9-]{1,63}\.){1,8}[A-Za-z]{2,24}/[!#-;=?-_a-~]*[A-Za-z0-9/=&#_~%+-]"
    r"|(?<![A-Za-z0-9._%+-])[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}"
    r"|[+\-−±＋－~～≈<>≤≥№#＃$€£¥￥＄￡￠¢₩₹₽฿]{0,3}[\u00a0\u202f]?(?<!\d)"
    rf"(?:{_NUMBER}[年月时時点點分])*{_NUMBER}(?:[%‰％°℃℉′″]+|{_BLANK}?[%‰€£℃°](?!\w))?[年月日号號时時点點分秒元円圆圓块角万萬亿億兆岁歳歲个個米度倍]?"
)


def whole_spans(text: str) -> list[tuple[int, int]]:
    """What is never cut: numbers with their signs, thousands and units, dates, times, versions, URLs, e-mail addresses. In order, apart."""
    return [found.span() for found in _WHOLE.finditer(text)]

"""How signs are said: a text as espeak-ng can read it, in Chinese or English, and what of it stays unsaid.

Full-width digits, letters and signs are read as their half-width forms. Signs that have a name, units, fractions, numbers in circles and
Roman numerals become words or digits; a full stop that only shortens a word becomes no pause.
"""

from __future__ import annotations

import re
import unicodedata

from worker_node.providers.offline.boundaries import ends_sentence
from worker_node.providers.offline.sentences import is_han

SIGNS = {  # in Chinese, in English; the name of a currency stands behind its number
    "+": ("加", "plus"), "=": ("等于", "equals"), "×": ("乘", "times"), "÷": ("除以", "divided by"), "±": ("正负", "plus or minus"),
    "−": ("减", "minus"), "<": ("小于", "less than"), ">": ("大于", "greater than"), "≤": ("小于等于", "at most"),
    "≥": ("大于等于", "at least"), "≠": ("不等于", "is not"), "≈": ("约等于", "approximately"), "√": ("根号", "the square root of"),
    "∞": ("无穷大", "infinity"), "→": ("到", "to"), "&": ("和", "and"), "@": ("艾特", "at"), "#": ("井号", "hash"), "№": ("号码", "number"),
    "℡": ("电话", "telephone"), "°": ("度", "degrees"), "℃": ("摄氏度", "degrees Celsius"), "℉": ("华氏度", "degrees Fahrenheit"),
    "%": ("百分号", "percent"), "‰": ("千分号", "per thousand"), "′": ("分", "minutes"), "″": ("秒", "seconds"),
    "¥": ("元", "yuan"), "$": ("美元", "dollars"), "€": ("欧元", "euros"), "£": ("英镑", "pounds"), "¢": ("美分", "cents"),
    "₩": ("韩元", "won"), "₹": ("卢比", "rupees"), "₽": ("卢布", "roubles"), "฿": ("泰铢", "baht"), "₫": ("越南盾", "dong"),
    "²": ("平方", "squared"), "³": ("立方", "cubed"), "§": ("章节", "section"), "©": ("版权", "copyright"), "®": ("注册商标", "registered"),
    "™": ("商标", "trademark"), "〇": ("零", "zero"),
}  # fmt: skip
_UNITS = {
    "mm": ("毫米", "millimetres"), "cm": ("厘米", "centimetres"), "m": ("米", "metres"), "km": ("公里", "kilometres"),
    "mg": ("毫克", "milligrams"), "g": ("克", "grams"), "kg": ("公斤", "kilograms"), "ml": ("毫升", "millilitres"), "l": ("升", "litres"),
    "cc": ("毫升", "cubic centimetres"), "ha": ("公顷", "hectares"), "hz": ("赫兹", "hertz"), "khz": ("千赫", "kilohertz"),
    "kw": ("千瓦", "kilowatts"),
}  # fmt: skip
_CENTS = {
    "$": ("dollar", "dollars", "cent", "cents"), "€": ("euro", "euros", "cent", "cents"), "£": ("pound", "pounds", "penny", "pence"),
}  # fmt: skip
_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
_POWERS = {"2": ("平方", "square "), "3": ("立方", "cubic ")}
_SIZES = {
    "kb": ("千字节", "kilobytes"),
    "mb": ("兆", "megabytes"),
    "gb": ("吉字节", "gigabytes"),
    "tb": ("太字节", "terabytes"),
}
_PER = {"h": "小时", "s": "秒", "min": "分钟"}
_FRACTIONS = {
    (1, 2): "one half",
    (1, 3): "one third",
    (2, 3): "two thirds",
    (1, 4): "one quarter",
    (3, 4): "three quarters",
}
_WORDS = {
    "mr": "Mister", "mrs": "Missus", "ms": "Miz", "dr": "Doctor", "prof": "Professor", "st": "Saint", "mt": "Mount", "capt": "Captain",
    "lt": "Lieutenant", "sgt": "Sergeant", "col": "Colonel", "gen": "General", "gov": "Governor", "sen": "Senator", "rev": "Reverend",
    "jr": "Junior", "sr": "Senior", "vs": "versus", "etc": "et cetera", "no": "number", "nos": "numbers", "vol": "volume", "fig": "figure",
    "p": "page", "pp": "pages", "ch": "chapter", "approx": "approximately", "dept": "department", "inc": "incorporated", "ltd": "limited",
    "e.g": "for example", "i.e": "that is",
}  # fmt: skip
_STREETS = {"st": "Street", "dr": "Drive"}  # where no name follows
_HALF: dict[int, int | str] = {
    code: code - 0xFEE0
    for code in range(0xFF01, 0xFF5F)
    if chr(code - 0xFEE0).isalnum() or chr(code - 0xFEE0) in "%#$&+=@*<>/_^\\"
}
_HALF |= {ord("￠"): "¢", ord("￡"): "£", ord("￥"): "¥", ord("￦"): "₩", ord("⁄"): "/", ord("－"): "-"}
_STYLED = re.compile(r"(?![0-9])\d|[\U0001d400-\U0001d7ff]")
_INNER = re.compile(r"(?<=\d)(?:，(?=\d{3}(?!\d))|[．：～〜](?=\d))")
_GROUPED = re.compile(r"(?<=\d)[,'’\u00a0\u2007\u202f](?=\d{3}(?!\d))")
_N = r"\d+(?:\.\d+)*"
_FIRST = r"(?<!\d)(?<!\d\.)"  # where a number begins: to try it from each of its digits takes the square of its length
_CURRENCY = re.compile(rf"([¥$€£¢₩₹₽฿₫])\s?({_N})([万亿百千萬億]*)([元圆圓块]?)")
_NUMBERED = re.compile(r"(?:№|(?<![A-Za-z0-9#])#)\s?(\d+)")
_SHARP = re.compile(r"(?<=\b[A-G])#")
_NEGATIVE = re.compile(rf"(?<![A-Za-z0-9.)）\]])[-−](?=\d)(?P<cold>{_N}[℃°℉])?")
_CHINESE = (
    (re.compile(rf"{_FIRST}({_N})\s?%"), r"百分之\1"),
    (re.compile(rf"{_FIRST}({_N})\s?‰"), r"千分之\1"),
    (re.compile(r"(?<![\d/])(\d{1,3})/(\d{1,3})(?![\d/])"), r"\2分之\1"),
    (re.compile(r"(?<!\d)(\d{4})-(\d{1,2})-(\d{1,2})(?!\d)"), r"\1年\2月\3日"),
    (re.compile(r"(?<![\d:])(\d{1,2}):(\d{2})(?![\d:])"), r"\1点\2分"),
    (re.compile(r"(?<=\d)[–-](?=\d)"), "到"),
)
_ADDRESS = re.compile(
    r"(?:https?|ftp)://(?:www\.)?([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*)(?::\d+)?(?:[/?#][!#-;=?-_a-z~]*[A-Za-z0-9/=&#_~%+-])?/?"
)
_AMOUNT = re.compile(
    r"(?<=\d)\s?((?:km|m)/(?:h|s|min)|(?:[kmc]?m)[23²³]?|[km]?g|m?[lL]|cc|ha|k?[hH]z|k[wW]|[KkMGT]B)(?![A-Za-z0-9/²³'’])"
)
_DATE = re.compile(r"(?<![\d-])(\d{4})-(\d{1,2})-(\d{1,2})(?![\d-])")
_LARGE = re.compile(r"(?<![\d.])([1-9]\d{4,11})(?:\.(\d+))?(?![.\d])")
_TIMES = re.compile(r"(?<=\d)(\s?)\*(?=\s?\d)")
_SHORT = re.compile(r"(?<![\w.])([^\W\d_]+(?:\.[^\W\d_]+)*)\.(?=[ \u00a0\u202f])")


def speakable(text: str) -> str:
    """A text with what is said of addresses in it (their host), and, where it is Chinese, of the Latin names of units behind numbers."""
    chinese = any(map(is_han, text))
    text = _ADDRESS.sub(lambda found: found[1].replace(".", "点" if chinese else " dot "), text)
    return _AMOUNT.sub(lambda found: _chinese_unit(found[1]), text) if chinese else text


def _chinese_unit(unit: str) -> str:
    letters, power = (unit[:-1], unit[-1]) if unit[-1] in "23²³" else (unit, "")
    if "/" in letters:
        above, below = letters.split("/")
        return f"{_UNITS[above.lower()][0]}每{_PER[below]}"
    name = _UNITS.get(letters.lower()) or _SIZES.get(letters.lower())
    if name is None:
        return unit
    return (_POWERS[unicodedata.normalize("NFKC", power)][0] if power else "") + name[0]


def half_width(text: str) -> str:
    """Full-width digits, letters and signs as the half-width ones, digits of any script and letters of mathematics as ASCII's."""
    text = _STYLED.sub(_plain_character, text)
    text = _INNER.sub(lambda mark: {"，": ",", "．": ".", "：": ":"}.get(mark.group(), "-"), text.translate(_HALF))
    return _TIMES.sub(r"\1×", text)


def _plain_character(styled: re.Match[str]) -> str:
    character = styled.group()
    return str(unicodedata.digit(character)) if character.isdigit() else unicodedata.normalize("NFKC", character)


def readable(character: str) -> bool:
    """Whether something is said for this sign: it has a name, or is a number or a unit in one character."""
    return character in SIGNS or unicodedata.category(character) in ("No", "Nl") or bool(_compatible(character))


def read(text: str, language: str) -> str:
    """A `half_width` text, all in one language ("zh" or "en"), with words in the place of its signs, and numbers without the marks that
    group their digits."""
    at = 0 if language == "zh" else 1
    text = _GROUPED.sub("", text)
    text = _CURRENCY.sub(lambda found: _money(found, at), text)
    text = _NUMBERED.sub(r"\1号" if at == 0 else r"number \1", text)
    text = _SHARP.sub(" sharp", text)
    if at == 0:
        text = _NEGATIVE.sub(lambda found: ("零下" if found["cold"] else "负") + (found["cold"] or ""), text)
        for pattern, said in _CHINESE:
            text = pattern.sub(said, text)
        text = _LARGE.sub(_by_myriads, text)
    else:
        text = _DATE.sub(_date, text)
        text = _SHORT.sub(lambda word: _in_full(word, text), text)
    return named(text, language)


def named(text: str, language: str, keep: str = "") -> str:
    """A `half_width` text with the names of its signs, but for those in `keep`."""
    at = 0 if language == "zh" else 1
    return "".join(sign if sign in keep else _said(text, position, at) for position, sign in enumerate(text))


def _date(found: re.Match[str]) -> str:
    year, month, day = map(int, found.groups())
    return f"{_MONTHS[month - 1]} {day}, {year}" if 1 <= month <= 12 and 1 <= day <= 31 else found.group()


def _money(found: re.Match[str], at: int) -> str:
    sign, number, large, own = found.groups()
    if at == 0:
        return f"{number}{large}{own or SIGNS[sign][0]}"
    whole, dot, rest = number.partition(".")
    if sign in _CENTS and dot and rest.isdigit() and len(rest) == 2:
        one, many, part, parts = _CENTS[sign]
        cents = f"{int(rest)} {part if int(rest) == 1 else parts}" * (rest != "00")
        return " and ".join(
            filter(None, (f"{whole} {one if int(whole) == 1 else many}" * (int(whole) > 0 or not cents), cents))
        )
    return f"{number}{large} {_CENTS[sign][0] if sign in _CENTS and number == '1' else SIGNS[sign][1]}{own}"


def _by_myriads(number: re.Match[str]) -> str:
    """12345 as 1万2345: by itself espeak-ng counts in thousands, as nobody does in Chinese."""
    said, rest = "", int(number[1])
    for unit, size in (("亿", 10**8), ("万", 10**4), ("", 1)):
        part, rest = divmod(rest, size)
        if part:
            said += ("零" if said and part < 1000 else "") + f"{part}{unit}"
    return said + ("点" + "".join("零一二三四五六七八九"[int(digit)] for digit in number[2]) if number[2] else "")


def _in_full(word: re.Match[str], text: str) -> str:
    """An abbreviation without the full stop, which would be a pause."""
    name = word[1].lower()
    if ends_sentence(text, word.end() - 1):
        return _WORDS["etc"] + "." if name == "etc" else word.group()
    if name in _STREETS and text[word.end() : word.end() + 2].strip().islower():
        return _STREETS[name]
    return _WORDS.get(name) or (word[1].replace(".", " ").upper() if "." in name else word[1])


def _said(text: str, position: int, at: int) -> str:
    character = text[position]
    if character.isascii() and character not in SIGNS:
        return character
    if character in SIGNS:
        word = SIGNS[character][at]
    elif unicodedata.category(character) in ("No", "Nl"):
        word = _number(character, text[position - 1 : position].isdigit(), at)
    else:
        word = _compatible(character, at) or character
        if word == character:
            return character
    return word if at == 0 else f" {word} "


def _number(character: str, mixed: bool, at: int) -> str:
    """A fraction, a number in a circle, a Roman numeral; `mixed` where a whole number stands before it."""
    above, slash, below = unicodedata.normalize("NFKC", character).partition("⁄")
    if slash and below:
        if at == 0:
            return "又" * mixed + f"{below}分之{above}"
        return "and " * mixed + _FRACTIONS.get((int(above or 0), int(below)), f"{above} over {below}")
    value = unicodedata.numeric(character)
    return f" {value:.15g} "


def _compatible(character: str, at: int = 0) -> str:
    """What a sign made of letters stands for: ㎏, ㎡, ⓐ; "" where it is none."""
    if unicodedata.category(character) != "So":
        return ""
    letters = unicodedata.normalize("NFKC", character)
    if letters == character or not letters.isalnum():
        return ""
    unit, power = (letters[:-1], letters[-1]) if letters[-1] in _POWERS else (letters, "")
    name = _UNITS.get(unit.lower())
    return (_POWERS[power][at] if power else "") + name[at] if name else letters

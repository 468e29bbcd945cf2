"""SQL scripts: which statements a text holds."""

from __future__ import annotations

import re
from collections.abc import Iterator

# One token: a line comment, a block comment, a quoted text (a doubled quote is two tokens, which is as good), or one character.
_TOKEN = re.compile(
    r"""(?P<line>(?:--(?=\s|\Z)|\#)[^\n]*)
      | (?P<conditional>/\*M?!.*?\*/)
      | (?P<block>/\*.*?\*/)
      | (?P<quoted>'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|`[^`]*`)
      | (?P<end>;)
      | (?P<open>/\*|['"`])
      | (?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)


def statements(script: str) -> Iterator[str]:
    """The statements of a script, without their semicolons and without comments.

    `/*! ... */` and `/*M! ... */` stay: MySQL and MariaDB run what is inside, SQLite does not. A comment or a quote that is never closed
    raises ValueError. There is no DELIMITER: procedures and triggers are not for these scripts.
    """
    statement = ""
    for token in _TOKEN.finditer(script):
        if token.lastgroup == "end":
            if statement.strip():
                yield statement.strip()
            statement = ""
        elif token.lastgroup == "open":
            line = script.count("\n", 0, token.start()) + 1
            raise ValueError(f"line {line}: {token.group()} is never closed")
        elif token.lastgroup in ("line", "block"):
            statement += " "
        else:
            statement += token.group()
    if statement.strip():
        yield statement.strip()

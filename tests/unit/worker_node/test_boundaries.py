"""The model node cuts where the server does, though neither imports the other."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.texts import SENTENCES, WHOLE
from worker_node.providers.offline.lexicon import lexicon
from worker_node.providers.offline.sentences import clause_cuts, sentences, shortened, word_cuts
from worker_node.providers.offline.shots import divide
from worker_node.providers.offline.titles import title_candidates

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("name", ["boundaries.py", "markup.py"])
def test_what_both_need_is_the_same_in_both(name: str) -> None:
    ours, theirs = ROOT / "service/film/subtitles" / name, ROOT / "worker_node/providers/offline" / name
    assert ours.read_bytes() == theirs.read_bytes()


@pytest.mark.parametrize("parts", SENTENCES, ids=lambda parts: parts[0][:20])
def test_a_shot_takes_for_sentences_what_are_sentences(parts: list[str]) -> None:
    assert [piece.strip() for piece in sentences(" ".join(parts))] == parts


@pytest.mark.parametrize("whole", WHOLE)
def test_no_shot_ends_within_a_number_or_an_address(whole: str) -> None:
    for text in (f"机器只卖{whole}，真便宜，大家都来了", f"They said {whole}, and left at once"):
        start = text.index(whole)
        cuts = {*clause_cuts(text), *word_cuts(text)}
        assert not cuts & set(range(start + 1, start + len(whole)))
        assert any(whole in each for each in divide(text, 30))
        assert not 0 < len(shortened(text, start + len(whole) // 2)) - start < len(whole) // 2 + 1


def test_no_shot_begins_behind_a_no_break_blank() -> None:
    for each in divide("Il dit\u00a0: «\u00a0Bonjour\u00a0!\u00a0» et il a 12\u202f345 chats\u00a0! Non\u00a0?", 20):
        assert each[:1] not in {"!", "?", ":", "»"}
    assert sentences("«\u00a0Oui\u00a0!\u00a0» Il part.") == ["«\u00a0Oui\u00a0!\u00a0» ", "Il part."]


def test_thai_is_divided_between_words() -> None:
    assert "|".join(divide("สวัสดีชาวโลกวันนี้อากาศดีมาก", 3)).replace("|", "") == "สวัสดีชาวโลกวันนี้อากาศดีมาก"
    assert all(divide("สวัสดีชาวโลกวันนี้อากาศดีมาก", 3))


@pytest.mark.parametrize(
    ("text", "name"),
    [("Mr. Fox went home.", "Mr. Fox went home"), ("https://example.com/a is here", "https://example.com/a is here")],
)
def test_a_title_is_cut_neither_at_an_abbreviation_nor_in_an_address(text: str, name: str) -> None:
    assert name in title_candidates(text, "en", lexicon())

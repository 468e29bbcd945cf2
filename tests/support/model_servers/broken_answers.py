"""Storyboards as language models send them when they do not send JSON, or not this JSON."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.support.model_servers.renderings import (
    CHINESE_KEYS,
    SYNONYMS,
    Scene,
    Style,
    csv_text,
    each_scene,
    html_table,
    prose,
    renamed,
    scenes_of,
    shown,
    table,
    text_of,
    with_scenes,
    within,
    xml,
    yaml,
)

STOP, LENGTH = "stop", "length"
DRAFT = "草稿，未定稿。"


@dataclass(frozen=True)
class BrokenAnswer:
    """`make` writes the raw text from the right answer, an object with a list of `scenes`.

    Where it is `recoverable` every scene can be read out of the text, but for the fields that are `lost`: the same letters and digits
    (`letters`), since quotes, blanks and escapes in a text may have changed. That holds for stories in Chinese of more than one scene.
    `finish` is the reason that the server gives for its end.
    """

    name: str
    make: Callable[[Any], str]
    recoverable: bool = True
    lost: tuple[str, ...] = ()
    finish: str = STOP


def letters(text: Any) -> str:
    """What counts when texts are compared."""
    return "".join(char for char in str(text) if char.isalnum())


def _draft(answer: Any) -> Any:
    return each_scene(answer, lambda scene: {n: DRAFT if isinstance(v, str) else v for n, v in scene.items()})


def _fenced(text: str, name: str = "json", fence: str = "```") -> str:
    return f"{fence}{name}\n{text}\n{fence}"


def _pretty(answer: Any) -> str:
    return json.dumps(answer, ensure_ascii=False, indent=2)


def _schema(answer: Any) -> str:
    fields = {name: {"type": "string"} for name in scenes_of(answer)[0]}
    scenes = {"type": "array", "items": {"type": "object", "properties": fields, "required": list(fields)}}
    return text_of({"type": "object", "properties": {"scenes": scenes}, "required": ["scenes"]})


def _example(answer: Any) -> str:
    return text_of(each_scene(answer, lambda scene: dict.fromkeys(scene, "...")))


def _first(answer: Any) -> Any:
    return with_scenes(answer, scenes_of(answer)[:1])


def _listed(answer: Any, between: str = ",\n") -> str:
    return between.join(map(text_of, scenes_of(answer)))


def _cut(answer: Any, scene: int, kept: float) -> str:
    """Cut off within a scene, after so much of its last text."""
    text, last = text_of(answer), [v for v in scenes_of(answer)[scene].values() if isinstance(v, str)][-1]
    return text[: text.rindex(text_of(last)) + 1 + int(len(last) * kept)]


def _unclosed(answer: Any) -> str:
    """The brackets behind the last scene are missing, and its own, too."""
    return text_of(answer).rstrip("]} ")


def _texts(change: Callable[[str], str]) -> Callable[[Any], str]:
    """Strings quoted by a function that does it wrong; keys are right."""
    return Style(quote=change, key=text_of)


def _fields(change: Callable[[Any], Any]) -> Callable[[Any], str]:
    return lambda answer: text_of(each_scene(answer, lambda s: {name: change(value) for name, value in s.items()}))


def _added(name: str, raw: str) -> Callable[[Any], str]:
    """A field in every scene whose value is no JSON."""
    return lambda answer: text_of(each_scene(answer, lambda s: {**s, name: "@"})).replace('"@"', raw)


def _python(answer: Any) -> str:
    return repr(each_scene(answer, lambda scene: {**scene, "notes": None, "done": True, "cut": False}))


def _rows(answer: Any) -> str:
    scenes = scenes_of(answer)
    return text_of([list(scenes[0]), *(list(scene.values()) for scene in scenes)])


def _columns(answer: Any) -> str:
    scenes = scenes_of(answer)
    return text_of({name: [scene.get(name) for scene in scenes] for name in scenes[0]})


def _numbered(name: str) -> Callable[[Any], str]:
    return lambda answer: text_of({name.format(n): scene for n, scene in enumerate(scenes_of(answer), 1)})


def _camel(name: str) -> str:
    return re.sub(
        r"_(.)", lambda found: found[1].upper(), {"title": "scene_title", "prompt": "image_prompt"}.get(name, name)
    )


def _half_chinese(answer: Any) -> str:
    return text_of(renamed(answer, lambda n: CHINESE_KEYS[n] if n in ("title", "narration") else n))


def _commented(answer: Any, start: str, end: str) -> str:
    lines = _pretty(answer).splitlines()
    return "\n".join([lines[0] + f" {start} 分镜{end}", *lines[1:-1], f"{start} {{完}}{end}", lines[-1]])


def _cast(answer: Any) -> str:
    return text_of(
        {"title": "雨夜", "characters": [{"name": "小明", "age": 7}, {"name": "猫"}], "scenes": scenes_of(answer)}
    )


def _without(*names: str) -> Callable[[Scene], Scene]:
    return lambda scene: {name: value for name, value in scene.items() if name not in names}


def _nulled(scene: Scene) -> Scene:
    return {**scene, "title": None, "bgm": None}


def _extra(answer: Any) -> str:
    scenes = scenes_of(answer)
    more = [{n: f"加演{k}。" if isinstance(v, str) else v for n, v in scenes[-1].items()} for k in (1, 2)]
    return text_of(with_scenes(answer, [*scenes, *more]))


def _text_scenes(answer: Any) -> str:
    return text_of(each_scene(answer, text_of))


def _mismatched(answer: Any) -> str:
    """The last scene's bracket is closed by the one that is due behind it, and the other way round."""
    text = _unclosed(answer)
    closing = text_of(answer)[len(text) :]
    return text + closing[1:] + closing[0]


def _call(answer: Any) -> str:
    return text_of({"name": "write_storyboard", "arguments": text_of(answer)})


def _kinds(recoverable: bool, finish: str = STOP, **makes: Callable[[Any], str]) -> list[BrokenAnswer]:
    return [BrokenAnswer(name, make, recoverable, finish=finish) for name, make in makes.items()]


BLANKS = " \n\t" * 2000
GOOD = "好的，以下是为您生成的分镜脚本：\n\n"
THOUGHT = "用户想要一个故事的分镜，要用 {JSON} 输出 [严格]。先想人物，再想场景。"

AROUND = _kinds(
    True,
    think_block=lambda a: f"<think>\n{THOUGHT}\n</think>\n\n{text_of(a)}",
    think_block_not_opened=lambda a: f"{THOUGHT}\n</think>\n\n{text_of(a)}",
    think_block_with_draft=lambda a: f"<think>{text_of(_draft(a))}</think>{text_of(a)}",
    thinking_in_other_tags=lambda a: f"<thinking>{THOUGHT}</thinking>\n<answer>{text_of(a)}</answer>",
    code_fence=lambda a: _fenced(_pretty(a)),
    code_fence_without_name=lambda a: _fenced(text_of(a), ""),
    code_fence_not_closed=lambda a: f"```json\n{_pretty(a)}",
    code_fence_of_tildes=lambda a: _fenced(text_of(a), "JSON5", "~~~"),
    heading_before=lambda a: f"## 分镜脚本\n\n{text_of(a)}",
    chatter_before=lambda a: GOOD + text_of(a),
    chatter_after=lambda a: f"{text_of(a)}\n\n希望您喜欢！如需修改 {{标题}} 或 [旁白]，请告诉我。",
    chatter_with_brackets=lambda a: f"[注意] 结果为 {{JSON}} 格式：{_fenced(text_of(a))}（完）",
    byte_order_mark=lambda a: "\ufeff" + text_of(a),
    nul_at_the_end=lambda a: text_of(a) + "\x00\x00",
    nul_between=lambda a: json.dumps(a, ensure_ascii=False, separators=(",\x00", ":")),
    blanks_around=lambda a: "\n\n \t" + text_of(a) + "\u3000\u00a0" + BLANKS,
    end_tokens=lambda a: text_of(a) + "<|im_end|>\n<|endoftext|>",
    boxed=lambda a: f"$\\boxed{{{text_of(a)}}}$",
    assignment=lambda a: f"const storyboard = {_pretty(a)};",
    html_entities=lambda a: f"<pre><code>{html.escape(_pretty(a))}</code></pre>",
    draft_then_final=lambda a: f"初稿：\n{_fenced(text_of(_draft(a)))}\n修改后的最终版本：\n{_fenced(text_of(a))}",
    schema_echoed_first=lambda a: f"{_schema(a)}\n\n{text_of(a)}",
    example_echoed_first=lambda a: f"格式：{_example(a)}\n\n答案：{text_of(a)}",
    said_twice=lambda a: text_of(a) + text_of(a),
)
PUNCTUATION = _kinds(
    True,
    trailing_commas=Style(before_close=","),
    no_commas_between_fields=Style(comma="\n"),
    no_commas_between_scenes=lambda a: '{"scenes": [' + _listed(a, "\n") + "]}",
    double_commas=Style(comma=",, "),
    semicolons=Style(comma="; "),
    equals_signs=Style(colon=" = "),
    full_width_punctuation=Style(comma="，", colon="："),
    full_width_brackets=Style(array="【】", object="｛｝"),
    chinese_quotes=Style(quote=within("“", "”")),
    chinese_quotes_everything=Style(within("“", "”"), comma="，", colon="："),
    corner_quotes=Style(quote=within("「", "」")),
    single_quotes=Style(quote=within("'", "'")),
    back_ticks=Style(quote=within("`", "`")),
    triple_quotes=_texts(within('"""', '"""')),
    keys_without_quotes=Style(key=str),
    python_literals=_python,
    raw_newlines=_texts(lambda text: f'"{text[:2]}\n{text[2:]}"'),
    raw_tabs=_texts(lambda text: f'"\t{text}\r\n"'),
    unescaped_quotes=_texts(lambda text: f'"{text[:1]}"{text[1:3]}"{text[3:]}"'),
    bad_escapes=_texts(lambda text: f'"{text[:1]}\\_{text[1:]}\\-"'),
    last_quote_missing=_texts(lambda text: f'"{text}'),
    comments_of_javascript=lambda a: _commented(a, "//", ""),
    comments_of_c=lambda a: _commented(a, "/*", " */"),
    comments_of_python=lambda a: _commented(a, "#", ""),
    nan=_added("duration", "NaN"),
    infinity=_added("weight", "-Infinity"),
    number_with_plus=_added("duration", "+05"),
    undefined=_added("camera", "undefined"),
    ellipsis_at_the_end=lambda a: '{"scenes": [' + _listed(a) + ", ...]}",
    opening_bracket_missing=lambda a: text_of(a)[1:],
    closing_brackets_missing=_unclosed,
    closing_brackets_too_many=lambda a: text_of(a) + "]}}",
    closing_brackets_mixed_up=_mismatched,
)
ENCODED = _kinds(
    True,
    escaped_unicode=json.dumps,
    escaped_unicode_twice=lambda a: json.dumps(json.dumps(a)),
    json_in_a_string=lambda a: text_of(text_of(a)),
    json_in_a_field=lambda a: text_of({"content": text_of(a), "format": "json"}),
    escaped_quotes_without_outer_ones=lambda a: text_of(text_of(a))[1:-1],
    escaped_newlines_between=lambda a: _pretty(a).replace("\n", "\\n"),
    scenes_as_json_strings=_text_scenes,
    tool_call=_call,
    tool_call_in_tags=lambda a: f"<tool_call>\n{_call(a)}\n</tool_call>",
)
SHAPES = [
    *_kinds(
        True,
        bare_list=lambda a: text_of(scenes_of(a)),
        items_wrapper=lambda a: text_of({"items": scenes_of(a)}),
        storyboard_wrapper=lambda a: text_of({"storyboard": {"scenes": scenes_of(a)}}),
        storyboard_of_a_list=lambda a: text_of({"storyboard": scenes_of(a)}),
        nested_wrappers=lambda a: text_of({"code": 0, "data": {"result": [{"output": {"shots": scenes_of(a)}}]}}),
        answer_in_a_list=lambda a: text_of([a]),
        keyed_by_number=_numbered("{}"),
        keyed_by_name=_numbered("scene_{}"),
        keyed_by_chinese_name=_numbered("场景{}"),
        lists_of_lists=lambda a: text_of(each_scene(a, lambda scene: [scene])),
        scene_in_a_scene=lambda a: text_of(each_scene(a, lambda scene: {"scene": scene})),
        rows_below_a_header=_rows,
        columns=_columns,
        other_list_first=_cast,
        chinese_keys=lambda a: text_of(renamed(a, lambda name: CHINESE_KEYS.get(name, name))),
        half_chinese_keys=_half_chinese,
        camel_keys=lambda a: text_of(renamed(a, _camel)),
        upper_keys=lambda a: text_of(renamed(a, str.upper)),
        keys_with_blanks=lambda a: text_of(renamed(a, lambda name: f" {name.title()} : ")),
        synonymous_keys=lambda a: text_of(renamed(a, lambda name: SYNONYMS.get(name, name))),
        numbers_as_text=_fields(lambda value: value if isinstance(value, str) else shown(value)),
        texts_in_objects=_fields(lambda value: {"text": value, "lang": "zh"}),
        texts_in_lists=_fields(lambda value: [value]),
        scenes_twice=lambda a: text_of(with_scenes(a, scenes_of(a) * 2)),
        scenes_backwards=lambda a: text_of(with_scenes(a, scenes_of(a)[::-1])),
        more_scenes=_extra,
        json_lines=lambda a: _listed(a, "\n"),
        json_one_after_the_other=lambda a: _listed(a, ""),
        json_below_headings=lambda a: "\n".join(f"场景{n}：\n{text_of(s)}" for n, s in enumerate(scenes_of(a), 1)),
        fence_for_each_scene=lambda a: "\n\n".join(
            f"### {n}\n{_fenced(text_of(s))}" for n, s in enumerate(scenes_of(a), 1)
        ),
    ),
    BrokenAnswer("titles_missing", lambda a: text_of(each_scene(a, _without("title"))), lost=("title",)),
    BrokenAnswer("titles_empty", lambda a: text_of(each_scene(a, lambda s: {**s, "title": ""})), lost=("title",)),
    BrokenAnswer("null_fields", lambda a: text_of(each_scene(a, _nulled)), lost=("title", "bgm")),
]
NOTATIONS = _kinds(
    True,
    yaml=yaml,
    yaml_in_a_fence=lambda a: GOOD + _fenced(yaml(a), "yaml"),
    markdown_table=lambda a: f"{GOOD}{table(a)}\n",
    html_table=html_table,
    csv=csv_text,
    xml=xml,
    numbered_list=prose("{number}.", "   - {name}: {value}", "\n"),
    markdown_headings=prose("### 场景 {number}", "- **{name}**：{value}", keys=CHINESE_KEYS),
    plain_lines=prose("", "{name}：{value}", keys=CHINESE_KEYS),
    bracketed_labels=prose("【第{number}幕】", "【{name}】{value}", keys=CHINESE_KEYS),
    mixed_languages=prose("Scene {number} / 场景{number}", "{name}: {value}", keys={"narration": "旁白 (narration)"}),
)
ENDED_EARLY = [
    *_kinds(
        True,
        LENGTH,
        blanks_behind_the_last_scene=lambda a: _unclosed(a) + BLANKS,
        cut_behind_the_last_letter=lambda a: _cut(a, -1, 1.0),
    ),
    *_kinds(
        False,
        LENGTH,
        cut_in_the_last_scene=lambda a: _cut(a, -1, 0.4),
        cut_in_the_first_scene=lambda a: _cut(a, 0, 0.4),
        blanks_until_the_limit=lambda a: _unclosed(_first(a)) + ",\n" + BLANKS,
        blanks_only_until_the_limit=lambda _a: "{" + BLANKS,
        first_scene_again_and_again=lambda a: '{"scenes": [' + ", ".join([text_of(scenes_of(a)[0])] * 60),
        thought_until_the_limit=lambda _a: "<think>\n" + THOUGHT * 50,
    ),
]
NOTHING = _kinds(
    False,
    fewer_scenes=lambda a: text_of(with_scenes(a, scenes_of(a)[:-1])),
    one_object=lambda a: text_of(scenes_of(a)[0]),
    titles_only=lambda a: text_of({"scenes": [scene.get("title") for scene in scenes_of(a)]}),
    empty_texts=_fields(lambda value: "" if isinstance(value, str) else value),
    replacement_characters=lambda a: re.sub(r"[^\x00-\x7f]", "\ufffd", text_of(a)),
    refusal_in_chinese=lambda _a: "很抱歉，我无法协助生成该内容。",
    refusal_in_english=lambda _a: "I'm sorry, but I can't assist with that request.",
    refusal_as_json=lambda _a: text_of({"error": "内容安全策略不允许。"}),
    question=lambda _a: "请提供故事正文，我会为您生成分镜。",
    promise=lambda _a: "正在为您生成分镜，请稍候……",
    thought_only=lambda _a: f"<think>{THOUGHT}</think>",
    schema_only=_schema,
    example_only=_example,
    draft_only=lambda a: text_of(_draft(a)),
    empty=lambda _a: "",
    blanks=lambda _a: " \n\t\n",
    null=lambda _a: "null",
    empty_list=lambda _a: "[]",
    empty_object=lambda _a: "{}",
    empty_fence=lambda _a: "```json\n```",
    number=lambda _a: "42",
)
BROKEN_ANSWERS = [*AROUND, *PUNCTUATION, *ENCODED, *SHAPES, *NOTATIONS, *ENDED_EARLY, *NOTHING]

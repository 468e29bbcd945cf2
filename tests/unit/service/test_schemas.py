"""What clients may ask for: spellings, limits, and the words of a refusal."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import InvalidInput
from config.settings import Settings, StorySettings
from service.fields import is_id
from service.schemas import (
    FilmRequest,
    NarrationRequest,
    NewProject,
    PageRequest,
    ProjectChanges,
    Request,
    ShotChanges,
    fold,
    parse,
)

SETTINGS = Settings(story=StorySettings(max_chars=50, max_title=10, max_shots=12))


def parsed_or_refused(model: type[Request], params: dict[str, Any]) -> Request | InvalidInput:
    try:
        return parse(model, params, SETTINGS)
    except InvalidInput as error:
        return error


def refused(model: type[Request], /, **params: Any) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        parse(model, params, SETTINGS)
    return caught.value


@pytest.mark.parametrize("name", ["StoryText", "story_text", "storyText", "STORYTEXT", "story-text", "Story_Text"])
def test_every_spelling_of_a_parameter_is_understood(name: str) -> None:
    assert parse(NewProject, {name: "从前"}, SETTINGS).story_text == "从前"


def test_the_desktop_clients_misspelt_description_counts() -> None:
    assert parse(NewProject, {"StoryText": "a", "Desription": "说明"}, SETTINGS).description == "说明"


def test_a_misspelt_and_empty_description_does_not_hide_the_right_one() -> None:
    assert parse(NewProject, {"StoryText": "a", "Desription": "", "Description": "x"}, SETTINGS).description == "x"
    assert parse(NewProject, {"StoryText": "a", "Description": "x", "Desription": "y"}, SETTINGS).description == "x"


def test_unknown_parameters_are_ignored() -> None:
    assert parse(NewProject, {"StoryText": "a", "colour": "red", "": "", "title2": "\x00"}, SETTINGS).title == ""


def test_a_story_keeps_its_own_blanks_and_emoji() -> None:
    assert parse(NewProject, {"StoryText": "  狐狸🦊\n跑了  "}, SETTINGS).story_text == "  狐狸🦊\n跑了  "


@pytest.mark.parametrize("story", [None, "", "   ", "\n\t\u3000"])
def test_an_empty_story_is_refused_by_its_name(story: str | None) -> None:
    error = refused(NewProject, StoryText=story)
    assert error.field == "StoryText"
    assert "不能为空" in str(error)


def test_a_story_at_its_limit_passes_and_one_over_names_the_limit() -> None:
    assert parse(NewProject, {"StoryText": "🦊" * 50}, SETTINGS).story_text == "🦊" * 50
    error = refused(NewProject, story_text="🦊" * 51)
    assert error.field == "story_text"
    assert "50" in str(error)


def test_a_title_of_a_megabyte_is_refused_in_few_words() -> None:
    error = refused(NewProject, StoryText="a", Title="t" * 1_000_000)
    assert error.field == "Title"
    assert "10" in str(error)
    assert len(str(error)) < 200


@pytest.mark.parametrize("count", ["0", "-1", "13", "1000", "x", "1.5", "1e9999", 0, -1, 13, 1.5, True, [1], {"a": 1}])
def test_a_shot_count_out_of_range_is_refused(count: Any) -> None:
    assert refused(NewProject, StoryText="a", ShotCount=count).field == "ShotCount"


def test_the_choices_of_a_field_are_listed_without_the_empty_one() -> None:
    assert str(refused(NarrationRequest, format="ogg")) == "format 只能是 mp3、wav，收到 ogg"


@pytest.mark.parametrize("aspect", ["16:10", "21:9", "9/16", "1.78", "portrait", "1:1:1", 1, True, ["9:16"], {"a": 1}])
def test_an_aspect_that_is_not_on_the_list_is_refused_with_the_list(aspect: Any) -> None:
    for model, needed in ((NewProject, {"StoryText": "a"}), (ProjectChanges, {})):
        refusal = refused(model, **needed, Aspect=aspect)
        assert refusal.field == "Aspect"
        assert "16:9、9:16、1:1、4:3、3:4" in str(refusal)


@pytest.mark.parametrize("model", [ShotChanges, FilmRequest])
@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("seed", "-1", "seed 不能小于 0，收到 -1"),
        ("seed", 2**53, "seed 不能大于 9007199254740991"),
        ("seed", "1.5", "seed 必须是整数"),
        ("seed", True, "seed 必须是数字"),
        ("steps", "201", "steps 不能大于 200，收到 201"),
        ("steps", "-3", "steps 不能小于 1，收到 -3"),
        ("cfg_scale", "50.5", "cfg_scale 不能大于 50"),
        ("CfgScale", "nan", "CfgScale 必须是数字"),
        ("negativePrompt", "x" * 4001, "negativePrompt 最多 4000 个字符"),
        ("model", "m" * 201, "model 最多 200 个字符"),
        ("model", ["m"], "model 必须是文本"),
    ],
)
def test_wishes_for_the_model_have_limits_that_are_named(
    model: type[Request], name: str, value: Any, said: str
) -> None:
    assert said in str(refused(model, **{name: value}))


def test_wishes_that_are_empty_were_not_given_and_a_seed_of_zero_is_one() -> None:
    given = {"seed": "0", "steps": "0", "cfg_scale": "0", "negative_prompt": " ", "model": ""}
    assert parse(ShotChanges, given, SETTINGS).wishes() == {"seed": 0, "cfg_scale": 0.0}
    assert parse(ShotChanges, {}, SETTINGS).wishes() == {}


def test_an_aspect_that_is_empty_was_not_given() -> None:
    assert parse(NewProject, {"StoryText": "a", "Aspect": " "}, SETTINGS).aspect == ""
    assert parse(ProjectChanges, {"Aspect": ""}, SETTINGS).aspect is None
    assert parse(ProjectChanges, {"aspect": " 9:16 "}, SETTINGS).aspect == "9:16"


@pytest.mark.parametrize(("count", "expected"), [("1", 1), ("12", 12), (6, 6), ("", None), (None, None)])
def test_a_shot_count_may_come_as_text_or_not_at_all(count: Any, expected: int | None) -> None:
    assert parse(NewProject, {"StoryText": "a", "ShotCount": count}, SETTINGS).shot_count == expected


def test_a_shot_count_beyond_the_limit_names_it() -> None:
    assert "1 到 12" in str(refused(NewProject, StoryText="a", ShotCount="13"))


@pytest.mark.parametrize("model", [NewProject, ProjectChanges])
@pytest.mark.parametrize("field", ["Title", "StoryText", "Style", "Description"])
@pytest.mark.parametrize("value", ["a\x00b", "a\ud800b"])
def test_nul_bytes_and_lone_surrogates_are_refused_by_the_fields_name(
    model: type[Request], field: str, value: str
) -> None:
    assert refused(model, **{"StoryText": "a", field: value}).field == field


@pytest.mark.parametrize("value", [12, ["a"], {"a": 1}, True])
def test_a_story_that_is_no_text_is_refused(value: Any) -> None:
    assert refused(NewProject, StoryText=value).field == "StoryText"


def test_a_style_fits_its_column() -> None:
    assert "64" in str(refused(NewProject, StoryText="a", Style="s" * 65))


def test_changes_that_are_not_given_are_none() -> None:
    assert parse(ProjectChanges, {}, SETTINGS) == ProjectChanges()
    assert parse(ShotChanges, {}, SETTINGS) == ShotChanges()


def test_a_description_can_be_emptied_but_an_empty_title_is_not_given() -> None:
    changes = parse(ProjectChanges, {"Title": "", "Description": ""}, SETTINGS)
    assert (changes.title, changes.description) == (None, "")


def test_an_empty_story_is_no_change_that_can_be_made() -> None:
    assert refused(ProjectChanges, StoryText="").field == "StoryText"


def test_a_shot_can_be_made_silent_but_not_promptless() -> None:
    changes = parse(ShotChanges, {"narration": "", "prompt": "", "title": ""}, SETTINGS)
    assert (changes.narration, changes.prompt, changes.title) == ("", None, None)


@pytest.mark.parametrize(
    ("field", "value"), [("page", "0"), ("page", "9" * 30), ("page_size", "101"), ("q", "q" * 201)]
)
def test_a_page_out_of_range_is_refused(field: str, value: str) -> None:
    assert refused(PageRequest, **{field: value}).field == field


@pytest.mark.parametrize(
    "text", ["", ".", "..", "a/b", "a\\b", "a b", "a\x00", "a\n", "x" * 65, "\x7f", "\ud800", "a\udfff"]
)
def test_what_cannot_be_an_id_is_known(text: str) -> None:
    assert not is_id(text)


@pytest.mark.parametrize("text", ["6f1c3a0e-1111-4c2d-8a5e-0123456789ab", "p_123", "x" * 64, "项目"])
def test_what_can_be_an_id_is_known(text: str) -> None:
    assert is_id(text)


@given(st.from_regex(r"[A-Za-z]{1,8}(_[A-Za-z]{1,8}){0,2}", fullmatch=True))
def test_folding_forgets_spelling_only(name: str) -> None:
    camel = "".join(part.capitalize() for part in name.split("_"))
    assert fold(name) == fold(camel) == fold(name.upper())


VALUES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=60) | st.lists(st.integers(), max_size=2)
)


@given(
    st.sampled_from([NewProject, ProjectChanges, ShotChanges, FilmRequest, NarrationRequest, PageRequest]), st.data()
)
def test_whatever_comes_is_a_request_or_a_refusal(model: type[Request], data: st.DataObject) -> None:
    names = st.sampled_from(sorted(model.model_fields)) | st.text(max_size=10)
    params = data.draw(st.dictionaries(names, VALUES, max_size=6))
    outcome = parsed_or_refused(model, params)
    if isinstance(outcome, InvalidInput):
        assert outcome.field
        assert len(str(outcome)) < 400
    else:
        assert model.model_validate(outcome.model_dump()) == outcome

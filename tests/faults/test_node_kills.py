"""Five stories while their model node is killed at twenty random moments: nothing is lost, and hardly anything asked for twice."""

from __future__ import annotations

import random
import signal
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from tests.integration.worker_node.conftest import NodeProcess
from tests.support.model_servers.openai_chat import OpenAIChat
from tests.support.model_servers.openai_speech import OpenAISpeech
from tests.support.wait import wait_until

KILLS, STORIES, SHOTS = 20, 5, 4
STORY = "小猫在河边钓鱼。小狗在山上唱歌。夜里下起了雨。清晨太阳出来了。"
PATIENCE_S = 300
MODEL = "stand-in"


class Client:
    """What the server asks of the node for some stories: a storyboard, and speech of each of its shots."""

    def __init__(self, node: NodeProcess) -> None:
        self.node = node
        self.boards = [self._board(number) for number in range(STORIES)]
        self.speeches: dict[str, str] = {}

    def _board(self, number: int) -> str:
        defaults = {"storyText": f"{STORY}第{number}天。", "shot_count": SHOTS}
        return self.node.submit("storyboard", task=f"board-{number}", shot_defaults=defaults)

    def go_on(self) -> bool:
        """Ask for what can be asked for now; whether all has ended. A node that was killed meanwhile is asked later."""
        boards = [self.node.job(job) for job in self.boards]
        for number, board in enumerate(boards):
            assert board["status"] not in ("failed", "cancelled"), board["error"]
            shots = board["result"].get("task_shots", {}).get("generated_shots", ())
            for order, shot in enumerate(shots):
                task = f"speech-{number}-{order}"
                if task not in self.speeches:
                    self.speeches[task] = self.node.submit("audio", task=task, tts={"text": shot["narration"]})
        ended = [self.node.job(job) for job in self.speeches.values()]
        assert not [job["error"] for job in ended if job["status"] in ("failed", "cancelled")]
        return len(ended) == STORIES * SHOTS and all(job["status"] == "finished" for job in ended)

    def messages(self) -> list[str]:
        return [self.node.job(job)["message"] for job in (*self.boards, *self.speeches.values())]


@pytest.mark.faults
@pytest.mark.parametrize("seed", [1, 2])
def test_stories_go_on_over_twenty_kills_of_their_node(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    with OpenAIChat() as chat, OpenAISpeech() as speech:
        environment = {
            "S2V_NODE_LLM_PROVIDER": "openai",
            "S2V_NODE_LLM_OPENAI_BASE": f"{chat.url}/v1",
            "S2V_NODE_LLM_OPENAI_MODEL": MODEL,
            "S2V_NODE_TTS_PROVIDER": "openai",
            "S2V_NODE_TTS_OPENAI_BASE": f"{speech.url}/v1",
            "S2V_NODE_TTS_OPENAI_MODEL": MODEL,
            "S2V_NODE_TTS_OPENAI_VOICE": "alloy",
            "S2V_NODE_TTS_CONCURRENCY": "1",
        }
        client = Client(NodeProcess(tmp_path / "out", env=environment))

        def moment(until: int) -> bool:
            return client.go_on() or len(chat.received) + len(speech.received) >= until

        for _kill in range(KILLS):
            until = len(chat.received) + len(speech.received) + chance.choice([0, 1, 1, 2])
            wait_until(partial(moment, until), PATIENCE_S, "the next moment")
            client.node.end(signal.SIGKILL)
            client.node = NodeProcess(tmp_path / "out", env=environment)
        wait_until(client.go_on, PATIENCE_S, "all stories")
        told = sum(
            int(message.split("重启时有 ")[1].split(" ")[0]) for message in client.messages() if "重启时有" in message
        )
        client.node.end()
        asked = Counter(request.key for server in (chat, speech) for request in server.requests() if request.key)
    again = sum(count - 1 for count in asked.values())
    assert again <= told <= 2 * KILLS, (
        "each call that was perhaps paid twice is told, and at most one of each kind per kill"
    )

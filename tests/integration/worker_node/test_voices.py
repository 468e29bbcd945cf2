"""The node's voices and their samples."""

from __future__ import annotations

import io

import av
import pytest

from service.node.client import NodeClient
from tests.integration.worker_node.conftest import PATIENCE_S, NodeProcess, StartNode
from tests.support.model_servers.openai_speech import OpenAISpeech
from tests.support.wait import wait_until


def test_every_speakers_voices_are_listed_and_each_has_a_sample_that_is_made_once(start_node: StartNode) -> None:
    with OpenAISpeech() as server:
        env = {"S2V_NODE_TTS_OPENAI_BASE": server.base, "S2V_NODE_TTS_OPENAI_MODEL": "stand-in"}
        node = start_node("--tts-provider", "openai,offline", env=env)
        listed = node.get("/v1/voices").json()["voices"]
        assert [(row["provider"], row["id"]) for row in listed] == [
            *(("openai", name) for name in ("alloy", "longwan", "ryan")),
            ("offline", "female"),
            ("offline", "male"),
        ]
        assert set(listed[-1]) == {"id", "name", "language", "sex", "provider", "sample"}
        wait_until(lambda: not node.workers(), PATIENCE_S, "no process is kept for them")
        for row in (listed[1], listed[-1]):
            answers = [node.get(row["sample"]) for _ in range(2)]
            assert answers[0].headers["content-type"] == "audio/mpeg"
            assert answers[0].content == answers[1].content
            with av.open(io.BytesIO(answers[0].content)) as container:
                assert sum(frame.samples for frame in container.decode(audio=0)) > 24_000
        assert [request.body["voice"] for request in server.requests()] == ["longwan"]
        client = NodeClient(node.url)
        assert [(voice.provider, voice.id) for voice in client.voices()] == [
            (row["provider"], row["id"]) for row in listed
        ]
        assert client.voice_sample("openai", "longwan") == node.get(listed[1]["sample"]).content


@pytest.mark.parametrize(
    "query", ["", "?provider=offline&voice=nobody", "?provider=kokoro&voice=female", "?voice=../../etc"]
)
def test_a_voice_that_is_not_listed_has_no_sample(node: NodeProcess, query: str) -> None:
    assert node.get(f"/v1/voices/sample{query}").status_code == 404


def test_a_voice_that_cannot_be_heard_is_told_in_words_and_others_still_can(start_node: StartNode) -> None:
    with OpenAISpeech(always="quota_402") as server:
        env = {"S2V_NODE_TTS_OPENAI_BASE": server.base, "S2V_NODE_TTS_OPENAI_MODEL": "stand-in"}
        node = start_node("--tts-provider", "openai,offline", env=env)
        rows = node.get("/v1/voices").json()["voices"]
        refused = node.get(rows[0]["sample"])
        assert (refused.status_code, "额度" in refused.json()["error"]) == (502, True)
        assert node.get(rows[-1]["sample"]).status_code == 200

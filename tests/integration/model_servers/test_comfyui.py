"""ComfyUI: what it queues, what it refuses, where jobs are, what is told of them and what becomes of them."""

from __future__ import annotations

import copy
import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
import requests
import websocket
from PIL import Image

from tests.support.model_servers.comfyui import ComfyUI
from tests.support.model_servers.pictures import encoded, picture, size_of


def node(kind: str, **inputs: Any) -> dict[str, Any]:
    return {"class_type": kind, "inputs": inputs}


SAMPLING = {"seed": 7, "steps": 4, "cfg": 1.0, "denoise": 1, "sampler_name": "euler", "scheduler": "normal"}
LINKS = {"model": ["1", 0], "positive": ["2", 0], "negative": ["2", 0], "latent_image": ["3", 0]}
WORKFLOW = {
    "1": node("CheckpointLoaderSimple", ckpt_name="stand-in.safetensors"),
    "2": node("CLIPTextEncode", text="a street", clip=["1", 1]),
    "3": node("EmptyLatentImage", width=96, height=64, batch_size=1),
    "4": node("KSampler", **SAMPLING, **LINKS),
    "5": node("VAEDecode", samples=["4", 0], vae=["1", 2]),
    "6": node("SaveImage", images=["5", 0], filename_prefix="shot"),
}
SVD = node(
    "SVD_img2vid_Conditioning",
    **{"clip_vision": ["1", 1], "init_image": ["7", 0], "vae": ["1", 2], "width": 64, "height": 48},
    **{"video_frames": 5, "motion_bucket_id": 127, "fps": 6, "augmentation_level": 0.0},
)
CLIPS = {
    "SaveAnimatedWEBP": node(
        "SaveAnimatedWEBP",
        **{"images": ["5", 0], "filename_prefix": "a", "fps": 6.0, "lossless": False, "quality": 90},
        method="default",
    ),
    "VHS_VideoCombine": node(
        "VHS_VideoCombine",
        **{"images": ["5", 0], "frame_rate": 6, "loop_count": 0, "filename_prefix": "a", "format": "video/h264-mp4"},
        **{"pingpong": False, "save_output": True},
    ),
}


@pytest.fixture
def server() -> Iterator[ComfyUI]:
    with ComfyUI() as running:
        yield running


def post(server: ComfyUI, path: str, body: Any) -> requests.Response:
    return requests.post(f"{server.url}/{path}", json=body, timeout=10)


def get(server: ComfyUI, path: str, **query: str) -> requests.Response:
    return requests.get(f"{server.url}/{path}", query, timeout=10)


def queue(server: ComfyUI, **changed: Any) -> requests.Response:
    return post(server, "prompt", {"prompt": {**copy.deepcopy(WORKFLOW), **changed}, "client_id": "me"})


def ended(server: ComfyUI, looks: int = 3) -> Any:
    return [get(server, "history/prompt-1").json() for _ in range(looks)][-1].get("prompt-1")


def upload(server: ComfyUI, name: str, content: bytes, **form: str) -> Any:
    files = {"image": (name, content, "image/png")}
    return requests.post(f"{server.url}/upload/image", form, files=files, timeout=10).json()


def listening(server: ComfyUI, client: str = "me") -> websocket.WebSocket:
    return websocket.create_connection(f"{server.url.replace('http', 'ws')}/ws?clientId={client}", timeout=10)


def told_until(socket: websocket.WebSocket, last: Any) -> list[dict[str, Any]]:
    """The events up to the first that `last` says is it; what is no event is left out."""
    told: list[dict[str, Any]] = []
    while not told or not last(told[-1]):
        heard = socket.recv()
        try:
            event = json.loads(heard)
        except ValueError:
            continue
        if isinstance(event, dict) and event.get("data"):
            told.append(event)
    return told


def is_end(event: dict[str, Any]) -> bool:
    about = event["data"]
    if about.get("prompt_id") != "prompt-1":
        return False
    return event["type"] in ("execution_error", "execution_interrupted") or about.get("node", "") is None


def test_a_job_waits_and_runs_and_leaves_a_picture(server: ComfyUI) -> None:
    assert queue(server).json() == {"prompt_id": "prompt-1", "number": 1, "node_errors": {}}
    places = [get(server, "queue").json() for _ in range(3)]
    assert [(len(each["queue_pending"]), len(each["queue_running"])) for each in places] == [(1, 0), (0, 1), (0, 0)]
    done = ended(server, 1)
    assert (done["status"]["status_str"], done["status"]["completed"]) == ("success", True)
    (file,) = done["outputs"]["6"]["images"]
    assert size_of(get(server, "view", **file).content) == (96, 64)
    assert get(server, "view", filename="other.png").status_code == 404
    assert server.charged == {"": 1}


def test_pictures_are_of_their_seed_and_their_text(server: ComfyUI) -> None:
    pictures = []
    for seed, text in ((7, "a"), (7, "a"), (8, "a"), (7, "b")):
        server.script("done_at_once")
        sampler = node("KSampler", **{**SAMPLING, "seed": seed}, **LINKS)
        asked = queue(server, **{"2": node("CLIPTextEncode", text=text, clip=["1", 1]), "4": sampler}).json()
        done = get(server, f"history/{asked['prompt_id']}").json()[asked["prompt_id"]]
        pictures.append(get(server, "view", **done["outputs"]["6"]["images"][0]).content)
    assert pictures[0] == pictures[1]
    assert len(set(pictures)) == 3


@pytest.mark.parametrize(
    ("number", "changed", "word"),
    [
        ("1", node("CheckpointLoaderSimple", ckpt_name="other.safetensors"), "value_not_in_list"),
        ("2", node("CLIPTextEncode", text="a street"), "required_input_missing"),
        ("2", node("CLIPTextEncode", text=7, clip=["1", 1]), "invalid_input_type"),
        ("3", node("EmptyLatentImage", width="96", height=64, batch_size=1), "invalid_input_type"),
        ("3", node("EmptyLatentImage", width=8, height=64, batch_size=1), "value_smaller_than_min"),
        ("4", node("KSampler", **{**SAMPLING, "seed": -1}, **LINKS), "value_smaller_than_min"),
        ("4", node("KSampler", **{**SAMPLING, "steps": 4.5}, **LINKS), "invalid_input_type"),
        ("4", node("KSampler", **{**SAMPLING, "scheduler": "other"}, **LINKS), "value_not_in_list"),
        ("5", node("VAEDecode", samples=["9", 0], vae=["1", 2]), "bad_linked_input"),
        ("6", node("SaveImage", images=["5", 0], filename_prefix="a", quality=9), "unknown_input"),
        ("7", node("LoadImage", image="not-uploaded.png"), "value_not_in_list"),
    ],
)
def test_a_node_that_is_wrong_is_named(server: ComfyUI, number: str, changed: Any, word: str) -> None:
    response = queue(server, **{number: changed})
    errors = response.json()["node_errors"]
    assert (response.status_code, [*errors]) == (400, [number])
    assert {error["type"] for error in errors[number]["errors"]} == {word}
    assert not server.jobs
    assert not server.charged


def test_what_is_no_workflow_is_refused(server: ComfyUI) -> None:
    assert queue(server, **{"7": node("FluxSampler")}).json()["error"]["type"] == "invalid_prompt"
    assert post(server, "prompt", {"prompt": {"1": WORKFLOW["1"]}}).json()["error"]["type"] == "prompt_no_outputs"
    assert post(server, "prompt", {}).json()["error"]["type"] == "no_prompt"
    assert post(server, "prompt", {"prompt": WORKFLOW, "seed": 1}).status_code == 400
    server.script("refused_without_reasons")
    assert queue(server).json()["node_errors"] == {}
    assert len(server.refused) == 4


@pytest.mark.parametrize("name", ["fails", "fails_without_a_reason", "interrupted", "no_outputs"])
def test_jobs_end_without_a_picture(server: ComfyUI, name: str) -> None:
    server.script(name)
    queue(server)
    done = ended(server)
    assert done["outputs"] == {}
    assert done["status"]["status_str"] == ("success" if name == "no_outputs" else "error")
    said = [message[0] for message in done["status"]["messages"]]
    assert said == {
        "fails": ["execution_error"],
        "fails_without_a_reason": [],
        "interrupted": ["execution_interrupted"],
        "no_outputs": ["execution_success"],
    }.get(name)


@pytest.mark.parametrize(("name", "key", "place"), [("as_gifs", "gifs", "output"), ("as_videos", "videos", "output")])
def test_files_stand_below_other_keys(server: ComfyUI, name: str, key: str, place: str) -> None:
    server.script(name)
    queue(server)
    (file,) = ended(server)["outputs"]["6"][key]
    assert file == {"filename": "prompt-1_6_00001_.png", "subfolder": "", "type": place}
    assert get(server, "view", **file).ok


def test_temporary_files_are_found_where_they_are(server: ComfyUI) -> None:
    server.script("as_temp")
    queue(server)
    (file,) = ended(server)["outputs"]["6"]["images"]
    assert file["type"] == "temp"
    assert get(server, "view", **file).ok
    assert get(server, "view", filename=file["filename"]).status_code == 404


@pytest.mark.parametrize("kind", sorted(CLIPS))
def test_clips_have_the_frames_that_were_asked_for(server: ComfyUI, kind: str) -> None:
    upload(server, "cat.png", encoded(picture(32, 32, "a cat")))
    queue(server, **{"3": SVD, "7": node("LoadImage", image="cat.png"), "6": CLIPS[kind]})
    ((file,),) = ended(server)["outputs"]["6"].values()
    content = get(server, "view", **file).content
    if file["filename"].endswith(".webp"):
        with Image.open(io.BytesIO(content)) as image:
            assert (image.size, getattr(image, "n_frames", 1)) == ((64, 48), 5)
    else:
        assert content[4:8] == b"ftyp"


def test_files_are_not_what_they_should_be(server: ComfyUI) -> None:
    queue(server)
    (file,) = ended(server)["outputs"]["6"]["images"]
    whole = get(server, "view", **file).content
    names = ["black", "blank", "cut_off_file", "empty_file", "page_as_picture", "other_size"]
    server.script(*names, on=server.view)
    files = {name: get(server, "view", **file).content for name in names}
    assert files["cut_off_file"] == whole[: len(whole) // 2]
    assert (files["empty_file"], files["page_as_picture"][:6]) == (b"", b"<html>")
    assert [size_of(files[name]) for name in ("black", "blank", "other_size")] == [(96, 64), (96, 64), (48, 32)]
    shades = [Image.open(io.BytesIO(files[name])).convert("L").getextrema() for name in ("black", "blank")]
    assert shades == [(0, 0), (255, 255)]


def test_one_job_runs_at_a_time_and_ends_at_once_or_never_or_gets_lost(server: ComfyUI) -> None:
    server.script("done_at_once", "lost", "lost_later", "never_done")
    for _ in range(4):
        queue(server)
    running = [[row[1] for row in get(server, "queue").json()["queue_running"]] for _ in range(8)]
    assert running == [[], [], [], ["prompt-3"], [], [], ["prompt-4"], ["prompt-4"]]
    assert [bool(get(server, f"history/prompt-{number}").json()) for number in (1, 2, 3, 4)] == [True, *[False] * 3]


def test_what_waits_can_be_deleted_and_what_runs_interrupted(server: ComfyUI) -> None:
    queue(server)
    get(server, "queue")
    get(server, "queue")
    queue(server)
    assert post(server, "queue", {"delete": ["prompt-1", "prompt-2"]}).ok
    assert post(server, "interrupt", {}).ok
    assert ended(server, 1)["status"]["messages"][0][0] == "execution_interrupted"
    assert get(server, "history/prompt-2").json() == {}
    assert post(server, "queue", {"remove": []}).status_code == 400
    assert post(server, "interrupt", {"id": "prompt-1"}).status_code == 400


@pytest.mark.parametrize("targeted", [True, False])
def test_an_interrupt_that_names_another_job_hits_it_on_older_servers_only(targeted: bool) -> None:
    with ComfyUI(targeted=targeted) as server:
        theirs = server.job_of_another(copy.deepcopy(WORKFLOW))
        queue(server)
        for _ in range(4):
            rows = get(server, "queue").json()
        assert [row[1] for row in rows["queue_running"]] == [theirs.id]
        assert post(server, "interrupt", {"prompt_id": "prompt-2"}).ok
        assert theirs.ended == ("" if targeted else "interrupted")
        assert server.interrupts == ["prompt-2"]


def test_pictures_are_uploaded_and_loaded(server: ComfyUI) -> None:
    content = encoded(picture(32, 32, "a cat"))
    assert upload(server, "cat.png", content) == {"name": "cat.png", "subfolder": "", "type": "input"}
    assert queue(server, **{"7": node("LoadImage", image="cat.png")}).ok
    assert get(server, "view", filename="cat.png", type="input").content == content
    assert requests.post(f"{server.url}/upload/image", files={"file": content}, timeout=10).status_code == 400


def test_a_picture_keeps_its_name_from_another_one(server: ComfyUI) -> None:
    first, second = (encoded(picture(32, 32, prompt)) for prompt in ("a cat", "a dog"))
    names = [upload(server, "a.png", content)["name"] for content in (first, first, second)]
    assert names == ["a.png", "a.png", "a (1).png"]
    assert upload(server, "a.png", second, overwrite="true")["name"] == "a.png"
    assert server.uploads["a.png"] == second
    assert upload(server, "a.png", first, subfolder="s2v")["subfolder"] == "s2v"
    assert queue(server, **{"7": node("LoadImage", image="s2v/a.png")}).ok


def test_it_tells_its_classes_and_its_models(server: ComfyUI) -> None:
    info = get(server, "object_info").json()
    assert info["CheckpointLoaderSimple"]["input"]["required"]["ckpt_name"][0] == ["stand-in.safetensors"]
    assert info["SaveImage"]["output_node"]
    assert get(server, "object_info/KSampler").json() == {"KSampler": info["KSampler"]}
    assert get(server, "object_info/FluxSampler").json() == {}
    assert get(server, "system_stats").json()["system"]


def test_some_have_other_models_fewer_classes_and_lists_of_the_newer_form() -> None:
    with ComfyUI(checkpoints=["a.ckpt"], lacks=["SDTurboScheduler"], combos=True) as server:
        info = get(server, "object_info").json()
        assert "SDTurboScheduler" not in info
        loader = info["CheckpointLoaderSimple"]["input"]["required"]["ckpt_name"]
        assert loader == ["COMBO", {"options": ["a.ckpt"]}]
        assert queue(server).status_code == 400
        assert queue(server, **{"8": node("SDTurboScheduler")}).json()["error"]["type"] == "invalid_prompt"


def test_the_socket_tells_step_by_step_of_its_clients_job(server: ComfyUI) -> None:
    socket, other = listening(server), listening(server, "another")
    queue(server)
    told = told_until(socket, is_end)
    progress = [event["data"] for event in told if event["type"] == "progress"]
    assert [(each["value"], each["max"], each["prompt_id"]) for each in progress] == [
        (step, 4, "prompt-1") for step in (1, 2, 3, 4)
    ]
    assert [event["data"]["node"] for event in told if event["type"] == "executing"] == [*WORKFLOW, None]
    assert ended(server, 1)["outputs"]["6"]["images"]
    assert {told_until(other, lambda event: True)[0]["type"]} == {"status"}
    other.settimeout(0.3)
    with pytest.raises(websocket.WebSocketTimeoutException):
        other.recv()
    for each in (socket, other):
        each.close()


@pytest.mark.parametrize(("name", "word"), [("fails", "execution_error"), ("interrupted", "execution_interrupted")])
def test_the_socket_tells_how_a_job_failed(server: ComfyUI, name: str, word: str) -> None:
    server.script(name)
    socket = listening(server)
    queue(server)
    assert told_until(socket, is_end)[-1]["type"] == word
    assert ended(server, 1)["status"]["status_str"] == "error"
    socket.close()


def test_sockets_are_silent_or_strange_or_dropped_or_refused(server: ComfyUI) -> None:
    server.script("strange", "dropped", "silent", "server_error_500", "html_502", on=server.socket)
    strange = listening(server)
    queue(server)
    told = told_until(strange, is_end)
    strange.close()
    assert {"crystools.monitor", "progress"} <= {event["type"] for event in told}
    assert {event["data"].get("prompt_id") for event in told} >= {"another", "prompt-1"}
    dropped = listening(server)
    queue(server)
    told_until(dropped, lambda event: event["type"] == "progress")
    assert not dropped.recv()
    assert dropped.sock is not None
    dropped.sock.close()  # `close` does nothing where the server has closed first
    silent = listening(server)
    told_until(silent, lambda event: event["type"] == "status")
    silent.settimeout(0.2)
    with pytest.raises(websocket.WebSocketTimeoutException):
        silent.recv()
    silent.close()
    for _ in range(2):
        with pytest.raises(websocket.WebSocketBadStatusException):
            listening(server)
    assert get(server, "ws").status_code == 400

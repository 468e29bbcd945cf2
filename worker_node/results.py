"""The `result` object of a job that ended well, as the wire has it."""

from __future__ import annotations

from typing import Any

RESOURCE_TYPE = {"llm": "storyboard", "t2i": "image", "tts": "audio", "i2v": "video"}


MOST_TOLD = 10  # words


def wire_result(kind: str, job_id: str, made: dict[str, Any], seconds: float) -> dict[str, Any]:
    """`made` is what `work.perform` returned, `seconds` the time that the work took.

    `resource_url` is relative to the node; every `path` is one for `/v1/download?path=`. `unread` has the words that a speech leaves out,
    `words` the times of the others, `cast` who is in a story, `made_by` who made it.
    """
    path = f"{job_id}/{made['file']}"
    result: dict[str, Any] = {
        "resource_type": RESOURCE_TYPE[kind],
        "resource_id": job_id,
        "resource_url": f"/files/{path}",
        **{key: made[key] for key in ("made_by", "cast", "words") if made.get(key)},
    }
    if kind == "llm":
        result["task_shots"] = _shots([{**scene, "path": ""} for scene in made["scenes"]], seconds)
    elif kind == "t2i":
        result["task_shots"] = _shots([_shot(path, prompt=made["prompt"])], seconds)
    elif kind == "tts":
        result["task_shots"] = _shots([_shot(path, narration=made["narration"])], seconds)
        if made["unread"]:
            result["unread"] = made["unread"][:MOST_TOLD]
    else:
        result["task_video"] = {
            "path": path,
            "duration": f"{made['seconds']:.3f}",
            "fps": str(made["fps"]),
            "resolution": made["resolution"],
            "format": "mp4",
            "total_time": f"{seconds:.1f}",
        }
    return result


def wire_message(made: dict[str, Any]) -> str:
    """What the job says when it is done: who did it where that is not plain, what was not spoken, what may be paid twice."""
    told = [text for text in (_replaced(made), made.get("note", "")) if text]
    unread = made.get("unread", [])
    if unread:
        told.append(f"其中没有读出：{'、'.join(unread[:MOST_TOLD])}")
    if made.get("repeated"):
        told.append(f"节点重启时有 {made['repeated']} 次调用没有得到回答，已重新调用，可能重复计费")
    return "，".join(["完成", *told])


def _replaced(made: dict[str, Any]) -> str:
    unable = made.get("unable", [])
    if not unable:
        return ""
    reasons = "；".join(f"{each['provider']}：{each['reason']}" for each in unable)
    return f"由 {made['made_by']['provider']} 代替（{reasons}）"


def _shots(shots: list[dict[str, str]], seconds: float) -> dict[str, Any]:
    return {"generated_shots": shots, "total_shots": len(shots), "total_time": round(seconds)}


def _shot(path: str, *, prompt: str = "", narration: str = "") -> dict[str, str]:
    return {"scene_id": "1", "title": "", "prompt": prompt, "narration": narration, "bgm": "", "path": path}

"""A story becomes a film: story.py [http://host:port]. Needs requests; prints the film's link."""

import sys
import time

import requests

API = (sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8080") + "/api"


def call(method: str, path: str, **body: object) -> dict:
    """An answer that went well; anything else ends the program with the server's words."""
    answer = requests.request(method, API + path, json=body or None, timeout=60).json()
    if answer["code"] != 0:
        sys.exit(f"{answer['code']}: {answer['message']}")
    return answer


def finished(task_id: str) -> dict:
    """The task's result, once it has succeeded."""
    while True:
        task = call("GET", f"/tasks/{task_id}/status")
        if task["status"] == "SUCCESS":
            return task["result"]
        if task["status"] == "FAILED":
            sys.exit(task["err_msg"])
        time.sleep(1)


created = call(
    "POST",
    "/projects/create",
    title="灯塔",
    style="watercolour",
    story="小猫住在灯塔里。清晨太阳出来了。",
    shot_count=2,
)
for shot in finished(created["task_id"])["shots"]:
    print(shot["order"], shot["prompt"], file=sys.stderr)

film = call("POST", f"/projects/{created['project_id']}/compose", mode="preview")  # it waits for the images by itself
print(finished(film["task_id"])["video_url"])

"""Every route with what it takes and what it answers. A route that is not here, or answers otherwise, fails the tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel, Field

from routers.access.credentials import FORM_TOKEN_HEADER
from routers.gateway import schemas as gateway_requests
from routers.openapi import (
    admin_answers,
    answers,
    feed_answers,
    gateway_answers,
    login_answers,
    project_answers,
    shot_answers,
    webhook_answers,
)
from service import schemas, shot_requests, upload_requests
from service.webhooks import requests as webhook_requests

JSON, FORM, MULTIPART = "application/json", "application/x-www-form-urlencoded", "multipart/form-data"


class OldTask(BaseModel):
    """What an older desktop client asks for; `parameters` as those of a task."""

    type: Literal["updateShot", "generateVideo"]
    shot: str = Field(default="", alias="shotId")
    project: str = Field(default="", alias="projectId")
    parameters: dict[str, Any] = {}


class Delivery(BaseModel):
    """The model node's word that a job has ended; `signature` may stand in the header `X-Signature` instead."""

    task_id: str
    status: str = ""
    result: dict[str, Any] = {}
    timestamp: float | str
    signature: str = ""


class SeenBefore(BaseModel):
    """What a client of a project's feed has seen already: the `seq` of the last message."""

    after: str = ""


@dataclass(frozen=True)
class Operation:
    """`request` is the schema of its parameters, `errors` the statuses that this route has beside those of all (`document`).

    `answer` is an object's schema, or the type of a file's bytes, `statuses` those of the answer. `headers` are of the request; where
    its body is of the types in `bodies`, its parameters stand in the query string alone. What `uploads` takes a form with a file, alone or,
    with `or_file`, in place of its parameters. What is `public` needs no credential, what `creates` takes an Idempotency-Key.
    """

    summary: str
    answer: type[BaseModel] | str
    request: type[BaseModel] | None = None
    errors: tuple[int, ...] = ()
    statuses: tuple[int, ...] = (200,)
    headers: tuple[str, ...] = ()
    uploads: bool = False
    or_file: bool = False
    bodies: tuple[str, ...] = ()
    public: bool = False
    creates: bool = False


IF_MATCH = ("If-Match",)
CACHED = (206, 304, 412, 416)
"""What a file is answered with to a request for a part of it, or for one that has not changed."""

V1: Mapping[str, Operation] = {
    "POST /v1/api/projects": Operation("Create a project", answers.ProjectCreated, schemas.NewProject, creates=True),
    "GET /v1/api/projects": Operation("List projects", answers.Projects, schemas.PageRequest),
    "GET /v1/api/projects/:project_id": Operation("Read a project", project_answers.ProjectWithShots),
    "PUT /v1/api/projects/:project_id": Operation(
        "Change a project", answers.ProjectUpdated, schemas.ProjectChanges, errors=(412,), headers=IF_MATCH
    ),
    "PATCH /v1/api/projects/:project_id": Operation(
        "Change what later tasks and films follow", project_answers.OptionsChanged, schemas.OptionChanges
    ),
    "DELETE /v1/api/projects/:project_id": Operation(
        "Delete a project", answers.ProjectDeleted, shot_requests.UndoRequest, errors=(412,), headers=IF_MATCH
    ),
    "GET /v1/api/projects/:project_id/cast": Operation("Who appears in the story", answers.Cast),
    "POST /v1/api/projects/:project_id/cast": Operation(
        "Add somebody to the cast",
        project_answers.OneCastMember,
        schemas.NewCastMember,
        errors=(409,),
        statuses=(201,),
        creates=True,
    ),
    "PATCH /v1/api/projects/:project_id/cast/:cast_id": Operation(
        "Change somebody of the cast", project_answers.OneCastMember, schemas.CastChanges
    ),
    "DELETE /v1/api/projects/:project_id/cast/:cast_id": Operation(
        "Take somebody out of the cast", project_answers.CastMemberDeleted
    ),
    "PUT /v1/api/projects/:project_id/cast/:cast_id/reference": Operation(
        "Give somebody a picture to paint them by", project_answers.OneCastMember, uploads=True
    ),
    "POST /v1/api/projects/:project_id/cast/:cast_id/repaint": Operation(
        "Paint anew where somebody appears", project_answers.Repainted, creates=True
    ),
    "POST /v1/api/projects/batch": Operation(
        "Create a project of each of many stories",
        project_answers.Batch,
        schemas.ProjectOptions,
        bodies=("application/x-ndjson", "application/zip"),
        creates=True,
    ),
    "POST /v1/api/projects/:project_id/resume": Operation(
        "Start again what failed, and go on to the film",
        project_answers.Resumed,
        schemas.ResumeRequest,
        errors=(409,),
        creates=True,
    ),
    "GET /v1/api/projects/:project_id/tasks": Operation(
        "List a project's tasks", answers.ProjectTasks, schemas.TaskPageRequest
    ),
    "GET /v1/api/projects/:project_id/shots": Operation("List a project's shots", answers.ProjectShots),
    "GET /v1/api/projects/:project_id/shots/:shot_id": Operation("Read a shot", answers.OneShot),
    "POST /v1/api/projects/:project_id/shots/:shot_id": Operation(
        "Change a shot and paint it anew",
        answers.ShotUpdated,
        schemas.ShotChanges,
        errors=(412,),
        headers=IF_MATCH,
        creates=True,
    ),
    "DELETE /v1/api/shots/:shot_id": Operation(
        "Delete a shot at once", answers.ShotDeleted, errors=(412,), headers=IF_MATCH
    ),
    "POST /v1/api/projects/:project_id/undelete": Operation("Have a deleted project back", shot_answers.ProjectBack),
    "POST /v1/api/projects/:project_id/shots": Operation(
        "Insert a shot", answers.OneShot, shot_requests.NewShot, errors=(409,), statuses=(201,), creates=True
    ),
    "PATCH /v1/api/projects/:project_id/shots": Operation(
        "Change several shots, and paint nothing", shot_answers.ShotResults, shot_requests.ShotPatches
    ),
    "PUT /v1/api/projects/:project_id/shots/order": Operation(
        "Put the shots into another order", shot_answers.ShotRow, shot_requests.ShotOrder, errors=(409,)
    ),
    "PATCH /v1/api/projects/:project_id/shots/:shot_id": Operation(
        "Change a shot, and paint nothing", answers.OneShot, shot_requests.ShotPatch, errors=(412,), headers=IF_MATCH
    ),
    "DELETE /v1/api/projects/:project_id/shots/:shot_id": Operation(
        "Delete a shot", shot_answers.ShotGone, shot_requests.UndoRequest, errors=(412,), headers=IF_MATCH
    ),
    "POST /v1/api/projects/:project_id/shots/:shot_id/undelete": Operation("Have a deleted shot back", answers.OneShot),
    "POST /v1/api/projects/:project_id/shots/:shot_id/duplicate": Operation(
        "Copy a shot", answers.OneShot, errors=(409,), statuses=(201,), creates=True
    ),
    "POST /v1/api/projects/:project_id/shots/:shot_id/split": Operation(
        "Make two of a shot", shot_answers.ShotParts, shot_requests.ShotSplit, errors=(409,), creates=True
    ),
    "POST /v1/api/projects/:project_id/shots/:shot_id/merge": Operation(
        "Make one of a shot and the next", shot_answers.ShotMerged, errors=(409,), creates=True
    ),
    "POST /v1/api/projects/:project_id/shots/:shot_id/undo": Operation(
        "Undo a split or a merge", shot_answers.ShotRow, errors=(409,), creates=True
    ),
    "GET /v1/api/projects/:project_id/shots/:shot_id/:kind/versions": Operation(
        "List the versions of a shot's image, narration or clip", shot_answers.Versions
    ),
    "POST /v1/api/projects/:project_id/shots/:shot_id/:kind/versions/:number/restore": Operation(
        "Show an earlier version again", answers.OneShot
    ),
    "POST /v1/api/projects/:project_id/shots/:shot_id/:kind": Operation(
        "Upload an image, a narration or a clip of one's own",
        shot_answers.ShotWithVersion,
        shot_requests.ShotUpload,
        statuses=(201,),
        uploads=True,
        creates=True,
    ),
    "POST /v1/api/projects/:project_id/shots/:shot_id/narrations": Operation(
        "Speak a shot anew, or upload a narration of one's own",
        shot_answers.ShotSpoken,
        schemas.NarrationRequest,
        errors=(409,),
        statuses=(200, 201),
        or_file=True,
        creates=True,
    ),
    "POST /v1/api/projects/:project_id/video": Operation(
        "Ask for the film, or for a shot's clip", answers.FilmAccepted, schemas.FilmRequest, errors=(409,), creates=True
    ),
    "POST /v1/api/projects/:project_id/tts": Operation(
        "Ask for the narrations", answers.NarrationAccepted, schemas.NarrationRequest, errors=(409,), creates=True
    ),
    "GET /v1/api/projects/:project_id/films": Operation("List a project's films", answers.Films),
    "GET /v1/api/projects/:project_id/archive": Operation("All of a project in one ZIP", "application/zip"),
    "GET /v1/api/projects/:project_id/shots/:shot_id/thumbnail": Operation(
        "A small picture of a shot", "image/*", schemas.PictureRequest, statuses=(200, 304)
    ),
    "GET /v1/api/projects/:project_id/cover": Operation(
        "A small picture of a project", "image/*", schemas.PictureRequest, statuses=(200, 304)
    ),
    "GET /v1/api/projects/:project_id/films/:number/still": Operation(
        "A small picture of a film's moment", "image/*", schemas.StillRequest, statuses=(200, 304)
    ),
    "POST /v1/api/music": Operation(
        "Add a piece of music", answers.MusicAdded, schemas.MusicUpload, uploads=True, creates=True
    ),
    "GET /v1/api/music": Operation("List the music", answers.MusicLibrary),
    "DELETE /v1/api/music/:music_id": Operation("Delete a piece of music", answers.MusicDeleted),
    "GET /v1/api/voices": Operation("List the voices", answers.Voices, errors=(502,)),
    "GET /v1/api/voices/sample": Operation("Hear a voice", "audio/*", schemas.VoiceRequest, errors=(404, 502)),
    "GET /v1/api/tasks/:task_id": Operation("Read a task", answers.OneTask),
    "POST /v1/api/tasks/:task_id/cancel": Operation("Cancel a task", answers.OneTask, errors=(409,)),
    "POST /v1/api/tasks/:task_id/retry": Operation("Try a task again", answers.TaskAgain, errors=(409,), creates=True),
    "POST /v1/api/tasks": Operation(
        "An older desktop client's way", answers.OldTaskAccepted, OldTask, errors=(404, 409), creates=True
    ),
    "POST /v1/api/webhooks": Operation(
        "Add a webhook",
        webhook_answers.WebhookWithSecret,
        webhook_requests.NewWebhook,
        errors=(409,),
        statuses=(201,),
        creates=True,
    ),
    "GET /v1/api/webhooks": Operation("List the webhooks", webhook_answers.Webhooks),
    "GET /v1/api/webhooks/:webhook_id": Operation("Read a webhook", webhook_answers.OneWebhook),
    "PATCH /v1/api/webhooks/:webhook_id": Operation(
        "Change a webhook", webhook_answers.OneWebhook, webhook_requests.WebhookChanges
    ),
    "DELETE /v1/api/webhooks/:webhook_id": Operation("Delete a webhook", webhook_answers.WebhookDeleted),
    "POST /v1/api/webhooks/:webhook_id/rotate": Operation(
        "Give a webhook another secret", webhook_answers.WebhookWithSecret, webhook_requests.NewSecret
    ),
    "POST /v1/api/webhooks/:webhook_id/test": Operation(
        "Send a test message", webhook_answers.OneDelivery, errors=(409,), statuses=(202,)
    ),
    "GET /v1/api/webhooks/:webhook_id/deliveries": Operation(
        "What a webhook was told", webhook_answers.Deliveries, webhook_requests.DeliveryPage
    ),
    "POST /v1/api/webhooks/:webhook_id/deliveries/:message_id/resend": Operation(
        "Send a message once more", webhook_answers.OneDelivery, errors=(409,), statuses=(202,)
    ),
    "GET /v1/api/admin/overview": Operation("How the whole server is", admin_answers.Overview, errors=(403,)),
    "GET /v1/api/auth/check": Operation("Whether the request's credential counts, for a proxy in front", answers.Alive),
    "GET /v1/api/health": Operation("Whether the server is there", answers.Health, public=True),
}

GATEWAY: Mapping[str, Operation] = {
    "POST /api/projects/create": Operation(
        "Create a project", gateway_answers.StoryAccepted, gateway_requests.NewStory, creates=True
    ),
    "GET /api/projects": Operation("List projects", gateway_answers.GatewayProjects, schemas.PageRequest),
    "GET /api/projects/:project_id/storyboard": Operation("Read a storyboard", gateway_answers.Storyboard),
    "POST /api/projects/:project_id/compose": Operation(
        "Ask for the film", gateway_answers.TaskQueued, schemas.FilmOptions, errors=(409,), creates=True
    ),
    "POST /api/projects/:project_id/tts": Operation(
        "Ask for the narrations", gateway_answers.TaskQueued, schemas.NarrationRequest, errors=(409,), creates=True
    ),
    "POST /api/shots/:shot_id/update_prompt": Operation(
        "Change a shot's texts", gateway_answers.ShotWords, gateway_requests.ShotTexts, errors=(409,)
    ),
    "POST /api/shots/:shot_id/generate_image": Operation(
        "Ask for a shot's image", gateway_answers.TaskQueued, gateway_requests.ImageRequest, errors=(409,), creates=True
    ),
    "POST /api/shots/:shot_id/generate_video": Operation(
        "Ask for a shot's clip", gateway_answers.TaskQueued, gateway_requests.ClipRequest, errors=(409,), creates=True
    ),
    "GET /api/tasks/:task_id/status": Operation("Read a task's status", gateway_answers.TaskState),
    "POST /api/oss/sts": Operation(
        "Keys for an hour, to write what belongs to a project into the storage",
        gateway_answers.TemporaryKeys,
        upload_requests.StsRequest,
        errors=(404, 409, 429),
    ),
    "POST /api/oss/presign": Operation(
        "Links for a file that a client uploads into the storage itself",
        gateway_answers.Presigned,
        upload_requests.PresignRequest,
        errors=(404, 409, 429),
    ),
    "POST /api/oss/complete": Operation(
        "What was uploaded becomes a shot's material, or music",
        gateway_answers.UploadCompleted,
        upload_requests.CompleteRequest,
        errors=(404, 409, 429),
    ),
    "POST /api/webhook/task_complete": Operation(
        "The model node has news of a task",
        gateway_answers.Delivered,
        Delivery,
        (403, 404),
        headers=("X-Signature",),
        public=True,
    ),
}

SERVER: Mapping[str, Operation] = {
    "GET /healthz": Operation("Whether the process answers", answers.Alive, public=True),
    "GET /readyz": Operation("Each dependency with its state", answers.Readiness, statuses=(200, 503), public=True),
    "GET /openapi.json": Operation("This document", answers.Document, public=True),
    "GET /docs": Operation("The page that shows this document", "text/html", public=True),
    "GET /docs/:name": Operation("A file of that page", "*/*", statuses=(200, *CACHED[1:3]), public=True),
    "GET /": Operation("The way to the studio", "text/html", statuses=(302,), public=True),
    "GET /studio": Operation("The studio", "text/html", statuses=(200, 304), public=True),
    "GET /studio/:place": Operation("A place in the studio", "text/html", statuses=(200, 304), public=True),
    "GET /studio/sw.js": Operation("Its service worker", "*/*", statuses=(200, 304), public=True),
    "GET /studio/manifest.webmanifest": Operation(
        "What a browser needs to install it", "*/*", statuses=(200, 304), public=True
    ),
    "GET /studio/v/:version/:name": Operation("A file of this edition of it", "*/*", statuses=(200, 304), public=True),
    "GET /assets/:key": Operation(
        "A stored file, by its signed link", "*/*", errors=(403,), statuses=(200, *CACHED), public=True
    ),
    "PUT /uploads/:key": Operation(
        "Takes in what a client uploads by a link of /api/oss/presign", "*/*", errors=(403,), public=True
    ),
    "GET /static/:name": Operation("A file that an older backend left", "*/*", statuses=(200, *CACHED)),
    "GET /v1/api/projects/:project_id/feed": Operation(
        "A WebSocket that sends the project with its shots, tasks and films, and whatever of it changes",
        feed_answers.FeedMessage,
        SeenBefore,
        errors=(403, 426),
        statuses=(101,),
    ),
    "GET /tasks/:task_id/wss": Operation(
        "A WebSocket that sends the task, and again whenever it changed, until it has ended",
        answers.Task,
        errors=(403, 426),
        statuses=(101,),
    ),
}


def _logins(prefix: str, login: type[BaseModel], left: type[BaseModel], me: type[BaseModel]) -> dict[str, Operation]:
    refused = (401, 403, 429)
    return {
        f"POST {prefix}/auth/login": Operation("Log in", login, schemas.LoginRequest, refused, public=True),
        f"POST {prefix}/auth/refresh": Operation(
            "New tokens for a refresh token, the body's or the cookie's",
            login,
            schemas.RefreshRequest,
            refused,
            headers=(FORM_TOKEN_HEADER,),
            public=True,
        ),
        f"POST {prefix}/auth/logout": Operation("Log out", left),
        f"GET {prefix}/auth/me": Operation("Who asks", me),
    }


LOGINS: Mapping[str, Operation] = {
    **_logins("/v1/api", login_answers.Login, login_answers.LoggedOut, login_answers.Me),
    **_logins("/api", login_answers.GatewayLogin, login_answers.GatewayLoggedOut, login_answers.GatewayMe),
}

OPERATIONS: Mapping[str, Operation] = {**V1, **GATEWAY, **LOGINS, **SERVER}

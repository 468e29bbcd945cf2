"""A project's film: fetch its parts, compose, store, and show it on the project."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from sqlalchemy.orm import Session

from common.errors import Cancelled, NotFound
from common.hashing import measure
from common.private_files import give_to_user, make_folder
from common.user_text import without_paths
from models import queries
from models.asset import Asset, AssetKind
from models.project import Project
from models.shot import Shot
from processor.claimed_task import ClaimedTask
from processor.handlers import film_spec
from processor.handlers.narration import WORDS
from service import music, project_options
from service.assets import versions
from service.assets.fetch import fetch
from service.container import Services
from service.film.cache import work_folder
from service.film.compose import compose
from service.film.errors import FilmError
from service.film.spec import FilmReport, Progress, Word
from service.film.subtitles.word_times import MAX_S, read_words
from service.film_contents import CONTENTS, contents
from service.metrics import work
from service.oss import links
from service.schemas import FilmRequest
from service.workflow import film_dependencies, payloads
from service.workflow.unit_of_work import ProjectUnit

STAGE: Final = "fetch"
NO_MUSIC = "音乐库中没有合适的音乐，影片不含背景音乐"
FETCHED, COMPOSED = 5, 95  # percent of the task when the parts are there, and when the film is made
REPORT_EVERY_S = 0.5


@dataclass(frozen=True)
class _Parts:
    project: Project
    shots: list[Shot]
    music: Asset | None
    warnings: list[str]
    words: dict[str, list[Word]]
    seconds: dict[str, float] = field(default_factory=dict)


def run(claimed: ClaimedTask) -> None:
    """Handler of `generate_video` for a whole project."""
    request = film_dependencies.film_request(claimed.task)
    parts = _parts(claimed, request)
    # In the cache's folder for work in progress, which is cleared of what a killed process left.
    with work_folder(film_spec.cache_dir(claimed.services.settings)) as folder:
        report = _compose(claimed, request, parts, folder)
        _store(claimed, request, parts, report)


def _parts(claimed: ClaimedTask, request: FilmRequest) -> _Parts:
    warnings: list[str] = []
    piece = None
    with claimed.services.database.read() as session:
        project = queries.project(session, claimed.task.project_id)
        if project is None:
            raise Cancelled
        shots = queries.shots(session, project.id)
        words = _words(claimed, session, shots)
        wanted = project_options.music(project, request.music)
        try:
            piece = music.choose(session, wanted, project.bgm or "", project.owner_id)
        except NotFound as error:  # it was deleted since the request
            warnings.append(f"{error}，影片不含背景音乐")
    if not shots:
        raise FilmError(STAGE, "项目没有镜头")
    if wanted == music.AUTO and piece is None:
        warnings.append(NO_MUSIC)
    return _Parts(project, shots, piece, warnings, words)


def _words(claimed: ClaimedTask, session: Session, shots: list[Shot]) -> dict[str, list[Word]]:
    """When the words of the shots' narrations are heard, by shot."""
    bucket = claimed.services.settings.minio.bucket
    keys = {shot.id: links.key_of(shot.audio_path, bucket) for shot in shots if shot.audio_path}
    details = queries.asset_details(session, [key for key in keys.values() if key])
    given = {shot.id: (details.get(keys.get(shot.id) or "") or {}).get(WORDS) for shot in shots}
    return {shot.id: read_words(given[shot.id], shot.spoken, MAX_S) for shot in shots if given[shot.id]}


def _compose(claimed: ClaimedTask, request: FilmRequest, parts: _Parts, folder: Path) -> FilmReport:
    wanted = {f"image:{shot.id}": shot.image_path for shot in parts.shots}
    wanted |= {f"clip:{shot.id}": shot.video_path for shot in parts.shots}
    if request.narration != "none":
        wanted |= {f"audio:{shot.id}": shot.audio_path for shot in parts.shots}
        silent = [shot for shot in parts.shots if shot.spoken.strip() and not shot.audio_path]
        parts.warnings.extend(f"镜头 {shot.order} 缺少旁白，以静音代替" for shot in silent)
    if parts.music is not None:
        wanted["music"] = parts.music.object_key
    claimed.report(0, "正在读取素材")
    inputs = folder / "inputs"
    inputs.mkdir()
    started = time.monotonic()
    files, missing = fetch(
        claimed.services, {name: stored for name, stored in wanted.items() if stored}, inputs, claimed.check
    )
    parts.seconds["fetch"] = time.monotonic() - started
    parts.warnings.extend(_missing_texts(parts.shots, missing))
    lacking = [warning for warning in parts.warnings if warning != NO_MUSIC]
    if lacking and request.strict:
        raise FilmError(STAGE, "；".join(lacking))
    claimed.report(FETCHED, "素材已就绪")
    spec = film_spec.build(
        settings=claimed.services.settings,
        request=request,
        project=parts.project,
        shots=parts.shots,
        files=files,
        output_dir=folder / "output",
        words=parts.words,
    )
    return compose(spec, _Reporter(claimed), claimed.cancel_token)


class _Reporter:
    """Writes the pipeline's progress into the task: every new stage, and within one a few times a second at most."""

    def __init__(self, claimed: ClaimedTask) -> None:
        self._claimed = claimed
        self._last = 0.0
        self._stage = ""

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if progress.stage == self._stage and now - self._last < REPORT_EVERY_S:
            return
        self._last, self._stage = now, progress.stage
        percent = FETCHED + int(progress.fraction * (COMPOSED - FETCHED))
        self._claimed.report(percent, progress.message)


def _missing_texts(shots: list[Shot], missing: dict[str, str]) -> list[str]:
    names = {"image": "图片", "clip": "视频片段", "audio": "旁白"}
    orders = {shot.id: shot.order for shot in shots}
    texts = []
    for name, reason in missing.items():
        kind, _, shot_id = name.partition(":")
        texts.append(f"镜头 {orders[shot_id]} 的{names[kind]}{reason}" if shot_id else f"音乐{reason}")
    return texts


def _store(claimed: ClaimedTask, request: FilmRequest, parts: _Parts, report: FilmReport) -> None:
    """Upload the film and what belongs to it under the film's number, then finish the task."""
    claimed.report(COMPOSED, "正在保存影片")
    services, project = claimed.services, parts.project
    owner = versions.AssetOwner(project.id, "", claimed.task.id, project.title)
    asset, resume = _reserved(services, owner, report.film)
    warnings = [without_paths(warning) for warning in (*parts.warnings, *report.warnings)]
    log = report.film.with_suffix(".log.json")
    log.write_text(json.dumps(_diary(claimed, request, parts, report, warnings), ensure_ascii=False, indent=1), "utf-8")
    stem = asset.object_key.removesuffix(".mp4")
    companions = {f"{stem}.log.json": log, f"{stem}{report.cover.suffix}": report.cover}
    for path in (report.subtitles_srt, report.subtitles_ass):
        if path is not None:
            companions[f"{stem}{path.suffix}"] = path
    asset.details = _details(request, parts, report, warnings, sorted(companions))
    exported: list[Path] = []

    def commit(unit: ProjectUnit) -> None:
        fresh = unit.project
        if fresh is None:
            raise Cancelled
        versions.mark_stored(unit.session, asset, now=unit.now)
        if request.mode != "preview":
            fresh.video_url = asset.object_key
            fresh.duration = round(report.duration_s)
            fresh.cover_image = f"{stem}{report.cover.suffix}"
        fresh.updated_at = unit.now

    try:
        versions.store_file(services, asset, report.film, owner, resume=resume)
        for key, path in companions.items():
            services.store.put_file(key, path, metadata={"project": project.id, "task": claimed.task.id})
        if request.export == "local":
            exported.append(_export(claimed, asset, report.film))
        claimed.finish(_result(asset, report), _message(report, warnings, exported), commit)
        _measure(parts, report)
    except BaseException:
        if versions.discard(services, asset):
            for path in exported:
                path.unlink(missing_ok=True)
        raise


def _reserved(services: Services, owner: versions.AssetOwner, film: Path) -> tuple[Asset, bool]:
    """The film's row, and whether a processor that died had it for the same film: its upload goes on."""
    with film.open("rb") as file:
        size, sha256 = measure(file)
    left = versions.left_behind(services, owner, size, sha256)
    if left is not None:
        return left, True
    return versions.reserve(services, AssetKind.FILM, owner, "mp4", size, sha256=sha256), False


def _measure(parts: _Parts, report: FilmReport) -> None:
    seconds = report.log.get("seconds")
    work.made_film(report.duration_s, {**parts.seconds, **(seconds if isinstance(seconds, dict) else {})}, report.log)


def _details(
    request: FilmRequest, parts: _Parts, report: FilmReport, warnings: list[str], companions: list[str]
) -> dict[str, Any]:
    return {
        "companions": companions,
        "duration": round(report.duration_s),
        "resolution": f"{report.width}x{report.height}",
        "fps": report.fps,
        "mode": request.mode,
        "music": "" if parts.music is None else music.music_id(parts.music),
        "warnings": warnings,
        "parameters": request.model_dump(),
        CONTENTS: contents(parts.shots, request.model_dump()),
    }


def _diary(
    claimed: ClaimedTask, request: FilmRequest, parts: _Parts, report: FilmReport, warnings: list[str]
) -> dict[str, Any]:
    """What the log beside the film holds: what was asked for, what was done, how long each stage took (`seconds`), where each shot lies."""
    made = dict(report.log)
    seconds = made.pop("seconds", {})
    return {
        "project": parts.project.id,
        "task": claimed.task.id,
        "parameters": request.model_dump(),
        **made,
        "duration_s": report.duration_s,
        "music": None if parts.music is None else {"id": music.music_id(parts.music), "title": parts.music.title},
        "seconds": {"fetch": round(parts.seconds["fetch"], 3), **(seconds if isinstance(seconds, dict) else {})},
        "warnings": warnings,
        "shots": [asdict(timing) for timing in report.shots],
    }


def _result(asset: Asset, report: FilmReport) -> dict[str, Any]:
    """`task_video` holds texts only, as clients decode it; its `path` is the stored key, shown as a link."""
    video = {
        "path": asset.object_key,
        "duration": f"{report.duration_s:.2f}",
        "fps": str(report.fps),
        "resolution": f"{report.width}x{report.height}",
        "format": "mp4",
        "total_time": f"{report.duration_s:.2f}",
    }
    return {**payloads.result("video", asset.object_key, asset.object_key), "task_video": video}


def _export(claimed: ClaimedTask, asset: Asset, film: Path) -> Path:
    """`export: local` also leaves the film in a folder of this machine, under a name that no other film has.

    Outside of `data_dir` it is the user's, with the rights of the user's other files.
    """
    settings = claimed.services.settings
    folder = Path(settings.film.local_export) if settings.film.local_export else settings.data_dir / "films"
    outside = not folder.resolve().is_relative_to(settings.data_dir.resolve())
    for made in make_folder(folder):
        if outside:
            give_to_user(made)
    target = folder / f"{asset.project_id}-{asset.number}.mp4"
    part = target.with_suffix(".part")
    try:
        shutil.copyfile(film, part)
        if outside:
            give_to_user(part)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return target


def _message(report: FilmReport, warnings: list[str], exported: list[Path]) -> str:
    text = f"影片已生成，时长 {report.duration_s:.1f} 秒"
    text += "".join(f"，已导出为 {path.name}" for path in exported)
    return f"{text}（{'；'.join(warnings)}）" if warnings else text

"""What a command imports is most of the time that it takes to start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.server_process import ROOT, clean_environment

PIPELINE = {"numpy", "av", "cv2", "PIL", "ffmpeg", "icu4py"}
WEB = {"flask", "gunicorn", "rq", "minio"}


def imported(code: str) -> set[str]:
    """The top-level packages that a fresh interpreter holds after `code`."""
    return {name.partition(".")[0] for name in modules(code)}


def modules(code: str) -> set[str]:
    """All modules that a fresh interpreter holds after `code`."""
    said = subprocess.run(
        [
            sys.executable,
            "-c",
            f"{code}\nimport sys; print(*sys.modules)",
        ],
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return set(said.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("asked", ["--help", "--version", "serve --help", "project create --help"])
def test_help_and_version_import_no_part_of_the_server(asked: str) -> None:
    held = imported(f"import main\nmain.cli({asked.split()!r}, standalone_mode=False)")
    assert held & (PIPELINE | WEB | {"pydantic", "sqlalchemy", "redis", "requests", "rich"}) == set()


def test_doctor_itself_imports_neither_the_web_server_nor_what_makes_films() -> None:
    held = imported("import main, runtime.doctor, config.load, runtime.logging_setup")
    assert held & (PIPELINE | WEB | {"sqlalchemy", "redis", "requests", "rich"}) == set()


def test_doctor_of_a_server_with_everything_embedded_imports_no_queue_and_nothing_that_serves_or_asks(
    tmp_path: Path,
) -> None:
    code = (
        f"import contextlib, main, os\nos.environ['S2V_DATA_DIR'] = {str(tmp_path / 'data')!r}\n"
        "os.environ['S2V_SERVER_PORT'] = '127.0.0.1:0'\n"
        "with contextlib.suppress(SystemExit): main.cli(['doctor'])"
    )
    held = imported(code)
    assert "sqlalchemy" in held
    assert held & (WEB | {"redis", "requests", "urllib3", "jwt", "numpy", "av", "rich"}) == set()


def test_server_on_sqlite_and_a_folder_imports_nothing_that_makes_films_and_no_client_of_a_store() -> None:
    held = imported("from runtime import gunicorn_server, serve, site, wiring")
    assert held & (PIPELINE | {"minio", "Crypto", "pymysql", "psycopg", "rich"}) == set()


def test_server_that_has_neither_login_nor_link_nor_job_yet_imports_what_these_need_only_then() -> None:
    held = imported("from runtime import gunicorn_server, serve, site, wiring")
    assert held & {"jwt", "requests", "urllib3", "json_repair"} == set()


def test_model_node_imports_no_client_before_it_has_something_to_tell_and_no_yaml_without_a_file() -> None:
    held = imported("import worker_node.command")
    assert held & (PIPELINE | {"requests", "urllib3", "yaml"}) == set()


def test_process_in_which_the_node_tells_stories_offline_imports_no_client_and_nothing_for_pictures() -> None:
    held = imported("import worker_node.child, worker_node.providers.offline.storyteller")
    assert held & (PIPELINE | {"requests", "urllib3", "fastapi", "yaml"}) == set()


def test_supervisor_of_the_embedded_parts_imports_no_library() -> None:
    held = imported("import runtime.embedded.supervisor")
    assert held & (PIPELINE | WEB | {"pydantic", "sqlalchemy", "redis", "requests"}) == set()


def test_who_draws_frames_or_tells_stories_in_english_or_chinese_loads_no_rules_of_other_scripts() -> None:
    code = (
        "import service.film.compose, service.film.render.worker\n"
        "from worker_node.providers.offline.shots import divide\n"
        "divide('从前有一位老人。 An old man, once upon a time', 9)"
    )
    assert "icu4py" not in imported(code)


def test_decoder_that_a_film_waits_for_imports_libav_and_little_else() -> None:
    held = imported("import service.film.decoder_process")
    assert "av" in held
    assert held & (PIPELINE - {"av"} | {"subprocess", "selectors"}) == set()


def test_who_draws_frames_imports_nothing_that_reads_texts() -> None:
    reading = {"cues", "text_metrics", "markup", "boundaries", "line_breaks"}
    held = modules("import service.film.render.worker")
    assert held & {f"service.film.subtitles.{name}" for name in reading} == set()


def test_looking_at_sounds_and_images_does_not_load_masked_arrays() -> None:
    """NumPy's percentiles do, which takes longer than to find the pauses in a narration."""
    code = (
        "import numpy as np\n"
        "from service.film.frames.saliency import saliency\n"
        "from service.film.sound.speech import SpeechMeter\n"
        "noise = np.random.default_rng(1).random((2, 96_000), np.float32)\n"
        "meter = SpeechMeter()\n"
        "meter.feed(noise * np.linspace(0, 1, 96_000, dtype=np.float32))\n"
        "assert len(meter.pauses()) == 1\n"
        "assert saliency((noise[:, :40_000].reshape(200, 400) * 255).astype(np.uint8)).x > 0"
    )
    assert "numpy.ma" not in modules(code)


def test_a_processor_plans_films_without_the_library_that_draws_frames() -> None:
    """It would hold some MiB of it ever after."""
    assert "cv2" not in imported("import service.film.compose")
    assert "cv2" in imported("import service.film.render.worker")

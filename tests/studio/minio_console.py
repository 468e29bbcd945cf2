"""`python -m tests.studio.minio_console PATH`: a story in a real MinIO, and a picture of its console with what was stored."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from PIL import Image
from playwright.sync_api import Page

from tests.e2e.client import Client
from tests.studio.browser import running_browser
from tests.studio.screenshots import QUALITY, STORIES
from tests.support.server_process import ServerUnderTest
from tests.support.servers.minio_server import ACCESS_KEY, SECRET_KEY, MinioServer

VIEW = {"viewport": {"width": 1280, "height": 720}, "device_scale_factor": 1.5}
SETTLED_MS = 1500  # its lists come a moment after the page


def photograph(page: Page, console: str, bucket: str, folders: list[str], path: Path) -> None:
    """The console as a person sees it who has logged in and gone into these folders, one after the other."""
    page.goto(f"{console}/login")
    page.fill("#accessKey", ACCESS_KEY)
    page.fill("#secretKey", SECRET_KEY)
    page.click("#do-login")
    page.wait_for_url(lambda url: "login" not in url)
    page.get_by_role("button", name="Acknowledge").click()  # of its licence
    page.goto(f"{console}/browser/{bucket}")
    for folder in folders:
        page.get_by_text(folder, exact=True).last.click()
    page.get_by_text("image-1", exact=False).first.wait_for()
    page.wait_for_timeout(SETTLED_MS)
    whole = path.with_suffix(".png")
    page.screenshot(path=whole)
    with Image.open(whole) as image:
        image.convert("RGB").save(path, quality=QUALITY, method=6)
    whole.unlink()


def main(path: Path) -> None:
    """The folder of a project's first shot."""
    minio = MinioServer()
    try:
        found = minio.settings("storytovideo")
        settings = {
            f"minio.{name}": getattr(found, name) for name in ("endpoint", "access_key", "secret_key", "bucket")
        }
        with tempfile.TemporaryDirectory() as folder, ServerUnderTest(Path(folder), settings) as server:
            client = Client([server.url], Path(folder))
            made = client.post("/v1/api/projects", STORIES["en"][-1])
            for task in made["shot_task_ids"]:
                client.wait(task)
            project = str(made["project_id"])
            client.film(project, mode="preview")
            [first, *_] = client.get(f"/v1/api/projects/{project}/shots")["shots"]
            _, bucket, *folders, _ = urlsplit(first["imagePath"]).path.split("/")
            with running_browser() as browser, browser.new_context(**VIEW) as context:  # type: ignore[arg-type]  # both are its own
                photograph(context.new_page(), minio.console, bucket, folders, path)
    finally:
        minio.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))

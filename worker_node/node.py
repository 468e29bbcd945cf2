"""The node's parts, put together."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from worker_node.envelope import Envelope
from worker_node.files import INPUT, REFERENCE, OutputFolder
from worker_node.job_store import Job, JobStore
from worker_node.ledger import Ledger
from worker_node.providers.diffusion.packages import INSTALL, missing_packages
from worker_node.providers.registry import LOADED
from worker_node.requests import decode_image, decode_references, provider_request
from worker_node.settings import NodeSettings
from worker_node.usage import usage_of
from worker_node.voices import Voices
from worker_node.webhook import Webhook
from worker_node.worker_threads import WorkerThreads

CLOSE_S = 2.0

log = logging.getLogger(__name__)


class Node:
    """Everything behind the HTTP surface. Making one takes the output folder (`FolderInUse`); nothing runs before `start`."""

    def __init__(self, settings: NodeSettings) -> None:
        self.settings = settings
        self.files = OutputFolder(settings.output)
        self.webhook = Webhook(settings.webhook_url, settings.webhook_secret)
        keep_seconds = settings.keep_hours * 3600
        self.ledger = Ledger(self.files.ledger)
        self.job_store = JobStore(
            self.ledger,
            queue=settings.queue,
            keep_jobs=settings.keep_jobs,
            keep_seconds=keep_seconds,
            on_end=self.webhook.announce,
            forget=self.files.remove,
            usage=self._usage,
        )
        self.files.keep_work_of(self.job_store.unfinished())
        self.worker_threads = WorkerThreads(
            self.job_store,
            self.files,
            concurrency=settings.concurrency,
            providers=settings.providers,
            job_seconds=settings.job_minutes * 60,
            keep_seconds=keep_seconds,
        )

        self.voices = Voices(settings.providers["tts"], self.files.slots, self.files.samples)

    def start(self) -> None:
        """Start taking jobs and delivering webhooks."""
        for kind, chain in self.settings.providers.items():
            missing = missing_packages() if any(provider.provider in LOADED for provider in chain) else []
            if missing:
                log.warning("%s diffusers: %s is missing: %s", kind, ", ".join(missing), INSTALL)
        self.webhook.start()
        self.worker_threads.start()

    def submit(self, envelope: Envelope, request_id: str, trace_id: str = "") -> Job:
        """Queue a job, or find the one of the same envelope; raises `QueueFull` and `BadRequest`."""

        def prepare(job_id: str) -> dict[str, Any]:
            # An image waits on disk, not in memory: hundreds of jobs may wait.
            request = provider_request(envelope, lang=self.settings.lang, image=Path(INPUT))
            image = decode_image(envelope)
            if image:
                path = self.files.work_folder(job_id) / INPUT
                path.write_bytes(image)
                request["image"] = str(path)
            references = decode_references(envelope)
            if references:
                request["references"] = self._written(job_id, references)
            return request

        return self.job_store.submit(envelope.without_images(), request_id, prepare, self.files.remove, trace_id)

    def _written(self, job_id: str, pictures: list[bytes]) -> list[str]:
        """Reference pictures in the job's folder."""
        paths = [self.files.work_folder(job_id) / f"{REFERENCE}{number}" for number in range(1, len(pictures) + 1)]
        for path, content in zip(paths, pictures, strict=True):
            path.write_bytes(content)
        return list(map(str, paths))

    def _usage(self, job: Job) -> list[dict[str, Any]]:
        return usage_of(job.kind, self.settings.providers[job.kind], job.notes)

    def close(self) -> None:
        """Stop everything that runs, and clean up."""
        self.worker_threads.close(CLOSE_S)
        self.webhook.close()
        self.ledger.close()
        self.files.close()

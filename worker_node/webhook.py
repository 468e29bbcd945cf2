"""Telling the server that a job ended, so that it need not wait for its next poll.

The body is `{task_id, job_id, status, result, error, timestamp, signature}`; `status` is SUCCESS or FAILED, `timestamp` whole seconds
since 1970, `signature` the hex HMAC-SHA256 under the shared secret over the body without `signature`: keys sorted, no blanks, UTF-8. The
same is sent over the raw body as `X-Signature`. A delivery that fails is retried with growing pauses, newly signed each time; an
answer of 4xx (but 408 and 429) ends it. A cancelled job is not delivered: the server cancelled it itself.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import os
import queue
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from tenacity import Retrying, retry_if_result, sleep_using_event, stop_after_attempt, wait_exponential, wait_random

from worker_node.job_store import Job, JobStatus
from worker_node.log import bound_request_id

if TYPE_CHECKING:
    import requests

ATTEMPTS = 8
PAUSE_S = 0.5  # after the first attempt; it doubles, and up to as much again is added at random
MAX_WAITING = 10_000
TIMEOUT_S = 10.0

log = logging.getLogger(__name__)


def canonical(body: dict[str, Any]) -> bytes:
    """The bytes that are signed: keys sorted, no blanks, UTF-8, without `signature`."""
    unsigned = {key: value for key, value in body.items() if key != "signature"}
    return json.dumps(unsigned, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def sign(secret: str, message: bytes) -> str:
    """Hex HMAC-SHA256."""
    return hmac.new(secret.encode(), message, hashlib.sha256).hexdigest()


class Webhook:
    """Delivers in one thread of its own; with no `url` it does nothing."""

    def __init__(
        self,
        url: str,
        secret: str,
        *,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._url, self._secret, self._wall_clock = url, secret, wall_clock
        self._waiting: queue.Queue[Job | None] = queue.Queue(MAX_WAITING)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="webhook", daemon=True)

    def start(self) -> None:
        """Start delivering."""
        if self._url:
            self._thread.start()

    def announce(self, job: Job) -> None:
        """Queue a delivery for a job that ended; never blocks, drops where thousands wait (the server polls as well)."""
        if not self._url or job.status is JobStatus.CANCELLED:
            return
        try:
            self._waiting.put_nowait(job)
        except queue.Full:
            log.warning("job %s: the webhook queue is full; delivery dropped", job.id)

    def close(self) -> None:
        """Stop after the attempt under way."""
        self._closing.set()
        if self._thread.is_alive():
            try:
                self._waiting.put_nowait(None)
            except queue.Full:
                log.warning("%d webhook deliveries dropped", self._waiting.qsize())
            self._thread.join(1.0)

    def _serve(self) -> None:
        with ExitStack() as opened:
            session = None
            while (job := self._waiting.get()) is not None and not self._closing.is_set():
                session = session or opened.enter_context(_session())
                with bound_request_id(job.request_id, job.trace_id):
                    self._deliver(session, job)

    def _deliver(self, session: requests.Session, job: Job) -> None:
        tries = Retrying(
            retry=retry_if_result(lambda settled: not settled),
            stop=stop_after_attempt(ATTEMPTS),
            wait=wait_exponential(PAUSE_S) + wait_random(0, PAUSE_S),
            sleep=sleep_using_event(self._closing),
            retry_error_callback=lambda _: log.warning(
                "job %s: webhook not delivered after %d attempts", job.id, ATTEMPTS
            ),
        )
        tries(self._attempt, session, job)

    def _attempt(self, session: requests.Session, job: Job) -> bool:
        """Whether the delivery is settled: it arrived, was refused, or the node is closing and nothing is to be sent any more."""
        if self._closing.is_set():
            return True
        import requests  # noqa: PLC0415 - see `_session`

        body = self.body(job)
        raw = json.dumps(body, ensure_ascii=False).encode()
        headers = {
            "Content-Type": "application/json",
            "X-Signature": sign(self._secret, raw),
            "X-Request-ID": job.request_id,
        }
        if job.trace_id:
            headers["traceparent"] = f"00-{job.trace_id}-{os.urandom(8).hex()}-01"
        try:
            with session.post(
                self._url, data=raw, headers=headers, timeout=TIMEOUT_S, allow_redirects=False, stream=True
            ) as answer:  # of which the status is enough: its body may be of any length
                pass
        except requests.RequestException as error:
            log.info("job %s: webhook: %s", job.id, error)
            return False
        if 400 <= answer.status_code < 500 and answer.status_code not in (408, 429):
            log.warning("job %s: webhook refused with status %d", job.id, answer.status_code)
            return True
        return answer.ok

    def body(self, job: Job) -> dict[str, Any]:
        """A signed body, stamped now."""
        body: dict[str, Any] = {
            "task_id": job.envelope.id,
            "job_id": job.id,
            "status": "SUCCESS" if job.status is JobStatus.FINISHED else "FAILED",
            "result": job.result,
            "error": job.error,
            "timestamp": int(self._wall_clock()),
        }
        return {**body, "signature": sign(self._secret, canonical(body))}


def _session() -> requests.Session:
    import requests  # noqa: PLC0415 - takes a good part of a start, which delivers nothing

    session = requests.Session()
    session.trust_env = False  # no proxy and no .netrc of this machine stands between the node and its server
    return session

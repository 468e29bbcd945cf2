"""How far a job is, as ComfyUI tells on its WebSocket. It only helps: jobs are polled, and where it is silent nothing is lost."""

from __future__ import annotations

import json
import logging
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import websocket

CONNECT_S, CLOSE_S = 5.0, 1.0
ENDS = ("executing", "execution_success", "execution_error", "execution_interrupted")

log = logging.getLogger(__name__)


class Progress:
    """Listens in a thread while the block runs; `wake` is set when the job seems to have ended. `prompt_id` is told once it is known."""

    def __init__(self, url: str, headers: dict[str, str], tell: Callable[[int], None]) -> None:
        self.prompt_id, self.wake = "", threading.Event()
        self._url, self._headers, self._tell = url, headers, tell
        self._socket: Any = None
        self._closed = threading.Event()

    def __enter__(self) -> Progress:
        self._thread = threading.Thread(target=self._listen, name="comfyui-progress", daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        wire = getattr(self._socket, "sock", None)
        if wire is not None:
            with suppress(OSError):  # closed already
                wire.shutdown(socket.SHUT_RDWR)
        self._thread.join(CLOSE_S)

    def _listen(self) -> None:
        try:
            self._socket = websocket.create_connection(
                self._url,
                timeout=CONNECT_S,
                header=self._headers,
                http_no_proxy=["*"],
                redirect_limit=0,
                sslopt={"cert_reqs": ssl.CERT_REQUIRED},
            )
            self._socket.settimeout(None)
            while not self._closed.is_set():
                self.hear(self._socket.recv())
        except (websocket.WebSocketException, OSError, ValueError, AttributeError) as error:
            if not self._closed.is_set():
                log.info("no progress from ComfyUI's WebSocket: %s", type(error).__name__)
        finally:
            if self._socket is not None:
                self._socket.shutdown()

    def hear(self, message: str | bytes) -> None:
        """Heed what is said of this job; anything may come besides."""
        try:
            event = json.loads(message) if isinstance(message, str) else None
        except ValueError:
            return
        data = event.get("data") if isinstance(event, dict) else None
        if not isinstance(event, dict) or not isinstance(data, dict) or not self.prompt_id:
            return
        if data.get("prompt_id") != self.prompt_id:
            return
        value, most = data.get("value"), data.get("max")
        if event.get("type") == "progress" and isinstance(value, int | float) and isinstance(most, int | float):
            if most > 0:
                self._tell(int(100 * min(1.0, max(0.0, value / most))))
        elif event.get("type") in ENDS and (event.get("type") != "executing" or data.get("node") is None):
            self.wake.set()

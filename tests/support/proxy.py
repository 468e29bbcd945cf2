"""A proxy in the environment that nobody may ask."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager


class Proxy:
    """It listens and answers nothing."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener, self._was_asked = listener, False
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        names = ("http_proxy", "https_proxy", "all_proxy")
        self.environment = {name: address for each in names for name in (each, each.upper())}
        self.environment |= {"no_proxy": "", "NO_PROXY": ""}

    def asked(self) -> bool:
        """Whether anybody has connected so far."""
        try:
            connection, _ = self._listener.accept()
        except BlockingIOError:
            return self._was_asked
        connection.close()
        self._was_asked = True
        return True


@contextmanager
def proxy() -> Iterator[Proxy]:
    """One on a free port of loopback."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield Proxy(listener)

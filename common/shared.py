"""What the web processes of a server have in common, made before they are forked."""

from __future__ import annotations

import logging

from common.shared_cache import SharedCache
from common.shared_counts import SharedCounts

log = logging.getLogger(__name__)


class Shared:
    """`connections` and `sockets` count the open ones, `answers` keeps up to `answer_bytes` of them."""

    def __init__(self, processes: int = 1, answer_bytes: int = 0) -> None:
        self.connections, self.sockets = SharedCounts(processes), SharedCounts(processes)
        try:
            self.answers = SharedCache(answer_bytes)
        except (OSError, OverflowError) as error:
            log.warning(
                "no answers are kept: there is no memory of %d bytes (server.answer_cache): %s", answer_bytes, error
            )
            self.answers = SharedCache(0)

    def join(self, number: int) -> None:
        """This process is the one of that number from now on."""
        self.connections.join(number)
        self.sockets.join(number)

    def leave(self, number: int) -> None:
        """The process of that number is gone."""
        self.connections.leave(number)
        self.sockets.leave(number)

"""What the web server's main loop may ask for without a thread: an answer that lies ready, for a caller who is known.

It asks with `AT_ONCE` in the environment. Whoever would have to wait for anything then (a database, Redis, a lock that is held for long)
raises `NotAtOnce` before it has counted or changed anything, and the request is given to a thread, as if it had only just come.
"""

from __future__ import annotations

AT_ONCE = "storytovideo.at_once"


class NotAtOnce(Exception):
    """The request needs a thread."""

"""Errors told to Sentry, where `log.sentry_dsn` is set: what the log says of them, by whose request, and nothing of its content.

Without a DSN the library is not even imported.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from common.caller import current
from common.hidden_credentials import without_credentials
from common.request_id import request_id, trace_id
from config.version import version

if TYPE_CHECKING:
    from sentry_sdk._types import Event, Hint


def start(dsn: str) -> None:
    """Report what is logged as an error from now on, in this process and those that it forks."""
    if not dsn:
        return
    import sentry_sdk  # noqa: PLC0415 - see above
    from sentry_sdk.integrations.atexit import AtexitIntegration  # noqa: PLC0415
    from sentry_sdk.integrations.logging import LoggingIntegration  # noqa: PLC0415

    sentry_sdk.init(
        dsn,
        release=f"storytovideo@{version()}",
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        max_breadcrumbs=0,
        default_integrations=False,
        auto_enabling_integrations=False,
        integrations=[
            LoggingIntegration(level=None, event_level=logging.ERROR),
            AtexitIntegration(lambda _pending, _timeout: None),
        ],
        before_send=_trimmed,
    )


def _trimmed(event: Event, _hint: Hint) -> Event:
    """The event with who asked and which request it was, and without a secret in any of its texts."""
    event.pop("request", None)
    event.pop("extra", None)
    found: Any = _masked(event)
    found["tags"] = {"request_id": request_id(), "trace_id": trace_id()}
    account = current().account_id
    if account:
        found["user"] = {"id": account}
    return found  # type: ignore[no-any-return]


def _masked(part: Any) -> Any:
    if isinstance(part, str):
        return without_credentials(part)
    if isinstance(part, dict):
        return {key: _masked(value) for key, value in part.items()}
    if isinstance(part, (list, tuple)):
        return [_masked(value) for value in part]
    return part

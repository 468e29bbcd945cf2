"""The secret of a data folder: what links and tokens are signed with."""

from __future__ import annotations

import logging
import os
import secrets
from pathlib import Path

from common.errors import DependencyError
from common.hidden_credentials import hide

log = logging.getLogger(__name__)

SECRET_FILE = "secret"  # noqa: S105 - a file's name


def kept_secret(data_dir: Path) -> str:
    """Generated once, so that links and tokens survive a restart. Servers that start together agree on one. Raises `DependencyError`."""
    path = data_dir / SECRET_FILE
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            draft = data_dir / f"{SECRET_FILE}.{secrets.token_hex(8)}"
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_hex(32))
            try:
                path.hardlink_to(draft)  # fails where another server was first: then its secret counts
            except FileExistsError:
                log.debug("another server has generated the secret")
            finally:
                draft.unlink()
        secret = path.read_text(encoding="ascii").strip()
    except OSError as error:
        raise DependencyError(f"cannot keep a secret in {path} ({error}); make data_dir writable") from error
    hide([secret])
    return secret

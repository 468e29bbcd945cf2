"""Signed requests to S3 as addresses: AWS Signature Version 4 in the query string.

The SDK signs such addresses, too, but binds the host alone. Here headers are bound: who PUTs another length, type or hash is refused by S3.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from urllib.parse import parse_qs, quote, urlsplit

from minio import Minio

from config.settings import MinioSettings

ALGORITHM = "AWS4-HMAC-SHA256"
UNRESERVED = "-_.~"


@dataclass(frozen=True)
class S3Links:
    """Signs for one bucket at one address. `path` leads to the bucket and ends with a slash; `folder` a reverse proxy strips."""

    scheme: str
    host: str
    path: str
    region: str
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    folder: str = ""

    @classmethod
    def of(cls, client: Minio, settings: MinioSettings, folder: str = "") -> S3Links:
        """Where the SDK would ask, and for which region: it knows how each provider's addresses are made."""
        parts = urlsplit(client.presigned_get_object(settings.bucket, "x"))
        scope = parse_qs(parts.query).get("X-Amz-Credential", [f"//{settings.region}//"])[0]
        region = scope.split("/")[-3]
        secrets = (settings.access_key, settings.secret_key)
        return cls(parts.scheme, parts.netloc, parts.path[:-1], region, *secrets, folder)

    def url(
        self,
        method: str,
        key: str,
        *,
        seconds: int,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        now: datetime | None = None,
    ) -> str:
        """An address for this method, which holds for so many seconds and with exactly these headers; "" as key is the bucket."""
        date = (now or datetime.now(timezone.utc)).strftime("%Y%m%dT%H%M%SZ")
        scope = f"{date[:8]}/{self.region}/s3/aws4_request"
        bound = {"host": self.host, **{name.lower(): value for name, value in (headers or {}).items()}}
        fields = {
            **(query or {}),
            "X-Amz-Algorithm": ALGORITHM,
            "X-Amz-Credential": f"{self.access_key}/{scope}",
            "X-Amz-Date": date,
            "X-Amz-Expires": str(seconds),
            "X-Amz-SignedHeaders": ";".join(sorted(bound)),
        }
        path = self.path + quote(key)
        asked = "&".join(f"{_encoded(name)}={_encoded(fields[name])}" for name in sorted(fields))
        lines = [method, path, asked, *(f"{name}:{bound[name]}" for name in sorted(bound))]
        request = "\n".join([*lines, "", fields["X-Amz-SignedHeaders"], "UNSIGNED-PAYLOAD"])
        signature = self._signature(date, scope, request)
        return f"{self.scheme}://{self.host}{self.folder}{path}?{asked}&X-Amz-Signature={signature}"

    def _signature(self, date: str, scope: str, request: str) -> str:
        key = f"AWS4{self.secret_key}".encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        text = "\n".join([ALGORITHM, date, scope, hashlib.sha256(request.encode()).hexdigest()])
        return hmac.digest(key, text.encode(), "sha256").hex()


def _encoded(text: str) -> str:
    return quote(text, safe=UNRESERVED)

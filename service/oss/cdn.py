"""Links that a CDN itself checks: type A, the form that Aliyun's, Volcengine's and Tencent's have in common.

`?<parameter>=<timestamp>-<rand>-<uid>-<md5 of path-timestamp-rand-uid-key>`, after https://www.alibabacloud.com/help/doc-detail/85113.htm
(whose parameter is `auth_key`) and https://www.tencentcloud.com/document/product/228/35222 (where it is chosen, `sign` by default). The
timestamp is when it was signed; how long it holds is set at the CDN.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from urllib.parse import quote

from config.addresses import parse_base

RAND = UID = "0"  # the same within the hour, so that a client's cache knows the link again


def type_a(base: str, key: str, secret: str, parameter: str, signed: datetime) -> str:
    """The link to this object under the CDN's base address."""
    address = parse_base(base)
    path = f"{address.folder}/{quote(key)}"
    seconds = int(signed.timestamp())
    text = f"{path}-{seconds}-{RAND}-{UID}-{secret}"
    md5 = hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
    return f"{address.scheme}://{address.authority}{path}?{parameter}={seconds}-{RAND}-{UID}-{md5}"

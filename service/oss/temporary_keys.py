"""Keys for an hour, by which a program writes under one prefix of the bucket: MinIO's AssumeRole, narrowed by a policy."""

from __future__ import annotations

import json
import re

from minio.credentials.credentials import Credentials
from minio.credentials.providers import AssumeRoleProvider

from common.errors import Conflict, StorageUnavailable
from service.oss.limits import LimitedPool
from service.oss.store import UPLOAD_S

# Beside writing: to go on with an upload in parts, and to give it up. Neither reads, lists or deletes what is stored.
ACTIONS = ("s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts")
NO_KEYS = "对象存储不提供临时凭证（STS），请改用 POST /api/oss/presign"
_STATUS = re.compile(r"HTTP status code 5\d\d$")


def policy(bucket: str, prefix: str) -> str:
    """What the keys may do; a prefix of plain segments holds none of the signs that policies give a meaning to."""
    resource = f"arn:aws:s3:::{bucket}/{prefix}*"
    allowed = {"Effect": "Allow", "Action": list(ACTIONS), "Resource": [resource]}
    return json.dumps({"Version": "2012-10-17", "Statement": [allowed]})


def assume_role(
    http: LimitedPool, endpoint: str, access_key: str, secret_key: str, region: str, allowed: str
) -> Credentials:
    """Ask for keys with this policy; raises `Conflict` where whoever answers at `endpoint` has no such service."""
    provider = AssumeRoleProvider(
        sts_endpoint=endpoint,
        access_key=access_key,
        secret_key=secret_key,
        duration_seconds=UPLOAD_S,
        policy=allowed,
        region=region,
        http_client=http,
    )
    try:
        return provider.retrieve()
    except ValueError as error:  # of any status but success, and of an answer that is none of STS
        if _STATUS.search(str(error)):
            raise StorageUnavailable("对象存储的临时凭证服务不可用") from error
        raise Conflict(NO_KEYS) from error
    except SyntaxError as error:  # no XML
        raise Conflict(NO_KEYS) from error

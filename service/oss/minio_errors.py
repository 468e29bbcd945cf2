"""Errors of the MinIO SDK, in our words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from minio.error import MinioException, S3Error
from urllib3.exceptions import HTTPError

from common.errors import ObjectNotFound, StorageError, StorageUnavailable

ABSENT = {"NoSuchKey", "NoSuchObject", "NoSuchVersion"}
SERVER_FAULT = 500


@contextmanager
def translated(what: str, endpoint: str) -> Iterator[None]:
    """Raise what the block raises as `ObjectNotFound`, `StorageUnavailable` (try again) or `StorageError` (trying again is useless).

    `what` is the key or the bucket in question.
    """
    try:
        yield
    except S3Error as error:
        if error.code in ABSENT:
            raise ObjectNotFound(f"文件不存在：{what}") from error
        if error.response.status >= SERVER_FAULT or error.code == "SlowDown":
            raise StorageUnavailable(f"对象存储暂时不可用：{error.code}") from error
        raise StorageError(f"对象存储拒绝了操作（{what}）：{error.code}: {error.message}") from error
    except ValueError as error:  # the SDK's way to refuse a bucket's or an endpoint's name
        raise StorageError(f"对象存储的配置无效（{what}）：{error}") from error
    except (MinioException, HTTPError, OSError) as error:
        raise StorageUnavailable(f"对象存储 {endpoint} 不可用：{error}") from error

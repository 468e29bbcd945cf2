"""What is the machine's fault is told from what is a file's, a request's or a model's."""

from __future__ import annotations

import errno
import ssl
import tempfile
from pathlib import Path

import av
import pytest

from common import host_faults
from common.errors import DiskFull, HostUnavailable, NotFound, StorageUnavailable, TaskError
from common.host_faults import fault_of, prove_space, says_full


def caused(cause: BaseException) -> Exception:
    """An error in our words that was made of another."""
    try:
        try:
            raise cause
        except type(cause) as error:
            raise TaskError("图片无法读取") from error
    except TaskError as error:
        return error


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_no_space_by_any_number_is_a_full_disk(number: int) -> None:
    for error in (OSError(number, "x"), av.error.OSError(number, "x"), caused(OSError(number, "x"))):
        fault = fault_of(error)
        assert isinstance(fault, DiskFull)
        assert "磁盘空间不足" in str(fault)
        assert fault.retryable


@pytest.mark.parametrize(
    "error",
    [
        *(
            OSError(number, "x")
            for number in (
                errno.EMFILE,
                errno.ENFILE,
                errno.ENOMEM,
                errno.EAGAIN,
                errno.EROFS,
                errno.EACCES,
                errno.EIO,
                errno.ESTALE,
            )
        ),
        MemoryError(),
        RuntimeError("can't start new thread"),
        caused(OSError(errno.EMFILE, "Too many open files", "/data/x.png")),
    ],
    ids=repr,
)
def test_what_the_machine_refuses_is_tried_again_and_names_no_path(error: Exception) -> None:
    fault = fault_of(error)
    assert type(fault) is HostUnavailable
    assert fault.retryable
    assert "/" not in str(fault)


@pytest.mark.parametrize(
    "error",
    [
        OSError("image file is truncated"),
        FileNotFoundError(errno.ENOENT, "No such file or directory"),
        ConnectionResetError(errno.ECONNRESET, "reset"),
        ssl.SSLCertVerificationError(1, "certificate verify failed"),
        caused(ssl.SSLCertVerificationError(1, "certificate verify failed")),
        RuntimeError("a bug"),
        ValueError("broken"),
        av.error.InvalidDataError(1, "broken"),
        av.error.OSError(errno.EIO, "what libav says of broken files"),
        caused(MemoryError()),
        NotFound("没有"),
        StorageUnavailable("素材无法读取"),
    ],
    ids=repr,
)
def test_what_a_file_or_a_peer_does_is_not_the_machines_fault(error: Exception) -> None:
    assert fault_of(error) is None


def test_no_folder_for_temporary_files_is_a_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python finds none where each of them is full, and calls that a file that was not found."""

    def full(*_arguments: object, **_options: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile._os, "open", full)  # type: ignore[attr-defined]
    with pytest.raises(DiskFull):
        host_faults.temporary_folder()


def test_a_circle_of_causes_ends() -> None:
    first, second = TaskError("1"), TaskError("2")
    first.__cause__, second.__cause__ = second, first
    assert fault_of(first) is None


def test_words_of_other_programs() -> None:
    assert says_full("[out#0/mp4 @ 0x5] Error: No space left on device")
    assert says_full("OSError: [Errno 122] Disk quota exceeded")
    assert not says_full("CUDA out of memory")


def test_space_is_proven_without_leaving_anything(tmp_path: Path) -> None:
    prove_space(tmp_path)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(HostUnavailable) as raised:
        prove_space(tmp_path / "missing")
    assert not isinstance(raised.value, DiskFull)
    assert not host_faults.is_full(tmp_path / "missing")

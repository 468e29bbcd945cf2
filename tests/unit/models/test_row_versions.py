from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.row_versions import EVERYTHING, NAME, SIZE, SLOTS, TASKS, RowVersions, now, slot_of, task_slot_of

SLOT = slot_of("a project")


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[RowVersions, RowVersions]]:
    """The table as two processes have it."""
    one, other = RowVersions(tmp_path, "boot"), RowVersions(tmp_path, "boot")
    yield one, other
    one.close()
    other.close()


def kept(versions: RowVersions) -> int:
    """What may be kept of a read that began and ended now."""
    version = versions.settled(SLOT, now())
    assert version is not None
    return version


def test_what_was_read_holds_until_another_process_commits(pair: tuple[RowVersions, RowVersions]) -> None:
    reader, writer = pair
    version = kept(reader)
    assert reader.holds(SLOT, version)
    with writer.changing([SLOT]):
        assert not reader.holds(SLOT, version), "its commit may be seen by others already"
        assert reader.settled(SLOT, now()) is None
    assert not reader.holds(SLOT, version)
    assert reader.holds(SLOT, kept(reader))


def test_what_was_read_beside_a_commit_is_not_kept(pair: tuple[RowVersions, RowVersions]) -> None:
    reader, writer = pair
    began = now()
    with writer.changing([SLOT]):
        pass
    assert reader.settled(SLOT, began) is None


def test_a_commit_of_two_at_once_is_over_with_the_second(pair: tuple[RowVersions, RowVersions]) -> None:
    reader, writer = pair
    with reader.changing([SLOT]), writer.changing([SLOT]), writer.changing([SLOT]):
        pass
    version = kept(reader)
    with writer.changing([SLOT]):
        with writer.changing([SLOT]):
            pass
        assert not reader.holds(SLOT, version)
        assert reader.settled(SLOT, now()) is None
    assert reader.settled(SLOT, now())


def test_a_commit_that_fails_counts_too(pair: tuple[RowVersions, RowVersions]) -> None:
    reader, writer = pair
    version = kept(reader)
    with pytest.raises(OSError, match="lost"), writer.changing([SLOT]):
        raise OSError("lost the connection in COMMIT")
    assert not reader.holds(SLOT, version)


def test_other_projects_are_left_alone_and_everything_is_all_of_them(pair: tuple[RowVersions, RowVersions]) -> None:
    reader, writer = pair
    version = kept(reader)
    with writer.changing([slot for slot in EVERYTHING if slot != SLOT]):
        assert reader.holds(SLOT, version)
    assert reader.holds(SLOT, version)
    writer.renew(EVERYTHING)
    assert not reader.holds(SLOT, version)
    assert all(0 < slot_of(str(number)) < TASKS <= task_slot_of(str(number)) < SLOTS for number in range(20_000))


def test_the_marks_of_a_killed_process_go_and_what_was_kept_goes_with_them(tmp_path: Path) -> None:
    reader = RowVersions(tmp_path, "boot")
    version = kept(reader)
    code = (
        "import os, sys; from pathlib import Path; from models.row_versions import RowVersions\n"
        f"with RowVersions(Path(sys.argv[1]), 'boot').changing([{SLOT}]): os._exit(9)"
    )
    killed = subprocess.run([sys.executable, "-c", code, tmp_path], cwd=Path(__file__).parents[3], check=False)
    assert killed.returncode == 9
    assert not reader.holds(SLOT, version)
    reader.sweep()
    assert not reader.holds(SLOT, version)
    assert reader.holds(SLOT, kept(reader))
    reader.close()


def test_a_sweep_leaves_the_marks_of_those_who_live(pair: tuple[RowVersions, RowVersions]) -> None:
    reader, writer = pair
    with writer.changing([SLOT]):
        reader.sweep()
        assert reader.settled(SLOT, now()) is None


def test_another_boot_begins_anew(tmp_path: Path) -> None:
    RowVersions(tmp_path, "before").close()
    RowVersions(tmp_path, "now").close()
    assert {path.name.split(".")[2] for path in tmp_path.glob(f"{NAME}.*")} == {"now"}


def test_where_there_can_be_no_table_nothing_is_kept(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    assert RowVersions.open(tmp_path / "file") is None


def test_the_tables_room_is_taken_when_it_is_made(tmp_path: Path) -> None:
    """Where a disk is full by then, the first write to a page without room would kill the process."""
    table = RowVersions(tmp_path, "boot")
    assert (tmp_path / f"{NAME}.boot").stat().st_blocks * 512 >= SIZE
    table.close()

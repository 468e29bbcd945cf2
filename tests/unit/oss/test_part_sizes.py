"""How large the parts of an upload are."""

from __future__ import annotations

import pytest

from service.oss.part_sizes import part_size_for

MIB = 1 << 20


@pytest.mark.parametrize("size", [1, 8 * MIB, 8 * MIB + 1, 8 * MIB * 100, 8 * MIB * 100 + 1, 5 << 40])
def test_there_are_never_too_many_parts_and_each_is_of_whole_mebibytes(size: int) -> None:
    part = part_size_for(size, 8 * MIB, 100)
    assert part >= 8 * MIB
    assert part % MIB == 0
    assert -(-size // part) <= 100
    assert part == 8 * MIB or -(-size // (part - MIB)) > 100, "no larger than needed"

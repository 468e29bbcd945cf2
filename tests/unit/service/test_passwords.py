"""What a guess costs: 64 MiB, filled three times, whether the name is somebody's or not."""

from __future__ import annotations

from service.access import passwords

COST = "m=65536,t=3,p=4"


def test_every_password_costs_the_same_to_guess() -> None:
    stored = passwords.hashed("correct horse")
    assert [text.split("$")[3] for text in (stored, passwords._nobodys())] == [COST, COST]
    assert passwords.holds("correct horse", stored)
    assert not passwords.holds("correct horse ", stored)
    assert not passwords.holds("nobody's password", None)

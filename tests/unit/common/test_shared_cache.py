"""What processes keep for one another, in a bounded memory."""

from __future__ import annotations

import gc
import os
import random
import signal
import threading
import tracemalloc
from collections.abc import Callable

import pytest

from common.shared import Shared
from common.shared_cache import _HASH, _HEAD, SharedCache

SIZE = 1 << 20


def in_a_process(work: Callable[[], bool]) -> bool:
    """Whether it is true there."""
    child = os.fork()
    if not child:
        os._exit(0 if work() else 1)
    return os.waitpid(child, 0)[1] == 0


def test_what_one_process_puts_another_finds() -> None:
    cache = SharedCache(SIZE)
    cache.put(b"one", b"1")

    def other() -> bool:
        cache.put(b"two", b"2" * 1000)
        return cache.get(b"one") == b"1"

    assert in_a_process(other)
    assert (cache.get(b"one"), cache.get(b"two"), cache.get(b"three")) == (b"1", b"2" * 1000, None)


@pytest.mark.parametrize("key", [b"", b"k", b"\x00", "键".encode(), b"k" * 5000])
@pytest.mark.parametrize("value", [b"", b"\x00" * 17, b"v" * 100_000])
def test_any_key_and_value_come_back_as_they_were(key: bytes, value: bytes) -> None:
    cache = SharedCache(SIZE)
    assert cache.get(key) is None
    cache.put(key, b"before")
    cache.put(key, value)
    assert cache.get(key) == value
    assert cache.get(key + b"x") is None


def test_what_becomes_a_little_longer_stays_where_it_was() -> None:
    cache = SharedCache(SIZE)
    for size in (600, 3200, 20_000):
        cache.put(b"key %d" % size, b"1" * size)
        end = cache._next[0]
        for longer in (size // 40, 0, size // 50):
            cache.put(b"key %d" % size, b"2" * (size + longer))
            assert cache.get(b"key %d" % size) == b"2" * (size + longer)
        assert cache._next[0] == end


def test_what_is_put_never_takes_the_place_of_all_others() -> None:
    cache = SharedCache(SIZE)
    cache.put(b"small", b"small")
    cache.put(b"large", bytes(SIZE))
    assert (cache.get(b"small"), cache.get(b"large")) == (b"small", None)


@pytest.mark.parametrize("size", [0, 1, 100])
def test_with_no_room_nothing_is_kept(size: int) -> None:
    cache = SharedCache(size)
    cache.put(b"key", b"value" * 10)
    assert cache.get(b"key") is None


def test_the_newest_of_many_are_found_and_the_oldest_are_not() -> None:
    cache, rng = SharedCache(SIZE), random.Random(1)
    written = [(f"key {number}".encode(), rng.randbytes(rng.randrange(1000, 5000))) for number in range(1000)]
    for key, value in written:
        cache.put(key, value)
    found = [cache.get(key) == value for key, value in written]
    assert not any(found[:600])
    assert sum(found[-200:]) >= 195  # places that several keys want are few
    assert all(cache.get(key) in (None, value) for key, value in written)


def test_keys_that_want_one_place_do_not_answer_for_one_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("common.shared_cache.hash", len, raising=False)
    cache = SharedCache(SIZE)
    keys = [bytes([number]) for number in range(20)]
    for key in keys:
        cache.put(key, key)
    assert [key for key in keys if cache.get(key) is not None] == keys[-1:]
    assert cache.get(keys[-1]) == keys[-1]


def test_what_was_half_written_is_not_found() -> None:
    cache = SharedCache(SIZE)
    cache.put(b"before", b"b" * 64)
    at = cache._next[0]
    cache.put(b"key", b"v" * 4000)
    whole = cache._ring[at : at + 5000]
    for cut in (0, 7, 8, 16, 19, 500, 4000):
        cache._ring[at : at + 5000] = whole[:cut] + bytes(5000 - cut)
        assert cache.get(b"key") is None, cut
    cache._ring[at : at + 5000] = whole
    assert cache.get(b"key") == b"v" * 4000
    assert cache.get(b"before") == b"b" * 64


def test_processes_and_threads_that_write_at_once_find_only_what_belongs_to_the_key() -> None:
    cache = SharedCache(1 << 18)

    def busy(seed: int) -> bool:
        rng = random.Random(seed)
        for _ in range(4000):
            key = b"key %d" % rng.randrange(150)
            if rng.random() < 0.4:
                cache.put(key, key * rng.randrange(1, 300))
            found = cache.get(key)
            if found is not None and found != key * (len(found) // len(key)):
                return False
        return True

    def process(number: int) -> bool:
        wrong = []
        threads = [
            threading.Thread(target=lambda seed=seed: wrong.append(not busy(seed))) for seed in (number, -number)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return wrong == [False, False]

    children = []
    for number in (1, 2):
        child = os.fork()
        if not child:
            os._exit(0 if process(number) else 1)
        children.append(child)
    assert busy(0)
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0]
    assert any(cache.get(b"key %d" % number) for number in range(150))


def test_what_is_put_again_takes_no_more_room_than_it_had() -> None:
    cache, rng = SharedCache(SIZE), random.Random(3)
    keys = [f"key {number}".encode() for number in range(150)]
    for key in keys:
        cache.put(key, rng.randbytes(4000))
    at = cache._next[0]
    for _ in range(10):
        for key in keys:
            cache.put(key, b"new" + key + bytes(rng.randrange(3000, 3980)))
    assert cache._next[0] == at
    assert all((cache.get(key) or b"").startswith(b"new" + key) for key in keys)
    cache.put(keys[0], bytes(5000))
    assert cache._next[0] > at
    assert cache.get(keys[0]) == bytes(5000)


def test_what_any_process_puts_again_takes_the_place_of_what_was_there() -> None:
    cache = SharedCache(SIZE)
    cache.put(b"key", b"first" * 100)
    end = cache._next[0]

    def other() -> bool:
        cache.put(b"key", b"other" * 100)
        cache.put(b"more", b"value")
        return cache.get(b"key") == b"other" * 100

    assert in_a_process(other)
    assert (cache.get(b"key"), cache.get(b"more")) == (b"other" * 100, b"value")
    cache.put(b"last", b"value")
    assert cache.get(b"more") == b"value", "it is written behind what the other wrote"
    assert cache._next[0] > end


def test_nobody_waits_for_a_process_that_is_writing_nor_for_ever_for_one_that_was_killed_so() -> None:
    cache = SharedCache(SIZE)
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        with cache._writing():
            os.write(writer, b"x")
            signal.pause()
    os.close(writer)
    assert os.read(reader, 1) == b"x"
    cache.put(b"key", b"value")
    assert cache.get(b"key") is None
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    cache.put(b"key", b"value")
    assert cache.get(b"key") == b"value"
    os.close(reader)


def test_its_file_goes_with_it() -> None:
    cache = SharedCache(SIZE)
    cache.put(b"key", b"value")
    file = cache._turn
    os.fstat(file)
    del cache
    gc.collect()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(file)


@pytest.mark.parametrize("length", [700, 960, 1000, 3000])
def test_long_after_the_ring_has_gone_round_nearly_all_of_the_newest_are_found(length: int) -> None:
    cache = SharedCache(SIZE)
    room = -(-(length + 40) // 64) * 64
    keys = [f"key {number:06}".encode() for number in range(6 * SIZE // room)]
    for key in keys:
        cache.put(key, key * (length // len(key)))
    newest = keys[-(SIZE // room) * 9 // 10 :]
    assert sum(cache.get(key) is not None for key in newest) >= 0.95 * len(newest)


def test_where_there_is_no_memory_for_answers_none_are_kept(caplog: pytest.LogCaptureFixture) -> None:
    shared = Shared(2, 1 << 60)
    shared.answers.put(b"key", b"value")
    assert shared.answers.get(b"key") is None
    assert "server.answer_cache" in caplog.text


def test_a_place_of_bytes_that_are_no_head_is_given_away_without_reading_what_they_say() -> None:
    cache = SharedCache(1 << 26)
    cache.put(b"key", b"value")
    [at] = cache._places(hash(b"key") & _HASH)
    place = next(one for one in cache._table if one)
    assert not cache._is_over(place)
    for lengths in ((1 << 25, 0, 0), (1 << 25, 1 << 25, 1 << 25), (3, 5, 63), (3, 5, 1 << 30)):
        _HEAD.pack_into(cache._ring, at, 7, *lengths)
        tracemalloc.start()
        try:
            assert cache._is_over(place)
            assert tracemalloc.get_traced_memory()[1] < 1 << 16
        finally:
            tracemalloc.stop()

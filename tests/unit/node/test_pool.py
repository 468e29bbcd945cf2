"""Which of several nodes a job goes to. No node is asked here: what each last said is put into its client."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from common.errors import NodeUnavailable, NoModel
from config.settings import NodeEntry, WorkerSettings
from service.node.client import NodeClient
from service.node.pool import NodePool, PooledNode

KINDS = ("llm", "t2i", "i2v", "tts")


def node(name: str, health: dict[str, Any] | None = None, weight: int = 1, *, backup: bool = False) -> PooledNode:
    client = NodeClient(f"{name}:1")
    if health is not None:
        client._health, client._health_until = health, 1.0
    return PooledNode(client, weight, backup, state="ok")


def pool(*nodes: PooledNode) -> NodePool:
    made = NodePool(nodes)
    made._watch = lambda: None  # type: ignore[method-assign]
    return made


def name(client: NodeClient) -> str:
    return client.name.removeprefix("http://").removesuffix(":1")


def spread(made: NodePool, jobs: int, kind: str = "t2i") -> Counter[str]:
    """Where so many jobs go that come one after the other, each when the one before has ended."""
    return Counter(name(made.choose(kind, {})) for _ in range(jobs))


def test_jobs_that_come_one_by_one_go_to_the_nodes_by_their_weights() -> None:
    assert spread(pool(node("a", weight=3), node("b"), node("c", weight=2)), 60) == {"a": 30, "b": 10, "c": 20}


def test_jobs_that_stay_fill_the_nodes_by_their_weights() -> None:
    made, jobs = pool(node("a", weight=3), node("b")), Counter[str]()
    for _ in range(40):
        jobs[made.choose("t2i", jobs).name] += 1
    assert jobs == {"http://a:1": 30, "http://b:1": 10}


def test_a_node_that_is_slow_and_so_has_more_jobs_gets_fewer_new_ones() -> None:
    made = pool(node("slow"), node("quick"))
    assert Counter(name(made.choose("t2i", {"http://slow:1": 3})) for _ in range(5)) == {"quick": 5}


def test_a_node_that_comes_back_gets_its_share_and_not_what_it_missed() -> None:
    made = pool(away := node("away"), node("there"))
    away.client.breaker.not_taken()
    assert spread(made, 50) == {"there": 50}
    away.client.breaker.took()
    assert spread(made, 50) == {"away": 25, "there": 25}


def test_a_back_up_works_where_no_other_can() -> None:
    made = pool(main := node("main"), node("spare", weight=100, backup=True))
    assert spread(made, 5) == {"main": 5}
    assert name(made.choose("t2i", {}, avoid={"http://main:1"})) == "spare"
    main.client.breaker.not_taken()
    assert spread(made, 5) == {"spare": 5}


def test_each_kind_goes_to_a_node_that_does_it() -> None:
    words = {"providers": {"llm": "ollama", "t2i": "none", "tts": {"name": "x", "available": False}}}
    made = pool(node("words", words), node("pictures", {"providers": {"t2i": "sd", "i2v": "svd", "tts": "kokoro"}}))
    assert [name(made.choose(kind, {})) for kind in KINDS] == ["words", "pictures", "pictures", "pictures"]


@pytest.mark.parametrize(
    "health", [{}, {"status": "ok", "models": {"llm": "qwen"}}, {"providers": {}}, {"providers": None}]
)
def test_a_foreign_node_that_says_nothing_does_what_every_node_must(health: dict[str, Any]) -> None:
    made = pool(node("foreign", health), node("ours", {"providers": {"i2v": "svd"}}))
    assert [name(made.choose(kind, {})) for kind in KINDS] == ["foreign", "foreign", "ours", "foreign"]


def test_what_no_node_does_is_told_as_903_and_what_one_that_is_away_does_is_tried_again() -> None:
    made = pool(node("a", {"providers": {"llm": "x"}}), node("b", {"providers": {"llm": "x"}}))
    with pytest.raises(NoModel, match=r"903.*tts"):
        made.choose("tts", {})
    made = pool(away := node("a", {"providers": {"tts": "x"}}), node("b", {"providers": {"llm": "x"}}))
    away.client.breaker.not_taken()
    with pytest.raises(NodeUnavailable):
        made.choose("tts", {})
    assert not made.elsewhere("tts", ())
    assert made.elsewhere("llm", ())


def test_a_node_that_is_degraded_gets_less_and_enough_to_show_that_it_is_well_again() -> None:
    degraded = {"providers": {"t2i": "sd"}, "degraded": {"t2i": {"provider": "offline", "reason": "x"}}}
    made = pool(node("degraded", degraded), node("well", {"providers": {"t2i": "sd"}}))
    assert spread(made, 50) == {"degraded": 10, "well": 40}
    assert spread(pool(node("degraded", degraded), node("b", degraded)), 10) == {"degraded": 5, "b": 5}


def test_clips_are_made_where_one_node_makes_them_and_an_unknown_one_may() -> None:
    assert pool(node("a", {}), node("b", {"providers": {"i2v": "svd"}})).provides("i2v")
    assert not pool(node("a", {}), node("b", {"providers": {"i2v": "none"}})).provides("i2v")
    with pytest.raises(NodeUnavailable):
        pool(node("a", {}), node("never-seen")).provides("i2v")


def test_a_node_alone_is_taken_whatever_is_known_of_it() -> None:
    made = pool(only := node("only", {"providers": {"t2i": "none"}}, backup=True))
    for _ in range(5):
        only.client.breaker.not_taken()
    assert made.choose("t2i", {}, avoid={"http://only:1"}) is only.client
    assert made.of_row("http://another:1") is only.client
    assert made.of_row(None) is only.client
    assert not made.elsewhere("t2i", ())


def test_a_row_means_the_node_that_it_names_and_an_older_one_the_first() -> None:
    made = pool(first := node("a"), second := node("b"))
    assert made.of_row("http://b:1") is second.client
    assert made.of_row(None) is first.client
    assert made.of_row("http://c:1") is None


def test_both_settings_are_one_list_and_a_token_goes_where_it_is_meant_to() -> None:
    entry = NodeEntry(addr="http://b:1", weight=2, backup=True, token="own")
    settings = WorkerSettings(addr="http://u:p@a:1", addrs=[entry, NodeEntry(addr="c:1")], token="common")
    assert [(node.addr, node.weight, node.backup, node.token) for node in settings.nodes] == [
        ("http://u:p@a:1", 1, False, "common"),
        ("http://b:1", 2, True, "own"),
        ("c:1", 1, False, "common"),
    ]
    assert NodePool.open(settings).described() == (
        "http://a:1 (weight 1), http://b:1 (weight 2, back-up), http://c:1 (weight 1)"
    )
    again = WorkerSettings(addr="b:1", addrs=[entry])
    assert again.nodes == [entry]
    assert NodePool.open(WorkerSettings(addr="u:p@a:1")).described() == "http://a:1"

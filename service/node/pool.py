"""The model nodes that there are, and which of them a job goes to.

One node alone is simply asked, as if there were no pool. Several are looked at regularly (/health: what each can do, and whether it is
there), and the one is chosen that does this kind of work, has the fewest jobs for its weight, and is no back-up unless no other can.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from common.errors import NodeUnavailable, NoModel, NotFound, StoryToVideoError
from config.settings import WorkerSettings
from service.node.client import NodeClient
from service.node.interface import Voice

log = logging.getLogger(__name__)

LOOK_EVERY_S = 5.0
LOOK_WITHIN_S = 4.0
DEGRADED = 0.25  # of its weight is left of a node where another than the intended provider does this kind of work
OK, DOWN = "ok", "down"


@dataclass
class PooledNode:
    """A node and its part of the work: jobs go to the nodes in proportion to their weights."""

    client: NodeClient
    weight: int = 1
    backup: bool = False
    credit: float = 0.0
    looked: threading.Event = field(default_factory=threading.Event)
    state: str = DOWN


class NodePool:
    """At least one node. Thread-safe; do not share it with a forked process.

    `choosing` is held from the look at the nodes' jobs until the row says where the next one goes: otherwise all that are dispatched at
    once would go to the same node.
    """

    def __init__(self, nodes: Sequence[PooledNode]) -> None:
        self._nodes = list(nodes)
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self._watchers: list[threading.Thread] = []
        self.choosing = threading.Lock()

    @classmethod
    def of(cls, *clients: NodeClient) -> NodePool:
        """Nodes of equal weight."""
        return cls([PooledNode(client) for client in clients])

    @classmethod
    def open(cls, settings: WorkerSettings) -> NodePool:
        """The configured nodes; connects to none."""
        return cls(
            [
                PooledNode(
                    NodeClient(node.addr, token=node.token, max_download=settings.max_download),
                    node.weight,
                    node.backup,
                )
                for node in settings.nodes
            ]
        )

    @property
    def several(self) -> bool:
        """Whether there is a choice."""
        return len(self._nodes) > 1

    @property
    def first(self) -> NodeClient:
        """The only node, or the one that is named first."""
        return self._nodes[0].client

    def described(self) -> str:
        """The nodes' names, with what is said of them, for the log of a start."""
        if not self.several:
            return self.first.name
        said = ((node, ", back-up" if node.backup else "") for node in self._nodes)
        return ", ".join(f"{node.client.name} (weight {node.weight}{backup})" for node, backup in said)

    def named(self, name: str) -> NodeClient | None:
        """The node of this name."""
        return next((node.client for node in self._nodes if node.client.name == name), None)

    def of_row(self, name: str | None) -> NodeClient | None:
        """The node that a task's row names; None where it is none of the pool any more.

        Where there is one node it is meant whatever the row says: its address may have changed. Rows without a name are older than the
        pool, and mean the first.
        """
        return self.first if not (name and self.several) else self.named(name)

    def choose(self, kind: str, jobs: Mapping[str, int], avoid: Collection[str] = ()) -> NodeClient:
        """The node for a job of this kind (llm, t2i, i2v, tts); `jobs` says how many each has now, by name.

        Raises `NodeUnavailable` when those that could do it are away or to be avoided, `NoModel` when there are none.
        """
        if not self.several:
            return self.first
        self._watch()
        with self._lock:
            free = self._free(kind, avoid)
            if not free:
                raise NodeUnavailable("能做这项工作的模型节点暂时都没有响应")
            weights = {node.client.name: self._weight(node, kind) for node in free}
            ratios = {name: jobs.get(name, 0) / weight for name, weight in weights.items()}
            idlest = [node for node in free if ratios[node.client.name] == min(ratios.values())]
            return _by_turns(idlest, weights).client

    def elsewhere(self, kind: str, avoid: Collection[str]) -> bool:
        """Whether another node than these could do this kind of work now, and answered when it was last looked at."""
        if not self.several:
            return False
        self._watch()
        try:
            return any(node.state == OK for node in self._free(kind, avoid))
        except NoModel:
            return False

    def _free(self, kind: str, avoid: Collection[str]) -> list[PooledNode]:
        """The nodes that may be given such a job now: back-ups only where there are no others."""
        able = [node for node in self._nodes if node.client.serves(kind)]
        if not able:
            raise NoModel(f"没有可用的模型（903）：没有一个模型节点提供 {kind}")
        free = [node for node in able if node.client.name not in avoid and node.client.breaker.allows()]
        return [node for node in free if not node.backup] or free

    def _weight(self, node: PooledNode, kind: str) -> float:
        return node.weight * (DEGRADED if node.client.is_degraded(kind) else 1.0)

    def provides(self, kind: str) -> bool:
        """Whether a node says that it serves this kind of work.

        Raises `NodeUnavailable` when those that answered do not, and another never has.
        """
        if not self.several:
            return self.first.provides(kind)
        self._watch()
        if any(node.client.says(kind) for node in self._nodes):
            return True
        if not all(node.client.is_known for node in self._nodes):
            raise NodeUnavailable("有模型节点还没有响应过，不知道它能做什么")
        return False

    def voices(self) -> list[Voice]:
        """The voices of all nodes that are there, each once. Raises `NodeUnavailable` when none is."""
        if not self.several:
            return self.first.voices()
        found: dict[tuple[str, str], Voice] = {}
        errors: list[StoryToVideoError] = []
        nodes = self._there()
        for client in nodes:
            try:
                for voice in client.voices():
                    found.setdefault((voice.provider, voice.id), voice)
            except StoryToVideoError as error:
                errors.append(error)
        if len(errors) == len(nodes):
            raise NodeUnavailable("没有模型节点给出声音列表")
        return list(found.values())

    def voice_sample(self, provider: str, voice: str) -> bytes:
        """See `ModelNode.voice_sample`; from the first node that has it."""
        if not self.several:
            return self.first.voice_sample(provider, voice)
        for client in self._there():
            try:
                return client.voice_sample(provider, voice)
            except (NotFound, NodeUnavailable) as error:
                log.info("no sample of %s from %s: %s", voice, client.name, error)
        raise NotFound("没有这个声音")

    def check(self) -> str:
        """One line on the nodes for `/readyz`; raises `NodeUnavailable` when none is there."""
        if not self.several:
            return self.first.check()
        states = self.states()
        line = ", ".join(f"{name} {state}" for name, state in states.items())
        if OK not in states.values():
            raise NodeUnavailable(f"没有一个模型节点有响应：{line}")
        return line

    def states(self) -> dict[str, str]:
        """ "ok" or "down" by the nodes' names, as they were last seen; empty where there is one node only."""
        if not self.several:
            return {}
        self._watch()
        return {node.client.name: node.state for node in self._nodes}

    def names(self) -> list[str]:
        """In their order."""
        return [node.client.name for node in self._nodes]

    def there(self, *, within_s: float) -> list[bool]:
        """Which of them answer, in the same order: as they were last seen, or where there is one as it is now."""
        if self.several:
            return [state == OK for state in self.states().values()]
        try:
            self.first.look(within_s=within_s)
        except StoryToVideoError:
            return [False]
        return [True]

    def away(self) -> set[str]:
        """The names of the nodes that are left alone now."""
        return {node.client.name for node in self._nodes if not node.client.breaker.allows()}

    def close(self) -> None:
        """End the watch."""
        self._stopped.set()

    def _there(self) -> list[NodeClient]:
        self._watch()
        return [node.client for node in self._nodes if node.client.breaker.allows()]

    def _watch(self) -> None:
        """Start looking at the nodes, where nobody does yet; returns when each was looked at once."""
        with self._lock:
            if not self._watchers:
                self._watchers = [
                    threading.Thread(target=self._look_regularly, args=(node,), name="node-watch", daemon=True)
                    for node in self._nodes
                ]
                for thread in self._watchers:
                    thread.start()
        for node in self._nodes:
            node.looked.wait(LOOK_WITHIN_S)

    def _look_regularly(self, node: PooledNode) -> None:
        while not self._stopped.is_set():
            try:
                self._look(node)
            except Exception:
                log.exception("cannot look at %s; retrying", node.client.name)  # without this its work would stay away
            node.looked.set()
            self._stopped.wait(LOOK_EVERY_S)

    def _look(self, node: PooledNode) -> None:
        before, first = node.state, not node.looked.is_set()
        try:
            summary = node.client.look(within_s=LOOK_WITHIN_S)
        except StoryToVideoError as error:
            node.state = DOWN
            if before == OK or first:
                log.warning("model node %s is away: %s", node.client.name, error)
        else:
            node.state = OK
            if before == DOWN:
                log.info("model node %s is there: %s", node.client.name, summary)


def _by_turns(nodes: Sequence[PooledNode], weights: Mapping[str, float]) -> PooledNode:
    """One of several that are equally busy, in turns by their weights, which a node that comes back does not upset."""
    for node in nodes:
        node.credit += weights[node.client.name]
    chosen = max(nodes, key=lambda node: node.credit)
    chosen.credit -= sum(weights[node.client.name] for node in nodes)
    return chosen

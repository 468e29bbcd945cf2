"""kill -9 of each process in the middle of films; a supervisor starts it again."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator

import psutil
import pytest

from config.addresses import Listen
from runtime.listener import AddressInUse, listen
from tests.faults import stories, world
from tests.faults.stories import PATIENCE_S
from tests.faults.world import World
from tests.support.wait import wait_until

pytestmark = pytest.mark.faults


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with world.opened(tmp_path_factory.mktemp("kills"), 20.0) as opened:
        yield opened


def _server(running: World) -> None:
    server = running.deployment.servers[0]
    server.end(signal.SIGKILL)
    wait_until(lambda: _is_free(server.port), PATIENCE_S, "the end of the server's worker, which has its port")
    running.deployment.servers[0] = running.deployment.start_server(0, port=server.port)


def _web_worker(running: World) -> None:
    """gunicorn starts another one."""
    running.deployment.servers[0].family()[0].kill()


def _processor(running: World) -> None:
    with_work = next((p for p in running.deployment.processors if p.family()), running.deployment.processors[0])
    number = running.deployment.processors.index(with_work)
    with_work.end(signal.SIGKILL)
    running.deployment.processors[number] = running.deployment.start_processor(number)


def _film_worker(running: World) -> None:
    found: list[psutil.Process] = wait_until(running.film_workers, PATIENCE_S, "a film's worker")
    found[0].kill()


def _service(name: str) -> Callable[[World], None]:
    def kill(running: World) -> None:
        running.services.named(name).kill()
        running.services.named(name).start_again()

    return kill


KILLS: dict[str, Callable[[World], None]] = {
    "server": _server,
    "web worker": _web_worker,
    "processor": _processor,
    "film worker": _film_worker,
    **{name: _service(name) for name in ("database", "storage", "queue", "node")},
}


def _is_free(port: int) -> bool:
    try:
        listen(Listen("127.0.0.1", port)).close()
    except AddressInUse:
        return False
    return True


@pytest.mark.parametrize("who", KILLS)
def test_all_work_is_done_after_a_kill(running: World, who: str) -> None:
    with stories.told(running):
        wait_until(lambda: stories.films_at_work(running), PATIENCE_S, "a film at work")
        KILLS[who](running)

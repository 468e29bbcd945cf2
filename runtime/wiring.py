"""Building the parts from the settings, in the start order: database, queue, object storage, model node.

`open_services` proves that they are there. A server's processes have them from `reopen_services`, which connects when something is needed:
one that is started in place of another that died is not to be kept away by a database that is away, too.

What one configuration needs and another does not is imported where it is needed: it would be a good part of a start.
"""

from __future__ import annotations

import logging
from contextlib import ExitStack
from datetime import tzinfo
from pathlib import Path

from redis import Redis
from redis.backoff import ExponentialWithJitterBackoff
from redis.retry import Retry

from common.clock import Clock
from common.errors import DependencyError, StorageError
from common.host_faults import temporary_folder
from common.private_files import restrict
from common.user_text import hide
from config.addresses import parse_redis
from config.settings import RedisSettings, Settings
from models.bootstrap import open_database, reopen_database
from runtime.stores import open_store, storage_name
from service.broker import Events, TaskQueue
from service.container import Services
from service.film.errors import FilmError
from service.metrics import work
from service.node.pool import NodePool

log = logging.getLogger(__name__)

CONNECT_S = 5.0
ANSWER_S = 5.0
RETRIES = 2  # few: a request must not wait long for a Redis that is down, since the recoverer enqueues its task later
HEALTH_CHECK_S = 30  # an idle connection may have been dropped by something on the way


def open_services(settings: Settings) -> Services:
    """Open every part and prove that the needed ones answer; one log line each. Raises `DependencyError` saying what to do.

    The addresses of the queue and of the node must be there: `EmbeddedParts` fills in those that are not configured.
    """
    restrict()
    _check_font(settings.film.font)
    hide(settings.data_dir)
    with ExitStack() as opened:  # closes what is open where a later part fails
        database = open_database(settings)
        opened.callback(database.close)
        work.watch(database)
        log.info("database: %s", database.check())
        redis = open_redis(settings.redis)
        queue = TaskQueue(redis, settings.redis.queue)
        opened.callback(queue.close)
        try:
            log.info("queue: %s", queue.check())
        except DependencyError as error:
            raise DependencyError(
                f"redis at {settings.redis.addr} does not answer ({error}); start it or correct redis.addr"
            ) from error
        try:
            store = open_store(settings)
            store.check()
        except (DependencyError, StorageError) as error:  # away, or there and refusing us: a wrong key
            raise DependencyError(
                f"{storage_name(settings)} cannot be used ({error}); see minio.* or data_dir"
            ) from error
        log.info("object storage: %s", storage_name(settings))
        # Chosen now, and for the whole life of the process: a disk that fills up later must not send them somewhere else.
        log.info("temporary files: folder %s", temporary_folder())
        node = NodePool.open(settings.worker)
        log.info("model node: %s", node.described())
        opened.pop_all()
    return Services(settings, database, queue, Events(redis, settings.redis.queue), store, node, Clock())


def reopen_services(settings: Settings, zone: tzinfo) -> Services:
    """The parts for a process that was forked after they had been opened and closed; `zone` is that of the database's times."""
    redis = open_redis(settings.redis)
    database = reopen_database(settings, zone)
    work.watch(database)
    return Services(
        settings,
        database,
        TaskQueue(redis, settings.redis.queue),
        Events(redis, settings.redis.queue),
        open_store(settings),
        NodePool.open(settings.worker),
        Clock(),
    )


def _check_font(configured: str) -> None:
    if not configured:
        return
    from service.film.subtitles.fonts import usable_font

    try:
        usable_font(Path(configured))
    except FilmError as error:
        raise DependencyError(
            f"film.font: found {configured!r}, must be a CJK font file, or empty for the one that pip brought ({error})"
        ) from error


def open_redis(settings: RedisSettings) -> Redis:
    """A client that connects when it is used. One that hangs fails after `RETRIES` (RQ lengthens `ANSWER_S` for its workers)."""
    address = parse_redis(settings.addr)
    retry = Retry(ExponentialWithJitterBackoff(base=0.05, cap=1), RETRIES)
    if address.socket:
        return Redis(
            unix_socket_path=address.socket,
            db=settings.db,
            password=settings.password or None,
            socket_timeout=ANSWER_S,
            retry=retry,
        )
    return Redis(
        host=address.host,
        port=address.port,
        db=settings.db,
        password=settings.password or None,
        socket_timeout=ANSWER_S,
        retry=retry,
        socket_connect_timeout=CONNECT_S,
        socket_keepalive=True,
        health_check_interval=HEALTH_CHECK_S,
    )

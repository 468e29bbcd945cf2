"""The command line: serve, processor, demo, doctor. Parts are built here and in `runtime.wiring`, and handed down."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import click

from common.errors import DependencyError
from config.addresses import Listen, parse_listen
from config.load import ConfigError, Loaded, load
from config.settings import Settings
from config.version import version
from processor.processor import Processor
from routers.app import create_app
from runtime import doctor as health
from runtime.demo import run as run_demo
from runtime.embedded.parts import EmbeddedParts
from runtime.gunicorn_server import AddressInUse, Site, listen
from runtime.gunicorn_server import serve as serve_site
from runtime.logging_setup import set_up_logging
from runtime.wiring import open_services

log = logging.getLogger("main")

DEFAULT_FILE = Path("config.yaml")
CONFIG_WRONG, DEPENDENCY_MISSING = 2, 1
STOP_WORK_S = 2.5

config_option = click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The configuration file. [default: ./config.yaml, where there is one]",
)


def _say_version(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(f"storytovideo {version()}")
        context.exit()


@click.group()
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_say_version, help="Say the version."
)
def cli() -> None:
    """StoryToVideo: turns a written story into a narrated film."""


@cli.command()
@config_option
@click.option("--no-processor", is_flag=True, help="Serve requests only; tasks are run by `main.py processor`.")
@click.option("--fd", type=int, help="Serve on this inherited listening socket instead of server.port.")
def serve(path: Path | None, no_processor: bool, fd: int | None) -> None:
    """Serve HTTP and WebSockets, and run tasks, in one go."""
    settings = _settings(path)
    if no_processor:
        _need_addresses(settings, "serve --no-processor")
    try:
        listener = socket.socket(fileno=fd) if fd is not None else listen(parse_listen(settings.server.port))
        url = Listen(*listener.getsockname()[:2]).url()
        parts = EmbeddedParts.start(settings, url)
        try:
            open_services(parts.settings).close()  # a missing dependency ends the start here, in plain words
            log.info("serving on %s", url)
            code = serve_site(listener, settings.server, lambda: _site(parts, no_processor))
            if parts.exited():
                raise DependencyError(
                    "the embedded parts were killed from outside; restart the server, no data is lost"
                )
        finally:
            listener.close()  # what the node still has to report is refused, instead of holding up its end
            parts.stop()
    except (DependencyError, AddressInUse) as error:
        _fail(str(error), DEPENDENCY_MISSING)
    sys.exit(code)


@cli.command()
@config_option
def processor(path: Path | None) -> None:
    """Run tasks, without serving requests; any number of these may run."""
    settings = _settings(path)
    _need_addresses(settings, "processor")
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    try:
        services = open_services(settings)
    except DependencyError as error:
        _fail(str(error), DEPENDENCY_MISSING)
    worker = Processor(services)
    worker.start()
    stopped.wait()
    worker.stop(STOP_WORK_S)
    services.close()
    os._exit(0)  # a thread that could not stop in time must not hold up the end


@cli.command()
@config_option
@click.argument("story", default="")
def demo(path: Path | None, story: str) -> None:
    """Make a film of STORY (a file or the text itself; a Chinese story by default), with everything embedded, and say where it is."""
    sys.exit(run_demo(story, _read(path).settings))


@cli.command()
@config_option
def doctor(path: Path | None) -> None:
    """Say how the configuration is understood and whether each service answers."""
    loaded = _read(path)
    set_up_logging(loaded.settings.log.model_copy(update={"level": "ERROR"}))
    sys.exit(health.examine(loaded, click.echo))


def _site(parts: EmbeddedParts, no_processor: bool) -> Site:
    services = open_services(parts.settings)
    stop_work: Callable[[], None] = lambda: None  # noqa: E731
    if not no_processor:
        worker = Processor(services)
        worker.start()
        stop_work = lambda: worker.stop(STOP_WORK_S)  # noqa: E731
    return Site(create_app(services), stop_work, services.close, parts.exited)


def _settings(path: Path | None) -> Settings:
    loaded = _read(path)
    set_up_logging(loaded.settings.log)
    for file in loaded.files:
        log.info("configuration: %s", file)
    for warning in loaded.warnings:
        log.warning("%s", warning)
    return loaded.settings


def _read(path: Path | None) -> Loaded:
    if path is None and DEFAULT_FILE.is_file():
        path = DEFAULT_FILE
    try:
        return load(path, os.environ)
    except ConfigError as error:
        _fail(f"the configuration is wrong:\n{error}", CONFIG_WRONG)


def _need_addresses(settings: Settings, command: str) -> None:
    """What runs in several processes cannot have a Redis or a node that belongs to one of them."""
    addresses = {"redis.addr": settings.redis.addr, "worker.addr": settings.worker.addr}
    missing = [key for key, value in addresses.items() if not value]
    if missing:
        _fail(
            f"`{command}` shares its queue and its model node with other processes: set {' and '.join(missing)}",
            CONFIG_WRONG,
        )


def _fail(text: str, code: int) -> NoReturn:
    click.echo(f"storytovideo: {text}", err=True)
    sys.exit(code)


if __name__ == "__main__":
    cli()

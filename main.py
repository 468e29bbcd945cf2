"""The command line: serve, processor, demo, doctor.

Each command imports what it runs: `--help` is not to wait for a web server, nor a web server for what makes films.
"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

if TYPE_CHECKING:
    from config.load import Loaded
    from config.settings import Settings

log = logging.getLogger("main")

DEFAULT_FILE = Path("config.yaml")
CONFIG_WRONG, DEPENDENCY_MISSING = 2, 1

config_option = click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The configuration file. [default: ./config.yaml, where there is one]",
)


def _say_version(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:
    if wanted:
        from config.version import version

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
    from common.errors import DependencyError, StartError
    from runtime.serve import serve as run

    try:
        code = run(settings, with_processor=not no_processor, fd=fd)
    except (DependencyError, StartError) as error:
        _fail(str(error), DEPENDENCY_MISSING)
    sys.exit(code)


@cli.command()
@config_option
def processor(path: Path | None) -> None:
    """Run tasks, without serving requests; any number of these may run."""
    settings = _settings(path)
    _need_addresses(settings, "processor")
    from common.errors import DependencyError
    from runtime.run_processor import run

    try:
        run(settings)
    except DependencyError as error:
        _fail(str(error), DEPENDENCY_MISSING)


@cli.command()
@config_option
@click.argument("story", default="")
def demo(path: Path | None, story: str) -> None:
    """Make a film of STORY (a file or the text itself; a Chinese story by default), with everything embedded, and say where it is."""
    from runtime.demo import run

    sys.exit(run(story, _read(path).settings))


@cli.command()
@config_option
def doctor(path: Path | None) -> None:
    """Say how the configuration is understood and whether each service answers."""
    from runtime.doctor import examine
    from runtime.logging_setup import set_up_logging

    loaded = _read(path)
    set_up_logging("ERROR", loaded.settings.log.format)
    sys.exit(examine(loaded, click.echo))


def _settings(path: Path | None) -> Settings:
    from runtime.logging_setup import set_up_logging

    loaded = _read(path)
    set_up_logging(loaded.settings.log.level, loaded.settings.log.format)
    for file in loaded.files:
        log.info("configuration: %s", file)
    for warning in loaded.warnings:
        log.warning("%s", warning)
    return loaded.settings


def _read(path: Path | None) -> Loaded:
    from config.load import ConfigError, load

    if path is None and DEFAULT_FILE.is_file():
        path = DEFAULT_FILE
    try:
        return load(path, os.environ)
    except ConfigError as error:
        _fail(f"the configuration is wrong:\n{error}", CONFIG_WRONG)


def _need_addresses(settings: Settings, command: str) -> None:
    """What runs in several processes cannot have a Redis or a node that belongs to one of them."""
    addresses = {"redis.addr": settings.redis.addr, "worker.addr": settings.worker.nodes}
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

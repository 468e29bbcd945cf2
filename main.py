"""The command line: serve, processor, demo, doctor, tidy, user, key, database; completion; and project and tasks, which are a client of a
running server.

Each command imports what it runs: `--help` is not to wait for a web server, nor a web server for what makes films.
"""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from runtime.client import commands

if TYPE_CHECKING:
    from collections.abc import Callable

    from config.load import Loaded
    from config.settings import Settings
    from runtime.accounts import Desk

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


@cli.group()
def user() -> None:
    """Accounts: who may log in."""


@user.command("add")
@config_option
@click.argument("name")
@click.option("--admin", is_flag=True, help="It sees and may change what is others', and what nobody owns.")
def add_user(path: Path | None, name: str, admin: bool) -> None:
    """Add the account NAME; its password is asked for, or is the first line of what is piped in."""
    from runtime import accounts

    _in_database(path, lambda desk: accounts.add_user(desk, name, _password(), admin=admin))


@user.command("list")
@config_option
def list_users(path: Path | None) -> None:
    """List the accounts."""
    from runtime import accounts

    _in_database(path, accounts.list_users)


@user.command("password")
@config_option
@click.argument("name")
def set_password(path: Path | None, name: str) -> None:
    """Give the account NAME another password, and let it in again; its logins end."""
    from runtime import accounts

    _in_database(path, lambda desk: accounts.set_password(desk, name, _password()))


@user.command("disable")
@config_option
@click.argument("name")
def disable_user(path: Path | None, name: str) -> None:
    """Let the account NAME in no more; what it made stays."""
    from runtime import accounts

    _in_database(path, lambda desk: accounts.disable(desk, name))


@user.command("adopt")
@config_option
@click.argument("name")
def adopt(path: Path | None, name: str) -> None:
    """Give the account NAME every project, task and piece of music that nobody owns."""
    from runtime import accounts

    _in_database(path, lambda desk: accounts.adopt(desk, name))


@cli.group()
def key() -> None:
    """API keys: for programs, and for clients that put one into the server's address."""


@key.command("add")
@config_option
@click.argument("owner")
@click.option("--name", default="", help="What it is for.")
@click.option("--scope", type=click.Choice(["read", "write", "admin", "legacy"]), default="write", show_default=True)
@click.option("--days", type=click.IntRange(0, 36_500), default=0, help="It lasts so long; 0: until it is revoked.")
def add_key(path: Path | None, owner: str, name: str, scope: str, days: int) -> None:
    """Add a key of the account OWNER and say it, this once."""
    from runtime import accounts

    _in_database(path, lambda desk: accounts.add_key(desk, owner, name, scope, days))


@key.command("list")
@config_option
def list_keys(path: Path | None) -> None:
    """List the keys, without their texts, which nobody knows any more."""
    from runtime import accounts

    _in_database(path, accounts.list_keys)


@key.command("revoke")
@config_option
@click.argument("id_", metavar="ID")
def revoke_key(path: Path | None, id_: str) -> None:
    """End the key of this ID."""
    from runtime import accounts

    _in_database(path, lambda desk: accounts.revoke_key(desk, id_))


@cli.command()
@config_option
@click.option("--apply", is_flag=True, help="Remove it, too. Rows whose object is missing stay in any case.")
@click.option("--json", "as_json", is_flag=True, help="A line of JSON for each kind.")
def tidy(path: Path | None, apply: bool, as_json: bool) -> None:
    """Say what is kept beyond its time and what belongs to nothing, in numbers; nothing younger than a day."""
    settings = _settings(path)
    from common.errors import StartError, StoryToVideoError
    from runtime.tidy import run

    try:
        run(settings, click.echo, apply=apply, as_json=as_json)
    except StartError as error:
        _fail(str(error), CONFIG_WRONG)
    except StoryToVideoError as error:
        _fail(str(error), DEPENDENCY_MISSING)


@cli.group()
def database() -> None:
    """The database itself."""


@database.command("copy")
@click.option("--from", "source", required=True, envvar="STORYTOVIDEO_FROM", help="Where everything is.")
@click.option("--to", "target", required=True, envvar="STORYTOVIDEO_TO", help="A new and empty database.")
def copy_database(source: str, target: str) -> None:
    """Copy all rows into an empty database of any kind, and compare.

    Addresses: a file of SQLite, user:password@tcp(host:3306)/database or mysql://..., postgresql://user:password@host:5432/database.
    In the environment's STORYTOVIDEO_FROM and STORYTOVIDEO_TO nobody else sees a password.
    """
    from common.errors import StartError, StoryToVideoError
    from config.database_address import parse
    from models.copying import copy

    try:
        copy(parse(source), parse(target), click.echo)
    except StartError as error:
        _fail(str(error), CONFIG_WRONG)
    except StoryToVideoError as error:
        _fail(str(error), DEPENDENCY_MISSING)


for command in (commands.project, commands.tasks, commands.completion):
    cli.add_command(command)


def _in_database(path: Path | None, work: Callable[[Desk], None]) -> None:
    settings = _settings(path)
    from common.errors import InvalidInput, StartError, StoryToVideoError
    from runtime.accounts import open_desk

    try:
        with open_desk(settings, click.echo) as desk:
            work(desk)
    except (StartError, InvalidInput) as error:
        _fail(str(error), CONFIG_WRONG)
    except StoryToVideoError as error:
        _fail(str(error), DEPENDENCY_MISSING)


def _password() -> str:
    """Asked for twice at a terminal; else the first line of standard input. Never an argument, which others could see."""
    if sys.stdin.isatty():
        return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
    return sys.stdin.readline().rstrip("\r\n")


def _settings(path: Path | None) -> Settings:
    from runtime import error_reports
    from runtime.logging_setup import set_up_logging

    loaded = _read(path)
    set_up_logging(loaded.settings.log.level, loaded.settings.log.format)
    error_reports.start(loaded.settings.log.sentry_dsn)
    for file in loaded.files:
        log.info("configuration: %s", file)
    for warning in loaded.warnings:
        log.warning("%s", warning)
    return loaded.settings


def _read(path: Path | None) -> Loaded:
    from common.hidden_credentials import hide
    from config.load import ConfigError, load
    from config.secrets import secrets_of

    if path is None and DEFAULT_FILE.is_file():
        path = DEFAULT_FILE
    try:
        loaded = load(path, os.environ)
    except ConfigError as error:
        _fail(f"the configuration is wrong:\n{error}", CONFIG_WRONG)
    hide(secrets_of(loaded.settings))
    return loaded


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

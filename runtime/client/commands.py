"""The words of `main.py project` and `main.py tasks`. What they do is imported when it is asked for: `--help` is not to wait for it.

They end with 0, or as `runtime.client.outcomes` says: 1 a task failed or was cancelled, 2 wrong usage, 3 no server answers, 4 the server
refuses, 5 a file cannot be read or written, 130 interrupted.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from runtime.client.work import Work

Command = Callable[..., None]
EXITS = """\b
Exit codes: 0 well, 1 a task failed or was cancelled, 2 wrong usage,
3 no server answers, 4 the server refuses, 5 a file cannot be read or
written, 130 interrupted."""
STATUSES = ("blocked", "pending", "processing", "finished", "failed", "cancelled")


def _remote(command: Callable[..., None]) -> Command:
    """A command that talks to a server, which is its first argument."""

    @click.option(
        "--server",
        envvar="S2V_CLIENT_SERVER",
        default="",
        help="The server's address, also in S2V_CLIENT_SERVER. [default: what the configuration says, on this machine]",
    )
    @click.option("--config", "path", type=click.Path(path_type=Path, dir_okay=False), help="The configuration file.")
    @click.option("--json", "as_json", is_flag=True, help="Say everything as JSON, an object a line.")
    @functools.wraps(command)
    def run(server: str, path: Path | None, as_json: bool, **given: Any) -> None:
        from runtime.client.outcomes import INTERRUPTED, Outcome
        from runtime.client.work import Work

        try:
            command(Work(server, path, as_json=as_json), **given)
        except Outcome as outcome:
            click.echo(f"storytovideo: {outcome}", err=True)
            sys.exit(outcome.code)
        except KeyboardInterrupt:
            click.echo("\ninterrupted", err=True)
            sys.exit(INTERRUPTED)

    return run


def _about_one(group: click.Group, name: str, parameter: str) -> Callable[[Callable[..., None]], click.Command]:
    """A command that is given the id of one project or task, after the server."""

    def add(command: Callable[..., None]) -> click.Command:
        return group.command(name)(click.argument(parameter, metavar="ID")(_remote(command)))

    return add


@click.group(epilog=EXITS)
def project() -> None:
    """Projects of a running server: from a story to a film.

    A server that asks who you are gets S2V_CLIENT_TOKEN (an API key or a token), or S2V_CLIENT_USER and S2V_CLIENT_PASSWORD.
    """


@project.command("create")
@click.argument("story", type=click.Path(dir_okay=False, allow_dash=True))
@click.option("--title", help="At most 200 characters.")
@click.option("--style", help="Of the images.")
@click.option("--shots", "shot_count", type=int, help="How many; left out: the server's default.")
@click.option("--aspect", type=click.Choice(["16:9", "9:16", "1:1", "4:3", "3:4"]))
@click.option("--language", help="Of the narration: zh, en-US ...")
@click.option("--voice", help="Of the narration, one of GET /v1/api/voices.")
@click.option("--telling", type=click.Choice(["verbatim", "told"]), help="The story's own sentences, or a model's.")
@click.option("--music", help="An id of the library, or auto.")
@click.option("--film", is_flag=True, help="Make the film, too.")
@click.option("--watch", is_flag=True, help="Wait until all of it is made.")
@_remote
def create(work: Work, story: str, film: bool, watch: bool, **given: Any) -> None:
    """Create a project of STORY, a text file in UTF-8, UTF-16 or GBK; `-` is standard input. Says the project's id."""
    work.create(story, given, film=film, watch=watch)


@project.command("list")
@click.option("--page", type=click.IntRange(1), default=1, show_default=True)
@click.option("--page-size", type=click.IntRange(1, 100), default=20, show_default=True)
@click.option("--search", default="", help="In titles and descriptions.")
@_remote
def list_projects(work: Work, page: int, page_size: int, search: str) -> None:
    """List projects, the newest first: id, status, time, title."""
    work.projects(page, page_size, search)


@_about_one(project, "show", "project_id")
def show_project(work: Work, project_id: str) -> None:
    """Show a project with its shots and its film."""
    work.project(project_id)


@_about_one(project, "watch", "project_id")
def watch_project(work: Work, project_id: str) -> None:
    """Show how far a project is, until nothing of it is at work."""
    work.watch(project_id)


@_about_one(project, "film", "project_id")
@click.option(
    "-o", "--option", "given", multiple=True, metavar="NAME=VALUE", help="Of the film: -o mode=preview -o fps=24."
)
@click.option("--watch", is_flag=True, help="Wait for it, and say its address.")
@click.option(
    "--output", "target", type=click.Path(path_type=Path), help="Wait for it, and download it to this file or folder."
)
def film(work: Work, project_id: str, given: tuple[str, ...], watch: bool, target: Path | None) -> None:
    """Ask for a project's film. Says the task's id. All options: POST .../video in doc/api.md."""
    from runtime.client.work import options

    work.film(project_id, options(given), watch=watch, target=target)


@_about_one(project, "download", "project_id")
@click.option(
    "--what", type=click.Choice(["film", "cover", "srt", "ass", "archive"]), default="film", show_default=True
)
@click.option("--number", type=click.IntRange(0), default=0, help="Which film; 0: the newest.")
@click.option(
    "--output", "target", type=click.Path(path_type=Path), help="A file or a folder. [default: the title, here]"
)
def download(work: Work, project_id: str, what: str, number: int, target: Path | None) -> None:
    """Download a film, or what belongs to it. What broke off goes on where it was."""
    work.download(project_id, what, number, target)


@click.group(epilog=EXITS)
def tasks() -> None:
    """Tasks of a running server: what is being made, and what failed."""


@tasks.command("list")
@click.argument("project_id", metavar="PROJECT")
@click.option("--status", type=click.Choice(STATUSES), default=None)
@_remote
def list_tasks(work: Work, project_id: str, status: str | None) -> None:
    """List a project's tasks, the oldest first: id, type, status, progress, message."""
    work.tasks(project_id, status or "")


@_about_one(tasks, "show", "task_id")
def show_task(work: Work, task_id: str) -> None:
    """Show a task, and the link to what it made."""
    work.task(task_id)


@_about_one(tasks, "cancel", "task_id")
def cancel(work: Work, task_id: str) -> None:
    """Cancel a task and what is part of it."""
    work.cancel(task_id)


@_about_one(tasks, "retry", "task_id")
@click.option("--watch", is_flag=True, help="Wait until it has ended.")
def retry(work: Work, task_id: str, watch: bool) -> None:
    """Begin anew what failed or was cancelled. Says the new task's id."""
    work.retry(task_id, watch=watch)


@_about_one(tasks, "watch", "task_id")
def watch_task(work: Work, task_id: str) -> None:
    """Show how far a task is, until it has ended."""
    work.watch_task(task_id)


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Say what makes SHELL complete commands and options: eval "$(main.py completion bash)".

    It also defines `storytovideo`, which is this program from everywhere.
    """
    from runtime.client.completion import script

    click.echo(script(context.find_root().command, shell))

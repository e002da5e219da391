"""The command line: `ikusei`. Each command puts the parts together and hands over."""

from __future__ import annotations

import json
import signal
import sys
import threading
from pathlib import Path

import click

from campaigns import embedded, logs, parts, scheduler, sending_commands, supervisor
from campaigns import settings as environment
from campaigns.settings import Settings, SettingsError


@click.group(help="Ikusei: e-mail marketing automation for companies that sell to companies.")
def cli() -> None:
    """The group of all commands."""


def main() -> None:
    """Run a command; known failures are one clear line, not a traceback."""
    try:
        cli()
    except (SettingsError, embedded.EmbeddedError, supervisor.AlreadyRunning) as error:
        click.echo(f"ikusei: {error}", err=True)
        sys.exit(1)


def _settings() -> Settings:
    chosen = environment.read()
    logs.configure(chosen.log_level)
    return chosen


def _told_to_stop() -> threading.Event:
    """An event that SIGTERM and SIGINT set."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


@cli.command()
def up() -> None:
    """Start everything for real use, on one machine, and keep it running."""
    chosen = _settings()
    stop = _told_to_stop()
    running = supervisor.Supervisor(chosen)
    running.start()
    try:
        click.echo(f"Ikusei: {chosen.base_url}   (Ctrl+C stops; data in {chosen.folder})")
        if chosen.practice:
            click.echo("Practice mode: mail goes to the local catcher. Set IKUSEI_SMTP_URL to send for real.")
        running.watch(until=stop.is_set)
    finally:
        running.stop()


@cli.command()
def worker() -> None:
    """Run one worker."""
    import worker as entry

    entry.main()


@cli.command(name="scheduler")
def scheduler_() -> None:
    """Run the scheduler: the one-minute tick and the sweep."""
    chosen = _settings()
    stop = _told_to_stop()
    scheduler.run(parts.build(chosen), until=stop.is_set)


@cli.command()
def listener() -> None:
    """Take replies and bounces from your own mail server (IKUSEI_LISTENER)."""
    from campaigns import listener as entry

    chosen = _settings()
    if not chosen.listener:
        raise click.ClickException("IKUSEI_LISTENER is not set: see docs/settings.md")
    stop = _told_to_stop()
    try:
        entry.run(parts.build(chosen), until=stop.is_set)
    except OSError as error:
        raise click.ClickException(f"cannot listen on {chosen.listener}: {error.strerror}") from error


@cli.command()
def catcher() -> None:
    """Run the local mail catcher of practice mode."""
    from mailer.catcher import Catcher

    chosen = _settings()
    stop = _told_to_stop()
    running = Catcher(chosen.folder / "caught", host="127.0.0.1", port=_catcher_port(chosen.folder))
    running.start()
    try:
        (chosen.folder / "catcher.url").write_text(running.url + "\n")
        stop.wait()
    finally:
        running.stop()


def _catcher_port(folder: Path) -> int:
    """The port of the last time, so that workers find a restarted catcher; 0 asks for a free one."""
    try:
        return int((folder / "catcher.url").read_text().strip().partition("?")[0].rpartition(":")[2])
    except (OSError, ValueError):
        return 0


@cli.command()
@click.option("--folder", type=click.Path(path_type=Path), required=True, help="where caught mail lies")
@click.option("--smtp", required=True, help="where replies are sent")
@click.option("--state", type=click.Path(path_type=Path), required=True, help="file that tells what is done")
@click.option("--seed", default=1, show_default=True)
def recipients(folder: Path, smtp: str, state: Path, seed: int) -> None:
    """Run the invented recipients of the demo: they know only the raw mails they received."""
    from campaigns.demo import recipients as people

    stop = _told_to_stop()
    people.run(folder, smtp=smtp, state=state, seed=seed, until=stop.is_set)


@cli.command()
@click.option("--exit", "leave", is_flag=True, help="stop when the story is told")
@click.option("--json", "as_json", is_flag=True, help="print one JSON object with the counts")
@click.option("--var", default="var/demo", show_default=True, help="folder of the demo; emptied first")
@click.option("--port", default=8000, show_default=True)
def demo(leave: bool, as_json: bool, var: str, port: int) -> None:
    """A sample company, a list of 300 people and three simulated months, through the real engine."""
    from campaigns.demo import story

    logs.configure("WARNING")
    stop = _told_to_stop()
    say = (lambda _: None) if as_json else click.echo
    with story.Stage(var=Path(var), port=port, say=say, stopped=stop.is_set) as stage:
        counts = story.tell(stage)
        if as_json:
            click.echo(json.dumps(counts, ensure_ascii=False, indent=2))
        if not leave:
            stage.invite()
            stage.keep_running(until=stop.is_set)


@cli.command()
@click.option("--message", required=True)
@click.option("--number", required=True, help="0002")
def migration(message: str, number: str) -> None:
    """Write the next migration from the tables in code (for developers)."""
    from campaigns.storage import schema

    built = parts.build(_settings())
    with built.engine.begin() as tx:
        schema.revise(tx, message=message, number=number)


@cli.command()
@click.argument("email")
@click.password_option(help="the new password, at least 12 characters")
def password(email: str, password: str) -> None:
    """Set a user's password from the shell, when nobody can log in any more."""
    from campaigns.services import accounts

    built = parts.build(_settings())
    if not accounts.set_password(built, email=email, password=password, now=built.clock.now()):
        raise click.ClickException("no user with this address")
    click.echo("done")


cli.add_command(sending_commands.dns)
cli.add_command(sending_commands.dkim)


if __name__ == "__main__":
    main()

"""The command line: `ikusei`. Each command puts the parts together and hands over."""

from __future__ import annotations

import json
import signal
import sys
import threading
from pathlib import Path

import click

from campaigns import (
    embedded,
    logs,
    parts,
    rank_commands,
    scenario_commands,
    scheduler,
    sending_commands,
    supervisor,
)
from campaigns import settings as environment
from campaigns.settings import Settings, SettingsError

AHEAD = 3  # months that `explain` looks ahead


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
def tracker() -> None:
    """Run the tracker (pixel, clicks, page beats) on its own (IKUSEI_TRACKER)."""
    from campaigns import tracker as entry
    from campaigns.children import Children

    chosen = _settings()
    if not chosen.tracker:
        raise click.ClickException("IKUSEI_TRACKER is not set: see docs/settings.md")
    stop = _told_to_stop()
    running = Children(chosen)
    running.start(entry.commands(chosen))
    try:
        while not stop.wait(0.1):
            running.look()
    finally:
        running.stop()


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
cli.add_command(scenario_commands.scenario)
cli.add_command(rank_commands.replay_ranks)


@cli.command()
@click.argument("address")
@click.option("--json", "as_json", is_flag=True, help="print one JSON object")
@click.option("--month", default="", metavar="2026-11", help="this month alone")
@click.option(
    "--months",
    default=6,
    show_default=True,
    type=click.IntRange(1, 120),
    help="months back, this one included",
)
@click.option("--lang", type=click.Choice(["en", "ja"]), default="en", show_default=True)
def explain(address: str, as_json: bool, month: str, months: int, lang: str) -> None:
    """Tell for each month why a person did or did not get a mail, and what comes next."""
    from campaigns.rules.schedule import month_of, parse_month
    from campaigns.services import explain as asked
    from campaigns.web import app, explain_text

    built = parts.build(_settings())
    now = built.clock.now()
    this = month_of(now, built.settings.tz)
    try:
        first, last = (parse_month(month),) * 2 if month else (this - months + 1, this + AHEAD)
    except ValueError:
        raise click.ClickException(f"{month!r} is no month: write it as 2026-11") from None
    try:
        mailbox, people = asked.address(built, address, first=first, last=last, now=now)
    except asked.Unknown:
        raise click.ClickException(f"nobody here has the address {address}") from None
    with explain_text.speaking(app.create(built), lang):
        if as_json:
            found = explain_text.as_json(mailbox, people)
            click.echo(json.dumps(found, ensure_ascii=False, indent=2))
        else:
            click.echo(explain_text.as_text(mailbox, people))


@cli.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--json", "as_json", is_flag=True, help="print one JSON list, an object a file")
def bounce(files: tuple[str, ...], as_json: bool) -> None:
    """Tell what raw returned mails say: who bounced, hard or soft, and why. `-` is standard input."""
    from mailer.bounces import files as mails

    told, unreadable = [], False
    for name in files:
        try:
            raw = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
        except (OSError, ValueError) as error:
            click.echo(f"ikusei: {name}: {getattr(error, 'strerror', None) or error}", err=True)
            unreadable = True
            continue
        found = mails.read_all(raw)
        kind = mails.gravest(found)
        recipients = [r for returned in found if returned.kind is kind for r in returned.recipients]
        told.append(
            {
                "file": name,
                "kind": kind.value,
                "recipients": [
                    {"address": r.address, "hard": r.hard, "status": r.status, "reason": r.reason}
                    for r in recipients
                ],
            }
        )
        if not as_json:
            for r in recipients:
                click.echo(f"{name}: {kind}: {r.address}: {r.side}: {r.reason} {r.status}: {r.words}")
            if not recipients:
                click.echo(f"{name}: {kind}: nobody named")
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False, indent=2))
    if unreadable:
        sys.exit(1)


if __name__ == "__main__":
    main()

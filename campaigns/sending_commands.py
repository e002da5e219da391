"""`ikusei dns` and `ikusei dkim`: what to publish, whether it stands, and the keys that sign."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

import click
from sqlalchemy.exc import SQLAlchemyError

from campaigns import parts as composition
from campaigns import settings as environment
from campaigns.parts import Parts
from campaigns.services import check_dns, dkim_keys, dns_records, resolver
from campaigns.services.check_dns import Checked, Report, State
from campaigns.services.dkim_keys import KeyState
from campaigns.services.dns_records import Identity
from campaigns.settings import Settings
from mailer.errors import DkimError
from mailer.sign import Algorithm

STATES = {
    State.UNCHECKED: "not checked",
    State.MATCH: "ok",
    State.MISMATCH: "WRONG",
    State.MISSING: "MISSING",
}
PROBLEMS = {
    "no_record": "there is no such record",
    "no_answer": "DNS gave no answer",
    "several": "there are {detail} records where receivers accept one",
    "no_keys": "this domain has no DKIM keys: mail goes out unsigned. Make them: ikusei dkim new {domain}",
    "keys_broken": "a DKIM key cannot be read: {detail}",
    "spf_several": "there are {detail} SPF records; receivers refuse more than one: merge them",
    "spf_syntax": "receivers cannot read {detail!r}",
    "spf_loop": "{detail} includes itself",
    "spf_include_broken": "{detail} is included and has no SPF record",
    "spf_too_many_lookups": "it needs {detail} DNS lookups, 10 are allowed",
    "spf_allows_everyone": "+all lets everybody send in your name",
    "spf_not_covered": "it does not cover {detail}",
    "spf_server_unknown": "a record stands; whether it names your server's address you have to look up",
    "dkim_no_key_record": "this is no DKIM key",
    "dkim_revoked": "the key is revoked (p= is empty)",
    "dkim_other_key": "another key is published",
    "dkim_other_type": "the key's type (k=) is another",
    "dkim_not_for_mail": "h= or s= does not allow this use",
    "dmarc_no_policy": "p= must be none, quarantine or reject",
    "mx_null": "the domain says that it takes no mail",
    "mx_no_address": "{detail} has no address",
}
NOTES = {
    "fill_in_server": "fill in the public address that your mail server sends from",
    "fill_in_mx": "fill in the server that takes mail for this domain",
    "spf_not_aligned": "the return path is of another organisation than From: DMARC rests on DKIM alone",
    "spf_open_end": "let it end in ~all or -all",
    "key_new": "new: does not sign yet; publish it, then: ikusei dkim activate {domain}",
    "key_active": "signs",
    "key_retired": "retired: keep it published for 7 days, mail under way is still verified",
    "no_keys": "",
    "dkim_testing": "t=y tells receivers to treat mail as unsigned; remove it",
    "rua_must_exist": "rua= must be a mailbox you read",
    "dmarc_of_parent": "the parent domain's record applies",
    "dmarc_advise_quarantine": "once the reports show only your own servers, move to p=quarantine",
    "dmarc_no_reports": "without rua= you get no reports",
    "dmarc_strict": "strict alignment: From, return path and DKIM must be exactly the same domain",
    "mx_implicit": "no MX record; mail goes to the domain's own address",
}
_ALGORITHMS = {
    "rsa2048": (Algorithm.RSA,),
    "ed25519": (Algorithm.ED25519,),
    "both": (Algorithm.RSA, Algorithm.ED25519),
}


@click.command()
@click.argument("domain", required=False)
@click.option("--json", "as_json", is_flag=True, help="print one JSON object")
def dns(domain: str | None, as_json: bool) -> None:
    """Print the SPF, DKIM, DMARC and MX records to publish, and check them.

    Without DOMAIN: of all sender profiles. Ends with 1 when a record is missing or wrong.
    """
    settings, now = environment.read(), datetime.now(UTC)
    reports = []
    try:
        built, known = _known(settings, must=domain is None)
        for who in known if domain is None else _chosen(settings, known, domain):
            made = check_dns.report(settings, who, lookup=resolver.of(settings), now=now)
            if built is not None:
                check_dns.remember(built, made)
            reports.append(made)
    except DkimError as error:
        raise click.ClickException(str(error)) from error
    if as_json:
        click.echo(json.dumps({"senders": [_as_json(one) for one in reports]}, ensure_ascii=False, indent=2))
    else:
        for one in reports:
            click.echo(_as_text(one))
    sys.exit(1 if any(one.is_wrong for one in reports) else 0)


def _known(settings: Settings, *, must: bool) -> tuple[Parts | None, list[Identity]]:
    """The domains of the sender profiles. A DOMAIN that is named works without the database too."""
    try:
        built = composition.build(settings)
        known = dns_records.identities(built)
    except (OSError, SQLAlchemyError) as error:
        if must:
            raise click.ClickException("the database is not running: name a DOMAIN") from error
        return None, []
    if must and not known:
        raise click.ClickException("no sender profile has a From address yet: name a DOMAIN")
    return built, known


def _chosen(settings: Settings, known: Sequence[Identity], domain: str) -> list[Identity]:
    name = dkim_keys.tidy(domain)
    own = [who for who in known if name in (who.sender, who.bounces, who.replies)]
    made = dns_records.identity(settings, from_address=f"x@{name}")
    return own or ([made] if made else [])


def _as_json(made: Report) -> dict[str, object]:
    return {
        "from_domain": made.who.sender,
        "return_path_domain": made.who.bounces,
        "reply_domain": made.who.replies,
        "checked": made.at is not None,
        "signs": made.signs,
        "records": [
            {
                "kind": one.wanted.kind.value,
                "type": one.wanted.type,
                "name": one.wanted.name,
                "value": one.to_publish.value,
                "zone": one.to_publish.zone_line,
                "state": one.state.value,
                "found": list(one.found),
                "problem": one.problem,
                "detail": one.detail,
                "notes": list(one.advice),
            }
            for one in made.checks
        ],
    }


def _as_text(made: Report) -> str:
    lines = [f"{made.who.sender}  (bounces to {made.who.bounces}, replies to {made.who.replies})"]
    if not made.signs:
        lines.append("  ! No DKIM key is active: mail from this domain goes out UNSIGNED.")
    if made.at is None:
        lines.append("  Not checked: no DNS resolver answers here.")
    for one in made.checks:
        lines.append("")
        lines.append(f"  {one.wanted.kind.upper():5} {STATES[one.state]:11} {one.wanted.name}")
        if line := one.to_publish.zone_line:
            lines.append(f"        publish: {line}")
        lines += [f"        found:   {_printable(text)}" for text in one.found]
        if one.problem:
            lines.append(f"        problem: {_said(PROBLEMS, one.problem, one)}")
        lines += [f"        note:    {said}" for note in one.advice if (said := _said(NOTES, note, one))]
    return "\n".join(lines) + "\n"


def _said(table: dict[str, str], code: str, one: Checked) -> str:
    words = table.get(code, code)
    return words.format(detail=_printable(one.detail), domain=one.wanted.domain)


def _printable(text: str) -> str:
    """Others write these records: nothing of theirs may steer a terminal."""
    return "".join(char if char.isprintable() else "?" for char in text)


@click.group()
def dkim() -> None:
    """Make, activate, retire and list the DKIM keys."""


@dkim.command(name="new")
@click.argument("domain")
@click.option("--algorithm", type=click.Choice(list(_ALGORITHMS)), default="both", show_default=True)
def new_(domain: str, algorithm: str) -> None:
    """Make keys for DOMAIN. They do not sign before they are activated."""
    settings, now = environment.read(), datetime.now(UTC)
    folder = dkim_keys.folder_of(settings)
    try:
        made = dkim_keys.make(folder, domain, algorithms=_ALGORITHMS[algorithm], now=now)
        lines = [dns_records.key_record(settings, key).zone_line for key in made]
    except DkimError as error:
        raise click.ClickException(str(error)) from error
    click.echo("Publish:\n")
    click.echo("\n".join(lines))
    click.echo(f"\nThen: ikusei dkim activate {made[0].domain}")


@dkim.command()
@click.argument("domain")
@click.option("--force", is_flag=True, help="without looking whether the records are published")
def activate(domain: str, force: bool) -> None:
    """Let the new keys of DOMAIN sign, when their records are published. The old ones retire."""
    settings = environment.read()
    folder = dkim_keys.folder_of(settings)
    try:
        name = dkim_keys.tidy(domain)
        news = [key for key in dkim_keys.stored(folder, name) if key.state is KeyState.NEW]
        checks = () if force else check_dns.check_keys(settings, news, resolver.of(settings))
        _must_stand(checks)
        active, retired = dkim_keys.activate(folder, name, now=datetime.now(UTC))
    except DkimError as error:
        raise click.ClickException(str(error)) from error
    if not force and any(one.state is State.UNCHECKED for one in checks):
        click.echo("The records were not checked: no DNS resolver answers here.")
    for key in active:
        click.echo(f"{key.selector} signs ({key.algorithm})")
    for key in retired:
        click.echo(f"{key.selector} is retired; keep its record published for {dkim_keys.KEPT.days} days")


def _must_stand(checks: Sequence[Checked]) -> None:
    wrong = [one for one in checks if one.is_wrong]
    if wrong:
        lines = [
            f"{one.wanted.name}: {_said(PROBLEMS, one.problem, one)}\n  expected: {one.wanted.zone_line}"
            + "".join(f"\n  found: {_printable(text)}" for text in one.found)
            for one in wrong
        ]
        raise DkimError("\n".join([*lines, "Publish them first, or use --force."]))


@dkim.command()
@click.argument("domain")
@click.argument("selector")
def retire(domain: str, selector: str) -> None:
    """Let one key of DOMAIN sign no more."""
    folder = dkim_keys.folder_of(environment.read())
    try:
        key = dkim_keys.retire(folder, domain, selector, now=datetime.now(UTC))
    except DkimError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{key.selector} is retired")


@dkim.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="print one JSON object")
def list_(as_json: bool) -> None:
    """All keys with their states."""
    settings, now = environment.read(), datetime.now(UTC)
    folder = dkim_keys.folder_of(settings)
    try:
        keys = [key for domain in dkim_keys.domains(folder) for key in dkim_keys.stored(folder, domain)]
    except DkimError as error:
        raise click.ClickException(str(error)) from error
    rows = [
        {
            "domain": key.domain,
            "selector": key.selector,
            "algorithm": key.algorithm.value,
            "state": key.state.value,
            "since": key.changed_at.date().isoformat(),
            "publish": key.is_published(now),
        }
        for key in keys
    ]
    if as_json:
        click.echo(json.dumps({"keys": rows}, indent=2))
        return
    if not rows:
        click.echo("no DKIM keys: make them with `ikusei dkim new DOMAIN`")
    for row in rows:
        record = "record stays published" if row["publish"] else "record may be removed"
        click.echo(
            f"{row['domain']}  {row['selector']}  {row['algorithm']}  {row['state']} since {row['since']}  {record}"
        )

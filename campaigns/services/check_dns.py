"""Check DNS: are SPF, DKIM, DMARC and MX published as this installation needs them?

Each check gives a state, what was found, and codes for what is wrong: `campaigns/web/dns_words.py` and the
command line word them. Nothing here sends or blocks mail.
Source: RFC 7208 (SPF), RFC 6376 section 3.6.1 (DKIM), RFC 7489 sections 6.3 and 6.6.3 (DMARC), RFC 7505
(null MX).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

import redis

from campaigns.parts import Parts
from campaigns.services import dns_records
from campaigns.services.dkim_keys import KeyState, StoredKey
from campaigns.services.dns_records import SERVER_UNKNOWN, Identity, Kind, Wanted
from campaigns.services.resolver import Lookup, Unreachable
from campaigns.settings import Settings
from mailer import spf

REMEMBERED = timedelta(days=30)
_FOUND_MAX = 2000  # characters of a found record that are shown and kept


class State(StrEnum):
    """unchecked also where the check could not decide."""

    UNCHECKED = "unchecked"
    MATCH = "match"
    MISMATCH = "mismatch"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Checked:
    """What became of one record. problem: a code, with what it is about in detail; notes: codes of advice.

    publish: what to publish now where that differs from wanted.value (an SPF record that stands already,
    with our server added).
    """

    wanted: Wanted
    state: State = State.UNCHECKED
    found: tuple[str, ...] = ()
    problem: str = ""
    detail: str = ""
    notes: tuple[str, ...] = ()
    publish: str = ""

    @property
    def is_wrong(self) -> bool:
        return self.state in (State.MISMATCH, State.MISSING)

    @property
    def advice(self) -> tuple[str, ...]:
        """Codes that still hold: what was to be filled in is done once the record matches."""
        if self.state is State.MATCH:
            return (*(note for note in self.wanted.notes if note.startswith("key_")), *self.notes)
        return (*self.wanted.notes, *self.notes)

    @property
    def to_publish(self) -> Wanted:
        return replace(self.wanted, value=self.publish) if self.publish else self.wanted


@dataclass(frozen=True, slots=True)
class Report:
    """All records of one sender's domains. at: when DNS was asked, None: not asked. signs: DKIM is active."""

    who: Identity
    checks: tuple[Checked, ...]
    signs: bool
    at: datetime | None = None

    @property
    def is_wrong(self) -> bool:
        return any(one.is_wrong for one in self.checks)


def report(settings: Settings, who: Identity, *, lookup: Lookup | None, now: datetime) -> Report:
    """The records of these domains, checked when there is a lookup."""
    wanted = dns_records.wanted(settings, who, now=now)
    checks = check(wanted, lookup)
    told = any((one.state is not State.UNCHECKED or one.found) and one.wanted.value for one in checks)
    return Report(who, checks, _signs(wanted), now if lookup is not None and told else None)


def check(wanted: Sequence[Wanted], lookup: Lookup | None) -> tuple[Checked, ...]:
    """Each record against DNS; without a lookup all stay unchecked."""
    return tuple(_one(record, lookup) for record in wanted)


def check_keys(settings: Settings, keys: Sequence[StoredKey], lookup: Lookup | None) -> tuple[Checked, ...]:
    """The records of these DKIM keys, before they begin to sign."""
    return check([dns_records.key_record(settings, key) for key in keys], lookup)


def remember(parts: Parts, made: Report) -> None:
    """Keep the outcome for the page. Only a convenience: without Redis the page shows 'unchecked' again."""
    if made.at is None:
        return
    rows = [
        {**asdict(one), "wanted": [one.wanted.kind, one.wanted.name, one.wanted.value]} for one in made.checks
    ]
    text = json.dumps({"at": made.at.isoformat(), "rows": rows})
    with suppress(redis.RedisError):
        parts.redis.set(_key(made.who), text, ex=REMEMBERED)


def last(parts: Parts, who: Identity, *, now: datetime) -> Report:
    """The records as they are wanted now, with what the last check found.

    A record that has changed since then is unchecked again.
    """
    made = report(parts.settings, who, lookup=None, now=now)
    try:
        raw = parts.redis.get(_key(who))
        kept = json.loads(raw) if isinstance(raw, bytes | str) else None
        if kept is None:
            return made
        known = {tuple(row["wanted"]): row for row in kept["rows"]}
        checks = tuple(_recalled(one, known) for one in made.checks)
        return replace(made, checks=checks, at=datetime.fromisoformat(kept["at"]))
    except (redis.RedisError, ValueError, KeyError, TypeError):
        return made


def _key(who: Identity) -> str:
    return f"ikusei:dns:{who.sender}:{who.bounces}:{who.replies}"


def _recalled(one: Checked, known: dict[tuple[str, ...], dict[str, object]]) -> Checked:
    row = known.get((one.wanted.kind, one.wanted.name, one.wanted.value))
    if row is None or one.wanted.broken:
        return one
    found, notes = row["found"], row["notes"]
    if not isinstance(found, list) or not isinstance(notes, list):
        raise TypeError("not as it was written")
    return Checked(
        one.wanted,
        State(str(row["state"])),
        tuple(map(str, found)),
        str(row["problem"]),
        str(row["detail"]),
        tuple(map(str, notes)),
        str(row["publish"]),
    )


def _signs(wanted: Sequence[Wanted]) -> bool:
    return any(one.key_state is KeyState.ACTIVE for one in wanted)


def _one(wanted: Wanted, lookup: Lookup | None) -> Checked:
    if wanted.broken:
        return Checked(wanted, State.MISMATCH, problem="keys_broken", detail=wanted.broken)
    if lookup is None:
        return Checked(wanted, problem="" if wanted.value else "no_keys")
    checks: dict[Kind, Callable[[Wanted, Lookup], Checked]] = {
        Kind.SPF: _spf,
        Kind.DKIM: _dkim,
        Kind.DMARC: _dmarc,
        Kind.MX: _mx,
    }
    try:
        done = checks[wanted.kind](wanted, lookup)
    except Unreachable:
        return Checked(wanted, State.UNCHECKED, problem="no_answer")
    return replace(done, found=tuple(text[:_FOUND_MAX] for text in done.found))


def _spf(wanted: Wanted, lookup: Lookup) -> Checked:
    found = spf.read(wanted.name, lookup)
    if found is None:
        return Checked(wanted, State.MISSING, problem="no_record")
    texts = tuple(spf.records(lookup.txt(wanted.name)))
    if found.problem:
        return Checked(wanted, State.MISMATCH, texts, f"spf_{found.problem}", found.detail)
    terms = wanted.value.split()[1:-1]
    lacking = [term for term in terms if term != SERVER_UNKNOWN and not _is_covered(term, found, lookup)]
    notes = () if found.ending in ("-", "~") else ("spf_open_end",)
    lookups = str(found.lookups)
    if lacking:
        merged = _merged(found.record, lacking)
        detail = " ".join(lacking)
        return Checked(wanted, State.MISMATCH, texts, "spf_not_covered", detail, notes, merged)
    if SERVER_UNKNOWN in terms:
        # The record stands and can be used; whether it names our server only its owner knows.
        return Checked(wanted, State.UNCHECKED, texts, "spf_server_unknown", lookups, notes, found.record)
    return Checked(wanted, State.MATCH, texts, detail=lookups, notes=notes, publish=found.record)


def _is_covered(term: str, found: spf.Spf, lookup: Lookup) -> bool:
    kind, _, value = term.partition(":")
    if kind == "include":
        return value in found.includes
    addresses = [value] if kind in ("ip4", "ip6") else lookup.addresses(value)
    return bool(addresses) and all(found.covers(address) for address in addresses)


def _merged(record: str, terms: Sequence[str]) -> str:
    """The record that stands with our terms added, before `all` or redirect=."""
    words = record.split()
    place = next(
        (i for i, word in enumerate(words) if re.fullmatch(r"[+?~-]?all|redirect=.*", word, re.IGNORECASE)),
        len(words),
    )
    return " ".join([*words[:place], *terms, *words[place:]])


def tags(text: str) -> dict[str, str]:
    """tag=value pairs of a DKIM or DMARC record."""
    pairs = (part.partition("=") for part in text.split(";") if "=" in part)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _dkim(wanted: Wanted, lookup: Lookup) -> Checked:
    if not wanted.value:
        return Checked(wanted, State.MISSING, problem="no_keys")
    texts = tuple(lookup.txt(wanted.name))
    if not texts:
        return Checked(wanted, State.MISSING, problem="no_record")
    if len(texts) > 1:
        return Checked(wanted, State.MISMATCH, texts, "several", str(len(texts)))
    ours, theirs = tags(wanted.value), tags(texts[0])
    problem = ""
    if theirs.get("v", "DKIM1") != "DKIM1" or "p" not in theirs:
        problem = "dkim_no_key_record"
    elif not theirs["p"]:
        problem = "dkim_revoked"
    elif re.sub(r"\s", "", theirs["p"]) != ours["p"]:
        problem = "dkim_other_key"
    elif theirs.get("k", "rsa") != ours["k"]:
        problem = "dkim_other_type"
    elif not _allows(theirs, "h", "sha256") or not _allows(theirs, "s", "email"):
        problem = "dkim_not_for_mail"
    notes = ("dkim_testing",) if "y" in theirs.get("t", "").split(":") else ()
    return Checked(wanted, State.MISMATCH if problem else State.MATCH, texts, problem, notes=notes)


def _allows(record: dict[str, str], tag: str, value: str) -> bool:
    words = [word.strip() for word in record.get(tag, "*").split(":")]
    return value in words or "*" in words


def _dmarc(wanted: Wanted, lookup: Lookup) -> Checked:
    texts: tuple[str, ...] = ()
    domain, is_parent = wanted.domain, False
    while "." in domain and not texts:
        found = lookup.txt(f"_dmarc.{domain}")
        texts = tuple(text for text in found if re.match(r"v\s*=\s*DMARC1\s*(?:;|\Z)", text))
        is_parent = bool(texts) and domain != wanted.domain
        domain = domain.partition(".")[2]
    if not texts:
        return Checked(wanted, State.MISSING, problem="no_record")
    if len(texts) > 1:
        return Checked(wanted, State.MISMATCH, texts, "several", str(len(texts)))
    record = tags(texts[0])
    policy = record.get("sp", record.get("p", "")) if is_parent else record.get("p", "")
    if policy.lower() not in ("none", "quarantine", "reject"):
        return Checked(wanted, State.MISMATCH, texts, "dmarc_no_policy", policy)
    notes = [
        code
        for code, holds in (
            ("dmarc_of_parent", is_parent),
            ("dmarc_advise_quarantine", policy.lower() == "none"),
            ("dmarc_no_reports", not record.get("rua")),
            ("dmarc_strict", "s" in (record.get("adkim"), record.get("aspf"))),
        )
        if holds
    ]
    return Checked(wanted, State.MATCH, texts, detail=policy.lower(), notes=tuple(notes), publish=texts[0])


def _mx(wanted: Wanted, lookup: Lookup) -> Checked:
    hosts = lookup.mx(wanted.name)
    texts = tuple(f"{rank} {host}." for rank, host in hosts)
    if not hosts:
        # RFC 5321 section 5.1: without MX the address itself takes the mail.
        if own := tuple(lookup.addresses(wanted.name)):
            return Checked(wanted, State.MATCH, own, notes=("mx_implicit",))
        return Checked(wanted, State.MISSING, problem="no_record")
    if not any(host for _, host in hosts):
        return Checked(wanted, State.MISMATCH, texts, "mx_null")
    if not any(lookup.addresses(host) for _, host in hosts if host):
        return Checked(wanted, State.MISMATCH, texts, "mx_no_address", hosts[0][1])
    return Checked(wanted, State.MATCH, texts, publish=texts[0])

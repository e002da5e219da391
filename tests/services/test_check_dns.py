"""What must stand in DNS, and what a check says about what stands there; asked of a real server on loopback."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from campaigns.parts import Parts
from campaigns.services import check_dns, dkim_keys, dns_records, resolver
from campaigns.services.check_dns import Checked, Report
from campaigns.services.dns_records import Identity, Kind
from campaigns.services.resolver import DnsLookup, Unreachable
from campaigns.settings import Settings
from mailer.sign import Algorithm
from tests import world
from tests.services.fake_dns import FakeDns, Zone

WHO = Identity("minori.example", "bounce.minori.example", "minori.example")
SMTP = "smtp://user:secret@smtp.relay.example:587"
SPF, DMARC = ("bounce.minori.example", "TXT"), ("_dmarc.minori.example", "TXT")
RELAY = {("smtp.relay.example", "A"): ["198.51.100.3"]}


def txt(*texts: str) -> list[str]:
    """Texts as a zone file has them: strings of at most 255."""
    return [" ".join(f'"{text[at : at + 255]}"' for at in range(0, len(text) or 1, 255)) for text in texts]


@pytest.fixture
def here(tmp_path: Path) -> Settings:
    return Settings(var=str(tmp_path), smtp_url=SMTP, base_url="https://mail.minori.example")


@pytest.fixture
def folder(here: Settings, now: datetime) -> Path:
    """With both keys of minori.example active."""
    made = dkim_keys.folder_of(here)
    dkim_keys.make(made, "minori.example", now=now)
    dkim_keys.activate(made, "minori.example", now=now)
    return made


def asked(here: Settings, zone: Zone, now: datetime, who: Identity = WHO) -> Report:
    with FakeDns(zone) as dns:
        lookup = DnsLookup([("127.0.0.1", dns.port)], timeout_s=1)
        return check_dns.report(here, who, lookup=lookup, now=now)


def of(report: Report, kind: Kind) -> Checked:
    return next(one for one in report.checks if one.wanted.kind is kind)


def said(one: Checked) -> tuple[str, str, str]:
    return one.state.value, one.problem, one.detail


def right(here: Settings, now: datetime) -> dict[tuple[str, str], Sequence[str]]:
    """Everything as it is wanted."""
    zone: dict[tuple[str, str], Sequence[str]] = {("mx.minori.example", "A"): ["192.0.2.9"], **RELAY}
    for one in dns_records.wanted(here, WHO, now=now):
        zone[one.name, one.type] = ["10 mx.minori.example."] if one.type == "MX" else txt(one.value)
    return zone


def test_everything_published_as_printed_is_right(here: Settings, folder: Path, now: datetime) -> None:
    made = asked(here, right(here, now), now)
    assert [(one.wanted.kind.value, one.state.value) for one in made.checks] == [
        ("spf", "match"), ("dkim", "match"), ("dkim", "match"), ("dmarc", "match"), ("mx", "match"), ("mx", "match"),
    ]  # fmt: skip
    assert (made.is_wrong, made.signs, made.at) == (False, True, now)
    assert [len(one.found) for one in made.checks] == [1] * 6


def test_nothing_published_is_missing_everywhere(here: Settings, folder: Path, now: datetime) -> None:
    made = asked(here, {}, now)
    assert {said(one) for one in made.checks} == {("missing", "no_record", "")}
    assert made.is_wrong


@pytest.mark.parametrize(
    ("record", "state", "problem", "detail"),
    [
        ("v=spf1 a:smtp.relay.example -all", "match", "", "1"),
        ("v=spf1 ip4:198.51.100.0/24 ~all", "match", "", "0"),
        ("v=spf1 include:_spf.relay.example ~all", "match", "", "1"),
        ("v=spf1 ip4:192.0.2.1 ~all", "mismatch", "spf_not_covered", "a:smtp.relay.example"),
        ("v=spf1 +all", "mismatch", "spf_allows_everyone", "+all"),
        ("v=spf1 ip4:198.51.100 ~all", "mismatch", "spf_syntax", "ip4:198.51.100"),
        ("v=spf1 " + "a:smtp.relay.example " * 11 + "~all", "mismatch", "spf_too_many_lookups", "11"),
        ("v=spf1 include:a..b ~all", "mismatch", "spf_include_broken", "a..b"),
    ],
)
def test_spf_is_read_as_receivers_do(
    here: Settings, now: datetime, record: str, state: str, problem: str, detail: str
) -> None:
    zone = {
        SPF: txt("other", record),
        ("_spf.relay.example", "TXT"): txt("v=spf1 ip4:198.51.100.3 -all"),
        **RELAY,
    }
    assert said(of(asked(here, zone, now), Kind.SPF)) == (state, problem, detail)


def test_a_record_that_lacks_our_server_is_shown_with_it_added(here: Settings, now: datetime) -> None:
    one = of(asked(here, {SPF: txt("v=spf1 include:_spf.other.example mx -all"), **RELAY,
                          ("_spf.other.example", "TXT"): txt("v=spf1 -all")}, now), Kind.SPF)  # fmt: skip
    assert one.to_publish.value == "v=spf1 include:_spf.other.example mx a:smtp.relay.example -all"


@pytest.mark.parametrize(
    ("url", "value"),
    [
        (
            "smtp://198.51.100.1:25",
            "v=spf1 ip4:SERVER-ADDRESS ~all",
        ),  # for documentation: not on the Internet
        ("smtp://8.8.8.8:25", "v=spf1 ip4:8.8.8.8 ~all"),
        ("smtp://[2a00::7]:25", "v=spf1 ip6:2a00::7 ~all"),
        ("smtp://127.0.0.1:25", "v=spf1 ip4:SERVER-ADDRESS ~all"),
        ("smtp://10.0.0.5", "v=spf1 ip4:SERVER-ADDRESS ~all"),
        ("smtp://localhost", "v=spf1 ip4:SERVER-ADDRESS ~all"),
        ("smtp://relay.local", "v=spf1 ip4:SERVER-ADDRESS ~all"),
        ("", "v=spf1 ip4:SERVER-ADDRESS ~all"),
        ("smtps://email-smtp.ap-northeast-1.amazonaws.com", "v=spf1 include:amazonses.com ~all"),
        (
            "smtp://a.relay.example smtp://u:p@b.relay.example:587?weight=2",
            "v=spf1 a:a.relay.example a:b.relay.example ~all",
        ),
    ],
)
def test_spf_names_the_servers_as_far_as_they_can_be_known(
    here: Settings, now: datetime, url: str, value: str
) -> None:
    (one,) = [w for w in dns_records.wanted(replace(here, smtp_url=url), WHO, now=now) if w.kind is Kind.SPF]
    assert one.value == value
    assert ("fill_in_server" in one.notes) == ("SERVER-ADDRESS" in value)


def test_a_server_only_its_owner_knows_leaves_spf_undecided(here: Settings, now: datetime) -> None:
    made = asked(replace(here, smtp_url="smtp://127.0.0.1"), {SPF: txt("v=spf1 mx -all")}, now)
    assert said(of(made, Kind.SPF)) == ("unchecked", "spf_server_unknown", "1")
    # The line to fill in, published as it is, does not pass for right.
    made = asked(
        replace(here, smtp_url="smtp://127.0.0.1"), {SPF: txt("v=spf1 ip4:SERVER-ADDRESS ~all")}, now
    )
    assert said(of(made, Kind.SPF)) == ("mismatch", "spf_syntax", "ip4:SERVER-ADDRESS")


@pytest.mark.parametrize(
    ("edit", "state", "problem"),
    [
        (lambda t: [t], "match", ""),
        (lambda t: [t.replace("v=DKIM1; ", "")], "match", ""),
        (lambda t: [t.replace("p=M", "p= M")], "match", ""),
        (lambda t: [t + "; t=s; s=email; h=sha256:sha1"], "match", ""),
        (lambda t: [t + "; h=sha1"], "mismatch", "dkim_not_for_mail"),
        (lambda t: [t + "; s=tlsrpt"], "mismatch", "dkim_not_for_mail"),
        (lambda t: [t.replace("k=rsa", "k=ed25519")], "mismatch", "dkim_other_type"),
        (lambda t: [t[:-9] + "AAAAAAAAA"], "mismatch", "dkim_other_key"),
        (lambda t: [t[:255]], "mismatch", "dkim_other_key"),  # cut by a form of the DNS provider
        (lambda t: [t.partition("p=")[0] + "p="], "mismatch", "dkim_revoked"),
        (lambda t: ["v=DKIM2; p=x"], "mismatch", "dkim_no_key_record"),
        (lambda t: ["hello"], "mismatch", "dkim_no_key_record"),
        (lambda t: [t, "hello"], "mismatch", "several"),
    ],
)  # fmt: skip
def test_a_dkim_record_must_hold_our_key(
    here: Settings, folder: Path, now: datetime, edit: object, state: str, problem: str
) -> None:
    wanted = next(
        one for one in dns_records.wanted(here, WHO, now=now) if one.value.startswith("v=DKIM1; k=rsa")
    )
    zone = {(wanted.name, "TXT"): txt(*edit(wanted.value))}  # type: ignore[operator]
    one = next(one for one in asked(here, zone, now).checks if one.wanted.name == wanted.name)
    assert said(one)[:2] == (state, problem)


def test_a_domain_without_active_keys_says_so_with_and_without_dns(here: Settings, now: datetime) -> None:
    made = check_dns.report(here, WHO, lookup=None, now=now)
    assert (made.signs, made.at, made.is_wrong) == (False, None, False)
    assert said(of(made, Kind.DKIM)) == ("unchecked", "no_keys", "")
    assert said(of(asked(here, {}, now), Kind.DKIM)) == ("missing", "no_keys", "")
    dkim_keys.make(dkim_keys.folder_of(here), "minori.example", now=now)
    made = check_dns.report(here, WHO, lookup=None, now=now)
    assert not made.signs
    assert "key_new" in of(made, Kind.DKIM).advice


def test_a_retired_key_is_wanted_for_a_week(here: Settings, folder: Path, now: datetime) -> None:
    later = now + timedelta(days=30)
    dkim_keys.make(folder, "minori.example", algorithms=(Algorithm.RSA,), now=later)
    dkim_keys.activate(folder, "minori.example", now=later)

    def selectors(at: datetime) -> list[str]:
        return [
            w.name.partition(".")[0] for w in dns_records.wanted(here, WHO, now=at) if w.kind is Kind.DKIM
        ]

    assert "ik20261124-rsa" in selectors(later + timedelta(days=6))
    assert selectors(later + timedelta(days=7)) == ["ik20261124-ed", "ik20261224-rsa"]


def test_keys_that_cannot_be_read_are_wrong_and_named(here: Settings, folder: Path, now: datetime) -> None:
    (folder / "minori.example" / "ik20261124-rsa.pem").write_text("x")
    made = check_dns.report(here, WHO, lookup=None, now=now)
    assert [one.problem for one in made.checks if one.wanted.kind is Kind.DKIM] == ["", "keys_broken"]
    assert made.is_wrong
    (folder / "minori.example" / "keys.json").write_text("{")
    made = check_dns.report(here, WHO, lookup=None, now=now)
    assert (of(made, Kind.DKIM).problem, made.signs) == ("keys_broken", False)


@pytest.mark.parametrize(
    ("texts", "state", "problem", "notes"),
    [
        (["v=DMARC1; p=none; rua=mailto:d@minori.example"], "match", "", ("dmarc_advise_quarantine",)),
        (["v=DMARC1;p=quarantine"], "match", "", ("dmarc_no_reports",)),
        (["v=DMARC1; p=Reject; rua=mailto:d@minori.example; adkim=s"], "match", "", ("dmarc_strict",)),
        (["v=DMARC1; rua=mailto:d@minori.example"], "mismatch", "dmarc_no_policy", ()),
        (["v=DMARC1; p=reject", "v=DMARC1; p=none"], "mismatch", "several", ()),
        (["v=DMARC2; p=none"], "missing", "no_record", ()),
    ],
)
def test_dmarc_is_read_with_advice(
    here: Settings, now: datetime, texts: list[str], state: str, problem: str, notes: tuple[str, ...]
) -> None:
    one = of(asked(here, {DMARC: txt(*texts)}, now), Kind.DMARC)
    assert (*said(one)[:2], one.notes) == (state, problem, notes)


def test_the_parent_domains_dmarc_applies_with_its_policy_for_subdomains(
    here: Settings, now: datetime
) -> None:
    who = replace(WHO, sender="news.minori.example")
    one = of(
        asked(here, {DMARC: txt("v=DMARC1; p=none; sp=reject; rua=mailto:d@x.example")}, now, who), Kind.DMARC
    )
    assert (one.state.value, one.detail, one.notes) == ("match", "reject", ("dmarc_of_parent",))


@pytest.mark.parametrize(
    ("zone", "state", "problem"),
    [
        (
            {("minori.example", "MX"): ["10 mx.example."], ("mx.example", "AAAA"): ["2001:db8::1"]},
            "match",
            "",
        ),
        ({("minori.example", "MX"): ["0 ."]}, "mismatch", "mx_null"),
        ({("minori.example", "MX"): ["10 gone.example."]}, "mismatch", "mx_no_address"),
        ({("minori.example", "A"): ["192.0.2.1"]}, "match", ""),
        ({("minori.example", "TXT"): ['"x"']}, "missing", "no_record"),
    ],
)
def test_bounces_and_replies_need_a_server_that_takes_them(
    here: Settings, now: datetime, zone: Zone, state: str, problem: str
) -> None:
    made = asked(here, zone, now)
    one = next(
        one for one in made.checks if one.wanted.kind is Kind.MX and one.wanted.name == "minori.example"
    )
    assert said(one)[:2] == (state, problem)


def test_a_name_that_fails_leaves_the_others_checked(here: Settings, folder: Path, now: datetime) -> None:
    made = asked(here, right(here, now) | {DMARC: ["SERVFAIL"]}, now)
    assert said(of(made, Kind.DMARC)) == ("unchecked", "no_answer", "")
    assert of(made, Kind.SPF).state == "match"


def test_without_an_answer_the_check_is_over_after_one_timeout(
    here: Settings, folder: Path, now: datetime
) -> None:
    with FakeDns({SPF: ["SILENT"]}) as dns:
        lookup = DnsLookup([("127.0.0.1", dns.port)], timeout_s=0.5)
        began = time.monotonic()
        made = check_dns.report(here, WHO, lookup=lookup, now=now)
        assert time.monotonic() - began < 2
        assert {name for name, _ in dns.asked} == {"bounce.minori.example"}
    assert {said(one) for one in made.checks} == {("unchecked", "no_answer", "")}
    assert (made.at, made.is_wrong) == (None, False)


def test_all_questions_together_take_no_longer_than_the_page_waits() -> None:
    with FakeDns({("a.example", "TXT"): txt("x"), ("b.example", "TXT"): ["SILENT"]}) as dns:
        lookup = DnsLookup([("127.0.0.1", dns.port)], timeout_s=0.3, total_s=0.5)
        assert lookup.txt("a.example") == ("x",)
        for name in ("b.example", "b.example", "c.example"):
            began = time.monotonic()
            try:
                lookup.txt(name)
            except Unreachable:
                continue
            finally:
                assert time.monotonic() - began < 0.45
        with pytest.raises(Unreachable):
            lookup.txt("d.example")
        assert lookup.txt("A.example.") == ("x",)  # kept


def test_settings_without_a_resolver_ask_nobody(here: Settings) -> None:
    assert resolver.of(replace(here, resolver="none")) is None
    assert resolver.of(replace(here, resolver="127.0.0.1:5300")) is not None


@pytest.fixture
def profiles(parts: Parts) -> Parts:
    with parts.engine.begin() as tx:
        world.sender(tx)
        world.sender(tx, from_address="info@news.minori.example", return_path_domain="")
        world.sender(tx, from_address="saeki@minori.example")
        world.sender(tx, from_address="")
        world.sender(tx, from_address="x@日本語.example", return_path_domain="")
    return parts


def test_every_profile_counts_once_with_the_domains_its_mail_really_uses(profiles: Parts) -> None:
    assert dns_records.identities(profiles) == [
        Identity("minori.example", "minori.example", "minori.example"),
        Identity("news.minori.example", "news.minori.example", "news.minori.example"),
        Identity("xn--wgv71a119e.example", "xn--wgv71a119e.example", "xn--wgv71a119e.example"),
    ]
    settings = replace(profiles.settings, reply_domain="in.minori.example")
    assert dns_records.identity(
        settings, from_address="a@minori.example", return_path_domain="b.example"
    ) == Identity("minori.example", "in.minori.example", "in.minori.example")


def test_the_page_remembers_the_last_check_until_the_record_changes(
    profiles: Parts, here: Settings, now: datetime
) -> None:
    parts = replace(profiles, settings=replace(profiles.settings, smtp_url=SMTP))
    assert {one.state for one in check_dns.last(parts, WHO, now=now).checks} == {"unchecked"}
    made = asked(parts.settings, {SPF: txt("v=spf1 mx ~all"), **RELAY}, now)
    check_dns.remember(parts, made)
    assert check_dns.last(parts, WHO, now=now + timedelta(days=1)) == made
    moved = replace(parts, settings=replace(parts.settings, smtp_url="smtp://other.example"))
    again = check_dns.last(moved, WHO, now=now)
    assert (of(again, Kind.SPF).state, of(again, Kind.DMARC).state) == ("unchecked", "missing")


@pytest.mark.parametrize(
    "raw", ["", "{", "[]", '{"at": 1, "rows": []}', '{"at": "2026-11-24T00:00:00+00:00", "rows": [{}]}']
)
def test_a_remembered_check_that_cannot_be_read_is_no_check(parts: Parts, now: datetime, raw: str) -> None:
    parts.redis.set("ikusei:dns:minori.example:bounce.minori.example:minori.example", raw)
    assert check_dns.last(parts, WHO, now=now).at is None


def test_zone_lines_hold_strings_of_at_most_255_octets(here: Settings, folder: Path, now: datetime) -> None:
    for one in dns_records.wanted(here, WHO, now=now):
        strings = one.zone_line.split('"')[1::2]
        assert all(len(text) <= 255 for text in strings)
        assert one.type == "MX" or "".join(strings) == one.value
    rsa = next(one for one in dns_records.wanted(here, WHO, now=now) if "k=rsa" in one.value)
    assert rsa.zone_line.count('"') == 4

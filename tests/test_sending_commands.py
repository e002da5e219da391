"""`ikusei dns` and `ikusei dkim`, with a DNS server on loopback and without any database."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from campaigns import sending_commands
from campaigns.commands import cli
from campaigns.parts import Parts
from campaigns.services.check_dns import State
from campaigns.services.dkim_keys import KeyState
from campaigns.web import dns_words
from tests import world
from tests.services.fake_dns import FakeDns

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """run("dns", "minori.example", resolver="127.0.0.1:5300"): one command in an empty installation."""

    def go(*words: str, **settings: str) -> Result:
        values = {"var": str(tmp_path), "resolver": "none"} | settings
        for name, value in values.items():
            monkeypatch.setenv(f"IKUSEI_{name.upper()}", value)
        return CliRunner().invoke(cli, words)

    return go


def keys(run: Run) -> dict[str, str]:
    return {
        key["selector"].split("-")[1]: key["state"]
        for key in json.loads(run("dkim", "list", "--json").output)["keys"]
    }


def test_without_a_resolver_the_records_are_printed_and_nothing_is_called_wrong(run: Run) -> None:
    answer = run("dns", "minori.example", smtp_url="smtp://out.relay.example")
    assert answer.exit_code == 0
    assert 'minori.example. IN TXT "v=spf1 a:out.relay.example ~all"' in answer.output
    assert (
        '_dmarc.minori.example. IN TXT "v=DMARC1; p=none; rua=mailto:dmarc@minori.example"' in answer.output
    )
    assert "not checked" in answer.output.lower()
    assert "UNSIGNED" in answer.output
    assert "ikusei dkim new minori.example" in answer.output


def test_from_new_keys_to_a_checked_signing_domain(run: Run) -> None:
    made = run("dkim", "new", "minori.example")
    assert made.exit_code == 0
    lines = [line for line in made.output.splitlines() if "._domainkey." in line]
    assert len(lines) == 2
    zone = {
        (line.split(". IN")[0], "TXT"): [" ".join(f'"{text}"' for text in line.split('"')[1::2])]
        for line in lines
    }
    with FakeDns({}) as dns:
        refused = run("dkim", "activate", "minori.example", resolver=dns.setting)
        assert refused.exit_code == 1
        assert "there is no such record" in refused.output
        assert "--force" in refused.output
        assert keys(run) == {"rsa": "new", "ed": "new"}
    with FakeDns(zone) as dns:
        done = run("dkim", "activate", "minori.example", resolver=dns.setting)
        assert (done.exit_code, "not checked" in done.output) == (0, False)
        assert keys(run) == {"rsa": "active", "ed": "active"}
        shown = json.loads(run("dns", "minori.example", "--json", resolver=dns.setting).output)["senders"][0]
        states = {one["name"]: one["state"] for one in shown["records"] if one["kind"] == "dkim"}
        assert (shown["signs"], shown["checked"], set(states.values())) == (True, True, {"match"})


def test_without_a_resolver_new_keys_are_activated_and_it_says_so(run: Run) -> None:
    run("dkim", "new", "minori.example", "--algorithm", "ed25519")
    done = run("dkim", "activate", "minori.example")
    assert (done.exit_code, "not checked" in done.output) == (0, True)
    run("dkim", "new", "minori.example", "--algorithm", "ed25519")
    with FakeDns({}) as dns:
        done = run("dkim", "activate", "minori.example", "--force", resolver=dns.setting)
        assert (done.exit_code, dns.asked) == (0, [])
    assert "keep its record published for 7 days" in done.output


def test_a_wrong_record_ends_with_1_and_shows_what_was_found_and_expected(run: Run) -> None:
    zone = {
        ("minori.example", "TXT"): ['"v=spf1 ip4:192.0.2.1 \\027[31m -all"'],
        ("out.relay.example", "A"): ["192.0.2.5"],
    }
    with FakeDns(zone) as dns:
        answer = run("dns", "minori.example", resolver=dns.setting, smtp_url="smtp://out.relay.example")
    assert answer.exit_code == 1
    assert "found:   v=spf1 ip4:192.0.2.1 ?[31m -all" in answer.output
    assert "\x1b" not in answer.output
    assert "WRONG" in answer.output
    assert "MISSING" in answer.output


def test_without_database_and_domain_it_says_what_to_do(run: Run) -> None:
    answer = run("dns")
    assert answer.exit_code == 1
    assert "name a DOMAIN" in answer.output
    for words in (
        ("dns", "x"),
        ("dkim", "new", "../x"),
        ("dkim", "activate", "minori.example"),
        ("dkim", "retire", "a.example", "x"),
    ):
        answer = run(*words)
        assert (answer.exit_code, answer.output.startswith("Error: ")) == (1, True)


def test_all_sender_profiles_are_printed(run: Run, parts: Parts) -> None:
    here = {"database_url": parts.settings.database_url, "redis_url": parts.settings.redis_url}
    assert "no sender profile" in run("dns", **here).output
    with parts.engine.begin() as tx:
        world.sender(tx)
        world.sender(tx, from_address="info@other.example", return_path_domain="bounce.other.example")
    shown = json.loads(run("dns", "--json", **here).output)["senders"]
    assert [(one["from_domain"], one["return_path_domain"]) for one in shown] == [
        ("minori.example", "minori.example"),
        ("other.example", "bounce.other.example"),
    ]
    (one,) = json.loads(run("dns", "other.example", "--json", **here).output)["senders"]
    assert one["return_path_domain"] == "bounce.other.example"


def test_every_code_has_words_in_the_shell_and_on_the_page() -> None:
    assert set(sending_commands.PROBLEMS) == set(dns_words.PROBLEMS)
    assert set(sending_commands.NOTES) - {"no_keys"} == set(dns_words.NOTES)
    assert set(sending_commands.STATES) == set(State) == set(dns_words.STATES) == set(dns_words.STATE_CHIPS)
    assert {f"key_{state}" for state in KeyState} <= set(dns_words.NOTES)

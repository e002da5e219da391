"""SPF records read: what is covered, what it costs, what receivers refuse."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailer import spf


class Zone:
    """DNS as a table; a name that is not in it is unknown."""

    def __init__(self, texts: Mapping[str, str | Sequence[str]]) -> None:
        self._texts = {name: [text] if isinstance(text, str) else list(text) for name, text in texts.items()}

    def txt(self, name: str) -> Sequence[str]:
        return self._texts.get(name, [])

    def mx(self, name: str) -> Sequence[tuple[int, str]]:
        return [(10, "mx.minori.example")] if name == "minori.example" else []

    def addresses(self, name: str) -> Sequence[str]:
        known = {"mx.minori.example": ["192.0.2.9"], "out.example": ["198.51.100.7", "2001:db8::7"]}
        return known.get(name, [])


def read(record: str | Sequence[str], **more: str) -> spf.Spf:
    found = spf.read(
        "minori.example", Zone({"minori.example": record} | {f"{k}.example": v for k, v in more.items()})
    )
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("record", "address", "is_covered", "lookups"),
    [
        ("v=spf1 ip4:192.0.2.1 -all", "192.0.2.1", True, 0),
        ("v=spf1 ip4:192.0.2.1 -all", "192.0.2.2", False, 0),
        ("v=spf1 ip4:192.0.2.0/24 ~all", "192.0.2.200", True, 0),
        ("V=SPF1 IP4:192.0.2.0/24 ~ALL", "192.0.2.200", True, 0),
        ("v=spf1 ip6:2001:db8::/32 -all", "2001:db8::5", True, 0),
        ("v=spf1 -ip4:192.0.2.1 ~all", "192.0.2.1", False, 0),
        ("v=spf1 mx -all", "192.0.2.9", True, 1),
        ("v=spf1 mx/24 -all", "192.0.2.77", True, 1),
        ("v=spf1 a:out.example -all", "198.51.100.7", True, 1),
        ("v=spf1 a:out.example//64 -all", "2001:db8::99", True, 1),
        ("v=spf1 include:one.example -all", "203.0.113.5", True, 1),
        ("v=spf1 ?include:one.example -all", "203.0.113.5", False, 1),
        ("v=spf1 include:two.example -all", "203.0.113.5", True, 2),
        ("v=spf1 redirect=one.example", "203.0.113.5", True, 1),
        ("v=spf1 -all redirect=one.example", "203.0.113.5", False, 0),
        ("v=spf1 exists:%{i}.x.example exp=why.example -all", "192.0.2.1", False, 1),
        ("v=spf1", "192.0.2.1", False, 0),
    ],
)
def test_who_may_send_and_what_it_costs(record: str, address: str, is_covered: bool, lookups: int) -> None:
    found = read(record, one="v=spf1 ip4:203.0.113.0/24 ~all", two="v=spf1 include:one.example -all")
    assert (found.covers(address), found.lookups, found.problem) == (is_covered, lookups, "")


@pytest.mark.parametrize(
    ("record", "problem", "detail"),
    [
        (["v=spf1 -all", "v=spf1 ~all"], "several", "2"),
        ("v=spf1 ipv4:192.0.2.1 -all", "syntax", "ipv4:192.0.2.1"),
        ("v=spf1 ip4:192.0.2.999 -all", "syntax", "ip4:192.0.2.999"),
        ("v=spf1 ip4:SERVER-ADDRESS ~all", "syntax", "ip4:SERVER-ADDRESS"),
        ("v=spf1 ip4:2001:db8::1 -all", "syntax", "ip4:2001:db8::1"),
        ("v=spf1 include:none.example -all", "include_broken", "none.example"),
        ("v=spf1 include:minori.example -all", "loop", "minori.example"),
        ("v=spf1 redirect=minori.example", "loop", "minori.example"),
        ("v=spf1 include:ring.example -all", "loop", "ring.example"),
        ("v=spf1 +all", "allows_everyone", "+all"),
        ("v=spf1 all", "allows_everyone", "+all"),
        ("v=spf1 " + "a:out.example " * 11 + "-all", "too_many_lookups", "11"),
        ("v=spf1 " + "a:out.example " * 99 + "-all", "too_many_lookups", "30+"),
    ],
)
def test_what_receivers_refuse_is_named(record: str | Sequence[str], problem: str, detail: str) -> None:
    found = read(record, ring="v=spf1 include:round.example", round="v=spf1 include:ring.example")
    assert (found.problem, found.detail) == (problem, detail)


def test_ten_lookups_are_allowed() -> None:
    assert read("v=spf1 " + "a:out.example " * 10 + "-all").problem == ""


def test_other_txt_records_are_no_spf() -> None:
    assert spf.read("minori.example", Zone({"minori.example": ["v=spf10 -all", "spf2.0/pra", "x"]})) is None


def test_an_included_record_does_not_end_ours() -> None:
    assert read("v=spf1 include:one.example ~all", one="v=spf1 +all").ending == "~"
    assert read("v=spf1 redirect=one.example", one="v=spf1 -all").ending == "-"
    assert read("v=spf1 mx").ending == ""


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(["v=spf1", "mx/99", "a//999", "ip4:", "ip6::::", "a:", "include:", "redirect=",
    "%{i}", "+", "-all:x", "exists:", "ptr", "\x00", "ip4:0/0", "a:out.example/0//0", "=", "a=b"]) | st.text(max_size=9)))  # fmt: skip
def test_a_hostile_record_is_read_without_an_error(terms: list[str]) -> None:
    found = spf.read("minori.example", Zone({"minori.example": " ".join(["v=spf1", *terms])}))
    assert found is not None
    found.covers("192.0.2.1")

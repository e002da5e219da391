from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.rules.page_rules import PageRule, PageRules, fits, problem, split

SITE = "https://www.example.co.jp"


@pytest.mark.parametrize(
    ("pattern", "path", "does"),
    [
        ("/price", "/price", True),
        ("/price", "/price/", True),
        ("/price", "/price/list", True),
        ("/price", "/price.html", True),
        ("/price", "/pricelist", False),
        ("/price/", "/price", False),
        ("/Price", "/PRICE/A", True),
        ("/", "/anything/below", True),
        ("/事例", "/事例/1", True),
        ("/case/*", "/case/", True),
        ("/case/*", "/case", False),
        ("*.pdf", "/a/b.pdf", True),
        ("*.pdf", "/a/b.pdf.html", False),
        ("/*/spec", "/eyeline/spec", True),
        ("/*/spec", "/eyeline/specs", False),
        ("*price*", "/en/pricelist", True),
        ("/a*a", "/a", False),
    ],
)
def test_a_pattern_is_the_beginning_of_a_path_or_has_stars(pattern: str, path: str, does: bool) -> None:
    assert fits(pattern, path) is does


@given(st.text("ab/*", min_size=1, max_size=8), st.text("ab/", max_size=12))
def test_stars_stand_for_anything(pattern: str, path: str) -> None:
    if "*" in pattern:
        glob = ".*".join(re.escape(part) for part in pattern.split("*"))
        assert fits(pattern, path) is bool(re.fullmatch(glob, path))


def test_many_stars_on_a_long_path_take_no_time() -> None:
    assert not fits("*a*a*a*a*b", "a" * 2000)


@pytest.mark.parametrize(
    ("pattern", "code"),
    [
        ("", "empty"),
        ("price", "start"),
        ("/" * 201, "too_long"),
        ("/*/*/*/*/*/*", "stars"),
        ("*.pdf", ""),
        ("/price", ""),
    ],
)
def test_what_is_wrong_with_a_pattern_has_a_code(pattern: str, code: str) -> None:
    assert problem(pattern) == code


def test_the_most_exact_rule_decides() -> None:
    rules = PageRules(
        [
            PageRule(1, "", "/", None, ("all",)),
            PageRule(2, "", "/price", 7, ("price",), True),
            PageRule(3, "", "/price*", 8),
            PageRule(4, SITE, "/p", 9),
            PageRule(5, SITE, "/p*", 10, ("p",)),
        ]
    )
    assert rules.of("https://other.example/price/").rule == PageRule(2, "", "/price", 7, ("price",), True)
    assert rules.of("https://other.example/about").tags == ("all",)
    assert rules.of(f"{SITE}/p/1").product_id == 9
    assert rules.of(f"{SITE}/price/").product_id == 10, "a rule for this site goes before one for all"


def test_a_rule_decides_alone_and_without_one_the_page_is_guessed() -> None:
    rules = PageRules([PageRule(1, "", "/price/old", None, (), False)])
    assert rules.of(f"{SITE}/price/new").is_key
    assert rules.of(f"{SITE}/price/new").rule is None
    assert not rules.of(f"{SITE}/price/old").is_key
    assert rules.of(f"{SITE}/x", "導入事例").is_key


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        (f"{SITE}/price/?a=1#b", (SITE, "/price/")),
        ("https://WWW.Example.co.jp", (SITE, "/")),
        ("/price/", ("", "/price/")),
        (f"{SITE}/%E4%BA%8B%E4%BE%8B", (SITE, "/事例")),
        ("http://[", ("", "")),
    ],
)
def test_an_address_is_a_site_and_a_path(url: str, parts: tuple[str, str]) -> None:
    assert split(url) == parts


@given(st.text(max_size=60))
def test_no_address_breaks_the_rules(url: str) -> None:
    rule = PageRule(1, "", "*a*")
    assert PageRules([rule]).of(url, url).rule in (None, rule)

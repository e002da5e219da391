"""Forms as rules: what may be published, how answers are read, who looks like a machine, when the door is open."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.rules import form_answers, form_texts, forms
from campaigns.rules.form_answers import Manner
from campaigns.rules.forms import FIELDS, LANGS, Consent, Design, Door, Field, Kind
from campaigns.rules.touchpoints import KINDS, Group

SEMINAR = form_texts.start(Kind.SEMINAR_APPLY)
QUOTE = form_texts.start(Kind.QUOTE_REQUEST)


@pytest.mark.parametrize("kind", Kind)
def test_a_form_of_each_kind_is_ready_in_both_languages_and_survives_storage(kind: Kind) -> None:
    design = form_texts.start(kind)
    assert forms.check(design) == {}
    assert forms.from_json(json.loads(json.dumps(forms.as_json(design)))) == design
    assert KINDS[kind.touch].group in (Group.FORM, Group.TALK)


def test_a_request_for_material_asks_for_exactly_two_things() -> None:
    needed = [one.key for one in form_texts.start(Kind.DOC_REQUEST).fields if one.need]
    assert needed == ["email", "company"]


def test_signing_up_for_a_newsletter_counts_half_of_a_seminar() -> None:
    row, seminar = KINDS[Kind.NEWSLETTER.touch], KINDS[Kind.SEMINAR_APPLY.touch]
    assert (row.depth, row.points) == (seminar.depth, seminar.points / 2)


@pytest.mark.parametrize(
    ("changed", "wrong"),
    [
        ({"langs": ()}, {"langs": "missing"}),
        ({"fields": (Field("company"),)}, {"fields": "mail_missing"}),
        ({"fields": (Field("email"),)}, {"fields": "mail_missing"}),
        ({"fields": (Field("email", True), Field("ask_line", label={"ja": "何台"}))}, {"label-ask_line-en": "missing"}),
        ({"fields": (Field("email", True), Field("theme"))}, {"options-theme-ja": "missing", "options-theme-en": "missing"}),
        (
            {"fields": (Field("email", True), Field("theme", options={"ja": ("甲", "乙"), "en": ("a",)}))},
            {"options-theme-en": "uneven"},
        ),
    ],
)  # fmt: skip
def test_what_keeps_a_form_from_being_published_is_named_by_its_place(
    changed: dict[str, Any], wrong: dict[str, str]
) -> None:
    assert forms.check(replace(SEMINAR, **changed)) == wrong


@pytest.mark.parametrize("name", ["title", "purpose", "consent", "button", "thanks_title"])
def test_words_that_the_law_or_the_visitor_needs_may_not_be_missing(name: str) -> None:
    said = {**SEMINAR.words, "en": replace(SEMINAR.said("en"), **{name: "  "})}
    assert forms.check(replace(SEMINAR, words=said)) == {f"{name}-en": "missing"}
    no_consent = replace(SEMINAR, words=said, consent=Consent.NONE)
    assert forms.check(no_consent) == ({} if name == "consent" else {f"{name}-en": "missing"})


@pytest.mark.parametrize(
    ("url", "is_one"),
    [
        ("https://www.minori.example/thanks?x=1", True),
        ("http://minori.example", True),
        ("javascript:alert(1)", False),
        ("//evil.example", False),
        ("https://user:secret@evil.example/", False),
        ("https://a b", False),
        ('https://x"y', False),
        ("https://", False),
        ("/thanks", False),
        ("https://x.example/" + "a" * 2000, False),
        ("http://[::1", False),
    ],
)
def test_only_a_plain_web_address_may_be_led_to(url: str, is_one: bool) -> None:
    assert forms.is_address(url) is is_one


@pytest.mark.parametrize(
    ("sent", "value", "error"),
    [
        ("a@b.example", "a@b.example", None),
        (" ａ＠ｂ．example ", "a@b.example", None),
        ("", None, "missing"),
        ("abc", "abc", "mail_odd"),
        ("a@b", "a@b", "mail_odd"),
        ("a@b.example, c@d.example", "a@b.example, c@d.example", "mail_two"),
        ("a@b.example\r\nBcc: x@y.example", None, "mail_odd"),
        ("a@b.example\nx@y.example", None, "mail_odd"),
        ("=1+1@b.example", "=1+1@b.example", "mail_odd"),
        ("＝1+1@b.example", "＝1+1@b.example", "mail_odd"),
        ("a\u202e@b.example", None, "mail_odd"),
        ("a" * 300 + "@b.example", "a" * 300 + "@b.example", "too_long"),
        ("<a@b.example>", "a@b.example", None),
    ],
)
def test_a_mail_address_is_one_mailbox_and_nothing_else(
    sent: str, value: str | None, error: str | None
) -> None:
    read = form_answers.read(Design(Kind.NEWSLETTER, fields=(Field("email", True),)), {"email": [sent]})
    assert (read.values.get("email"), read.errors.get("email")) == (value, error)


@pytest.mark.parametrize(
    ("sent", "places", "error"),
    [
        (["0", "2"], [0, 2], None),
        (["2", "0", "0"], [0, 2], None),
        (["3"], None, "unknown"),
        (["-1"], None, "unknown"),
        (["²"], None, "unknown"),
        (["0", "x"], None, "unknown"),
        (["9" * 5000], None, "unknown"),
        ([], None, "missing"),
        ([""], None, "missing"),
    ],
)
def test_options_are_chosen_by_their_place_so_both_languages_agree(
    sent: list[str], places: list[int] | None, error: str | None
) -> None:
    read = form_answers.read(SEMINAR, {"theme": sent})
    assert (read.values.get("theme"), read.errors.get("theme")) == (places, error)


def test_of_one_to_choose_only_one_is_taken() -> None:
    assert form_answers.read(QUOTE, {"timeframe": ["1", "2"]}).values["timeframe"] == [1]


@given(st.dictionaries(st.sampled_from(sorted(FIELDS)), st.lists(st.text(max_size=60), max_size=4)))
def test_whatever_is_sent_is_read_without_failing_and_holds_no_control_or_line_break(
    sent: dict[str, list[str]],
) -> None:
    fields = tuple(Field(key, options={"ja": ("甲", "乙")} if key in forms.CHOICES else {}) for key in FIELDS)
    read = form_answers.read(Design(Kind.INQUIRY, fields=fields), sent)
    for key, value in read.values.items():
        if isinstance(value, str):
            lines = value.replace("\n", "") if FIELDS[key].input is forms.Input.TEXT else value
            assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in lines.replace("\t", ""))
    for lang in LANGS:
        form_answers.labelled(Design(Kind.INQUIRY, fields=fields), read.values, lang)


def test_answers_are_shown_in_the_readers_language_and_themes_hold_no_comma() -> None:
    fields = (Field("theme", options={"ja": ("価格,納期", "事例"), "en": ("Price, delivery", "Cases")}),)
    design = replace(SEMINAR, fields=fields)
    assert form_answers.shown(design, {"theme": [0, 1]}, "en") == [("theme", "Price, delivery, Cases")]
    assert form_answers.themes(design, {"theme": [0, 1]}) == ("価格、納期", "事例")


SLOW = timedelta(seconds=9)


@pytest.mark.parametrize(
    ("manner", "values", "signs"),
    [
        (
            Manner("", SLOW),
            {"company": "掛川精工", "message": "https://a.example と https://b.example を見て"},
            (),
        ),
        (Manner("x", SLOW), {}, ("trap",)),
        (Manner(" ", SLOW), {}, ()),
        (Manner("", timedelta(seconds=2)), {}, ("haste",)),
        (Manner("", timedelta(seconds=2), is_filled_in=True), {}, ()),
        (Manner("", timedelta(seconds=0), is_filled_in=True), {}, ("haste",)),
        (Manner("", SLOW), {"company": "www.spam.example"}, ("links",)),
        (Manner("", SLOW), {"message": "http://a http://b http://c"}, ("links",)),
        (Manner("", SLOW), {"message": "<a href=x> <A HREF=y> [url=z]"}, ("links",)),
        (Manner("", SLOW, is_crawler=True), {}, ("crawler",)),
        (Manner("", SLOW, from_net=10, to_address=5), {}, ()),
        (Manner("", SLOW, from_net=11, to_address=6), {}, ("many_net", "many_address")),
    ],
)
def test_what_makes_an_entry_look_like_a_machines(
    manner: Manner, values: dict[str, object], signs: tuple[str, ...]
) -> None:
    assert form_answers.machine(QUOTE, values, manner) == signs


TODAY = date(2026, 11, 24)
OPEN = {
    "state": "open", "closes_on": None, "event_over": False, "capacity": None, "taken": 0, "has_waiting_list": False,
    "today": TODAY,
}  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "door"),
    [
        ({}, Door.OPEN),
        ({"state": "draft"}, Door.CLOSED),
        ({"state": "closed"}, Door.CLOSED),
        ({"closes_on": TODAY}, Door.OPEN),
        ({"closes_on": TODAY - timedelta(days=1)}, Door.CLOSED),
        ({"event_over": True}, Door.CLOSED),
        ({"capacity": 5, "taken": 4}, Door.OPEN),
        ({"capacity": 5, "taken": 5}, Door.FULL),
        ({"capacity": 5, "taken": 6, "has_waiting_list": True}, Door.WAITING),
        ({"capacity": 5, "taken": 5, "has_waiting_list": True, "state": "closed"}, Door.CLOSED),
    ],
)
def test_when_a_form_takes_entries(changed: dict[str, Any], door: Door) -> None:
    assert forms.door(**{**OPEN, **changed}) is door


def test_the_order_follows_the_numbers_and_the_mail_address_is_always_asked() -> None:
    found = forms.arranged([Field("name"), Field("tel")], order={"tel": 1, "email": 2, "name": 3})
    assert [(one.key, one.need) for one in found] == [("tel", False), ("email", True), ("name", False)]

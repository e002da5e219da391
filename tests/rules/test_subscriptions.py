from datetime import UTC, datetime, timedelta

import pytest

from campaigns.rules.subscriptions import (
    ConsentFact,
    RefusalFact,
    covers,
    mask,
    parse_reply,
    successor,
)

T0 = datetime(2026, 6, 1, tzinfo=UTC)


def at(days: float) -> datetime:
    return T0 + timedelta(days=days)


ENROLLED = at(1)
CARD = ConsentFact("card_written", at(0))


def answer(consents, refusals, product=1, enrolled=ENROLLED) -> str | None:
    found = covers(consents, refusals, product_id=product, enrolled_at=enrolled)
    assert found.ok == (found.reason is None)
    return found.reason


def test_without_any_consent_nobody_is_mailed():
    assert answer([], []) == "no_consent"
    assert answer([ConsentFact("opt_in", at(0), product_id=2)], []) == "no_consent"
    assert answer([ConsentFact("opt_in", at(0), withdrawn_at=at(1))], []) == "no_consent"


@pytest.mark.parametrize("basis", ["opt_in", "card_written", "business_relation", "published"])
def test_any_basis_covers_as_long_as_nobody_refuses(basis):
    assert answer([ConsentFact(basis, at(0))], []) is None


def test_refusing_one_product_leaves_the_other_deliverable():
    stop = [RefusalFact("product", at(5), product_id=1)]
    assert answer([CARD], stop, product=1) == "refused_product"
    assert answer([CARD], stop, product=2) is None


def test_a_global_refusal_stops_everything_and_is_the_reason_told():
    stop = [RefusalFact("product", at(5), product_id=1), RefusalFact("global", at(6))]
    assert answer([CARD], stop, product=1) == "refused_global"
    assert answer([CARD], stop, product=2) == "refused_global"


def test_an_unknown_scope_is_unspecific_and_stops_everything():
    assert answer([CARD], [RefusalFact("channel", at(5))]) == "refused_channel"


def test_a_refusal_of_new_products_spares_what_was_running():
    stop = [RefusalFact("new_products", at(5))]
    assert answer([CARD], stop, enrolled=at(4)) is None
    assert answer([CARD], stop, enrolled=at(6)) == "refused_new_products"
    assert answer([CARD], stop, enrolled=None) == "refused_new_products"


def test_an_own_later_opt_in_lifts_only_the_scope_it_names():
    stop = [RefusalFact("global", at(5))]
    again = ConsentFact("opt_in", at(9), product_id=1)
    assert answer([CARD, again], stop, product=1) is None
    assert answer([CARD, again], stop, product=2) == "refused_global"
    assert answer([CARD, ConsentFact("opt_in", at(9))], stop, product=2) is None


def test_an_opt_in_before_or_at_the_moment_of_the_refusal_lifts_nothing():
    stop = [RefusalFact("product", at(5), product_id=1)]
    assert answer([ConsentFact("opt_in", at(4))], stop) == "refused_product"
    assert answer([ConsentFact("opt_in", at(5))], stop) == "refused_product"


@pytest.mark.parametrize("basis", ["card_written", "business_relation", "published"])
def test_a_card_collected_again_does_not_lift_a_refusal(basis):
    stop = [RefusalFact("global", at(5))]
    assert answer([CARD, ConsentFact(basis, at(99))], stop) == "refused_global"


def test_an_opt_in_is_not_good_for_a_refusal_that_came_after_it():
    stops = [RefusalFact("global", at(5)), RefusalFact("product", at(20), product_id=1)]
    assert answer([ConsentFact("opt_in", at(9))], stops, product=1) == "refused_product"
    assert answer([ConsentFact("opt_in", at(9))], stops, product=2) is None


def test_a_lifted_refusal_no_longer_stops():
    assert answer([CARD], [RefusalFact("global", at(5), lifted_at=at(6))]) is None


def test_a_withdrawn_opt_in_lifts_nothing():
    stop = [RefusalFact("global", at(5))]
    assert answer([CARD, ConsentFact("opt_in", at(9), withdrawn_at=at(10))], stop) == "refused_global"


def test_refusals_follow_the_product_to_its_successor():
    stops = [
        RefusalFact("product", at(5), 1),
        RefusalFact("product", at(5), 1, at(6)),
        RefusalFact("global", at(5)),
    ]
    assert successor(stops, old_product_id=1, new_product_id=3) == [RefusalFact("product", at(5), 3)]


@pytest.mark.parametrize(
    "text",
    [
        "今後の配信を停止してください。",
        "お世話になっております。\n\n青葉精機の見本です。\n\nメールは不要です。",
        "登録解除をお願いします",
        "もう送らないでください",
        "UNSUBSCRIBE",
        "ＵＮＳＵＢＳＣＲＩＢＥ please",
        "ご返信は不要です。配信停止をお願いします。",
    ],
)
def test_a_reply_that_asks_to_stop_is_a_refusal_to_be_reviewed(text):
    intent = parse_reply(text)
    assert (intent.refusal, intent.review, intent.auto) == (True, True, False)
    assert intent.word


@pytest.mark.parametrize(
    "text",
    [
        "",
        "資料をありがとうございます。来週お電話ください。",
        "見積りをお願いします。\n> 配信停止はこちら\n> unsubscribe",
        "よろしくお願いします。\n\n-----Original Message-----\n配信停止はこちら",
        "了解です。\n2026年11月10日(火) 10:00 営業部 <sales@maker.example>:\n配信停止はこちら",
        "Thanks.\nOn Tue, 10 Nov 2026 someone wrote:\nunsubscribe here",
        "ありがとうございました。ご返信は不要です。",
        "一\n二\n三\n四\n五\n配信停止",
    ],
)
def test_other_replies_refuse_nothing(text):
    assert parse_reply(text) == parse_reply("")


def test_a_false_hit_is_accepted_and_reviewed():
    assert parse_reply("停止していたラインが動きました。").review


def test_an_out_of_office_answer_is_a_machine_s_and_refuses_nothing():
    intent = parse_reply("これは自動返信です。返信不要。このアドレスは停止しました。")
    assert (intent.auto, intent.refusal) == (True, False)
    assert parse_reply("Thank you", subject="Automatic reply: 精度").auto


def test_only_a_subject_of_their_own_counts():
    assert parse_reply("", subject="配信停止").refusal
    assert parse_reply("", subject="unsubscribe").refusal
    assert not parse_reply("参考になりました", subject="Re: ライン停止を防ぐ三つの工夫").refusal
    assert not parse_reply("参考になりました", subject="ＲＥ：ライン停止を防ぐ三つの工夫").refusal


def test_a_huge_reply_is_read_quickly():
    assert parse_reply("あ" * 5_000_000 + "停止") == parse_reply("")
    assert not parse_reply("> 停止\n" * 200_000).refusal


@pytest.mark.parametrize(
    ("email", "shown"),
    [
        ("t.watanabe@hamana-techno.example", "t.w•••••@hamana-techno.example"),
        ("ab@x.example", "a•••••@x.example"),
        ("a@x.example", "a•••••@x.example"),
        ("sales@x.example", "sa•••••@x.example"),
        ('"a@b"@x.example', '"a•••••@x.example'),
        ("nonsense", "•••••"),
        ("", "•••••"),
    ],
)
def test_an_address_is_shown_masked(email, shown):
    assert mask(email) == shown

"""Several ways out: what may be written, what is said of it when it is wrong, and who takes which mail."""

from __future__ import annotations

from collections import Counter

import pytest

from campaigns import settings
from campaigns.settings import SettingsError
from mailer import accounts
from mailer.accounts import AccountError, choose

SECRET = "s3cr3t"
TWO = (
    f"smtp://user:{SECRET}@relay.example:587?name=main&weight=3&rate=600/min&per_connection=100&lanes=4\n"
    f"  smtps://user:{SECRET}@second.example?helo=mail.maker.example&starttls=require"
)


def test_accounts_are_read_with_their_options() -> None:
    main, second = accounts.parse(TWO)
    assert (main.name, main.weight, main.rate_per_s, main.per_connection, main.lanes) == (
        "main",
        3.0,
        10.0,
        100,
        4,
    )
    assert (second.name, second.weight, second.rate_per_s, second.helo) == (
        "second.example",
        1.0,
        0.0,
        "mail.maker.example",
    )
    assert (second.per_connection, second.lanes) == (None, 2)
    assert main.place == "smtp://relay.example:587"
    assert accounts.parse("  \n ") == ()


def test_one_plain_url_is_one_account_as_before() -> None:
    (account,) = accounts.parse("smtp://127.0.0.1:2525")
    assert (account.name, account.url, account.weight) == ("127.0.0.1", "smtp://127.0.0.1:2525", 1.0)
    (v6,) = accounts.parse("smtp://[::1]:2525")
    assert v6.place == "smtp://[::1]:2525"
    assert [account.name for account in accounts.parse("memory:?answer=450&name=a file:///tmp/mails")] == [
        "a",
        "kept",
    ]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"smtp://u:{SECRET}@a.example?wait=1", "no option 'wait'"),
        (f"smtp://u:{SECRET}@a.example?weight=heavy", "weight is a number from 0 to 1000"),
        (f"smtp://u:{SECRET}@a.example?weight=-1", "weight is"),
        (f"smtp://u:{SECRET}@a.example?rate=fast", "no rate"),
        (f"smtp://u:{SECRET}@a.example?lanes=0", "lanes is a whole number from 1 to 16"),
        (f"smtp://u:{SECRET}@a.example?per_connection=x", "per_connection is"),
        (f"smtp://u:{SECRET}@a.example?starttls=maybe", "starttls is require or none"),
        (f"smtp://u:{SECRET}@a.example?name=本社", "name is up to 40"),
        (f"smtp://u:{SECRET}@a.example?name=a&name=b", "name stands twice"),
        (f"smtp://u:{SECRET}@a.example?helo=not_a_host", "domain_invalid"),
        (f"smtp://u:{SECRET}@a_b.example", "domain_invalid"),
        (f"smtp://u:{SECRET}@a.example smtp://v:{SECRET}@a.example", "give each a name"),
        (f"smtp://u:{SECRET}@a.example?weight=0", "weight=0"),
        (f"smtp://u:{SECRET}@a.example#x", "%23"),
        (f"smtp://u:{SECRET}/x@a.example:587", "account 1 cannot be read"),
        (f"smtp://u:12{SECRET}?@a.example:587", "account 1 cannot be read"),
        (f"smtp://u:{SECRET}#x@a.example", "account 1 cannot be read"),
        (f"smtp://u:pass {SECRET}@a.example:587", "account 1 cannot be read"),
        (f"smtp://u:12?{SECRET}=1@a.example:587", "account 1 cannot be read"),
        (f"smtp://u:12/{SECRET}@a.example:587", "account 1 cannot be read"),
        (f"smtp://u:{SECRET}@[::1", "account 1 cannot be read"),
        (f"http://u:{SECRET}@a.example", "account 1 cannot be read"),
        (f"{SECRET}", "account 1 cannot be read"),
    ],
)
def test_a_wrong_account_is_named_and_its_password_never_shown(text: str, says: str) -> None:
    with pytest.raises(AccountError, match=says) as caught:
        accounts.parse(text)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    with pytest.raises(SettingsError, match="IKUSEI_SMTP_URL") as refused:
        settings.read({"IKUSEI_SMTP_URL": text})
    assert SECRET not in str(refused.value)


def test_no_repr_of_an_account_shows_its_password() -> None:
    assert SECRET not in repr(accounts.parse(TWO))


def test_settings_know_their_accounts_and_limits() -> None:
    read = settings.read({"IKUSEI_SMTP_URL": TWO, "IKUSEI_DOMAIN_RATES": "gmail.com=1/s,*=9/s"})
    assert [account.name for account in read.accounts()] == ["main", "second.example"]
    assert read.limits().of("account:main").per_s == 10.0
    assert read.limits().of("other.example").per_s == 9.0
    assert not read.practice
    assert settings.read({}).accounts() == ()
    with pytest.raises(SettingsError, match="IKUSEI_DOMAIN_RATES: 'fast' is no rate"):
        settings.read({"IKUSEI_DOMAIN_RATES": "gmail.com=fast"})


def test_mails_are_shared_by_weight_and_each_keeps_its_account() -> None:
    three = accounts.parse("memory:?name=a&weight=1 memory:?name=b&weight=3 memory:?name=spare&weight=0")
    chosen = {key: choose(three, key=key).name for key in range(8000)}  # type: ignore[union-attr]
    counts = Counter(chosen.values())
    assert set(counts) == {"a", "b"}
    assert 1850 <= counts["a"] <= 2150
    assert chosen == {key: choose(three[::-1], key=key).name for key in range(8000)}  # type: ignore[union-attr]


def test_an_account_that_rests_moves_its_own_mails_alone() -> None:
    three = accounts.parse("memory:?name=a memory:?name=b memory:?name=c")
    for key in range(2000):
        usual, without = choose(three, key=key), choose(three, healthy={"a", "c"}, key=key)
        assert usual is not None
        assert without is not None
        assert without.name in ("a", "c")
        if usual.name != "b":
            assert without.name == usual.name


def test_a_named_account_is_never_replaced_by_another() -> None:
    two = accounts.parse("memory:?name=a memory:?name=b&weight=0")
    assert choose(two, wanted_name="b", key=1) == two[1]
    assert choose(two, wanted_name="b", healthy={"a"}, key=1) is None
    assert choose(two, wanted_name="gone", key=1) is None
    assert choose(two, healthy=set(), key=1) is None
    assert choose((), key=1) is None

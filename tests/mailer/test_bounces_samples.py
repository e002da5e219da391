"""The bars on real returned mails: recipients found, hard told from soft, nothing raised."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from mailer.bounces import REASONS, Returned, files, read
from mailer.bounces import read as public_read
from mailer.bounces.read import _read
from tests.mailer.bounce_corpus import labels, samples


def found_in(raw: bytes) -> list[bool]:
    every = files.read_all(raw)
    kind = files.gravest(every)
    return [one.hard for returned in every if returned.kind is kind for one in returned.recipients]


def right(got: list[bool], wanted: list[bool]) -> int:
    """How many are right; of a different number, as many as may be."""
    if len(got) == len(wanted):
        return sum(a == b for a, b in zip(got, wanted, strict=True))
    hard = min(sum(got), sum(wanted))
    return hard + min(len(got) - sum(got), len(wanted) - sum(wanted))


def test_recipients_are_found_and_hard_is_told_from_soft() -> None:
    wanted = found = hard = 0
    missed: Counter[str] = Counter()
    for name, expected in labels().items():
        got = found_in(samples()[name])
        assert len(got) <= len(expected), f"{name}: an address too many is somebody's who got his mail"
        wanted += len(expected)
        found += len(got)
        hard += right(got, expected)
        missed[name.rpartition("-")[0]] += len(expected) - right(got, expected)
    print(f"\n{wanted} recipients, {found / wanted:.4f} found, {hard / wanted:.4f} right")
    print({family: count for family, count in missed.most_common() if count})
    assert found / wanted >= 0.98
    assert hard / wanted >= 0.95, "counted over all recipients, so one not found is wrong too"


def test_no_sample_is_taken_for_somebody_it_was_sent_to_us_by() -> None:
    for name, raw in samples().items():
        for one in read(raw).recipients:
            assert "@" in one.address, name
            assert one.reason in REASONS, name
            assert len(one.words) <= 300, name
            assert "\n" not in one.words, name


@pytest.mark.parametrize("seed", range(4))
def test_no_cut_sample_raises(seed: int) -> None:
    chance = random.Random(seed)
    for raw in samples().values():
        for _ in range(2):
            _read(raw[: chance.randrange(len(raw) + 1)])
            _read(raw[chance.randrange(len(raw)) :])


def test_no_sample_with_flipped_octets_raises() -> None:
    chance = random.Random(7)
    for raw in samples().values():
        broken = bytearray(raw)
        for _ in range(30):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        _read(bytes(broken))


def test_no_two_samples_glued_together_raise() -> None:
    chance = random.Random(11)
    every = list(samples().values())
    for raw in every:
        other = every[chance.randrange(len(every))]
        assert isinstance(_read(raw[: len(raw) // 2] + other[len(other) // 2 :]), Returned)


def test_a_sample_reads_the_same_with_other_line_ends() -> None:
    for name, raw in samples().items():
        plain = raw.replace(b"\r\n", b"\n")
        assert public_read(plain).recipients == public_read(plain.replace(b"\n", b"\r\n")).recipients, name

import base64
import itertools
from hashlib import blake2b

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracking_pixel import BadToken
from tracking_pixel.tokens import IN_ADDRESS, MAX_ID, Read, Signer, TokenKind, rest

OLD = b"o" * 32
NEW = b"n" * 32
SIGNER = Signer({1: OLD}, current=1)
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@given(st.sampled_from(TokenKind), st.lists(st.integers(0, MAX_ID), max_size=15), st.binary(max_size=400))
def test_what_was_signed_is_read_back(kind: TokenKind, ids: list[int], tail: bytes) -> None:
    assert SIGNER.read(SIGNER.sign(kind, *ids, tail=tail), kind) == Read(ids=tuple(ids), tail=tail)


def test_any_other_character_at_any_place_is_refused() -> None:
    token = SIGNER.sign(TokenKind.CLICK, 70_001, 3, 1, tail=b"https://www.example.co.jp/case/")
    for place, character in itertools.product(range(len(token)), ALPHABET + "=%/ +."):
        forged = token[:place] + character + token[place + 1 :]
        if forged != token:
            with pytest.raises(BadToken):
                SIGNER.read(forged, TokenKind.CLICK)


def test_a_cut_or_lengthened_token_is_refused() -> None:
    token = SIGNER.sign(TokenKind.OPEN, 12)
    for length in range(len(token)):
        with pytest.raises(BadToken):
            SIGNER.read(token[:length], TokenKind.OPEN)
    for more in ("A", "=", "==", "\n", " ", token, "é", "Ａ", "\x00"):
        with pytest.raises(BadToken):
            SIGNER.read(token + more, TokenKind.OPEN)


def test_a_token_of_one_kind_never_passes_for_another() -> None:
    for one, other in itertools.permutations(TokenKind, 2):
        raw = SIGNER.sign(one, 12)
        if (one in IN_ADDRESS) != (other in IN_ADDRESS):
            continue
        with pytest.raises(BadToken):
            SIGNER.read(raw, other)


def test_the_encoding_does_not_carry_a_mailbox_token_into_a_url_kind() -> None:
    raw = bytes.fromhex(SIGNER.sign(TokenKind.REPLY, 12))
    with pytest.raises(BadToken):
        SIGNER.read(base64.urlsafe_b64encode(raw).rstrip(b"=").decode(), TokenKind.UNSUBSCRIBE)


def test_a_folded_mailbox_token_is_read_and_a_folded_url_token_is_not() -> None:
    reply = SIGNER.sign(TokenKind.REPLY, 123_456)
    assert reply == reply.lower()
    assert len("bounce+" + reply) <= 64
    assert SIGNER.read(reply.upper(), TokenKind.REPLY).ids == (123_456,)
    with pytest.raises(BadToken):
        SIGNER.read(SIGNER.sign(TokenKind.OPEN, 123_456).swapcase(), TokenKind.OPEN)


def test_a_mailbox_token_of_the_first_version_is_still_read() -> None:
    body = bytes((0x11, 1, 5))
    mac = blake2b(body, digest_size=12, key=OLD, person=b"reply").digest()
    old = base64.b32encode(body + mac).rstrip(b"=").decode().lower()
    assert SIGNER.read(old, TokenKind.REPLY).ids == (5,)
    assert SIGNER.read(old.upper(), TokenKind.REPLY).ids == (5,)
    with pytest.raises(BadToken):  # the same octets have no second spelling
        SIGNER.read((body + mac).hex(), TokenKind.REPLY)


def test_the_longest_address_fits_sixty_four_characters() -> None:
    assert len("unsubscribe+" + SIGNER.sign(TokenKind.STOP, MAX_ID)) <= 64


def test_tokens_of_one_mail_are_those_signed_one_by_one() -> None:
    rests = [rest(3, 1, tail=b"https://www.example.co.jp/"), rest(0, 0, tail=b"x")]
    made = SIGNER.sign_each(TokenKind.CLICK, 70_001, rests, count=3)
    assert made[0].decode() == SIGNER.sign(TokenKind.CLICK, 70_001, 3, 1, tail=b"https://www.example.co.jp/")
    assert SIGNER.read(made[1].decode(), TokenKind.CLICK) == Read(ids=(70_001, 0, 0), tail=b"x")


@given(st.sampled_from(TokenKind), st.integers(0, MAX_ID))
def test_a_token_of_one_id_is_the_same_by_the_short_way(kind: TokenKind, id: int) -> None:
    assert SIGNER.sign_one(kind, id) == SIGNER.sign(kind, id)


def test_a_token_outlives_the_rotation_of_keys_and_a_lost_key_ends_it() -> None:
    token = SIGNER.sign(TokenKind.UNSUBSCRIBE, 5)
    rotated = Signer({1: OLD, 2: NEW}, current=2)
    assert rotated.read(token, TokenKind.UNSUBSCRIBE).ids == (5,)
    assert rotated.sign(TokenKind.UNSUBSCRIBE, 5) != token
    with pytest.raises(BadToken):
        SIGNER.read(rotated.sign(TokenKind.UNSUBSCRIBE, 5), TokenKind.UNSUBSCRIBE)
    with pytest.raises(BadToken):
        Signer({1: NEW}, current=1).read(token, TokenKind.UNSUBSCRIBE)


@given(st.text(max_size=200), st.sampled_from(TokenKind))
def test_rubbish_is_a_bad_token_and_nothing_else(text: str, kind: TokenKind) -> None:
    with pytest.raises(BadToken):
        SIGNER.read(text, kind)


@pytest.mark.parametrize(
    ("keys", "current"), [({}, 1), ({1: b"short"}, 1), ({256: OLD}, 256), ({1: b"x" * 65}, 1), ({1: OLD}, 2)]
)
def test_a_signer_refuses_keys_that_cannot_serve(keys: dict[int, bytes], current: int) -> None:
    with pytest.raises(ValueError, match=r"key|sign"):
        Signer(keys, current=current)


@pytest.mark.parametrize("number", [-1, 2**63])
def test_an_id_out_of_range_is_refused_when_signing(number: int) -> None:
    with pytest.raises(ValueError, match="no id"):
        SIGNER.sign(TokenKind.OPEN, number)

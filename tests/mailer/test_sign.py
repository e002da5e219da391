"""DKIM signatures, verified by dkimpy: another hand's reading of RFC 6376."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from functools import cache

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from dkim.canonicalization import Relaxed
from hypothesis import given, settings
from hypothesis import strategies as st

from mailer import mime, sign
from mailer.batch import stuffed
from mailer.errors import DkimError, HeaderError
from mailer.message import MailKind
from mailer.sign import Algorithm, DkimKey, DkimSigner
from tests.mailer import samples

DOMAIN = "minori.example"


@cache
def key(algorithm: Algorithm, selector: str) -> DkimKey:
    return DkimKey.generate(algorithm, domain=DOMAIN, selector=selector)


def rsa_key() -> DkimKey:
    return key(Algorithm.RSA, "s2026-rsa")


def ed_key() -> DkimKey:
    return key(Algorithm.ED25519, "s2026-ed")


def signers() -> dict[str, DkimSigner]:
    return {
        "rsa": DkimSigner([rsa_key()]),
        "ed25519": DkimSigner([ed_key()]),
        "both": DkimSigner([rsa_key(), ed_key()]),
    }


def dns(name: bytes, timeout: int = 5) -> bytes | None:
    """What the receiver's resolver answers."""
    published = {one.record_name + ".": one.record for one in (rsa_key(), ed_key())}
    found = published.get(name.decode())
    return found.encode() if found else None


def verified(mail: bytes) -> list[bool]:
    """The verdict on each signature, top first."""
    count = mail.split(b"\r\n\r\n")[0].lower().count(b"dkim-signature:")
    assert count
    verdicts = []
    for place in range(count):
        try:
            verdicts.append(bool(dkim.DKIM(mail).verify(idx=place, dnsfunc=dns)))
        except dkim.DKIMException:
            verdicts.append(False)
    return verdicts


def signed(message: bytes, signer: DkimSigner | None = None) -> bytes:
    """As it arrives: signature in front, line ends as `stuffed` leaves them, dots undone."""
    signer = signer or signers()["both"]
    wire = stuffed(signer.sign(message) + message)
    if wire.startswith(b".."):
        wire = wire[1:]
    return wire.replace(b"\r\n..", b"\r\n.")


def japanese() -> bytes:
    return mime.encode(
        replace(samples.japanese(), reply_to="uketsuke@minori.example", in_reply_to="<a@b.example>")
    )


FROM = b"From: a@minori.example\r\n"
ODD = {
    "japanese": japanese(),
    "english": mime.encode(samples.english()),
    "no body": FROM + b"Subject: x\r\n\r\n",
    "no blank line": FROM + b"Subject: x\r\n",
    "only blank lines": FROM + b"\r\n\r\n\r\n\r\n",
    "blank lines at the end": FROM + b"\r\nText\r\n\r\n\r\n",
    "no line end at the end": FROM + b"\r\nText",
    "blanks at the end of a line": FROM + b"\r\nText \t \r\nmore\t\r\n  \r\n",
    "blanks within": FROM + b"\r\n  a  b\t\tc \td\r\n \r\n",
    "blanks alone": FROM + b"\r\n \t\r\n  \r\n",
    "dots": FROM + b"\r\n.\r\n..a\r\n.b\r\n",
    "bare line feeds": FROM.replace(b"\r", b"") + b"Subject: x\n\nText\nmore\n",
    "bare carriage returns": FROM + b"\r\nText\rmore\r\r\n",
    "folded": FROM + b"Subject: one\r\n two \r\n\t three\r\n  four\r\nTo:\r\n b@example.com\r\n\r\nx\r\n",
    "blanks around the value": b"from:\t a@minori.example \t\r\nSUBJECT:x\r\n\r\nx\r\n",
    "empty value": FROM + b"Subject:\r\nTo: \r\n\r\nx\r\n",
    "colons in a value": FROM + b"Subject: a: b: c\r\n\r\nx\r\n",
    "raw utf-8": FROM + "Subject: 検査 ㈱\r\n\r\n本文　です\r\n".encode(),
    "two Subjects": FROM + b"Subject: one\r\nSubject: two\r\n\r\nx\r\n",
    "long line": FROM + b"Subject: " + b"x" * 900 + b"\r\n\r\n" + b"y " * 400 + b"\r\n",
    "many blanks": FROM + b"\r\n" + b"a b " * 2000 + b" \r\n",
    "other headers": FROM + b"X-Mailer: x\r\nReceived: by x\r\nList-Id: <a.b>\r\n\r\nx\r\n",
}


@pytest.mark.parametrize("keys", ["rsa", "ed25519", "both"])
@pytest.mark.parametrize("name", list(ODD))
def test_dkimpy_verifies(name: str, keys: str) -> None:
    mail = signed(ODD[name], signers()[keys])
    assert verified(mail) == [True] * (2 if keys == "both" else 1)


def test_a_domain_written_in_japanese_is_signed_as_its_a_label() -> None:
    assert replace(rsa_key(), domain="日本語.example").domain == "xn--wgv71a119e.example"
    assert replace(rsa_key(), domain="Minori.Example").domain == "minori.example"


SIGNED_HERE = (
    "From", "To", "Subject", "Date", "Message-ID", "List-Unsubscribe", "List-Unsubscribe-Post", "Reply-To",
    "MIME-Version", "Content-Type", "List-Id", "In-Reply-To", "References",
)  # fmt: skip


@pytest.mark.parametrize("keys", ["rsa", "ed25519"])
@pytest.mark.parametrize("name", SIGNED_HERE)
def test_a_signed_header_prepended_changed_or_removed_breaks_the_signature(name: str, keys: str) -> None:
    mail = signed(japanese(), signers()[keys])
    assert verified(mail) == [True]
    assert verified(f"{name}: <https://evil.example/>\r\n".encode() + mail) == [False]
    head, body = mail.split(b"\r\n\r\n", 1)
    lines = head.replace(b"\r\n ", b"\0").split(b"\r\n")
    place = next(i for i, line in enumerate(lines) if line.lower().startswith(name.lower().encode() + b":"))
    same = lines[place]
    for changed in (lines[:place] + lines[place + 1 :], [*lines[:place], same + b"x", *lines[place + 1 :]]):
        assert verified(b"\r\n".join(changed).replace(b"\0", b"\r\n ") + b"\r\n\r\n" + body) == [False]
    copied = [*lines[: place + 1], same, *lines[place + 1 :]]
    assert verified(b"\r\n".join(copied).replace(b"\0", b"\r\n ") + b"\r\n\r\n" + body) == [False]


@pytest.mark.parametrize(
    "name", ["To", "Subject", "Date", "Message-ID", "List-Unsubscribe", "List-Unsubscribe-Post"]
)
def test_a_header_that_was_absent_may_not_be_added_on_the_way(name: str) -> None:
    mail = signed(FROM + b"\r\nText\r\n")
    assert verified(mail) == [True, True]
    assert verified(f"{name}: <https://evil.example/>\r\n".encode() + mail) == [False, False]


def test_a_changed_body_breaks_the_signature() -> None:
    mail = signed(japanese())
    at = len(mail) - 400
    assert verified(mail[:at] + bytes([mail[at] ^ 1]) + mail[at + 1 :]) == [False, False]
    assert verified(mail + b"One line more\r\n") == [False, False]  # no l=


def test_what_relays_may_do_keeps_the_signature() -> None:
    mail = signed(ODD["folded"])
    trace = b"Received: from a by b; now\r\nX-Spam-Status: No\r\n"
    assert verified(trace + mail.replace(b"To:\r\n b@", b"TO:   b@") + b"\r\n\r\n") == [True, True]


def test_one_broken_signature_leaves_the_other_standing() -> None:
    mail = signed(japanese())
    broken = mail.replace(b"s=s2026-rsa;", b"s=unknown;", 1)
    assert verified(broken) == [False, True]


def test_the_header_names_each_signed_header_once_more_than_it_is_there_and_has_no_length() -> None:
    lines = DkimSigner([rsa_key()]).sign(japanese())
    tags = dict(
        tag.strip().split("=", 1) for tag in lines.decode().replace("\r\n ", "").partition(":")[2].split(";")
    )
    assert (tags["a"], tags["c"], tags["d"]) == ("rsa-sha256", "relaxed/relaxed", DOMAIN)
    assert "l" not in tags
    names = [name.strip() for name in tags["h"].split(":")]
    for name in SIGNED_HERE:
        assert names.count(name.lower()) == 2
    bare = DkimSigner([rsa_key()]).sign(FROM + b"\r\n").decode().replace("\r\n ", "")
    names = bare.partition("h=")[2].partition(";")[0].split(":")
    assert names.count("from") == 2
    assert names.count("list-unsubscribe") == 1
    assert "reply-to" not in names


@pytest.mark.parametrize("domain", [DOMAIN, "a" * 60 + "." + "b" * 60 + "." + "c" * 60 + ".example"])
def test_lines_are_short_and_cannot_be_longer_than_smtp_allows(domain: str) -> None:
    signer = DkimSigner([replace(rsa_key(), domain=domain), replace(ed_key(), domain=domain)])
    lines = signer.sign(japanese()).decode("ascii").split("\r\n")
    assert lines.pop() == ""
    assert all(line.startswith((" ", "DKIM-Signature: ")) for line in lines)
    longest = sorted(map(len, lines))[-1]
    assert longest <= (78 if domain == DOMAIN else 998)
    assert [line for line in lines if len(line) > 78 and domain not in line] == []


def test_a_mail_of_the_hot_path_needs_no_rewriting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the proof that the body is canonical already would have stopped working, and nobody would see."""

    class Never:
        def sub(self, *_: object) -> bytes:
            raise AssertionError("rewritten")

    mail = mime.encode(samples.japanese())
    for name in ("_BLANKS", "_TRAILING", "_FOLD", "_LINE_END"):
        monkeypatch.setattr(sign, name, Never())
    assert DkimSigner([ed_key()]).sign(mail)


LINES = st.lists(
    st.binary(max_size=12)
    | st.text(" \ta.=\0é", max_size=8).map(str.encode)
    | st.sampled_from([b" ", b"\t"]),
    max_size=12,
)


def canonical_by_dkimpy(body: bytes) -> bytes:
    made: bytes = Relaxed.canonicalize_body(body)
    return made


@settings(max_examples=400, deadline=None)
@given(LINES)
def test_the_body_is_canonical_as_dkimpy_has_it(lines: list[bytes]) -> None:
    body = b"".join(line.replace(b"\r", b"").replace(b"\n", b"") + b"\r\n" for line in lines)
    assert sign.relaxed_body(body) == canonical_by_dkimpy(body)
    if body:
        assert sign.relaxed_body(body[:-2]) == canonical_by_dkimpy(body)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(sign.SIGNED), st.text("ab \t:é㈱", max_size=20), st.sampled_from(["", " "])
        ),
        max_size=8,
    ),
    LINES,
)
def test_any_mail_verifies(fields: list[tuple[bytes, str, str]], lines: list[bytes]) -> None:
    head = FROM + b"".join(
        name.title() + b":" + blank.encode() + value.replace("b ", "b\r\n ").encode() + b"\r\n"
        for name, value, blank in fields
        if name != b"from"
    )
    mail = signed(head + b"\r\n" + b"\n".join(lines), DkimSigner([ed_key()]))
    assert verified(mail) == [True]


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_bytes_that_are_no_mail_are_refused_or_signed_but_never_worse(octets: bytes) -> None:
    signer = DkimSigner([ed_key()])
    for message in (octets, FROM + octets):
        try:
            lines = signer.sign(message)
        except HeaderError:
            continue
        assert lines.startswith(b"DKIM-Signature: v=1;")
        assert lines.endswith(b"\r\n")


def test_a_mail_without_from_or_with_a_line_that_is_no_header_is_refused() -> None:
    signer = DkimSigner([ed_key()])
    for message in (b"", b"\r\n", b"\r\n" + FROM, b"Subject: x\r\n\r\n" + FROM):
        with pytest.raises(HeaderError, match="From: required"):
            signer.sign(message)
    for line in (b"no colon", b": no name", b"two words: x", b"Subject : x", b" leading: x"):
        with pytest.raises(HeaderError, match="not_a_header"):
            signer.sign(line + b"\r\n" + FROM + b"\r\n")


def test_many_shapes_of_mail_do_not_fill_the_memory() -> None:
    signer = DkimSigner([ed_key()])
    for count in range(sign._PLANS_MAX + 10):
        signer.sign(FROM + b"To: a@b.example\r\n" * count + b"\r\n")
    assert len(signer._plans) <= sign._PLANS_MAX
    assert verified(signed(japanese(), signer)) == [True]


@pytest.mark.parametrize(("bits", "is_allowed"), [(512, False), (768, False), (1024, True), (8192, False)])
def test_rsa_keys_verifiers_refuse_are_refused_here(
    bits: int, is_allowed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = key(Algorithm.RSA, "s2026-rsa").private_key
    if bits == 1024:
        made = rsa.generate_private_key(65537, bits)
        assert DkimKey(DOMAIN, "s", made, Algorithm.RSA).private_key is made
        return

    class Sized(rsa.RSAPrivateKey):  # the library itself will not make such a key any more
        key_size = bits  # type: ignore[assignment]

    for name in Sized.__abstractmethods__:
        monkeypatch.setattr(Sized, name, None, raising=False)
    Sized.__abstractmethods__ = frozenset()
    with pytest.raises(DkimError, match=f"{bits} bits"):
        DkimKey(DOMAIN, "s", Sized(), Algorithm.RSA)


@pytest.mark.parametrize("selector", ["", "a b", "a;b", "a\r\nb", "UPPER", "-a", "a..b", "選", "a" * 64])
def test_a_selector_that_could_break_the_header_is_refused(selector: str) -> None:
    with pytest.raises(DkimError, match="no selector"):
        replace(rsa_key(), selector=selector)


@pytest.mark.parametrize("domain", ["", "a b.example", "a;b", "a\r\nx.example", "a..example", "é" * 70])
def test_a_domain_that_could_break_the_header_is_refused(domain: str) -> None:
    with pytest.raises(DkimError, match="no domain"):
        replace(rsa_key(), domain=domain)


def test_a_key_is_kept_as_pem_and_comes_back() -> None:
    for one in (rsa_key(), ed_key()):
        again = DkimKey.load(one.pem(), domain=one.domain, selector=one.selector)
        assert (again.record, again.algorithm) == (one.record, one.algorithm)


def test_other_keys_and_other_files_are_refused_in_words() -> None:
    other = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    locked = rsa_key().private_key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"x"),
    )
    for pem, words in (
        (other, "neither RSA nor"),
        (locked, "unencrypted"),
        (b"", "PEM"),
        (b"\xff" * 99, "PEM"),
    ):
        with pytest.raises(DkimError, match=words):
            DkimKey.load(pem, domain=DOMAIN, selector="s")
    with pytest.raises(DkimError, match="not one for"):
        DkimKey(DOMAIN, "s", rsa_key().private_key, Algorithm.ED25519)
    with pytest.raises(DkimError, match="needs a key"):
        DkimSigner([])


def test_the_public_key_of_the_record_is_the_one_that_signs() -> None:
    ours = rsa_key().record.partition("p=")[2]
    theirs = dkim.parse_tag_value(rsa_key().record.encode())[b"p"]
    assert ours.encode() == theirs
    assert ed_key().record.startswith("v=DKIM1; k=ed25519; p=")
    assert len(ed_key().record.partition("p=")[2]) == 44


def test_the_body_hash_of_nothing_is_the_published_one() -> None:
    assert hashlib.sha256(sign.relaxed_body(b"")).hexdigest().startswith("e3b0c44298fc1c14")
    # RFC 6376 section 3.4.5 and 3.4.6, example 2
    assert sign.relaxed_body(b" C \r\nD \t E\r\n\r\n\r\n") == b" C\r\nD E\r\n"


def test_a_transactional_mail_without_list_headers_is_signed_too() -> None:
    mail = replace(samples.japanese(), kind=MailKind.TRANSACTIONAL, list_id=None, unsubscribe_url=None)
    assert verified(signed(mime.encode(mail))) == [True, True]

"""DKIM keys on disk and in the workers' hands: new, active, retired, without a restart."""

from __future__ import annotations

import os
import threading
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from campaigns.parts import Parts
from campaigns.services import dkim_keys, keyring
from campaigns.services.dkim_keys import KeyState
from campaigns.services.keyring import Keyring
from mailer.errors import DkimError
from mailer.sign import Algorithm, DkimSigner
from tests.conftest import NOW

DOMAIN = "minori.example"
ED = (Algorithm.ED25519,)


def states(folder: Path) -> dict[str, str]:
    return {key.selector: key.state.value for key in dkim_keys.stored(folder, DOMAIN)}


def selectors(signer: DkimSigner | None) -> list[str]:
    return [] if signer is None else [key.selector for key in signer.keys]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "dkim"


def test_new_keys_sign_only_after_they_are_activated(folder: Path, now: datetime) -> None:
    ring = Keyring(folder)
    assert ring.signer_for(DOMAIN) is None
    made = dkim_keys.make(folder, DOMAIN, now=now)
    assert [key.algorithm for key in made] == [Algorithm.RSA, Algorithm.ED25519]
    assert ring.signer_for(DOMAIN) is None
    dkim_keys.activate(folder, DOMAIN, now=now)
    assert sorted(selectors(ring.signer_for(DOMAIN))) == ["ik20261124-ed", "ik20261124-rsa"]


def test_rotation_retires_the_old_key_of_the_same_kind_and_keeps_it_published_for_a_week(
    folder: Path, now: datetime
) -> None:
    dkim_keys.make(folder, DOMAIN, now=now)
    dkim_keys.activate(folder, DOMAIN, now=now)
    later = now + timedelta(days=90)
    dkim_keys.make(folder, DOMAIN, algorithms=ED, now=later)
    active, retired = dkim_keys.activate(folder, DOMAIN, now=later)
    assert [key.selector for key in active] == ["ik20270222-ed"]
    assert [key.selector for key in retired] == ["ik20261124-ed"]
    assert states(folder) == {
        "ik20261124-ed": "retired",
        "ik20261124-rsa": "active",
        "ik20270222-ed": "active",
    }
    (old,) = retired
    assert old.is_published(later + timedelta(days=6))
    assert not old.is_published(later + timedelta(days=7))


def test_every_ring_of_the_host_takes_up_a_change_at_its_next_question(folder: Path, now: datetime) -> None:
    rings = [Keyring(folder), Keyring(folder)]
    dkim_keys.make(folder, DOMAIN, algorithms=ED, now=now)
    dkim_keys.activate(folder, DOMAIN, now=now)
    first = [ring.signer_for(DOMAIN) for ring in rings]
    assert all(ring.signer_for(DOMAIN) is signer for ring, signer in zip(rings, first, strict=True))  # kept
    dkim_keys.make(folder, DOMAIN, algorithms=ED, now=now)
    dkim_keys.activate(folder, DOMAIN, now=now)
    assert [selectors(ring.signer_for(DOMAIN)) for ring in rings] == [["ik20261124-ed2"]] * 2
    dkim_keys.retire(folder, DOMAIN, "ik20261124-ed2", now=now)
    assert [ring.signer_for(DOMAIN) for ring in rings] == [None, None]


def test_a_subdomain_is_signed_by_its_own_keys_else_by_the_nearest_parent(
    folder: Path, now: datetime
) -> None:
    ring = Keyring(folder)
    for domain in (DOMAIN, f"news.{DOMAIN}"):
        dkim_keys.make(folder, domain, algorithms=ED, now=now)
    dkim_keys.activate(folder, DOMAIN, now=now)
    signer = ring.signer_for(f"a.news.{DOMAIN}")
    assert signer is not None
    assert signer.keys[0].domain == DOMAIN  # those of news. do not sign yet
    dkim_keys.activate(folder, f"news.{DOMAIN}", now=now)
    signer = ring.signer_for(f"A.News.{DOMAIN.upper()}")
    assert signer is not None
    assert signer.keys[0].domain == f"news.{DOMAIN}"
    assert ring.signer_for("other.example") is None
    assert ring.signer_for("example") is None


def test_private_keys_are_for_their_owner_alone(folder: Path, now: datetime) -> None:
    made = dkim_keys.make(folder, DOMAIN, now=now)
    files = [folder / DOMAIN / f"{key.selector}.pem" for key in made]
    assert [oct(path.stat().st_mode & 0o777) for path in files] == ["0o600"] * 2
    assert oct((folder / DOMAIN).stat().st_mode & 0o777) == "0o700"
    assert sorted(path.name for path in (folder / DOMAIN).iterdir()) == sorted(
        [*(p.name for p in files), "keys.json"]
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_keys_made_by_root_belong_to_the_owner_of_the_folder(tmp_path: Path, now: datetime) -> None:
    os.chown(tmp_path, 4321, 4321)
    folder = tmp_path / "dkim"
    (key,) = dkim_keys.make(folder, DOMAIN, algorithms=ED, now=now)
    for path in (
        folder,
        folder / DOMAIN,
        folder / DOMAIN / f"{key.selector}.pem",
        folder / DOMAIN / "keys.json",
    ):
        assert path.stat().st_uid == 4321


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"keys": 1}', '{"keys": [{}]}', '{"keys": [{"selector": 1}]}', "\xff"]
)
def test_a_broken_index_never_stops_a_worker_and_the_last_good_keys_go_on_signing(
    folder: Path, now: datetime, text: str
) -> None:
    ring = Keyring(folder)
    dkim_keys.make(folder, DOMAIN, algorithms=ED, now=now)
    dkim_keys.activate(folder, DOMAIN, now=now)
    good = (folder / DOMAIN / "keys.json").read_text()
    assert selectors(ring.signer_for(DOMAIN)) == ["ik20261124-ed"]
    (folder / DOMAIN / "keys.json").write_bytes(text.encode("latin-1"))
    assert selectors(ring.signer_for(DOMAIN)) == ["ik20261124-ed"]
    assert Keyring(folder).signer_for(DOMAIN) is None
    with pytest.raises(DkimError, match="broken"):
        dkim_keys.stored(folder, DOMAIN)
    (folder / DOMAIN / "keys.json").write_text(good)
    assert selectors(Keyring(folder).signer_for(DOMAIN)) == ["ik20261124-ed"]


def test_a_key_that_cannot_be_read_is_left_out_and_tried_again(folder: Path, now: datetime) -> None:
    ring = Keyring(folder)
    dkim_keys.make(folder, DOMAIN, now=now)
    dkim_keys.activate(folder, DOMAIN, now=now)
    pem = folder / DOMAIN / "ik20261124-rsa.pem"
    good = pem.read_bytes()
    pem.write_bytes(b"-----BEGIN PRIVATE KEY-----\n")
    assert selectors(ring.signer_for(DOMAIN)) == ["ik20261124-ed"]
    pem.write_bytes(good)
    assert len(selectors(ring.signer_for(DOMAIN))) == 2


def test_a_new_key_that_cannot_be_read_does_not_replace_one_that_signs(folder: Path, now: datetime) -> None:
    dkim_keys.make(folder, DOMAIN, algorithms=ED, now=now)
    dkim_keys.activate(folder, DOMAIN, now=now)
    (new,) = dkim_keys.make(folder, DOMAIN, algorithms=ED, now=now)
    (folder / DOMAIN / f"{new.selector}.pem").unlink()
    with pytest.raises(DkimError, match="cannot be read"):
        dkim_keys.activate(folder, DOMAIN, now=now)
    assert selectors(Keyring(folder).signer_for(DOMAIN)) == ["ik20261124-ed"]


def test_what_makes_no_sense_is_refused_in_words(folder: Path, now: datetime) -> None:
    with pytest.raises(DkimError, match="no new keys"):
        dkim_keys.activate(folder, DOMAIN, now=now)
    dkim_keys.make(folder, DOMAIN, algorithms=ED, now=now)
    with pytest.raises(DkimError, match="waiting already"):
        dkim_keys.make(folder, DOMAIN, now=now)
    dkim_keys.make(folder, DOMAIN, algorithms=(Algorithm.RSA,), now=now)
    with pytest.raises(DkimError, match="no key 'x'"):
        dkim_keys.retire(folder, DOMAIN, "x", now=now)
    gone = dkim_keys.retire(folder, DOMAIN, "ik20261124-ed", now=now)
    assert not gone.is_published(now)  # it never signed, so nothing waits for it
    assert states(folder)["ik20261124-ed"] == KeyState.RETIRED


@pytest.mark.parametrize(
    "domain", ["", "example", "../../etc", "a/b.example", "a\0.example", "x@minori.example", "."]
)
def test_a_name_that_is_no_domain_writes_nothing(folder: Path, domain: str, now: datetime) -> None:
    with pytest.raises(DkimError, match="no mail domain"):
        dkim_keys.make(folder, domain, now=now)
    assert not folder.exists()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path, now: datetime) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DkimError, match="cannot be used"):
        dkim_keys.make(tmp_path / "file" / "dkim", DOMAIN, now=now)


def test_two_people_at_once_make_one_set_of_keys(folder: Path) -> None:
    refused = []

    def make() -> None:
        try:
            dkim_keys.make(folder, DOMAIN, algorithms=ED, now=NOW)
        except DkimError as error:
            refused.append(error)

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 7
    assert len(dkim_keys.stored(folder, DOMAIN)) == 1


def test_the_ring_of_an_installation_reads_its_folder(parts: Parts, now: datetime) -> None:
    folder = dkim_keys.folder_of(parts.settings)
    assert folder == parts.settings.folder / "keys" / "dkim"
    dkim_keys.make(folder, DOMAIN, algorithms=ED, now=now)
    dkim_keys.activate(folder, DOMAIN, now=now)
    assert keyring.of(parts) is keyring.of(parts)
    assert selectors(keyring.of(parts).signer_for(DOMAIN)) == ["ik20261124-ed"]
    assert dkim_keys.domains(folder) == [DOMAIN]

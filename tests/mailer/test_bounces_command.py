"""`ikusei bounce`: what the reader makes of files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from campaigns import commands, parts, settings
from tests.mailer.bounce_corpus import samples
from tests.mailer.test_bounces_read import DAEMON, NOTICES

RAW = (DAEMON + "Subject: failure notice\n\n" + NOTICES["qmail"]).encode()


@pytest.fixture(autouse=True)
def nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings, no database."""

    def refuse(*_: object) -> None:
        raise AssertionError("the command needs neither")

    monkeypatch.setattr(settings, "read", refuse)
    monkeypatch.setattr(parts, "build", refuse)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "returned.eml"
    path.write_bytes(RAW)
    return path


def test_json_gives_an_object_a_file(saved: Path, tmp_path: Path) -> None:
    other = tmp_path / "note.eml"
    other.write_bytes(b"Subject: Out of office\n\nback soon")
    told = CliRunner().invoke(commands.cli, ["bounce", str(saved), str(other), "--json"])
    assert told.exit_code == 0
    assert json.loads(told.stdout) == [
        {
            "file": str(saved),
            "kind": "bounce",
            "recipients": [
                {"address": "taro@buyer.example", "hard": True, "status": "5.1.1", "reason": "user_unknown"}
            ],
        },
        {"file": str(other), "kind": "autoreply", "recipients": []},
    ]


def test_without_json_it_is_a_line_a_recipient(saved: Path) -> None:
    told = CliRunner().invoke(commands.cli, ["bounce", str(saved)])
    assert told.exit_code == 0
    (line,) = told.stdout.splitlines()
    assert line.startswith(f"{saved}: bounce: taro@buyer.example: hard: user_unknown 5.1.1: ")


def test_standard_input_is_read() -> None:
    told = CliRunner().invoke(commands.cli, ["bounce", "-", "--json"], input=RAW)
    assert json.loads(told.stdout)[0]["file"] == "-"
    assert json.loads(told.stdout)[0]["kind"] == "bounce"


def test_a_file_that_cannot_be_read_is_one_line_and_the_others_are_done(saved: Path, tmp_path: Path) -> None:
    told = CliRunner().invoke(
        commands.cli, ["bounce", str(tmp_path / "gone"), str(tmp_path), str(saved), "--json"]
    )
    assert told.exit_code == 1
    assert [entry["file"] for entry in json.loads(told.stdout)] == [str(saved)]
    missing, folder = told.stderr.splitlines()
    assert "gone" in missing
    assert str(tmp_path) in folder


def test_every_sample_is_told(tmp_path: Path) -> None:
    for name, raw in samples().items():
        (tmp_path / name).write_bytes(raw)
    told = CliRunner().invoke(
        commands.cli, ["bounce", *(str(tmp_path / name) for name in samples()), "--json"]
    )
    assert told.exit_code == 0
    entries = json.loads(told.stdout)
    assert len(entries) == len(samples())
    assert {entry["kind"] for entry in entries} <= {"bounce", "complaint", "delayed", "autoreply", "other"}

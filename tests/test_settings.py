from __future__ import annotations

import re
from pathlib import Path

import pytest

from campaigns import settings
from campaigns.settings import Settings, SettingsError

DOCS = Path(__file__).parent.parent / "docs" / "settings.md"


def test_every_setting_has_a_row_in_the_docs_and_every_row_a_setting() -> None:
    documented = set(re.findall(r"^\| `IKUSEI_([A-Z_]+)`", DOCS.read_text(encoding="utf-8"), re.M))
    assert documented == {name.upper() for name in Settings.__dataclass_fields__}


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("IKUSEI_WORKERS", "many", "whole number"),
        ("IKUSEI_WORKERS", "0", "1 to 64"),
        ("IKUSEI_ZONE", "Asia/Atlantis", "time zone"),
        ("IKUSEI_BASE_URL", "ftp://x", "https://"),
        ("IKUSEI_DATABSE_URL", "x", "unknown setting"),
    ],
)
def test_a_wrong_setting_is_named(name: str, value: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        settings.read({name: value})


def test_practice_ends_with_an_smtp_url() -> None:
    assert settings.read({}).practice
    assert not settings.read({"IKUSEI_SMTP_URL": "smtp://mail.example:587"}).practice

"""`ikusei scenario`: a scenario on the command line, out and in."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from campaigns import scenario_commands
from campaigns.commands import cli
from campaigns.parts import Parts
from tests.services.test_publish import House, house, make

__all__ = ["house"]


@pytest.fixture
def ikusei(parts: Parts, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    monkeypatch.setattr(scenario_commands, "_built", lambda: parts)

    def run(*args: str, input: bytes | None = None) -> Result:
        return CliRunner().invoke(cli, ["scenario", *args], input=input)

    return run


def test_what_is_exported_is_imported_as_another_scenario(  # type: ignore[no-untyped-def]
    ikusei, parts: Parts, house: House, now: datetime, tmp_path: Path
) -> None:
    scenario_id = make(parts, house, now, "dormant")
    path = tmp_path / "dormant.yaml"
    assert ikusei("export", str(scenario_id), "-o", str(path)).exit_code == 0
    made = ikusei("import", str(path), "--product", str(house.product))
    assert made.exit_code == 0, made.output
    assert ikusei("export", made.output.strip()).output == path.read_text(encoding="utf-8")


def test_a_look_alone_writes_nothing(ikusei, parts: Parts, house: House, now: datetime) -> None:  # type: ignore[no-untyped-def]
    text = ikusei("export", str(make(parts, house, now))).output.encode()
    looked = ikusei("import", "-", "--product", str(house.product), "--check", input=text)
    assert (looked.exit_code, looked.output) == (0, "")
    assert ikusei("export", "2").exit_code == 1


@pytest.mark.parametrize(
    ("lang", "said"), [("en", "There is no field “planet”."), ("ja", "「planet」という項目はありません。")]
)
def test_faults_are_told_with_their_line(ikusei, house: House, lang: str, said: str) -> None:  # type: ignore[no-untyped-def]
    bad = b"ikusei: scenario/1\nname: x\ngoal: visit\nplanet: mars\n"
    told = ikusei("import", "-", "--product", "1", "--lang", lang, input=bad)
    assert told.exit_code == 1
    assert f"<stdin>:4: {said}" in told.output


def test_an_unknown_product_is_refused_with_those_there_are(  # type: ignore[no-untyped-def]
    ikusei, parts: Parts, house: House, now: datetime
) -> None:
    text = ikusei("export", str(make(parts, house, now))).output.encode()
    told = ikusei("import", "-", "--product", "999", input=text)
    assert told.exit_code == 1
    assert f"{house.product} 外観検査装置" in told.output

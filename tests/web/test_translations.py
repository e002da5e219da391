"""Every visible string has its English, with the same values in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po

from campaigns.web import i18n

ROOT = Path(__file__).parents[2]
KEYWORDS = {
    "_": None, "_l": None, "gettext": None, "lazy_gettext": None, "pgettext": ((1, "c"), 2),
    "lazy_pgettext": ((1, "c"), 2),
}  # fmt: skip
JAPANESE = re.compile(r"[\u3040-\u30ff\u4e00-\u9fff]")


def sources() -> Iterator[tuple[Path, str]]:
    yield from ((path, "python") for path in sorted((ROOT / "campaigns/web").rglob("*.py")))
    for folder in ("web", "public"):
        for path in sorted((ROOT / "templates" / folder).rglob("*.html")):
            yield path, "jinja2.ext:babel_extract"


def messages() -> dict[tuple[str | None, str], str]:
    """(context, msgid) -> where it is used first."""
    found: dict[tuple[str | None, str], str] = {}
    for path, method in sources():
        for line, message, _, context in extract_from_file(method, str(path), keywords=KEYWORDS):  # type: ignore[arg-type]
            text = message if isinstance(message, str) else message[0]
            found.setdefault((context, text), f"{path.relative_to(ROOT)}:{line}")
    return found


@pytest.fixture(scope="module")
def english() -> Catalog:
    with (i18n.FOLDER / "en" / "LC_MESSAGES" / "messages.po").open("rb") as file:
        return read_po(file, locale="en")


def values_in(text: str) -> list[str]:
    return sorted(re.findall(r"%\(\w+\)[a-z]", text))


def test_every_message_has_its_english(english: Catalog) -> None:
    missing = []
    for (context, text), where in messages().items():
        entry = english.get(text, context)
        if entry is None or not entry.string or entry.fuzzy:
            missing.append(f"{where}: {text}")
    assert missing == []


def test_values_stand_in_both_languages(english: Catalog) -> None:
    broken = [m.id for m in english if m.id and values_in(str(m.id)) != values_in(str(m.string))]
    assert broken == []


def test_english_holds_no_japanese(english: Catalog) -> None:
    assert [m.string for m in english if m.id and JAPANESE.search(str(m.string))] == []


def test_no_japanese_stands_in_a_template_outside_a_message() -> None:
    """What is not in {{ _('...') }} would stay Japanese on English pages; comments and lang="ja" may."""
    found = []
    for path, method in sources():
        if method == "python" or path.name == "site.html":
            continue
        text = path.read_text(encoding="utf-8")
        text = re.sub(r"\{#.*?#\}", "", text, flags=re.DOTALL)
        text = re.sub(r"\b(?:_|pgettext)\((?:'[a-z]+', ?)?('[^']*'|\"[^\"]*\")", "", text)
        text = re.sub(r"\{%.*?%\}", "", text, flags=re.DOTALL)
        for number, line in enumerate(text.splitlines(), 1):
            rest = re.sub(r'<(\w+)[^>]*lang="ja"[^>]*>.*?</\1>', "", line)
            rest = (
                rest.replace("日本語", "").replace("育成", "").replace("株式会社", "").replace("有限会社", "")
            )
            if JAPANESE.search(rest):
                found.append(f"{path.relative_to(ROOT)}:{number}: {rest.strip()[:80]}")
    assert found == []


def test_the_catalogue_is_compiled_when_it_is_older(tmp_path: Path) -> None:
    folder = tmp_path / "en" / "LC_MESSAGES"
    folder.mkdir(parents=True)
    source = folder / "messages.po"
    source.write_text(
        'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n\nmsgid "今日"\nmsgstr "Today"\n'
    )
    target = i18n.compile_catalogue(tmp_path)
    first = target.stat().st_mtime_ns
    assert i18n.compile_catalogue(tmp_path).stat().st_mtime_ns == first
    import os

    os.utime(source, ns=(first + 10**9, first + 10**9))
    assert i18n.compile_catalogue(tmp_path).stat().st_mtime_ns > first

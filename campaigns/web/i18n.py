"""Languages: Japanese is the source, English the catalogue beside this file.

The compiled catalogue (.mo) is made when it is missing or older than its .po: it is no source, so it is
not in the repository, and nobody has to remember to compile.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from flask import Flask, g, has_request_context, request
from flask_babel import Babel
from flask_login import current_user

from campaigns.parts import Parts

LANGUAGES = ("ja", "en")
FOLDER = Path(__file__).parent / "translations"
COOKIE = "lang"


def register(app: Flask, parts: Parts) -> None:
    """Give the pages their languages and the installation's zone."""
    compile_catalogue()
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = str(FOLDER)
    Babel(app, default_locale="ja", default_timezone=parts.settings.zone, locale_selector=choose)


def choose() -> str:
    """The reader's language: what the page asks for, the account's, the cookie's, the browser's."""
    if not has_request_context():
        return "ja"
    asked = g.get("language") or request.args.get("lang")
    if asked in LANGUAGES:
        return str(asked)
    # Neither an error page nor a recipient's page asks the database who is reading.
    if not (g.get("is_failing") or g.get("asks_nobody")) and current_user and current_user.is_authenticated:
        return str(current_user.locale) if current_user.locale in LANGUAGES else "ja"
    kept = request.cookies.get(COOKIE)
    if kept in LANGUAGES:
        return str(kept)
    return request.accept_languages.best_match(LANGUAGES) or "ja"


def compile_catalogue(folder: Path = FOLDER) -> Path:
    """Compile messages.po if its .mo is missing or older; returns the .mo. Two starts at once are harmless."""
    source = folder / "en" / "LC_MESSAGES" / "messages.po"
    target = source.with_suffix(".mo")
    if target.exists() and target.stat().st_mtime >= source.stat().st_mtime:
        return target
    with source.open("rb") as file:
        catalogue = read_po(file, locale="en")
    handle, name = tempfile.mkstemp(dir=target.parent, suffix=".mo")
    with os.fdopen(handle, "wb") as out:
        write_mo(out, catalogue)
    os.chmod(name, 0o644)
    os.replace(name, target)
    return target

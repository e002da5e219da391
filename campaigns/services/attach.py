"""Attach: keep a file that a mail links to. A mail carries no file: it would be slow, and many servers refuse it.

What a file is, its bytes say; its name and the browser's word do not count. Nothing that a browser would run
(HTML, SVG, scripts, macros) is taken.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from campaigns.parts import Parts
from campaigns.storage import audit, files
from campaigns.storage.files import File
from tracking_pixel import BadToken
from tracking_pixel.links import Links
from tracking_pixel.tokens import TokenKind

MAX_BYTES = 20 * 1024 * 1024
MAX_NAME = 120
MAX_ENTRIES = 5000  # of an Office file: a real one has some hundred
_OFFICE = "application/vnd.openxmlformats-officedocument."
# Media type -> the ending its name gets.
ENDINGS: Mapping[str, str] = {
    "application/pdf": "pdf",
    f"{_OFFICE}wordprocessingml.document": "docx",
    f"{_OFFICE}spreadsheetml.sheet": "xlsx",
    f"{_OFFICE}presentationml.presentation": "pptx",
    "image/png": "png",
    "image/jpeg": "jpg",
}
_PARTS = (
    ("word/", f"{_OFFICE}wordprocessingml.document"),
    ("xl/", f"{_OFFICE}spreadsheetml.sheet"),
    ("ppt/", f"{_OFFICE}presentationml.presentation"),
)
# Controls, signs that turn the reading direction (invoice<RLO>fdp.exe), and what no file system takes.
_ODD = re.compile(r'[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff"*:<>?|]')


class Refused(Exception):
    """A file we do not keep. code: empty, too_large, not_a_document, macros, damaged."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Linked:
    """A kept file and the address that a mail links to. is_known: its bytes were kept before, by this name."""

    file: File
    url: str
    is_known: bool = False


def store(parts: Parts, data: bytes, *, name: str, user_id: int | None, now: datetime) -> Linked:
    """Keep a file; the same bytes twice are one file. Raises Refused."""
    mime = look(data)
    called = clean_name(name, mime)
    with parts.engine.begin() as tx:
        file = files.add(
            tx,
            name=called,
            mime=mime,
            sha256=sha256(data).hexdigest(),
            data=data,
            user_id=user_id,
            now=now,
        )
        audit.note(tx, noun="file", noun_id=file.id, action="attach", user_id=user_id, now=now)
    return Linked(file, url_of(parts, file), is_known=file.name != called)


def recent(parts: Parts) -> tuple[Linked, ...]:
    """The newest files with their addresses."""
    with parts.engine.connect() as tx:
        found = files.recent(tx)
    return tuple(Linked(file, url_of(parts, file)) for file in found)


def read(parts: Parts, token: str) -> tuple[File, bytes] | None:
    """The file that a genuine token names."""
    try:
        (file_id,) = parts.signer.read(token, TokenKind.FILE).ids
    except (BadToken, ValueError):
        return None
    with parts.engine.connect() as tx:
        return files.read(tx, file_id)


def url_of(parts: Parts, file: File) -> str:
    return Links(parts.signer, parts.settings.base_url).file_url(file.id, file.name)


def look(data: bytes) -> str:
    """The media type, from the bytes. Raises Refused."""
    if not data:
        raise Refused("empty")
    if len(data) > MAX_BYTES:
        raise Refused("too_large")
    if data.startswith(b"%PDF-"):
        return "application/pdf"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith(b"PK\x03\x04"):
        return _office(data)
    raise Refused("not_a_document")


def _office(data: bytes) -> str:
    """Which Office file a zip is. Only its directory is read, and only when that is of a sane size."""
    end = data.rfind(b"PK\x05\x06")
    if end < 0 or len(data) - end < 22:
        raise Refused("damaged")
    (entries,) = struct.unpack_from("<H", data, end + 10)
    if entries > MAX_ENTRIES:
        raise Refused("not_a_document")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as book:
            names = book.namelist()
    except (zipfile.BadZipFile, ValueError, struct.error, OSError, NotImplementedError):
        raise Refused("damaged") from None
    if any(name.lower().endswith("vbaproject.bin") for name in names):
        raise Refused("macros")
    if "[Content_Types].xml" not in names:
        raise Refused("not_a_document")
    found = [mime for start, mime in _PARTS if any(name.startswith(start) for name in names)]
    if len(found) != 1:
        raise Refused("not_a_document")
    return found[0]


def clean_name(name: str, mime: str) -> str:
    """A name to save the file by: no path, nothing that deceives, the ending of what the bytes are."""
    ending = ENDINGS[mime]
    base = _ODD.sub("", re.split(r"[\\/]", name)[-1]).strip(". ")
    stem, dot, last = base.rpartition(".")
    if dot and (last.lower() == ending or (last.lower(), ending) == ("jpeg", "jpg")):
        base = stem
    return f"{base.strip('. ')[: MAX_NAME - 6] or 'file'}.{ending}"

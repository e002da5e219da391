"""Texts: bytes of a list -> rows of cells with their line numbers.

ListError
  the whole list is refused, nothing was written: code, line (0: none), args

Detection order: BOM, UTF-16 without BOM, UTF-8 strict, cp932 strict, EUC-JP. Never `shift_jis`: it fails
on the 髙, ㈱ and ① of real lists. Source: spec 6.2.1.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass

from campaigns.rules.reasons import Value

MAX_BYTES = 30 * 1024 * 1024
MAX_ROWS = 200_000
MAX_COLUMNS = 500
DELIMITERS = (",", "\t", ";", "|")
ENCODINGS = ("utf-8", "utf-8-sig", "cp932", "euc_jp", "utf-16", "utf-16-le", "utf-16-be")

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_MAGIC = (
    b"%PDF",
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"GIF8",
    b"\x7fELF",
    b"MZ",
    b"\x1f\x8b",
    b"Rar!",
    b"7z\xbc\xaf",
)
_CONTROL = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x80-\x84\x86-\x9f]")
# What strict cp932 lets through although no list contains it: single bytes without a character.
_NOT_CP932 = re.compile("[\x80\xa0\uf8f0-\uf8f3]")
_HALF_KANA = re.compile("[\uff61-\uff9f]")
_WIDE = re.compile("[^\x00-\x7f]")
SAMPLE = 200_000


class ListError(ValueError):
    """A list that cannot be read. code names the reason, line (from 1) the place, args the values."""

    def __init__(self, code: str, *, line: int = 0, **args: Value) -> None:
        super().__init__(f"{code} line={line} {args}")
        self.code = code
        self.line = line
        self.values: dict[str, Value] = args


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the list. no: the line of the file on which it begins, from 1."""

    no: int
    cells: tuple[str, ...]

    @property
    def is_blank(self) -> bool:
        return not any(cell.strip() for cell in self.cells)


def check_size(data: bytes) -> None:
    """Raises ListError for nothing, too much, or something that is no list at all."""
    if not data.strip():
        raise ListError("empty")
    if len(data) > MAX_BYTES:
        raise ListError("too_big", megabytes=round(len(data) / 1048576, 1), limit=MAX_BYTES // 1048576)
    if data.startswith(_MAGIC):
        raise ListError("binary")


def is_workbook(data: bytes) -> bool:
    """Whether it begins like xlsx (zip) or the older xls."""
    return data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0"))


def guess_encoding(data: bytes) -> str:
    """The encoding of a list, by name for `decode`. Raises ListError with the line of the odd byte."""
    for bom, name in _BOMS:
        if data.startswith(bom):
            return name
    if b"\0" in data[:SAMPLE]:
        return _utf16_without_bom(data)
    try:
        data.decode("utf-8")
        return "utf-8"
    except UnicodeDecodeError as error:
        utf8 = error
    cp932, euc = _try(data, "cp932"), _try(data, "euc_jp")
    if cp932 is not None and _NOT_CP932.search(cp932):
        cp932 = None
    if cp932 is not None and (euc is None or _kana_share(cp932) <= 0.3 or _kana_share(euc) > 0.3):
        return "cp932"
    if euc is not None:
        return "euc_jp"
    line = data.count(b"\n", 0, utf8.start) + 1
    raise ListError("unknown_encoding", line=line, byte=f"0x{data[utf8.start]:02X}")


def _try(data: bytes, encoding: str) -> str | None:
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        return None


def _kana_share(text: str) -> float:
    """Half-width kana among the Japanese letters: EUC read as cp932 turns into little else."""
    wide = len(_WIDE.findall(text, 0, SAMPLE))
    return len(_HALF_KANA.findall(text, 0, SAMPLE)) / wide if wide else 0.0


def _utf16_without_bom(data: bytes) -> str:
    sample = data[: SAMPLE // 2 * 2]
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    name = "utf-16-le" if odd > even else "utf-16-be"
    text = _try(data, name)
    if max(even, odd) < 5 * min(even, odd) or text is None or _CONTROL.search(text):
        raise ListError("binary", line=data.count(b"\n", 0, data.index(b"\0")) + 1)
    return name


def decode(data: bytes, encoding: str) -> str:
    """Text of a list, without BOM. Raises ListError where the encoding does not fit or it is binary."""
    if encoding not in ENCODINGS:
        raise ListError("unknown_encoding", byte=encoding)
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ListError("encoding_misfit", line=line, encoding=encoding) from None
    text = text.lstrip("\ufeff")
    odd = _CONTROL.search(text)
    if odd:
        raise ListError("binary", line=text.count("\n", 0, odd.start()) + 1)
    return text


def read(text: str, delimiter: str, *, limit: int = MAX_ROWS) -> Iterator[Line]:
    """Rows of delimited text. Raises ListError with the line where a quotation mark is wrong."""
    # Only real line ends divide rows: splitlines() would also cut at U+2028 or form feeds.
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    count = 0
    while True:
        no = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            code = "cell_too_long" if "limit" in str(error) else "wrong_quotes"
            raise ListError(code, line=no) from None
        if len(cells) > MAX_COLUMNS:
            raise ListError("too_many_columns", line=no, columns=len(cells), limit=MAX_COLUMNS)
        count += 1
        if count > limit:
            raise ListError("too_many_rows", line=no, limit=limit)
        yield Line(no, tuple(cells))


def head(text: str, *, lines: int = 40) -> str:
    """The first lines of a text, for guesses."""
    end = 0
    for _ in range(lines):
        found = text.find("\n", end)
        if found < 0:
            return text
        end = found + 1
    return text[:end]

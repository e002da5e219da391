"""Upload: keep an image for mails. What it is, its bytes say; the name and the browser's word do not count."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from campaigns.parts import Parts
from campaigns.storage import images
from campaigns.storage.images import Image

MAX_BYTES = 2 * 1024 * 1024
MAX_SIDE = 8000


class Refused(Exception):
    """An image we do not keep. code: empty, too_large, not_an_image, damaged, too_wide."""

    def __init__(self, code: str, args: Mapping[str, str | int] | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.args_ = dict(args or {})


@dataclass(frozen=True, slots=True)
class Looked:
    """What an image is: its media type and its size in pixels."""

    mime: str
    width: int
    height: int


def store(parts: Parts, data: bytes, *, name: str, user_id: int | None, now: datetime) -> Image:
    """Keep an image; the same bytes twice are one image. Raises Refused."""
    looked = look(data)
    with parts.engine.begin() as tx:
        return images.add(
            tx,
            name=name[:200],
            mime=looked.mime,
            sha256=sha256(data).hexdigest(),
            data=data,
            width=looked.width,
            height=looked.height,
            user_id=user_id,
            now=now,
        )


def read(parts: Parts, image_id: int, prefix: str) -> tuple[Image, bytes] | None:
    """A hosted image; None unless the first eight digits of its hash are named too."""
    with parts.engine.connect() as tx:
        found = images.read(tx, image_id)
    return found if found is not None and found[0].sha256[:8] == prefix else None


def recent(parts: Parts) -> tuple[Image, ...]:
    with parts.engine.connect() as tx:
        return images.recent(tx)


def look(data: bytes) -> Looked:
    """Type and size from the bytes. Raises Refused."""
    if not data:
        raise Refused("empty")
    if len(data) > MAX_BYTES:
        raise Refused("too_large", {"most_kb": MAX_BYTES // 1024, "kb": len(data) // 1024})
    try:
        looked = _look(data)
    except (struct.error, IndexError, ValueError):
        raise Refused("damaged") from None
    if looked is None:
        raise Refused("not_an_image")
    if not (0 < looked.width <= MAX_SIDE and 0 < looked.height <= MAX_SIDE):
        raise Refused("too_wide", {"width": looked.width, "height": looked.height, "most": MAX_SIDE})
    return looked


def _look(data: bytes) -> Looked | None:
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        if data[12:16] != b"IHDR":
            raise ValueError
        return Looked("image/png", *struct.unpack(">II", data[16:24]))
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return Looked("image/gif", *struct.unpack("<HH", data[6:10]))
    if data.startswith(b"\xff\xd8\xff"):
        return Looked("image/jpeg", *_jpeg_size(data))
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return Looked("image/webp", *_webp_size(data))
    return None


def _jpeg_size(data: bytes) -> tuple[int, int]:
    """From the frame header, skipping the segments before it."""
    at = 2
    while True:
        if data[at] != 0xFF:
            raise ValueError
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        (length,) = struct.unpack(">H", data[at + 2 : at + 4])
        # SOF0 to SOF15 but for DHT, JPG and DAC hold the size.
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return width, height
        if length < 2 or marker == 0xDA:
            raise ValueError
        at += 2 + length


def _webp_size(data: bytes) -> tuple[int, int]:
    form = data[12:16]
    if form == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if form == b"VP8L":
        (bits,) = struct.unpack("<I", data[21:25])
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if form == b"VP8 ":
        width, height = struct.unpack("<HH", data[26:30])
        return width & 0x3FFF, height & 0x3FFF
    raise ValueError

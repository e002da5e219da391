"""PDFs as a test sees them: their words, and their pages in black and white at a fax's resolution."""

from __future__ import annotations

import pypdfium2
from PIL import Image

DPI = 200


def text_of(data: bytes) -> str:
    """The words of every page, line ends left out: where a line breaks is the layout's own business."""
    document = pypdfium2.PdfDocument(data)
    try:
        pages = [page.get_textpage().get_text_range() for page in document]
    finally:
        document.close()
    return "".join("".join(pages).splitlines())


def one_bit(data: bytes) -> list[Image.Image]:
    """Each page at 200 dots an inch; what is darker than the middle is black, all else is white."""
    document = pypdfium2.PdfDocument(data)
    try:
        return [
            page.render(scale=DPI / 72)
            .to_pil()
            .convert("L")
            .point(lambda grey: 255 if grey > 127 else 0)
            .convert("1")
            for page in document
        ]
    finally:
        document.close()


def ink(picture: Image.Image) -> int:
    """How many dots are black."""
    return picture.histogram()[0]

"""Japanese text for old Windows programs: what code page 932 cannot write is replaced where one can see it.

Never shift_jis: it lacks 髙, 﨑, ①, ㈱. Source: spec 6.2.2, 6.2.3.
"""

SUBSTITUTES = {
    "𠮷": "吉",
    "㍿": "株式会社",
    "—": "―",
    "¥": "￥",
    "鷗": "鴎",
    "剝": "剥",
    "〜": "～",
    "−": "－",
    "‖": "∥",
    "‼": "！！",
    "\N{NO-BREAK SPACE}": " ",
}
UNKNOWN = "〓"


def writable(text: str) -> str:
    """The text as cp932 can write it."""
    return "".join(sign if _fits(sign) else SUBSTITUTES.get(sign, UNKNOWN) for sign in text)


def _fits(sign: str) -> bool:
    try:
        sign.encode("cp932")
    except UnicodeEncodeError:
        return False
    return True

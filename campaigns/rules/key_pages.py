"""Which pages of our own sites tell most: prices, cases, specifications. Source: spec 2.5.1, S0-10."""

import re
from urllib.parse import unquote, urlsplit

_PATH = re.compile(
    r"(^|[/_.-])(price|prices|pricing|cost|case|cases|casestudy|case-studies|example|examples|spec|specs"
    r"|specification|specifications|kakaku|ryokin|jirei|shiyo|shiyou)([/_.-]|$)",
    re.IGNORECASE,
)
_WORDS = ("価格", "料金", "費用", "事例", "仕様", "見積")


def is_key(url: str, title: str = "") -> bool:
    """Whether a page is about price, cases or specifications, by its path or its title."""
    try:
        path = unquote(urlsplit(url).path)
    except ValueError:
        path = ""
    return bool(_PATH.search(path)) or any(word in path or word in title for word in _WORDS)

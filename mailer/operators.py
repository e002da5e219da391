"""Which recipients' domains are run by one mail operator, as far as that is known without asking the DNS.

Limits and reputation hold for the operator: a host that Gmail slows down is slowed down for googlemail.com
as well. Companies whose own domain lies with Google or Microsoft are not seen here; they are few a domain.
"""

from __future__ import annotations

from collections.abc import Mapping

# operator (the key, its best known domain) -> its domains
OPERATORS: Mapping[str, tuple[str, ...]] = {
    "docomo.ne.jp": ("docomo.ne.jp",),
    "ezweb.ne.jp": ("ezweb.ne.jp", "au.com", "uqmobile.jp"),
    "softbank.ne.jp": (
        "softbank.ne.jp", "i.softbank.jp", "vodafone.ne.jp", "disney.ne.jp", "ymobile.ne.jp", "y-mobile.ne.jp",
        "ymobile1.ne.jp", "emnet.ne.jp", "willcom.com", "pdx.ne.jp",
    ),
    "gmail.com": ("gmail.com", "googlemail.com"),
    "yahoo.co.jp": ("yahoo.co.jp", "ybb.ne.jp", "ymail.ne.jp"),
    "yahoo.com": ("yahoo.com", "ymail.com", "rocketmail.com", "aol.com", "aol.jp"),
    "outlook.com": (
        "outlook.com", "outlook.jp", "hotmail.com", "hotmail.co.jp", "live.com", "live.jp", "msn.com",
    ),
    "icloud.com": ("icloud.com", "me.com", "mac.com"),
}  # fmt: skip
# Carriers gave out names below these: t.vodafone.ne.jp, a9.ezweb.ne.jp, di.pdx.ne.jp.
_WITH_SUBDOMAINS = frozenset({"vodafone.ne.jp", "ezweb.ne.jp", "pdx.ne.jp", "willcom.com"})
_BY_DOMAIN = {domain: operator for operator, domains in OPERATORS.items() for domain in domains}


def operator_of(domain: str) -> str | None:
    """The operator's key of a lower-case domain, None when it is nobody's known."""
    found = _BY_DOMAIN.get(domain)
    if found is None and (parent := domain.partition(".")[2]) in _WITH_SUBDOMAINS:
        return _BY_DOMAIN[parent]
    return found

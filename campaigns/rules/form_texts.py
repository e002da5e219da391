"""What a new form of each kind asks and says, in both languages; its maker changes what does not fit.

The request for material asks for the mail address and the company, and for nothing else that is required:
the address is where the material goes, and the company is what a supplier to companies sorts, ranks and calls by.
A name is welcome but may wait until there is more to talk about.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from campaigns.rules.forms import Consent, Design, Field, Kind, Words

LABELS: Mapping[str, Mapping[str, str]] = {
    "email": {"ja": "メールアドレス", "en": "E-mail address"},
    "company": {"ja": "会社名", "en": "Company"},
    "name": {"ja": "お名前", "en": "Name"},
    "kana": {"ja": "ふりがな", "en": "Reading of the name (kana)"},
    "department": {"ja": "部署", "en": "Department"},
    "title": {"ja": "役職", "en": "Job title"},
    "tel": {"ja": "電話番号", "en": "Phone"},
    "theme": {"ja": "聞きたいテーマ", "en": "Themes of interest"},
    "timeframe": {"ja": "ご検討の時期", "en": "When do you plan to decide?"},
    "message": {"ja": "内容", "en": "Your message"},
    "ask_line": {"ja": "", "en": ""},
    "ask_one": {"ja": "", "en": ""},
    "ask_some": {"ja": "", "en": ""},
    "ask_text": {"ja": "", "en": ""},
}
PURPOSE = {
    "ja": "ご入力いただいた情報は、{kind}への対応と、ご同意いただいた場合の商品・サービスのご案内のために使います。",
    "en": "We use what you enter to handle {kind} and, if you agree, to tell you about our products and services.",
}
CONSENT = {
    "ja": "商品・サービスに関するお役立ち情報を、メールで受け取ることに同意します。いつでも停止できます。",
    "en": "I agree to receive useful information about products and services by e-mail. I can stop it at any time.",
}
FULL = {
    "ja": "定員に達しました。多数のお申し込みをいただき、ありがとうございました。",
    "en": "All seats are taken. Thank you for your interest.",
}
CLOSED = {"ja": "受付は終了しました。", "en": "This form is closed."}
_FOR = {
    Kind.DOC_REQUEST: ("資料のご請求", "your request for material"),
    Kind.SEMINAR_APPLY: ("セミナーのお申し込み", "your application for the seminar"),
    Kind.NEWSLETTER: ("メールマガジンの配信", "the newsletter"),
    Kind.INQUIRY: ("お問い合わせ", "your inquiry"),
    Kind.QUOTE_REQUEST: ("お見積りのご依頼", "your request for a quote"),
}
# kind -> (title, introduction, button, thanks, what happens next), Japanese and English
_SAID: Mapping[Kind, tuple[tuple[str, str, str, str, str], tuple[str, str, str, str, str]]] = {
    Kind.DOC_REQUEST: (
        (
            "資料請求",
            "入力は2項目だけです。資料は、ご入力のアドレスへメールでお送りします。",
            "資料を受け取る",
            "ありがとうございます",
            "資料は、ご入力のアドレスへメールでお送りします。届かないときは、迷惑メールのフォルダーをご確認ください。",
        ),
        (
            "Request material",
            "Only two fields are needed. We send the material to your address by e-mail.",
            "Get the material",
            "Thank you",
            "We send the material to your address by e-mail. If it does not arrive, please look into your spam folder.",
        ),
    ),
    Kind.SEMINAR_APPLY: (
        (
            "セミナーのお申し込み",
            "聞きたいテーマをお選びください。当日の内容の参考にします。",
            "申し込む",
            "お申し込みを受け付けました",
            "確認のメールを、ご入力のアドレスへお送りします。受付票が付いているときは、当日、受付でご提示ください。",
        ),
        (
            "Sign up for the seminar",
            "Please choose the themes you would like to hear about.",
            "Sign up",
            "You are signed up",
            "We confirm it to your address by e-mail. If there is an entry pass in it, please show it at the reception.",
        ),
    ),
    Kind.NEWSLETTER: (
        (
            "メールマガジンのご登録",
            "現場で役立つ事例やヒントを、月に1通お届けします。",
            "登録する",
            "ご登録ありがとうございます",
            "次の号からお届けします。",
        ),
        (
            "Sign up for our newsletter",
            "Once a month: cases and tips that help on the shop floor.",
            "Sign up",
            "Thank you for signing up",
            "You will get the next issue.",
        ),
    ),
    Kind.INQUIRY: (
        (
            "お問い合わせ",
            "担当者が内容を確かめ、2営業日以内にご連絡します。",
            "送信する",
            "お問い合わせを受け付けました",
            "2営業日以内に、担当者からご連絡します。",
        ),
        (
            "Contact us",
            "We will read your inquiry and get back to you within two business days.",
            "Send",
            "We have received your inquiry",
            "We will get back to you within two business days.",
        ),
    ),
    Kind.QUOTE_REQUEST: (
        (
            "お見積りのご依頼",
            "わかる範囲でご記入ください。足りないことは、担当者からお尋ねします。",
            "見積りを依頼する",
            "お見積りのご依頼を受け付けました",
            "1営業日以内に、担当者からご連絡します。",
        ),
        (
            "Request a quote",
            "Please tell us as much as you can. We will ask for what is missing.",
            "Request a quote",
            "We have received your request",
            "We will get back to you within one business day.",
        ),
    ),
}
_TIMEFRAMES = {
    "ja": ("すぐに", "半年以内", "1年以内", "情報収集中"),
    "en": ("At once", "Within six months", "Within a year", "Just looking"),
}
_THEMES = {
    "ja": ("導入事例", "費用と効果", "技術と仕様"),
    "en": ("Case studies", "Cost and benefit", "Technology and specifications"),
}
FIELDS: Mapping[Kind, tuple[Field, ...]] = MappingProxyType(
    {
        Kind.DOC_REQUEST: (Field("email", True), Field("company", True), Field("name")),
        Kind.SEMINAR_APPLY: (
            Field("email", True),
            Field("company", True),
            Field("name", True),
            Field("department"),
            Field("theme", True, options=_THEMES),
        ),
        Kind.NEWSLETTER: (Field("email", True), Field("company")),
        Kind.INQUIRY: (
            Field("email", True),
            Field("company", True),
            Field("name", True),
            Field("tel"),
            Field("message", True),
        ),
        Kind.QUOTE_REQUEST: (
            Field("email", True),
            Field("company", True),
            Field("name", True),
            Field("department"),
            Field("tel"),
            Field("timeframe", options=_TIMEFRAMES),
            Field("message", True),
        ),
    }
)


def label(field: Field, lang: str) -> str:
    """What a field is called: its maker's word, else the usual one."""
    return field.label.get(lang) or LABELS[field.key][lang]


def start(kind: Kind, langs: tuple[str, ...] = ("ja", "en")) -> Design:
    """A sound form of this kind; a newsletter needs its confirmation, since it has no other purpose than mail."""
    return Design(
        kind=kind,
        langs=langs,
        fields=FIELDS[kind],
        words={"ja": _words(kind, "ja"), "en": _words(kind, "en")},
        consent=Consent.SENDING if kind is Kind.NEWSLETTER else Consent.TICK,
        confirms=kind is Kind.NEWSLETTER,
    )


def _words(kind: Kind, lang: str) -> Words:
    place = 0 if lang == "ja" else 1
    title, intro, button, thanks_title, thanks = _SAID[kind][place]
    return Words(
        title=title,
        intro=intro,
        purpose=PURPOSE[lang].format(kind=_FOR[kind][place]),
        consent=_newsletter(lang) if kind is Kind.NEWSLETTER else CONSENT[lang],
        button=button,
        thanks_title=thanks_title,
        thanks=thanks,
        full=FULL[lang],
        closed=CLOSED[lang],
    )


def _newsletter(lang: str) -> str:
    if lang == "en":
        return "By signing up you agree to receive our newsletter by e-mail. You can stop it at any time."
    return "登録すると、メールマガジンをお送りすることに同意したものとします。いつでも停止できます。"

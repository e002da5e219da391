import pytest

from campaigns.rules.key_pages import is_key


@pytest.mark.parametrize(
    ("url", "title"),
    [
        ("https://www.maker.example/price/", ""),
        ("https://www.maker.example/products/press-spec.html", ""),
        ("https://www.maker.example/CASE/2026", ""),
        ("https://www.maker.example/%E5%B0%8E%E5%85%A5%E4%BA%8B%E4%BE%8B/", ""),
        ("https://www.maker.example/p/12", "小型プレスの価格表"),
    ],
)
def test_pages_about_prices_cases_and_specifications_are_key(url: str, title: str) -> None:
    assert is_key(url, title)


@pytest.mark.parametrize(
    ("url", "title"),
    [
        ("https://www.maker.example/", "会社案内"),
        ("https://price.example/news/", ""),
        ("https://www.maker.example/showcase-room/", ""),
        ("https://www.maker.example/special/", "特集"),
        ("http://[broken", ""),
        ("", ""),
    ],
)
def test_other_pages_are_not(url: str, title: str) -> None:
    assert not is_key(url, title)

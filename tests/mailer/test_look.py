"""The preview's other screens."""

from __future__ import annotations

from mailer import look

PAGE = (
    "<html><head><style>p{color:#111} @media (prefers-color-scheme: dark) { p{color:#eee!important} }</style></head>"
    '<body style="background:url(https://a.example/b.png)"><p>x</p><img alt="図" src="https://a.example/x.png"></body></html>'
)


def test_a_program_that_honours_dark_colours_gets_them() -> None:
    assert "@media all { p{color:#eee" in look.as_seen(PAGE, "dark")


def test_by_day_the_dark_colours_are_off_whatever_the_readers_own_screen() -> None:
    assert "@media not all { p{color:#eee" in look.as_seen(PAGE, "light")


def test_a_program_that_inverts_leaves_pictures_as_they_are() -> None:
    seen = look.as_seen(PAGE, "inverted")
    assert "html{background:#fff;filter:invert" in seen
    assert "img,video{filter:invert(1)" in seen
    assert "@media not all" in seen


def test_without_images_nothing_is_loaded_and_the_alt_stays() -> None:
    seen = look.as_seen(PAGE, "no_images")
    assert "a.example" not in seen
    assert 'alt="図"' in seen


def test_a_page_without_a_head_is_shown_too() -> None:
    assert look.as_seen("<p>x</p>", "dark").endswith("<p>x</p>")

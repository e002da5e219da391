from pathlib import Path

from tracking_pixel.counts import Count, Counts


def test_taken_sums_begin_again_and_those_put_back_add_up() -> None:
    counts = Counts()
    counts.add(Count.BAD_TOKEN)
    counts.add(Count.LOST, 3)
    taken = counts.taken()
    assert taken == {"bad_token": 1, "lost": 3}
    assert counts.taken() == {}
    counts.add(Count.LOST)
    counts.put_back(taken)
    assert counts.taken() == {"bad_token": 1, "lost": 4}


def test_everything_that_is_counted_is_explained() -> None:
    page = Path("docs/tracker.md").read_text()
    assert [count.value for count in Count if f"| `{count.value}` |" not in page] == []

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.domain.splits import family_of, normalised, split_of

families = st.text(st.characters(codec="utf-8"), min_size=1)
shares = st.floats(min_value=0.0, max_value=1.0)


@given(families, shares)
def test_a_family_has_one_split_however_often_it_is_asked(family: str, share: float) -> None:
    assert split_of(family, share) == split_of(family, share)


@given(families, shares, shares)
def test_a_larger_share_never_moves_a_family_out_of_test(family: str, one: float, other: float) -> None:
    small, large = sorted((one, other))
    if split_of(family, small) == "test":
        assert split_of(family, large) == "test"


@given(families)
def test_a_share_of_nothing_holds_out_nothing_and_a_share_of_all_everything(family: str) -> None:
    assert split_of(family, 0.0) == "train"
    assert split_of(family, 1.0) == "test"


@pytest.mark.parametrize("share", [0.1, 0.2, 0.5])
def test_the_share_of_many_names_held_out_is_the_share_asked_for(share: float) -> None:
    count = 20_000
    held_out = sum(split_of(f"family {number}", share) == "test" for number in range(count))
    # Five standard deviations of a fair draw.
    assert abs(held_out / count - share) < 5 * (share * (1 - share) / count) ** 0.5


@pytest.mark.parametrize(
    ("family", "split"), [("itertools.accumulate", "train"), ("list.extend", "test"), ("质量", "train")]
)
def test_the_splits_of_released_versions_stay_as_they_are(family: str, split: str) -> None:
    assert split_of(family, 0.2) == split


@given(st.text())
def test_normalising_twice_changes_nothing_more(text: str) -> None:
    assert normalised(normalised(text)) == normalised(text)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("What is  it?", " what\tIS it?\n"),
        ("STRASSE", "straße"),
        ("Cafe\u0301", "Café"),
        ("ＡＢＣ １２", "abc 12"),
        ("a\u00a0b", "A b"),
    ],
)
def test_forms_of_one_text_make_one_family(one: str, other: str) -> None:
    assert family_of(one) == family_of(other)


def test_different_questions_make_different_families() -> None:
    assert family_of("What is a list?") != family_of("What is a set?")

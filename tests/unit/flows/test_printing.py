"""Plain text tables."""

from flows.printing import align


def test_columns_are_as_wide_as_their_widest_cell_and_lines_end_in_no_space() -> None:
    assert align([["arm", "mean"], ["challenger", "0.5"], ["b", ""]]) == [
        "arm         mean",
        "challenger  0.5",
        "b",
    ]

"""Which loopback ports a service may have."""

from collections.abc import Callable

from tasks.services.ports import first_free, is_free


def test_a_port_is_free_when_nobody_listens(taken_port: int, free_port: Callable[[], int]) -> None:
    assert (is_free(taken_port), is_free(free_port())) == (False, True)


def test_the_first_that_is_free_is_found_and_none_when_all_are_taken(
    taken_port: int, free_port: Callable[[], int]
) -> None:
    unused = free_port()
    assert first_free((taken_port, unused)) == unused
    assert first_free((taken_port, taken_port)) is None

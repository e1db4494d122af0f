"""What chance decides about the comparisons of a round: the order in which they are drawn, and the side of each answer.

Chance is a hash, so a stage that runs again draws the same.
"""

from collections.abc import Sequence

from tasks.files import sha256_of
from tasks.records import Candidate, Comparison


def request_id(comparison: Comparison, *, domain: str, round_number: int) -> str:
    """The id (64 hex digits) of what people are asked, whichever way round the candidates are given."""
    candidates = sorted((comparison.a.id, comparison.b.id))
    asked_in = {"domain": domain, "round": round_number}
    return sha256_of({**asked_in, "question": comparison.question.id, "candidates": candidates})


def place_in_draw(request: str, seed: int) -> str:
    """Where the request of this id stands in the random order: the smallest is drawn first."""
    return sha256_of({"draw": request, "seed": seed})


def in_order_of_draw(
    comparisons: Sequence[Comparison], *, domain: str, round_number: int, seed: int
) -> list[Comparison]:
    """The comparisons in the random order at whose beginning people are asked, on the audit slice and on test answers.

    A judge that cannot judge them all and begins with the first has judged what people are asked for its sake.
    """

    def place(comparison: Comparison) -> str:
        return place_in_draw(request_id(comparison, domain=domain, round_number=round_number), seed)

    return sorted(comparisons, key=place)


def draw_sides(comparison: Comparison, request: str, seed: int) -> tuple[Candidate, Candidate]:
    """The candidates in the order in which people see them, drawn for each request by itself."""
    a, b = sorted((comparison.a, comparison.b), key=lambda candidate: candidate.id)
    return (b, a) if int(sha256_of({"seed": seed, "sides": request})[:8], 16) % 2 else (a, b)

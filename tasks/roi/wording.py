"""How amounts of money, queries and months are written. The page's JavaScript writes them in the same way."""

import math
from collections.abc import Sequence

from tasks.evaluation.report_text import arm_label
from tasks.records import BreakEven, CheapestRange, Spread

BASIS_TEXTS = {"answer": "for each answer, right or wrong", "correct_answer": "for each correct answer"}


def format_usd(usd: float | None) -> str:
    """`$1,234`, `$12.34`, `$0.00123`: cents from a dollar on, three significant digits below; None: `no bound`."""
    if usd is None:
        return "no bound"
    if usd >= 1000:
        return f"${usd:,.0f}"
    if usd >= 1:
        return f"${usd:,.2f}"
    if usd < 1e-9:
        return "$0"
    return f"${usd:.{2 - math.floor(math.log10(usd))}f}"


def format_queries(queries_per_day: float) -> str:
    """Queries a day to three significant digits: `7,010`, `0.25`."""
    if queries_per_day == 0:
        return "0"
    digits = 2 - math.floor(math.log10(queries_per_day))
    rounded = round(queries_per_day, digits)
    return f"{rounded:,.{max(0, digits)}f}" if rounded < 100 and rounded % 1 else f"{rounded:,.0f}"


def format_percent(share: float) -> str:
    """`81 %`; what is less than all but rounds to it stays below: `99 %`, and likewise above nothing: `1 %`."""
    percent = round(share * 100)
    if 0 < share < 1:
        percent = min(max(percent, 1), 99)
    return f"{percent} %"


def format_interval_months(interval_months: int | None) -> str:
    """`every month`, `every 3 months`, `only once`."""
    if interval_months is None:
        return "only once"
    return "every month" if interval_months == 1 else f"every {interval_months} months"


def usd_interval(spread: Spread) -> str:
    """`$1.00 to $2.00`."""
    return f"{format_usd(spread.ci95[0])} to {format_usd(spread.ci95[1])}"


def in_sentence(arm: str) -> str:
    """The arm's name within a sentence: `base`, `RAG`, `fine-tuned`, `RAG + fine-tuned`."""
    label = arm_label(arm)
    return label if label[:2].isupper() else label[:1].lower() + label[1:]


def capitalised(text: str) -> str:
    """The text with its first letter large, for the start of a sentence."""
    return text[:1].upper() + text[1:]


def describe_ranges(ranges: Sequence[CheapestRange], basis: str) -> str:
    """Which arm costs least from how many queries a day, in one sentence; empty where no arm has a cost."""
    counted = BASIS_TEXTS[basis]
    if not ranges:
        return ""
    if len(ranges) == 1:
        return f"At any number of queries a day {in_sentence(ranges[0].arm)} costs least {counted}."
    first, *later = ranges
    below = f"Below {format_queries(later[0].from_queries_per_day)} queries a day {in_sentence(first.arm)} costs least"
    above = [f"from {format_queries(each.from_queries_per_day)} on, {in_sentence(each.arm)} does" for each in later]
    return f"{below} {counted}; {'; '.join(above)}."


def describe_month(found: BreakEven, months: int) -> str:
    """When one of two arms has paid for itself, such as `RAG from month 5 (95 % interval 3 to 9)`."""
    if found.cheaper_later is None or found.month.value is None:
        return "the same throughout"
    cheaper, other = in_sentence(found.cheaper_later), in_sentence(_other(found, found.cheaper_later))
    if found.month.value == 0:
        return f"{cheaper} from the start; {other} never breaks even"
    late = f", after the {months} months" if found.month.value > months else ""
    low, high = ("never" if end is None else f"{end:.0f}" for end in found.month.ci95)
    return f"{cheaper} from month {found.month.value:.0f}{late} (95 % interval {low} to {high})"


def describe_queries(found: BreakEven) -> str:
    """From how many queries a day one of two arms is the cheaper one, such as `RAG above 7,010 (...)`."""
    if found.cheaper_above is None or found.queries_per_day.value is None:
        return "the same at any number"
    cheaper, other = in_sentence(found.cheaper_above), in_sentence(_other(found, found.cheaper_above))
    if found.queries_per_day.value == 0:
        return f"{cheaper} at any number; {other} never breaks even"
    low, high = ("never" if end is None else format_queries(end) for end in found.queries_per_day.ci95)
    return f"{cheaper} from {format_queries(found.queries_per_day.value)} on (95 % interval {low} to {high})"


def _other(found: BreakEven, arm: str) -> str:
    return next(name for name in found.arms if name != arm)

"""What the report and the command line say of win rates: naive and corrected side by side, and which are evidence."""

from typing import Any

from tasks.evaluation.report_judges import judge_label
from tasks.evaluation.report_text import count_of, format_interval
from tasks.evaluation.round_win_rates import BY_PEOPLE, FEWEST_LABELS, RoundWinRates
from tasks.records import HeadToHead, JudgedWinRate


def source_label(source: str) -> str:
    """What somebody whose win rate is shown is called."""
    return BY_PEOPLE if source == BY_PEOPLE else judge_label(source)


def win_rate_lines(found: RoundWinRates | None, compared: HeadToHead | None) -> list[str]:
    """The round's win rates as text: a heading, and a line for each judge and for people."""
    if found is None or compared is None:
        return []
    lines = [f"win rate of challenger against champion, {_what_was_compared(compared)}"]
    return [*lines, *(f"  {source_label(source)}: {_line(source, rate)}" for source, rate in found.rates.items())]


def describe_win_rates(found: RoundWinRates | None, compared: HeadToHead | None) -> dict[str, Any] | None:
    """The table of win rates and the sentences below it; None where nothing was compared."""
    if found is None or compared is None:
        return None
    return {
        "compared": f"{_what_was_compared(compared)[:1].upper()}{_what_was_compared(compared)[1:]}.",
        "rows": [show_rate(source, rate, source == found.best) for source, rate in found.rates.items()],
        "notes": [describe_rate(source, rate) for source, rate in found.rates.items()],
        "stand_in": _stand_in(found),
        "anew": describe_later_labels(found),
    }


def describe_later_labels(found: RoundWinRates) -> str | None:
    """A sentence where the report was written anew because of labels; None where it was not."""
    if not found.after_round:
        return None
    until = f", the last of {found.last_label_at:%Y-%m-%d %H:%M} UTC" if found.last_label_at else ""
    return (
        "Written anew after the round, for labels on test answers came in or were taken back: it rests on "
        f"{count_of(sum(found.labels.values()), 'label')} now{until}. The decision above was made before."
    )


def _what_was_compared(compared: HeadToHead) -> str:
    different, equal = compared.comparisons.rows, compared.equal
    if not different:
        return f"the answers to all {equal:,} test questions are the same, so there is nothing to judge"
    ties = f"; {count_of(equal, 'question')} with equal answers: ties" if equal else ""
    return f"{count_of(different, 'test question')} with different answers{ties}"


def _line(source: str, rate: JudgedWinRate) -> str:
    shown = format_interval(rate.mean, rate.ci95, 2)
    if source == BY_PEOPLE:
        return f"{shown} on {count_of(rate.labelled, 'labelled question')}{_too_few(rate)}"
    if rate.corrected:
        rests_on = f"corrected by people on {rate.labelled:,} of {count_of(rate.judged, 'question')}"
        alone = format_interval(rate.naive, rate.naive_ci95, 2)
        return f"{shown} {rests_on}{_too_few(rate)}; by the judge alone {alone}"
    on = f"by the judge alone on {count_of(rate.judged, 'question')}, uncorrected"
    return f"{shown} {on}{'; the judge has earned its trust' if rate.evidence else ': not evidence'}"


def show_rate(source: str, rate: JudgedWinRate, best: bool) -> dict[str, Any]:
    """A row of a table of win rates."""
    name, _, version = source_label(source).partition("@")
    by_judge = source != BY_PEOPLE
    return {
        "judge": name,
        "version": version,
        "corrected": _cell(rate.mean, rate.ci95) if rate.corrected else ("–", "uncorrected"),
        "naive": _cell(rate.naive, rate.naive_ci95) if by_judge else ("–", ""),
        "labelled": f"{rate.labelled:,}",
        "judged": f"{rate.judged:,}" if by_judge else "–",
        "best": best,
    }


def describe_rate(source: str, rate: JudgedWinRate) -> str:
    """What the figures of one judge, or of people, are worth, in words."""
    name = source_label(source)
    if source == BY_PEOPLE:
        return f"{name}: by {count_of(rate.labelled, 'label')} alone{_too_few(rate)}."
    if rate.corrected:
        said = f"what people said on {count_of(rate.labelled, 'question')} corrects what it says on {rate.judged:,}"
        return f"{name}: {said}{_too_few(rate)}."
    if rate.evidence:
        return f"{name}: uncorrected, for people labelled none of it; it has earned its trust on the audit slice."
    return (
        f"{name}: uncorrected, for people labelled none of it. That is the judge's word alone, with whatever bias it "
        "has, and so no evidence."
    )


def _too_few(rate: JudgedWinRate) -> str:
    return "" if rate.evidence else f", too few labels to be evidence ({FEWEST_LABELS} are needed)"


def _stand_in(found: RoundWinRates) -> str | None:
    """A sentence where the oracle answered in people's place; None where it did not."""
    if not found.labels.get("oracle"):
        return None
    who = "Some of the" if found.labels.get("human") else "The"
    return f"{who} labels are the scripted annotator's (`oracle`), in people's place."


def _cell(value: float, ci95: tuple[float, float]) -> tuple[str, str]:
    return f"{value:.2f}", f"{ci95[0]:.2f} to {ci95[1]:.2f}"

"""Whether judges prefer the challenger, as far as they are to be believed. Pure.

A judge is heard only when it has earned its trust on the audit slice, and only by its win rate as corrected by what
people said on a random part of the same comparisons: its own word, with all its bias, never enters. By default the
whole interval has to lie above one half. That is a second opinion, not a second chance: what is better by the metric
and worse to those who read it does not go out. `promote.judged_margin` asks for less, that it is not much worse,
where labels are too few to show a preference.
"""

from tasks.records import Check, JudgedPreference

_NOBODY = JudgedPreference(rates={}, standings={}, fewest_labels=1)


def preferred_by_judges(found: JudgedPreference | None, margin: float) -> Check:
    """Passes when the corrected interval of the trusted judge that knows most lies above 0.5 - `margin`.

    Args:
        found: None: judges compared nothing.
        margin: 0 to 1.
    """
    judged = found or _NOBODY
    doubted = {name: _doubt(judged, name) for name in judged.rates}
    heard = {name: rate for name, rate in judged.rates.items() if doubted[name] is None}
    doubts = [doubt for doubt in doubted.values() if doubt is not None]
    best = min(heard, key=lambda name: (heard[name].ci95[1] - heard[name].ci95[0], name), default=None)
    bound = 0.5 - margin
    passed = best is not None and heard[best].ci95[0] > bound
    if best is None:
        whose = "No judge's win rate is evidence" if judged.rates else "No judge compared challenger and champion"
        remedy = "ask people for labels (human_feedback), or set promote.judged to false"
        sentence = f"{whose}: {'; '.join(doubts) or 'name one in judges'}; {remedy}."
    else:
        rate = heard[best]
        verdict = "prefers the challenger" if passed else "does not show that the challenger is preferred"
        sentence = (
            f"{best} {verdict}: win rate {rate.mean:.3f} (95 % interval {rate.ci95[0]:.3f} to {rate.ci95[1]:.3f}, over "
            f"{bound:g} needed), corrected by people on {rate.labelled} of {rate.judged} questions"
            + "".join(f"; {doubt}" for doubt in doubts)
            + "."
        )
    return Check(
        name="preferred_by_judges",
        passed=passed,
        sentence=sentence,
        evidence={**judged.model_dump(mode="json"), "best": best, "above": bound},
    )


def _doubt(judged: JudgedPreference, judge: str) -> str | None:
    """Why the judge's win rate is no evidence, naming it; None when it is."""
    rate, standing = judged.rates[judge], judged.standings.get(judge)
    if standing is None:
        return f"{judge} has not been compared with people yet"
    if not standing.trusted:
        return standing.why.rstrip(".")
    if not rate.corrected or rate.labelled < judged.fewest_labels:
        return f"people labelled {rate.labelled} of the comparisons of {judge}, and {judged.fewest_labels} are needed"
    return None

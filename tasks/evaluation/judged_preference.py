"""What judges say of a round's challenger, as evidence for the gate: win rates, and what each judge is worth."""

from tasks.config import Config
from tasks.curation.summary import read_summary
from tasks.evaluation.round_win_rates import BY_PEOPLE, FEWEST_LABELS, measure_round
from tasks.home import Home
from tasks.records import ArmReport, JudgedPreference, JudgeStanding


def read_preference(config: Config, home: Home, report: ArmReport) -> JudgedPreference | None:
    """The win rates by the labels that stand now, and each judge's standing when the round was curated; None where
    `promote.judged` is false or nothing was compared.

    Raises:
        IntegrityError: when the log, the comparisons or the verdicts are damaged.
    """
    found = measure_round(home, report) if config.promote.judged else None
    if found is None:
        return None
    summary = read_summary(home.round(report.domain, report.round))
    kappas = {each.judge: each.kappa.value for each in summary.judges if each.kappa} if summary else {}
    weights = summary.weights if summary else {}
    rates = {source: rate for source, rate in found.rates.items() if source != BY_PEOPLE}
    return JudgedPreference(
        rates=rates,
        standings={
            judge: JudgeStanding(trusted=weights[judge].trusted, kappa=kappas.get(judge), why=weights[judge].why)
            for judge in rates
            if judge in weights
        },
        fewest_labels=FEWEST_LABELS,
    )

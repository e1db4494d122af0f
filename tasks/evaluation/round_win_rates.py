"""A round's win rates: of challenger against champion, by each judge and by people, as far as people have answered.

They are measured anew whenever the report is written, for people may answer after the round. What was found stands in
the round's folder as win_rates.json.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from pydantic import AwareDatetime, Field

from tasks.curation.summary import read_summary
from tasks.evaluation.win_rate import judge_win_rate, people_win_rate, with_equal_answers
from tasks.feedback import log
from tasks.feedback.sources import is_person
from tasks.feedback.votes import pair_of
from tasks.feedback.withdrawals import withdrawn
from tasks.files import canonical_json, read_record, read_rows, sha256_of, write_atomically
from tasks.home import Home
from tasks.records import (
    ArmReport,
    Comparison,
    Count,
    Feedback,
    HeadToHead,
    JudgedWinRate,
    MetricSummary,
    Record,
    Sha256,
    WinRate,
)

BY_PEOPLE = "people"
FEWEST_LABELS = 5  # with fewer the interval of a corrected win rate holds less than it says: see win_rate
_FILE = "win_rates.json"


class RoundWinRates(Record):
    """Challenger against champion on a round's test questions."""

    rates: dict[str, JudgedWinRate] = Field(
        description="by feedback source; `people` where people answered: by their labels alone"
    )
    best: str | None = Field(
        description="of these the one to go by: the narrowest that is corrected, else that of a trusted judge; None: "
        "none of them is evidence"
    )
    labels: dict[str, Count] = Field(description="labels that stand, by source: human, oracle")
    labels_sha256: Sha256 = Field(description="hash of these labels")
    last_label_at: AwareDatetime | None = Field(description="when the last of these labels was given or edited")
    after_round: bool = Field(default=False, description="labels came in, or were taken back, after the decision")

    @property
    def metric(self) -> MetricSummary | None:
        """The challenger's metric `win_rate`; None where nothing is evidence."""
        if self.best is None:
            return None
        return MetricSummary(mean=self.rates[self.best].mean, ci95=self.rates[self.best].ci95)


def measure_round(home: Home, report: ArmReport, *, after_round: bool = False) -> RoundWinRates | None:
    """The win rates of the report's round by the labels that stand now; None where nothing was compared.

    Args:
        after_round: whether this looks back on a round that has been decided.

    Raises:
        IntegrityError: when the log, the comparisons or the verdicts are damaged.
    """
    compared = report.head_to_head
    if compared is None:
        return None
    comparisons = read_rows(home.objects, compared.comparisons, Comparison)
    labels = read_labels(home, report.domain, report.round, comparisons)
    summary = read_summary(home.round(report.domain, report.round))
    trusted = {judge for judge, weight in summary.weights.items() if weight.trusted} if summary else set()
    verdicts = read_rows(home.objects, compared.verdicts, Feedback)
    rates = win_rates(comparisons, verdicts, labels, compared.equal, trusted)
    return RoundWinRates(
        rates=rates,
        best=best_source(rates),
        labels=dict(sorted(Counter(row.source for row in labels).items())),
        labels_sha256=labels_sha256(labels),
        last_label_at=max((row.given_at for row in labels if row.given_at is not None), default=None),
        after_round=after_round,
    )


def win_rates(
    comparisons: Sequence[Comparison],
    verdicts: Sequence[Feedback],
    labels: Sequence[Feedback],
    equal: int,
    trusted: Collection[str],
) -> dict[str, JudgedWinRate]:
    """The challenger's win rate by each judge that gave a verdict, and by people alone where they answered.

    Args:
        comparisons: a is the champion's answer, b the challenger's.
        labels: people's, on comparisons among these.
        equal: questions with equal answers from both, which are ties.
        trusted: feedback sources of judges whose word is believed.
    """
    challenger = {comparison.b.id for comparison in comparisons}
    by_judge: dict[str, list[Feedback]] = defaultdict(list)
    for row in verdicts:
        by_judge[row.source].append(row)
    found = {judge: judge_win_rate(rows, labels, challenger) for judge, rows in sorted(by_judge.items())}
    if labels:
        found[BY_PEOPLE] = people_win_rate(labels, challenger)
    return {
        source: _judged(with_equal_answers(rate, len(comparisons), equal), source in trusted)
        for source, rate in found.items()
    }


def _judged(rate: WinRate, trusted: bool) -> JudgedWinRate:
    enough = rate.corrected and rate.labelled >= FEWEST_LABELS
    return JudgedWinRate(**rate.model_dump(), evidence=trusted or enough)


def best_source(rates: Mapping[str, JudgedWinRate]) -> str | None:
    """Whose win rate to go by: of those that are evidence a corrected one before others, the narrowest first."""

    def rank(source: str) -> tuple[bool, float, str]:
        low, high = rates[source].ci95
        return not rates[source].corrected, high - low, source

    return min((source for source, rate in rates.items() if rate.evidence), key=rank, default=None)


def read_labels(home: Home, domain: str, round_number: int, comparisons: Sequence[Comparison]) -> list[Feedback]:
    """What people say of these comparisons, as asked in this round, without what was withdrawn; sorted by id."""
    pairs = {(each.question.id, *sorted((each.a.id, each.b.id))) for each in comparisons}
    return [row for row in read_test_labels(home, domain) if row.round == round_number and pair_of(row) in pairs]


def read_test_labels(home: Home, domain: str) -> list[Feedback]:
    """What people say of test answers in all rounds, without what was withdrawn; sorted by id.

    Raises:
        IntegrityError: when the log is damaged.
    """
    rows = log.read(home, log.for_tests(domain), left_out=withdrawn(home, domain))
    return [row for row in rows if is_person(row)]


def labels_sha256(labels: Sequence[Feedback]) -> str:
    """The hash of the labels, in their order."""
    return sha256_of([row.model_dump(mode="json") for row in labels])


def have_labels_changed(home: Home, report: ArmReport, compared: HeadToHead) -> bool:
    """Whether people say something else now than the round's report was last written with.

    Raises:
        IntegrityError: when the log, the comparisons or the round's win rates are damaged.
    """
    kept = read_win_rates(home.round(report.domain, report.round))
    comparisons = read_rows(home.objects, compared.comparisons, Comparison)
    now = labels_sha256(read_labels(home, report.domain, report.round, comparisons))
    return kept is None or kept.labels_sha256 != now


def keep_win_rates(round_folder: Path, found: RoundWinRates) -> None:
    """Writes the win rates into the round's folder.

    Raises:
        HomeError: when the disk is full or not writable.
    """
    write_atomically(round_folder / _FILE, canonical_json(found).encode())


def read_win_rates(round_folder: Path) -> RoundWinRates | None:
    """The win rates in the round's folder; None where there are none.

    Raises:
        IntegrityError: when the file is damaged.
    """
    return read_record(round_folder / _FILE, RoundWinRates, "delete it, and `ratchet labels` writes it anew")

"""How often each arm's answer is better than the first arm's, by the judges, and by people where they have answered.

As in a round (tasks/evaluation/head_to_head.py and round_win_rates.py): equal answers are ties; the others stand in the
random order of a round, so that a judge whose budget ends has judged a random part of them, and what people said of
test answers in rounds, drawn at random too, corrects the judges. The answers of base and ft are the very candidates
that a round compared, so labels on them hold here.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from tasks.config import Config
from tasks.evaluation.answering import ArmAnswers
from tasks.evaluation.benchmark.plan import Benchmark
from tasks.evaluation.head_to_head import compare_sides
from tasks.evaluation.round_win_rates import best_source, read_test_labels, win_rates
from tasks.feedback import log
from tasks.feedback.drawing import in_order_of_draw
from tasks.feedback.votes import pair_of
from tasks.feedback.withdrawals import withdrawn
from tasks.home import Home
from tasks.judging.audit_rows import rows_to_measure
from tasks.judging.standing import judges_so_far
from tasks.judging.trust import judge_weights
from tasks.progress import say
from tasks.records import ArmWinRates, Comparison, Feedback, MetricSummary, Question
from tasks.rounds import read_batches

WIN_RATE = "win_rate"
REFERENCE = "judge:reference"


def oppose_arms(
    config: Config, benchmark: Benchmark, questions: Sequence[Question], answers: Mapping[str, ArmAnswers]
) -> dict[str, list[Comparison]]:
    """For each arm but the first, its answer (b) beside the first one's (a) where they differ, in random order."""
    first, *others = answers
    opposed = {}
    for arm in others:
        found = compare_sides(questions, (answers[first], first), (answers[arm], arm))
        opposed[arm] = in_order_of_draw(
            found, domain=benchmark.domain.name, round_number=round_of(benchmark), seed=config.seed
        )
        say(f"benchmark: {arm} answers {len(found)} of {len(questions)} test questions otherwise than {first}")
    return opposed


def to_judge(opposed: Mapping[str, Sequence[Comparison]]) -> list[Comparison]:
    """All comparisons, the arms taking turns, so that a budget that ends leaves each arm as much."""
    longest = max((len(comparisons) for comparisons in opposed.values()), default=0)
    return [
        comparisons[place] for place in range(longest) for comparisons in opposed.values() if place < len(comparisons)
    ]


def round_of(benchmark: Benchmark) -> int:
    """The round whose draw is repeated: that of the adapter, in which people were asked about it; 1 without one."""
    adapter = benchmark.version.adapter if benchmark.version else None
    return adapter.round if adapter else 1


def judging_folder(home: Home, benchmark: Benchmark) -> Path:
    """Where it stands what this benchmark has spent on judges; each may spend what a round's test answers may cost."""
    return home.benchmarks(benchmark.domain.name) / "judging" / benchmark.key[:16]


def measure_win_rates(
    config: Config,
    home: Home,
    benchmark: Benchmark,
    opposed: Mapping[str, Sequence[Comparison]],
    verdicts: Sequence[Feedback],
    questions: int,
) -> dict[str, ArmWinRates]:
    """Every arm's win rates against the first, by each judge that gave a verdict, and by people alone.

    Args:
        opposed: as `oppose_arms` has them.
        verdicts: what the judges said of these comparisons.
        questions: how many each arm answered.

    Raises:
        IntegrityError: when the feedback log, or the candidates of a round, were altered.
    """
    labels, trusted = read_test_labels(home, benchmark.domain.name), trusted_judges(config, home)
    first = benchmark.arms[0]
    found = {}
    for arm, comparisons in opposed.items():
        pairs = {(each.question.id, *sorted((each.a.id, each.b.id))) for each in comparisons}
        rates = win_rates(
            comparisons,
            [row for row in verdicts if pair_of(row) in pairs],
            [row for row in labels if pair_of(row) in pairs],
            questions - len(comparisons),
            trusted,
        )
        found[arm] = ArmWinRates(against=first, compared=len(comparisons), rates=rates, best=best_source(rates))
    return found


def win_rate_metric(found: ArmWinRates) -> MetricSummary | None:
    """The arm's metric `win_rate`: by the source to go by, else by the reference judge; None where neither judged."""
    rate = found.rates.get(found.best or REFERENCE)
    return MetricSummary(mean=rate.mean, ci95=rate.ci95) if rate else None


def trusted_judges(config: Config, home: Home) -> set[str]:
    """The feedback sources of judges that have earned their trust on the audit slices of all rounds."""
    events = rows_to_measure(log.read_frame(home, config.name).lazy(), withdrawn(home, config.name))
    judges = judges_so_far(config, home, read_batches(home, config.name), events)
    return {judge for judge, weight in judge_weights(judges, config.judge_trust).items() if weight.trusted}

"""The reference judge prefers the likelier answer, whichever side it stands on."""

import itertools
import random
from collections.abc import Sequence

import example_records
import numpy as np
import pytest
from example_records import candidate
from hypothesis import given
from hypothesis import strategies as st

from tasks.errors import DomainError
from tasks.evaluation.metrics import score_answers
from tasks.judging.reference_judge import ReferenceJudge, decide, likeness
from tasks.records import Comparison, Question
from tasks.settings.judging import ReferenceJudgeSettings

SETTINGS = ReferenceJudgeSettings(margin=0.05, both_bad_below=0.2)
SWAPPED = {"a": "b", "b": "a", "tie": "tie", "both_bad": "both_bad"}

scores = st.integers(0, 10_000).map(lambda n: n / 10_000)
settings = st.builds(ReferenceJudgeSettings, margin=scores, both_bad_below=scores)


class ScriptedScorer:
    """Gives each answer the score that its text spells, and records what it was asked."""

    def __init__(self, noise: float = 0.0) -> None:
        self.asked: list[tuple[str, str]] = []
        self.noise = noise

    def __call__(self, answers: Sequence[str], references: Sequence[str]) -> list[dict[str, float]]:
        self.asked += zip(answers, references, strict=True)
        return [
            {"rouge_l": float(answer), "semantic_similarity": float(answer) + self.noise * place}
            for place, answer in enumerate(answers)
        ]


def question(reference: str | None = "reference", question_id: str = "q") -> Question:
    return example_records.question(question_id, reference)


def comparison(a: str, b: str, of: Question | None = None) -> Comparison:
    of = of or question()
    return Comparison(question=of, a=candidate(a, of.id), b=candidate(b, of.id, seed=1))


@pytest.mark.parametrize(
    ("score_a", "score_b", "preference", "confidence"),
    [
        (1.0, 0.0, "a", 1.0),
        (0.0, 1.0, "b", 1.0),
        (0.55, 0.5, "a", 0.5),  # on the margin: not closer than it
        (0.3, 0.25, "a", 0.5),  # the same gap, where floats fall short of it
        (0.5, 0.5475, "tie", 0.525),
        (0.5, 0.5, "tie", 1.0),
        (0.2, 0.2, "tie", 1.0),  # on the floor: not below it
        (0.19, 0.1, "both_bad", 0.525),  # bad comes before better
        (0.0, 0.0, "both_bad", 1.0),
        (0.21, 0.0, "a", 0.5842),  # one good answer is enough
    ],
)
def test_the_verdict_and_its_confidence_follow_the_formula(
    score_a: float, score_b: float, preference: str, confidence: float
) -> None:
    verdict = decide(score_a, score_b, SETTINGS)
    assert (verdict.preference, verdict.confidence) == (preference, confidence)


@pytest.mark.parametrize(
    ("limits", "score_a", "score_b", "preference"),
    [
        (ReferenceJudgeSettings(margin=0, both_bad_below=0), 0.0, 0.0, "tie"),
        (ReferenceJudgeSettings(margin=0, both_bad_below=0), 0.0001, 0.0, "a"),
        (ReferenceJudgeSettings(margin=1, both_bad_below=0), 1.0, 0.0, "a"),
        (ReferenceJudgeSettings(margin=1, both_bad_below=0), 0.9, 0.0, "tie"),
        (ReferenceJudgeSettings(margin=0, both_bad_below=1), 0.9, 0.0, "both_bad"),
    ],
)
def test_extreme_settings_divide_by_nothing(
    limits: ReferenceJudgeSettings, score_a: float, score_b: float, preference: str
) -> None:
    verdict = decide(score_a, score_b, limits)
    assert verdict.preference == preference
    assert 0.5 <= verdict.confidence <= 1


@given(scores, scores, settings)
def test_swapping_the_sides_swaps_the_verdict(a: float, b: float, limits: ReferenceJudgeSettings) -> None:
    verdict, swapped = decide(a, b, limits), decide(b, a, limits)
    assert swapped.preference == SWAPPED[verdict.preference]
    assert swapped.confidence == verdict.confidence


@given(st.lists(scores, min_size=3, max_size=3), settings)
def test_a_wider_gap_never_lowers_the_confidence_of_a_preference(
    three: list[float], limits: ReferenceJudgeSettings
) -> None:
    low, middle, high = sorted(three)
    near, far = decide(high, middle, limits), decide(high, low, limits)
    if near.preference == far.preference == "a":
        assert far.confidence >= near.confidence


@given(st.lists(st.tuples(scores, scores), max_size=6), st.randoms())
def test_a_verdict_depends_on_its_own_comparison_only(
    pairs: list[tuple[float, float]], shuffler: random.Random
) -> None:
    comparisons = [comparison(str(a), str(b)) for a, b in pairs]
    shuffled = shuffler.sample(comparisons, len(comparisons))
    judge = ReferenceJudge(ScriptedScorer(), SETTINGS)
    verdicts = dict(zip(map(str, comparisons), judge.compare(comparisons), strict=True))
    again = ReferenceJudge(ScriptedScorer(), SETTINGS).compare(shuffled)
    assert again == [verdicts[str(each)] for each in shuffled]


def test_noise_in_the_sixth_decimal_changes_no_verdict() -> None:
    comparisons = [comparison(a, b) for a, b in itertools.combinations(["0.3", "0.35", "0.4", "0.1"], 2)]
    exact = ReferenceJudge(ScriptedScorer(), SETTINGS).compare(comparisons)
    assert ReferenceJudge(ScriptedScorer(noise=1e-6), SETTINGS).compare(comparisons) == exact


def test_each_answer_is_scored_once_for_a_reference_in_an_order_of_its_own() -> None:
    other = question("another reference", "q2")
    scorer = ScriptedScorer()
    comparisons = [comparison("0.9", "0.1"), comparison("0.1", "0.9"), comparison("0.9", "0.5", other)]
    verdicts = ReferenceJudge(scorer, SETTINGS).compare(comparisons)
    assert [verdict.preference for verdict in verdicts] == ["a", "b", "a"]
    assert scorer.asked == [
        ("0.1", "reference"),
        ("0.5", "another reference"),
        ("0.9", "another reference"),
        ("0.9", "reference"),
    ]


def test_nothing_to_compare_asks_the_scorer_nothing() -> None:
    scorer = ScriptedScorer()
    assert ReferenceJudge(scorer, SETTINGS).compare([]) == []
    assert scorer.asked == []


def test_questions_without_a_reference_answer_are_named_all_at_once() -> None:
    comparisons = [comparison("0", "1", question(answer, name)) for name, answer in (("q2", None), ("q1", " "))]
    with pytest.raises(DomainError) as caught:
        ReferenceJudge(ScriptedScorer(), SETTINGS).compare([*comparisons, comparison("0", "1")])
    assert caught.value.problems == (
        "Question q1 has no reference answer to judge by: add its `answer`, or use another judge.",
        "Question q2 has no reference answer to judge by: add its `answer`, or use another judge.",
    )


@pytest.mark.parametrize(
    ("rouge_l", "cosine", "expected"), [(1.0, 1.0, 1.0), (0.4, -0.5, 0.2), (1.0, 1.0000002, 1.0), (0.0, 0.0, 0.0)]
)
def test_likeness_is_the_mean_of_rouge_and_the_clipped_cosine(rouge_l: float, cosine: float, expected: float) -> None:
    assert likeness({"rouge_l": rouge_l, "semantic_similarity": cosine, "rouge_l_recall": 9.0}) == expected


def test_the_real_metrics_prefer_the_reference_itself() -> None:
    def embed(texts: Sequence[str]) -> np.ndarray:
        letters = [[float(text.lower().count(letter)) for letter in "abcdefghijklmnopqrstuvwxyz"] for text in texts]
        return np.asarray(letters, dtype=np.float32)

    judge = ReferenceJudge(
        lambda answers, references: score_answers(answers, references, embed), ReferenceJudgeSettings()
    )
    of = question("Returns an iterator over the sums so far.")
    verdict = judge.compare([comparison("It opens a file.", "Returns an iterator over the sums so far.", of)])[0]
    assert judge.name == "reference"
    assert verdict.preference == "b"
    assert verdict.reason is not None and "b 1.0000" in verdict.reason

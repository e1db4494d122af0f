"""How like its reference an answer is: four metrics, each of one answer and one reference.

`rouge_l`: F1 of the longest common subsequence of words, in [0, 1]. With L its length, precision is
    L / (words of the answer), recall is L / (words of the reference), F1 their harmonic mean (Lin 2004, "ROUGE: A
    Package for Automatic Evaluation of Summaries", section 3). Rewards the right words in the right order and
    punishes padding.
`rouge_l_recall`: the recall above, in [0, 1]: how much of the reference the answer says in order, however long it is.
`token_overlap_recall`: the share of the reference's words that occur in the answer, in any order, in [0, 1]. A word
    counts at most as often as the answer has it, so that repeating oneself gains nothing (ROUGE-1 recall, Lin 2004,
    section 2).
`semantic_similarity`: cosine of the two texts' sentence embeddings, in [-1, 1] (Reimers & Gurevych 2019,
    "Sentence-BERT"). Sees that other words can mean the same, and overlooks a wrong name or number.

None of them knows whether an answer is true; together they say how near it is to the one that is.

The arithmetic of ROUGE is the `rouge-score` library's, Google's replica of the original Perl. Its own tokenizer
keeps a-z and 0-9 only, which leaves nothing of a Hindi or Japanese answer, so it is given `split_words`.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from tasks.words import split_words

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Embed = Callable[[Sequence[str]], NDArray[np.float32]]

METRICS = ("rouge_l", "rouge_l_recall", "token_overlap_recall", "semantic_similarity")


class _Words:
    """The tokenizer that rouge-score asks for."""

    def tokenize(self, text: str) -> list[str]:
        return split_words(text)


def score_answers(answers: Sequence[str], references: Sequence[str], embed: "Embed") -> list[dict[str, float]]:
    """Every metric by its name, for each answer and the reference at the same place.

    An empty answer scores 0 throughout, as does any answer to an empty reference. `embed` returns one row a text,
    (texts, dimensions); it is called once for the answers and once for the references, empty ones left out.

    Raises:
        ValueError: when there are not as many answers as references.
    """
    from rouge_score.rouge_scorer import RougeScorer

    if len(answers) != len(references):
        raise ValueError(f"{len(answers)} answers cannot be scored against {len(references)} references")
    scorer = RougeScorer(["rouge1", "rougeL"], tokenizer=_Words())
    similarities = _semantic_similarities(answers, references, embed)
    return [
        {**_score_words(scorer, answer, reference), "semantic_similarity": similarity}
        for answer, reference, similarity in zip(answers, references, similarities, strict=True)
    ]


def _score_words(scorer: Any, answer: str, reference: str) -> dict[str, float]:
    scores = scorer.score(target=reference, prediction=answer)
    return {
        "rouge_l": float(scores["rougeL"].fmeasure),
        "rouge_l_recall": float(scores["rougeL"].recall),
        "token_overlap_recall": float(scores["rouge1"].recall),
    }


def _semantic_similarities(answers: Sequence[str], references: Sequence[str], embed: "Embed") -> list[float]:
    """Cosines in [-1, 1], 0 where a text is blank: a model would embed nothing as something."""
    import numpy as np

    written = [
        place
        for place, (answer, reference) in enumerate(zip(answers, references, strict=True))
        if answer.strip() and reference.strip()
    ]
    similarities = [0.0] * len(answers)
    if not written:
        return similarities
    a = np.asarray(embed([answers[place] for place in written]), dtype=np.float64)  # (written, dimensions)
    b = np.asarray(embed([references[place] for place in written]), dtype=np.float64)
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    # A zero vector has no direction; dividing by 1 instead gives it the cosine 0.
    cosines = np.einsum("ij,ij->i", a, b) / np.where(lengths > 0, lengths, 1.0)
    for place, cosine in zip(written, np.clip(cosines, -1.0, 1.0), strict=True):
        similarities[place] = float(cosine)
    return similarities

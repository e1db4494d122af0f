"""Unanswered topics: what users ask about, several of them, and are not answered well.

A question is in trouble when the model abstained, its answer has a thumb down, or it is far from everything that the
model was made for. Questions in trouble that mean alike are put together (agglomerative clustering with average linkage
on the cosines of their embeddings, scikit-learn), and a group is a topic when it has enough of them, and when at least
half of all the questions like them are in trouble, so that the odd failure of a popular topic is none.

A topic's name is its most telling words: those with the largest mean tf-idf weight in it, less that in all other
questions. In scripts without spaces pairs of letters take the place of words.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tasks.monitoring.answers import ProductionAnswer
from tasks.records.monitoring import Topic
from tasks.retrieval.terms import search_terms
from tasks.settings.monitoring import MonitorSettings
from tasks.words import is_unspaced

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TROUBLED_SHARE = 0.5
_NAME_WORDS = 3
_EXAMPLES = 3
_CHUNK = 1024


@dataclass(frozen=True)
class Asked:
    """Questions of production beside each other.

    Attributes:
        answers: what is known of each.
        texts: each question, scrubbed.
        vectors: (questions, dimensions), rows of length 1.
        nearest: (questions,) cosine to the nearest train question or document; 1 where there is none to compare with.
    """

    answers: Sequence[ProductionAnswer]
    texts: Sequence[str]
    vectors: "NDArray[np.float32]"
    nearest: "NDArray[np.float32]"


@dataclass(frozen=True)
class FoundTopic:
    """A topic, and its questions, the most typical first."""

    topic: Topic
    questions: tuple[str, ...]


def find_topics(asked: Asked, settings: MonitorSettings) -> list[FoundTopic]:
    """The unanswered topics, the largest first; a question asked twice counts twice."""
    import numpy as np

    troubled = np.flatnonzero(is_troubled(asked, settings.unknown_below))
    found = []
    for members in _group(asked.vectors[troubled], settings.topic_similarity):
        rows = troubled[members]
        if len(rows) < settings.topic_questions:
            continue
        centre = asked.vectors[rows].mean(axis=0)
        centre /= max(float(np.linalg.norm(centre)), 1e-12)
        typical = rows[np.argsort(-(asked.vectors[rows] @ centre), kind="stable")]
        # Like them are questions as near to the centre as nine in ten of the topic's own.
        like = np.flatnonzero(asked.vectors @ centre >= np.quantile(asked.vectors[rows] @ centre, 0.1) - 1e-6)
        count = len(np.union1d(like, rows))
        if len(np.union1d(np.intersect1d(like, troubled), rows)) < TROUBLED_SHARE * count:
            continue
        found.append(_describe(asked, typical, count, centre, settings.unknown_below))
    return sorted(found, key=lambda each: (-each.topic.questions, each.topic.name))


def is_troubled(asked: Asked, unknown_below: float) -> "NDArray[np.bool_]":
    """(questions,) whether each is in trouble."""
    import numpy as np

    said = [answer.abstained is True or answer.rating == "down" for answer in asked.answers]
    troubled: NDArray[np.bool_] = np.asarray(said, dtype=bool) | (asked.nearest < unknown_below)
    return troubled


def nearest_cosines(vectors: "NDArray[np.float32]", known: "NDArray[np.float32]") -> "NDArray[np.float32]":
    """(questions,) the cosine of each to the nearest of the known texts; 1 when none is known."""
    import numpy as np

    if not len(known):
        return np.ones(len(vectors), dtype=np.float32)
    parts = [(vectors[start : start + _CHUNK] @ known.T).max(axis=1) for start in range(0, len(vectors), _CHUNK)]
    return np.concatenate(parts) if parts else np.ones(0, dtype=np.float32)


def _group(vectors: "NDArray[np.float32]", similarity: float) -> "list[NDArray[np.intp]]":
    import numpy as np
    from sklearn.cluster import AgglomerativeClustering

    if len(vectors) < 2:
        return [np.arange(len(vectors))] if len(vectors) else []
    clusters = AgglomerativeClustering(
        n_clusters=None, metric="cosine", linkage="average", distance_threshold=1 - similarity
    ).fit_predict(vectors)
    return [np.flatnonzero(clusters == label) for label in range(int(clusters.max()) + 1)]


def _describe(
    asked: Asked, typical: "NDArray[np.intp]", count: int, centre: "NDArray[np.float32]", unknown_below: float
) -> FoundTopic:
    answers = [asked.answers[row] for row in typical]
    questions = tuple(dict.fromkeys(asked.texts[row] for row in typical))
    inside = set(typical.tolist())
    others = [text for row, text in enumerate(asked.texts) if row not in inside]
    topic = Topic(
        name=telling_words([asked.texts[row] for row in typical], others),
        questions=len(typical),
        asked=count,
        abstained=sum(answer.abstained is True for answer in answers),
        thumbs_down=sum(answer.rating == "down" for answer in answers),
        unknown=int((asked.nearest[typical] < unknown_below).sum()),
        examples=questions[:_EXAMPLES],
        centre=tuple(round(float(value), 4) for value in centre),
    )
    return FoundTopic(topic, questions)


def telling_words(texts: Sequence[str], others: Sequence[str]) -> str:
    """The three words that tell the texts best from the others, of equal ones the longer; where none does, a text."""
    import numpy as np
    from sklearn.feature_extraction.text import TfidfVectorizer

    # Tags that stand for personal data are no words of the questions.
    vectorizer = TfidfVectorizer(analyzer=_terms, sublinear_tf=True)
    try:
        weights = vectorizer.fit_transform([*texts, *others])
    except ValueError:  # no text has a term
        return texts[0][:40]
    inside = np.asarray(weights[: len(texts)].mean(axis=0)).ravel()
    outside = np.asarray(weights[len(texts) :].mean(axis=0)).ravel() if others else np.zeros_like(inside)
    names = vectorizer.get_feature_names_out()
    gain = np.round(inside - outside, 3)
    best = sorted(range(len(names)), key=lambda term: (-gain[term], -len(names[term]), str(names[term])))
    return ", ".join(str(names[term]) for term in best[:_NAME_WORDS] if inside[term] > outside[term]) or texts[0][:40]


def _terms(text: str) -> list[str]:
    return [term for term in search_terms(text) if not is_unspaced(term) or len(term) > 1]

"""Training rows that are too near to the test set: what is learned by heart there would count as skill.

Three signs, each with the test question at fault in `detail`:

    rows_with_test_question    the question is a test question's, as `comparable_text` has it
    rows_with_test_ngram       a run of words stands in question or answer and in a test question or its answer
    rows_like_test_question    the question's embedding is that of a test question, nearly

Brown et al. 2020, "Language models are few-shot learners", appendix C: runs of 13 words, in lower case and without
punctuation; a shorter test text counts as a whole, from 8 words up, since shorter runs are met by chance.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from tasks.curation.filters.screening import Screened
from tasks.curation.texts import comparable
from tasks.curation.word_lists import word_lists

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

READS = ("question", "completion")
WRITES: tuple[str, ...] = ()

MIN_RUN_WORDS = 8
_CHUNK_TEXTS = 20_000
_CHUNK_QUESTIONS = 4096
_COSINE_DECIMALS = 4  # float32 differs in the last digits from machine to machine; what is left out must not
_PRIME = 1_099_511_628_211

Embed = Callable[[Sequence[str]], "Sequence[Sequence[float]] | NDArray[np.float32]"]


@dataclass(frozen=True)
class _Runs:
    """Runs of one length in the texts of test questions, sorted by hash and then by the question's id.

    Attributes:
        hashes: of each run.
        words: of each text.
        ids: of each text's test question.
        owners: the place of each run's text.
        starts: the place of each run in its text.
    """

    hashes: "NDArray[np.uint64]"
    words: pl.Series
    ids: pl.Series
    owners: "NDArray[np.intp]"
    starts: "NDArray[np.intp]"


def drop_contaminated(
    rows: pl.DataFrame,
    test_questions: pl.DataFrame,
    *,
    ngram: int,
    similarity: float | None = None,
    embed: Embed | None = None,
) -> Screened:
    """ROWS without those too near to the test set; the detail is `<test question id>: <the run or the cosine>`.

    Rejected answers are not looked at. Each different question is embedded once, in batches of 4,096.

    Args:
        test_questions: `id`, `question` and `answer` (null where there is none).
        ngram: words of a run; test texts of fewer words count as a whole, from 8 words up (or `ngram`, if smaller).
        similarity: cosine, 0 to 1, from which two questions are the same; None: not compared.
        embed: from texts to their vectors; None: not compared.
    """
    tests = test_questions.sort("id")
    texts = pl.concat([rows["question"], rows["completion"]]).unique()
    shared = _shared_runs(texts, _test_runs(tests, ngram))
    nearest = {} if similarity is None or embed is None else _nearest(rows["question"], tests, similarity, embed)
    question, completion = pl.col("question"), pl.col("completion")
    signs = {
        "rows_with_test_question": _looked_up(comparable(question), _test_texts(tests)),
        "rows_with_test_ngram": pl.coalesce(_looked_up(question, shared), _looked_up(completion, shared)),
        "rows_like_test_question": _looked_up(question, nearest),
    }
    judged = rows.with_columns(
        reason=pl.coalesce(pl.when(found.is_not_null()).then(pl.lit(reason)) for reason, found in signs.items()),
        detail=pl.coalesce(signs.values()),
    )
    is_bad = judged["reason"].is_not_null()
    return Screened(kept=rows.filter(~is_bad), removed=judged.filter(is_bad))


def _looked_up(text: pl.Expr, details: Mapping[str, str]) -> pl.Expr:
    return text.replace_strict(list(details), list(details.values()), default=None, return_dtype=pl.String)


def _test_texts(tests: pl.DataFrame) -> dict[str, str]:
    """The detail for each test question, by its text."""
    distinct = tests.select("id", "question", text=comparable(pl.col("question"))).unique("text", keep="first")
    return {text: f"{test}: {question}" for test, question, text in distinct.iter_rows()}


def _test_runs(tests: pl.DataFrame, ngram: int) -> dict[int, _Runs]:
    """What must not be found, by number of words: all runs of `ngram`, and whole texts of fewer words, if enough."""
    import numpy as np

    texts = pl.concat([tests["question"], tests["answer"]])
    ids = pl.concat([tests["id"], tests["id"]])
    words = word_lists(texts)
    enough = words.list.len() >= min(MIN_RUN_WORDS, ngram)
    # By id, so that of equal runs the first is that of the first test question.
    words, ids = words.filter(enough), ids.filter(enough)
    words, ids = words.gather(ids.arg_sort()), ids.sort()
    sizes = words.list.len().to_numpy()
    lengths = {min(size, ngram) for size in sizes.tolist()}
    runs = {}
    for length, hashes, owners, starts in _run_hashes(words, lengths) if lengths else ():
        own = np.flatnonzero((length == ngram) | (sizes[owners] == length))
        own = own[np.argsort(hashes[own], kind="stable")]
        runs[length] = _Runs(hashes[own], words, ids, owners[own], starts[own])
    return runs


def _shared_runs(texts: pl.Series, runs: Mapping[int, _Runs]) -> dict[str, str]:
    """The detail for each of the texts that has one of the runs: its first, the longest of those."""
    details: dict[str, str] = {}
    for start in range(0, len(texts) if runs else 0, _CHUNK_TEXTS):
        chunk = texts.slice(start, _CHUNK_TEXTS)
        words = word_lists(chunk)
        for at, first, length, hashed in _hits(words, runs):
            run = words[at].slice(first, length).to_list() if chunk[at] not in details else None
            # Hashes only propose.
            test = None if run is None else _first_test(runs[length], hashed, run)
            if run is not None and test is not None:
                details[chunk[at]] = f"{test}: {' '.join(run)}"
    return details


def _hits(words: pl.Series, runs: Mapping[int, _Runs]) -> list[tuple[int, int, int, int]]:
    """What may be runs in the texts: the place of the text, that in it, the length and the hash; the longest first of
    those that begin at one place."""
    found: list[tuple[int, int, int, int]] = []
    for length, hashes, owners, starts in _run_hashes(words, set(runs)):
        met = pl.Series(hashes).is_in(pl.Series(runs[length].hashes).implode()).to_numpy()
        places = zip(owners[met].tolist(), starts[met].tolist(), hashes[met].tolist(), strict=True)
        found += [(at, start, length, hashed) for at, start, hashed in places]
    return sorted(found, key=lambda hit: (hit[0], hit[1], -hit[2]))


def _first_test(runs: _Runs, hashed: int, run: list[str]) -> str | None:
    """The first test question, by id, with this run of words; None when it only has the hash of one."""
    import numpy as np

    at = int(np.searchsorted(runs.hashes, np.uint64(hashed)))
    while at < len(runs.hashes) and runs.hashes[at] == hashed:
        owner = int(runs.owners[at])
        if runs.words[owner].slice(int(runs.starts[at]), len(run)).to_list() == run:
            return str(runs.ids[owner])
        at += 1
    return None


def _run_hashes(
    words: pl.Series, lengths: Set[int]
) -> "Iterator[tuple[int, NDArray[np.uint64], NDArray[np.intp], NDArray[np.intp]]]":
    """For each length, of all runs of so many words: their hashes, the places of their texts, and theirs in them."""
    import numpy as np

    sizes = words.list.len().to_numpy().astype(np.intp)
    each = words.filter(words.list.len() > 0).explode().hash().to_numpy()  # (words of all texts,)
    owners = np.repeat(np.arange(len(sizes)), sizes)
    starts = np.arange(len(each)) - (np.cumsum(sizes) - sizes)[owners]
    left = sizes[owners] - starts  # words from here to the end of the text
    begins = np.arange(len(each))
    hashes = np.zeros(len(each), dtype=np.uint64)
    for length in range(1, max(lengths) + 1):
        fits = left[begins] >= length
        begins = begins[fits]
        hashes = hashes[fits] * np.uint64(_PRIME) + each[begins + length - 1]
        if length in lengths:
            yield length, hashes, owners[begins], starts[begins]


def _nearest(questions: pl.Series, tests: pl.DataFrame, similarity: float, embed: Embed) -> dict[str, str]:
    """The detail for each of the questions that is near a test question: the nearest."""
    import numpy as np

    if tests.is_empty():
        return {}
    test_vectors = _unit(embed(tests["question"].to_list()))  # (tests, dimensions)
    ids = tests["id"].to_list()
    details = {}
    # Sorted, so that the batches, and with them the last digits, do not depend on the rows' order.
    distinct = questions.unique().sort()
    for start in range(0, len(distinct), _CHUNK_QUESTIONS):
        chunk = distinct.slice(start, _CHUNK_QUESTIONS).to_list()
        cosines = np.round(_unit(embed(chunk)) @ test_vectors.T, _COSINE_DECIMALS)  # (chunk, tests)
        for at in np.flatnonzero(cosines.max(axis=1) >= similarity):
            test = int(cosines[at].argmax())
            details[chunk[at]] = f"{ids[test]}: cosine {cosines[at, test]:.{_COSINE_DECIMALS}f}"
    return details


def _unit(vectors: "Sequence[Sequence[float]] | NDArray[np.float32]") -> "NDArray[np.float32]":
    import numpy as np

    rows = np.asarray(vectors, dtype=np.float32)
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: NDArray[np.float32] = rows / np.maximum(lengths, np.finfo(np.float32).tiny)
    return unit

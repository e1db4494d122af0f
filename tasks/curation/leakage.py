"""The guard against training on the test set: run on the finished rows, it trusts no earlier filter."""

from collections.abc import Mapping

import polars as pl

from tasks.curation.texts import comparable
from tasks.errors import IntegrityError, raise_collected

_NAMES_SHOWN = 10


def assert_no_test_families(questions: pl.DataFrame, rows: pl.DataFrame) -> None:
    """Returns when every training row belongs to a train question and no prompt is a test question.

    A family in both splits, possible only by the user's own `split`s, may be trained on through its train
    questions. Texts are compared as `comparable_text` has them: exactly, but for whitespace.

    Args:
        questions: QUESTIONS.
        rows: ROWS, of which `question_id`, `family` and `question` are read.

    Raises:
        IntegrityError: naming the families or questions at fault and their row counts; nothing may be trained.
    """
    counted = rows.group_by("question_id", "family", "question").agg(rows=pl.len())
    known = questions.select(question_id="id", own_family="family", split="split")
    checked = counted.join(known, on="question_id", how="left").with_columns(text=comparable(pl.col("question")))
    train = questions.filter(pl.col("split") == "train")
    test_only = questions.join(train, on="family", how="anti")["family"].unique()
    test_texts = questions.filter(pl.col("split") == "test").select(text=comparable(pl.col("question"))).to_series()
    leaks = pl.col("family").is_in(test_only.implode()) | (pl.col("split") == "test").fill_null(False)
    unknown = (pl.col("own_family") != pl.col("family")).fill_null(True)
    repeats = pl.col("text").is_in(test_texts.unique().implode())
    problems = _describe(
        _counts(checked.filter(leaks), "family"),
        _counts(checked.filter(~leaks & unknown), "question_id"),
        _counts(checked.filter(repeats), "text"),
    )
    raise_collected(IntegrityError, problems)


def _counts(checked: pl.DataFrame, name: str) -> dict[str, int]:
    summed = checked.group_by(name).agg(pl.col("rows").sum())
    return dict(zip(summed[name], summed["rows"], strict=True))


def _describe(leaked: Mapping[str, int], unknown: Mapping[str, int], repeated: Mapping[str, int]) -> list[str]:
    problems = []
    if leaked:
        problems.append(
            f"The training data holds rows of test families ({_list(leaked)}): "
            "nothing was trained; give their questions `split: train`, or leave these rows out."
        )
    if unknown:
        problems.append(
            f"The training data holds rows of no question of the domain in its family ({_list(unknown)}): "
            "nothing was trained; build the snapshot from the domain's present questions."
        )
    if repeated:
        problems.append(
            f"The training data holds test questions as prompts, word for word ({_list(repeated)}): "
            "nothing was trained; give equal questions the same `split`."
        )
    return problems


def _list(counts: Mapping[str, int]) -> str:
    """How many rows in all, then `name: rows` for the first names in alphabetical order, and how many more."""
    shown = [f"{name}: {rows}" for name, rows in sorted(counts.items())[:_NAMES_SHOWN]]
    more = [f"and {len(counts) - len(shown)} more"] if len(counts) > len(shown) else []
    return f"{sum(counts.values())} in all; {', '.join([*shown, *more])}"

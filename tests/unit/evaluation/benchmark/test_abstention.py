"""What says that it does not know, and what only looks like it; and how often an arm says so where it should."""

import pytest

from tasks.evaluation.benchmark.abstention import ABSTENTIONS, find_abstentions, measure_abstention

# For every pattern at least one sentence.
ABSTAINS = [
    "I don't know.",
    "I do not know the answer to that.",
    "Sorry, I don't know what that does.",
    "“I don’t know.”",
    "I couldn't find that in the documents.",
    "The passages do not say.",
    "The provided documents don't mention it.",
    "Unfortunately, the context does not contain the answer.",
    "None of the passages mention it.",
    "There is no information on this.",
    "Not enough information.",
    "No information is available.",
    "The answer is not in the passages.",
    "This is not mentioned in the documents.",
    "Unknown.",
    "I'm sorry, but I cannot answer that.",  # a refusal
    "Das weiß ich leider nicht.",
    "Ich weiß es nicht.",
    "Darüber sagen die Dokumente nichts.",
    "Leider steht dazu nichts in den Texten.",
    "Die Dokumente enthalten dazu nichts.",
    "Je ne sais pas.",
    "Les documents ne précisent pas cela.",
    "Aucune information sur ce point.",
    "No lo sé.",
    "Los documentos no mencionan eso.",
    "No hay suficiente información.",
    "Non lo so.",
    "I documenti non lo dicono.",
    "Não sei.",
    "Os documentos não mencionam isso.",
    "我不知道。",
    "文档中没有提到。",
    "わかりません。",
    "文書には記載がありません。",
]
ANSWERS = [
    "",
    "   ",
    "I don't know of a faster way than sorted().",
    "I can see three ways.",
    "It does not mention names.",
    "Return the number of unknown keys.",
    "Unknown keys are ignored.",
    "It is not known to be thread-safe, but works.",
    "This function is not in the module any more; use that one.",
    "The text does not wrap unless width is given.",
    "The documents say that it returns 3.",
    "It returns None when the key is not found.",
    "There is no need to call it.",
    "No information is lost: it copies every field.",
    "Es gibt zwei Arten.",
    "Die Dokumente sagen, dass es drei sind.",
    "Je sais que c'est 3.",
]


@pytest.mark.parametrize("answer", ABSTAINS)
def test_an_answer_that_says_it_does_not_know_abstains(answer: str) -> None:
    assert find_abstentions([answer]) == [True]


@pytest.mark.parametrize("answer", ANSWERS)
def test_an_answer_that_answers_or_says_nothing_does_not(answer: str) -> None:
    assert find_abstentions([answer]) == [False]


def test_every_pattern_has_its_sentence() -> None:
    import polars as pl

    from tasks.curation.filters.refusals import opening_words

    said = pl.DataFrame({"answer": ABSTAINS}).select(opening_words(pl.col("answer")))["answer"]
    for patterns in ABSTENTIONS.values():
        for pattern in patterns:
            assert said.str.contains(f"^(?:{pattern})").any(), pattern


def test_the_text_of_the_config_is_an_abstention_whatever_its_marks() -> None:
    assert find_abstentions(["nothing found here", "Nothing found."], "Nothing found here.") == [True, False]
    assert find_abstentions(["", "…", "!"], "…") == [False, True, False]


def test_no_answers_are_no_abstentions() -> None:
    assert find_abstentions([]) == []


def test_the_shares_are_of_each_kind_of_question() -> None:
    found = measure_abstention([True, True, False, False], [False] * 9 + [True])

    assert (found.unanswerable.questions, found.unanswerable.abstained) == (4, 2)
    assert found.unanswerable.share is not None and found.unanswerable.share.mean == 0.5
    assert found.answerable.share is not None and found.answerable.share.mean == 0.1
    low, high = found.answerable.share.ci95
    assert low < 0.1 < high


def test_without_such_questions_there_is_no_share() -> None:
    assert measure_abstention([], [False]).unanswerable.share is None

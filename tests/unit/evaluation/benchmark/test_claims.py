"""Which claims stand in the passages: words that matter, few sentences, right numbers, and places that are true."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.evaluation.benchmark.claims import MAX_EVIDENCE, find_claims, rarity_among
from tasks.records import Claim, Document, Passage
from tasks.retrieval.bm25 import TermScores, count_terms, score_terms
from tasks.retrieval.terms import search_terms

COMMON = {"the", "a", "of", "is", "in", "it", "to", "and"}
DOCUMENT = Document(
    id="chain.md",
    text="Intro. It joins iterables lazily. The result is an iterator of 3 elements. Unlike zip, it waits.",
)
OTHER = Document(id="tee.md", text="Independent copies of an iterator are made by tee.")


def rarity(term: str) -> float:
    return 0.05 if term in COMMON else 1.0


def passage(document: Document, start: int = 0, end: int | None = None) -> Passage:
    end = len(document.text) if end is None else end
    text = document.text[start:end]
    return Passage(
        chunk_id=f"{document.id}:{start}-{end}", document_id=document.id, start=start, end=end, text=text, score=1
    )


def claims(answer: str, *passages: Passage, supported_from: float = 0.7) -> tuple[Claim, ...]:
    return find_claims(answer, passages, rarity, supported_from)


def test_a_claim_is_attributed_to_the_sentence_that_holds_it_by_its_place_in_the_document() -> None:
    cut = DOCUMENT.text.index("It joins")

    [claim] = claims("It joins iterables.", passage(OTHER), passage(DOCUMENT, cut))

    [evidence] = claim.evidence
    assert (claim.supported, claim.support) == (True, 1.0)
    assert (evidence.document_id, evidence.passage, evidence.text) == ("chain.md", 2, "It joins iterables lazily.")
    assert DOCUMENT.text[evidence.start : evidence.end] == evidence.text


def test_an_answer_from_several_documents_cites_each_claim_and_a_claim_from_two_cites_both() -> None:
    first, second = claims("It joins iterables lazily. Copies are made by tee.", passage(DOCUMENT), passage(OTHER))
    assert [each.document_id for each in first.evidence] == ["chain.md"]
    assert [each.document_id for each in second.evidence] == ["tee.md"]

    [both] = claims("It joins iterables lazily, independent copies are made by tee.", passage(DOCUMENT), passage(OTHER))
    assert both.supported
    assert {each.document_id for each in both.evidence} == {"chain.md", "tee.md"}


@pytest.mark.parametrize(
    ("answer", "supported"),
    [
        ("It joins iterables.", True),
        ("It sorts dictionaries.", False),  # only "it" is there
        ("The result is an iterator of 3 elements.", True),
        ("The result is an iterator of 4 elements.", False),  # every word but the number
        ("The answer is in the of a it.", False),  # common words support nothing
    ],
)
def test_words_that_matter_decide(answer: str, supported: bool) -> None:
    [claim] = claims(answer, passage(DOCUMENT))

    assert claim.supported is supported


def test_words_from_all_over_do_not_add_up() -> None:
    text = "Alpha rests. Beta runs. Gamma sits. Delta eats. Epsilon naps."
    [claim] = claims("Alpha beta gamma delta epsilon.", passage(Document(id="d", text=text)))

    assert len(claim.evidence) == MAX_EVIDENCE
    assert claim.support == pytest.approx(3 / 5) and not claim.supported


@pytest.mark.parametrize("answer", ["", "  ", "!?", "…"])
def test_what_has_no_words_claims_nothing(answer: str) -> None:
    assert claims(answer, passage(DOCUMENT)) == ()


def test_without_passages_nothing_is_supported_even_from_zero() -> None:
    [claim] = claims("It joins.", supported_from=0.0)

    assert (claim.support, claim.supported, claim.evidence) == (0.0, False, ())


def test_scripts_without_spaces_are_attributed_too() -> None:
    document = Document(id="zh", text="质量是物体的属性。时间由时钟测量。")

    [right] = claims("时间由时钟测量。", passage(document))
    [wrong] = claims("蛋糕需要糖。", passage(document))

    assert right.supported and right.evidence[0].text == "时间由时钟测量。"
    assert not wrong.supported


@given(st.text(max_size=200), st.text(max_size=200), st.integers(0, 20))
def test_evidence_always_stands_where_it_says_and_shares_are_shares(answer: str, text: str, skipped: int) -> None:
    document = Document(id="d", text=text)
    start = min(skipped, len(text))

    for claim in claims(answer, passage(document, start)):
        assert 0 <= claim.support <= 1
        assert claim.text in answer
        for evidence in claim.evidence:
            assert document.text[evidence.start : evidence.end] == evidence.text != ""


def test_rarity_falls_with_the_chunks_that_have_a_term_and_an_unknown_one_is_the_rarest() -> None:
    texts = ["the cat", "the dog", "the cat and the cow", "the the the"]
    counts = count_terms(texts)
    scores: TermScores = score_terms([(counts, np.ones(len(texts), dtype=bool))])

    rare = rarity_among(scores)

    ordered = ["the", "cat", "dog", "unicorn"]
    assert sorted(ordered, key=rare) == ordered
    assert rare("the") > 0
    assert search_terms("The cat") == ["the", "cat"]

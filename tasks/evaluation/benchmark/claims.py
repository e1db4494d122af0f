"""Which claims of an answer stand in the passages it was given, and where.

A claim is a sentence of the answer, as in ALCE (Gao, Yen, Yu & Chen 2023, "Enabling Large Language Models to Generate
Text with Citations"). Its support is the share of its words that the cited sentences hold: knowledge precision, the
lexical measure that agrees best with what people say of faithfulness (Adlakha, BehnamGhader, Lu, Meade & Reddy 2024,
"Evaluating Correctness and Faithfulness of Instruction-Following Models for Question Answering"). Three things make it
stricter. Words count by how rare they are among the documents (inverse
document frequency, Spärck Jones 1972), so that "the" and "of" support nothing. And sentences are cited one by one, the
one that holds most first, each further one only for words that are still missing, and few in all, so that words from
all over the passages do not add up to support. A number that no cited sentence holds leaves a claim unsupported.

It overlooks a claim that puts the sentence's own words together wrongly, and takes one that says the same in other
words for unsupported: the share is a lower bound on what a reader would accept of honest paraphrase.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from tasks.records import Claim, Evidence, Passage
from tasks.retrieval.bm25 import TermScores
from tasks.retrieval.spans import sentences
from tasks.retrieval.terms import search_terms

MAX_EVIDENCE = 3  # sentences cited for one claim
LEAST_GAIN = 0.1  # share of a claim's words that a further sentence must add

# How rare a term is among the documents, above 0.
Rarity = Callable[[str], float]


class _Sentence(NamedTuple):
    evidence: Evidence
    terms: frozenset[str]


def rarity_among(scores: TermScores) -> Rarity:
    """Inverse document frequency over an index's chunks, as BM25 has it; a term that no chunk has is the rarest."""
    import numpy as np

    having = np.diff(scores.starts)

    def rarity(term: str) -> float:
        place = scores.vocabulary.get(term)
        count = int(having[place]) if place is not None else 0
        return float(np.log1p((max(scores.rows, count) - count + 0.5) / (count + 0.5)))

    return rarity


def find_claims(answer: str, passages: Sequence[Passage], rarity: Rarity, supported_from: float) -> tuple[Claim, ...]:
    """The answer's claims in their order, each with the sentences of the passages that support it.

    Args:
        answer: without citations of its own.
        passages: in the order of the prompt.
        supported_from: support from which a claim counts as supported, 0 to 1.
    """
    held = list(_sentences_of(passages))
    texts = (answer[start:end] for start, end in sentences(answer, 0, len(answer)))
    return tuple(_attribute(text, terms, held, rarity, supported_from) for text in texts if (terms := _terms(text)))


def _sentences_of(passages: Sequence[Passage]) -> Iterator[_Sentence]:
    for number, passage in enumerate(passages, 1):
        for start, end in sentences(passage.text, 0, len(passage.text)):
            text = passage.text[start:end]
            evidence = Evidence(
                document_id=passage.document_id,
                start=passage.start + start,
                end=passage.start + end,
                text=text,
                passage=number,
            )
            yield _Sentence(evidence, _terms(text))


def _attribute(
    text: str, terms: frozenset[str], held: Sequence[_Sentence], rarity: Rarity, supported_from: float
) -> Claim:
    """The claim with its evidence: sentences taken greedily by the weight of the missing words that they hold."""
    weights = {term: rarity(term) for term in sorted(terms)}
    whole = sum(weights.values())
    missing, chosen = set(weights), list[_Sentence]()

    def gain(sentence: _Sentence) -> float:
        return sum(weight for term, weight in weights.items() if term in missing and term in sentence.terms) / whole

    while held and len(chosen) < MAX_EVIDENCE:
        best = max(held, key=gain)  # of equals the first
        if gain(best) < LEAST_GAIN:
            break
        chosen.append(best)
        missing -= best.terms
    support = min(1.0, sum(weight for term, weight in weights.items() if term not in missing) / whole)
    made_up = any(character.isdigit() for term in missing for character in term)
    return Claim(
        text=text,
        support=support,
        supported=bool(chosen) and support >= supported_from and not made_up,
        evidence=tuple(sentence.evidence for sentence in chosen),
    )


def _terms(text: str) -> frozenset[str]:
    return frozenset(search_terms(text))

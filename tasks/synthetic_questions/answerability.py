"""Whether a question can be asked by itself and answered from its document: what its words tell.

What a draft must be, in the order in which it is looked at; a draft that is not is left out, and counted:

    evidence     the stretch of the document that it names is there, and holds the answer
    length       question and answer have neither too few words nor too many
    standing     the question names what it asks about: no "it" without a word before it that it could mean, no "the
                 result", no "this function", no "according to the text"
    news         the answer says something that the question does not

Whether retrieval finds the document is looked at by `round_trip`.
"""

import re
from collections.abc import Mapping

from tasks.synthetic_questions.drafts import Draft, on_one_line
from tasks.synthetic_questions.phrasings import words_of
from tasks.words import split_words

# Share of the answer's different words that its evidence must hold. In a model's own words half a short answer may be
# articles and pronouns; whether it means the same, the model is asked again.
MIN_SUPPORT = 0.5
# Share of them that the question must not hold.
MIN_NEWS = 0.3
MIN_QUESTION_WORDS = 3
MAX_QUESTION_WORDS = 40
MAX_ANSWER_WORDS = 80

_POINTING = words_of(
    "he her hers him his it its itself she such that their theirs them themselves these they this those"
)
# Words that stand for nothing which a pronoun after them could mean.
_EMPTY = _POINTING | words_of(
    "a all an and any are as at be been by can could describe did do does done explain far for from give had "
    "happen happens has have how if in is kind list long made main many mean means much must name of often on one "
    "or purpose should so tell the there to type use used value was were what when where which who whom whose why "
    "will with would you your argument arguments class code example function input method module name number "
    "object option output parameter result return returned returns thing things value values"
)
_SOMEWHERE_ELSE = re.compile(
    r"\b(?:this|that|these|those|the (?:above|below|following|given|provided|previous|same)) "
    r"(?:\w+ )?(?:answer|argument|article|author|chapter|class|code|context|definition|description|document|"
    r"documentation|example|excerpt|file|function|list|method|module|object|option|page|paragraph|parameter|part|"
    r"passage|quotation|section|sentence|snippet|statement|table|text|value)s?\b"
    r"|\b(?:in|by|from|of|to|does) the (?:article|author|document|excerpt|passage|quotation|snippet|text)\b(?! of\b)"
    r"|\b(?:mentioned|described|shown|listed|given|discussed) (?:above|below|here)\b",
    re.IGNORECASE,
)


def reason_against(draft: Draft, texts: Mapping[str, str]) -> str | None:
    """Why the draft cannot be used, as far as words tell; None when nothing speaks against it.

    Args:
        texts: of the documents, by id.
    """
    text = texts.get(draft.document_id, "")
    if not draft.start < draft.end <= len(text):
        return "evidence_not_in_the_document"
    question, answer = split_words(draft.question), split_words(draft.answer)
    if not MIN_QUESTION_WORDS <= len(question) <= MAX_QUESTION_WORDS or not 1 <= len(answer) <= MAX_ANSWER_WORDS:
        return "too_short_or_too_long"
    if support(draft.answer, text[draft.start : draft.end]) < MIN_SUPPORT:
        return "answer_not_in_the_evidence"
    if points_elsewhere(draft.question):
        return "question_that_points_elsewhere"
    if news(draft.answer, draft.question) < MIN_NEWS:
        return "answered_by_the_question"
    return None


def support(answer: str, evidence: str) -> float:
    """The share of the answer's different words that the evidence holds, 0 to 1; 1 when it stands there as it is."""
    if on_one_line(answer) in on_one_line(evidence):
        return 1.0
    return _share_within(answer, evidence)


def news(answer: str, question: str) -> float:
    """The share of the answer's different words that the question does not hold, 0 to 1."""
    return 1.0 - _share_within(answer, question)


def _share_within(text: str, other: str) -> float:
    words = set(split_words(text))
    return len(words & set(split_words(other))) / len(words) if words else 0.0


def points_elsewhere(question: str) -> bool:
    """Whether the question, alone, leaves open what it is about; its words are looked up in English lists."""
    if _SOMEWHERE_ELSE.search(question):
        return True
    if "`" in question:
        return False  # whatever else it says, a name of code is asked about
    words = split_words(question)
    named = [place for place, word in enumerate(words) if word not in _EMPTY]
    if not named:
        return True
    # "What is the token?": which one?
    if len(named) == 1 and words[named[0] - 1] == "the" and words[named[0]] in question:
        return True
    return any(word in _POINTING - {"such", "that"} for word in words[: named[0]])

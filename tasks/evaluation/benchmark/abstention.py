"""Whether an answer says that it does not know, and how often an arm does so where it should and where it should not.

An answer abstains when it is the text of `retrieval.abstain`, when it refuses (the words that curation looks for, see
tasks/curation/filters/refusals.py), or when it begins with words that say that the answer is not known or not in the
passages. As there, each pattern is met at the start of an answer, in lower case and with straight apostrophes, in the
syntax of Rust's regex crate, and has to be certain: "I don't know of a faster way than this one" answers. An empty
answer says nothing, and is none. To add a pattern, add the sentence it is for and its honest neighbour to the test.

Questions that the documents do not answer come from the domain (`"answerable": false`), after SQuAD 2.0 (Rajpurkar, Jia
& Liang 2018, "Know What You Don't Know: Unanswerable Questions for SQuAD").
"""

from collections.abc import Mapping, Sequence

from tasks.evaluation.intervals import wilson_interval
from tasks.records import ArmAbstention, MetricSummary, Refrained
from tasks.words import split_words

_SOURCES_EN = (
    r"(?:the |these |those |this |any of the |none of the |my )?(?:given |provided |retrieved |available |supplied )?"
    r"(?:passages?|documents?|documentation|contexts?|texts?|sources?|information|excerpts?)"
    r"(?: (?:provided|given|above|available))?"
)
_SAY_EN = r"(?:say|mention|contain|include|provide|state|specify|describe|explain|answer|cover|give|tell|address)"

_SORRY_EN = r"(?:(?:i'm |i am )?sorry[,.!]? (?:but )?|unfortunately,? )?"
_NOT_EN = r"(?:do not|does not|don't|doesn't|did not|didn't)"
_CANNOT_EN = r"(?:could not|couldn't|cannot|can't|can not|was unable to|am unable to)"
_ANSWERED_EN = r"(?:answered|mentioned|stated|specified|found|known|given|provided|determined)"

ABSTENTIONS: Mapping[str, tuple[str, ...]] = {
    "en": (
        rf"{_SORRY_EN}i (?:do not|don't) know"
        r"(?: (?:the answer|that|this|what|how|who|when|where|why|whether|if|based|from)\b|[.,;!]|$)",
        rf"{_SORRY_EN}i (?:{_NOT_EN}|{_CANNOT_EN}) (?:find|have|see|determine|tell)\b",
        rf"{_SORRY_EN}{_SOURCES_EN} {_NOT_EN} {_SAY_EN}\b",
        rf"{_SORRY_EN}there is (?:no|not enough|insufficient) (?:information|mention|answer|evidence|data)\b",
        rf"{_SORRY_EN}(?:not enough|insufficient|no relevant) (?:information|evidence|passages?|documents?)\b",
        rf"{_SORRY_EN}no (?:information|evidence)"
        r"(?: (?:on|about|regarding|is (?:given|available|provided|found))\b|[.,;!]|$)",
        rf"none of {_SOURCES_EN} {_SAY_EN}s?\b",
        rf"{_SORRY_EN}(?:the answer|the question|this question) (?:is not|isn't|cannot be|can't be|could not be) "
        rf"(?:{_ANSWERED_EN}|in {_SOURCES_EN})\b",
        rf"{_SORRY_EN}(?:it|this|that) is (?:not|nowhere) (?:mentioned|stated|specified|described|in) "
        rf"(?:in |by )?{_SOURCES_EN}\b",
        r"(?:it is |it's )?(?:unknown|unclear|not known|not mentioned|not stated|not specified|unanswerable)"
        r"(?: (?:from|in|by) the\b|[.,;!]|$)",
    ),
    "de": (
        r"(?:das )?weiß ich (?:leider )?nicht\b",
        r"ich weiß (?:es |das )?(?:leider )?nicht(?:[.,;!]|$)",
        r"(?:dazu|darüber|davon|hierzu) (?:sagt|sagen|steht|stehen|enthält|enthalten)\b"
        r".{0,60}\b(?:nicht|nichts|keine?n?)\b",
        r"(?:leider )?(?:geht (?:das|es)|steht (?:das|es|dazu|darüber)|enthalten die|sagen die|gibt es)\b"
        r".{0,80}\b(?:nicht|nichts|keine?n?|informationen?|angaben?)\b",
        r"(?:die|den) (?:dokumenten?|textstellen|texten?|quellen|passagen|unterlagen)\b.{0,40}\b"
        r"(?:nicht|nichts|keine?n?)\b",
    ),
    "fr": (
        r"je ne sais pas(?:[.,;!]|$)",
        r"(?:les|ces) (?:documents?|passages?|textes?|sources?) ne (?:le )?"
        r"(?:disent|précisent|mentionnent|contiennent|donnent|répondent|permettent)\b",
        r"aucune information\b",
    ),
    "es": (
        r"no (?:lo )?sé(?:[.,;!]|$)",
        r"(?:los|estos) (?:documentos|pasajes|textos) no (?:lo )?"
        r"(?:dicen|mencionan|contienen|indican|especifican|responden)\b",
        r"no hay (?:suficiente )?información\b",
    ),
    "it": (
        r"non (?:lo )?so(?:[.,;!]|$)",
        r"(?:i|questi) (?:documenti|passaggi|testi) non (?:lo )?(?:dicono|menzionano)\b",
    ),
    "pt": (
        r"(?:eu )?não sei(?:[.,;!]|$)",
        r"(?:os|estes) (?:documentos|trechos|textos) não (?:dizem|mencionam|contêm)\b",
    ),
    "zh": (
        r"(?:对不起，|抱歉，)?我?不知道(?:答案)?(?:[。，！]|$)",
        r"(?:文档|文件|资料|上下文|段落)中?(?:没有|未)(?:提及|提到|说明|包含)",
    ),
    "ja": (
        r"(?:申し訳ありませんが、)?(?:わかりません|分かりません)",
        r"(?:文書|資料|文脈|本文)(?:に|には)(?:記載|情報|書かれて)",
    ),
}


def find_abstentions(answers: Sequence[str], abstain: str | None = None) -> list[bool]:
    """Whether each answer says that it does not know.

    Args:
        abstain: what an arm says that finds nothing, `retrieval.abstain`.
    """
    import polars as pl

    from tasks.curation.filters.refusals import opening_words, refusal

    said = pl.DataFrame({"answer": list(answers)}, schema={"answer": pl.String})
    patterns = "|".join(f"(?:{pattern})" for each in ABSTENTIONS.values() for pattern in each)
    found = said.select(
        refusal(pl.col("answer")).is_not_null() | opening_words(pl.col("answer")).str.contains(f"^(?:{patterns})")
    ).to_series()
    return [bool(each) or _is_same(text, abstain) for each, text in zip(found, answers, strict=True)]


def _is_same(answer: str, abstain: str | None) -> bool:
    """Whether the answer is this text, whatever its case and punctuation."""
    if abstain is None or not answer.strip():
        return False
    return answer.strip() == abstain.strip() or split_words(answer) == split_words(abstain) != []


def measure_abstention(unanswerable: Sequence[bool], answerable: Sequence[bool]) -> ArmAbstention:
    """How often an arm abstained, from whether each of its answers does, to questions of either kind."""
    return ArmAbstention(unanswerable=_refrained(unanswerable), answerable=_refrained(answerable))


def _refrained(abstained: Sequence[bool]) -> Refrained:
    count = len(abstained)
    if not count:
        return Refrained(questions=0, abstained=0, share=None)
    share = sum(abstained) / count
    return Refrained(
        questions=count,
        abstained=sum(abstained),
        share=MetricSummary(mean=share, ci95=wilson_interval(share, count)),
    )

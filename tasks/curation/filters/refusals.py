"""How assistants begin when they refuse, or speak of themselves instead of the matter, by language.

Each pattern is met at the start of an answer, in lower case and with straight apostrophes. It has to be certain:
"Sorry, that function was removed; use this one" answers, and "I don't know" is honest. In the syntax of Rust's regex
crate, which Polars runs. To add one, add the sentence it is for and its honest neighbour to the test.
"""

from collections.abc import Mapping

import polars as pl

_CANNOT_EN = r"(?:can't|cannot|can not|won't|will not|am unable to|'m unable to|am not able to|'m not able to)"
_TASKS_EN = (
    r"(?:help|assist|answer|respond|provide|fulfil|comply|do that|create|generate|write|give|support|engage|discuss"
    r"|share|offer|complete|continue|participate)"
)

REFUSALS: Mapping[str, tuple[str, ...]] = {
    "en": (
        rf"(?:i'm |i am |we're )?(?:so |very |really |truly )?sorry[,.!]? (?:but )?(?:as an ai[^.]*, )?i ?{_CANNOT_EN}",
        r"(?:i'm |i am )?(?:so |very |really |truly )?sorry[,.!]? (?:but )?i (?:do not|don't) have "
        r"(?:access|the ability)",
        r"(?:i apologi[sz]e|my apologies|apologies)[,.!]? (?:but )?(?:as an ai[^.]*, )?i ?" + _CANNOT_EN,
        rf"(?:unfortunately,? |i(?:'m| am) afraid (?:that )?)?i ?{_CANNOT_EN} {_TASKS_EN}",
        rf"unfortunately,? i ?{_CANNOT_EN}",
        r"i (?:must|have to) (?:respectfully |politely )?decline",
        r"as an? (?:ai|artificial intelligence|large language model|language model)"
        r"(?: (?:language model|model|assistant|chatbot|system))?(?: developed by \w+| trained by \w+)?,? "
        r"(?:i|i'm|my|it is|it's)\b",
        r"i(?:'m| am) (?:just |only )?an? (?:ai|artificial intelligence|language model)[^.]{0,60}"
        r"\b(?:can't|cannot|don't|do not|unable|not able)\b",
    ),
    "de": (
        r"(?:es )?tut mir (?:sehr )?leid,? (?:aber )?(?:ich|das|dabei|damit|hierbei|als)\b.{0,40}"
        r"\b(?:kann|darf|bin|ist|habe)\b.{0,80}\b(?:nicht|keine?n?|leider)\b",
        r"leider (?:kann|darf) ich\b.{0,80}\b(?:nicht|keine?n?)\b",
        r"ich kann (?:ihnen |dir )?(?:dabei|damit|hierbei|dazu|diese anfrage|diese frage) (?:leider )?nicht",
        r"als (?:ein |eine )?(?:ki|ai|künstliche intelligenz|(?:großes )?sprachmodell)\S*,? "
        r"(?:kann|habe|bin|darf) ich\b",
    ),
    "fr": (
        r"(?:je suis )?(?:vraiment )?désolée?,? (?:mais )?je ne (?:peux pas|suis pas en mesure|suis pas capable)",
        r"malheureusement,? je ne (?:peux pas|suis pas en mesure)",
        r"je ne (?:peux pas|suis pas en mesure de) (?:vous )?(?:aider|répondre|fournir|satisfaire)",
        r"en tant qu(?:e |')(?:ia|intelligence artificielle|modèle de langage|assistant)[^.]{0,30},? je\b",
    ),
    "es": (
        r"lo siento(?: mucho)?,? (?:pero )?no (?:puedo|soy capaz)",
        r"lamentablemente,? no puedo",
        r"no puedo (?:ayudar|responder|proporcionar|cumplir)",
        r"como (?:una? )?(?:ia|inteligencia artificial|modelo de lenguaje)[^.]{0,20}, (?:yo |no )",
    ),
    "it": (
        r"mi dispiace,? (?:ma )?non (?:posso|sono in grado)",
        r"purtroppo,? non posso",
        r"in quanto (?:ia|intelligenza artificiale|modello linguistico)[^.]{0,20}, (?:io |non )",
    ),
    "pt": (
        r"(?:sinto muito|desculpe|lamento),? (?:mas )?(?:eu )?não posso",
        r"infelizmente,? (?:eu )?não posso",
        r"como (?:uma? )?(?:ia|inteligência artificial|modelo de linguagem)[^.]{0,20}, (?:eu |não )",
    ),
    "zh": (
        r"(?:非常|很)?(?:抱歉|对不起)[，,。]?(?:但是?)?(?:作为.{0,15}[，,])?我(?:不能|无法|没有办法|不会)",
        r"作为(?:一个|一名|一款)?(?:大型)?(?:人工智能|ai|语言模型).{0,10}[，,]我",
        r"我(?:无法|不能)(?:提供|回答|协助|帮助|满足)",
    ),
    "ja": (
        r"(?:大変)?申し訳(?:ありません|ございません|ない)[^。]{0,40}(?:できません|できかねます|お答え|いたしかねます)",
        r"(?:ai|人工知能|言語モデル)(?:アシスタント|モデル)?として、",
    ),
}

_OPENING_MARKS = r"^[\s\"'“”«*_>]+"
_ANY = "^(?:" + "|".join(f"(?:{pattern})" for patterns in REFUSALS.values() for pattern in patterns) + ")"


def refusal(text: pl.Expr) -> pl.Expr:
    """The words in which a text refuses, in lower case; null when it does not."""
    return opening_words(text).str.extract(f"({_ANY})")


def opening_words(text: pl.Expr) -> pl.Expr:
    """How a text begins, as the patterns here are met: in lower case, apostrophes straight, without opening marks."""
    opening = text.str.slice(0, 400).str.replace_all("[’ʼ]", "'").str.replace(_OPENING_MARKS, "")
    return opening.str.to_lowercase().str.replace_all(r"\s+", " ")

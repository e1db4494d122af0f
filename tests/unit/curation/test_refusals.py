"""Refusals are known by how they begin, in several languages; honest answers that begin alike are not taken for one."""

import polars as pl
import pytest

from tasks.curation.filters.refusals import REFUSALS, refusal

REFUSING = {
    "en": [
        "I'm sorry, but I can't help with that.",
        "I’m sorry, I cannot assist with this request.",
        "I am very sorry. I won't do that.",
        "Sorry, I am unable to answer.",
        "Sorry, but as an AI language model, I cannot browse the internet.",
        "I'm sorry, but I don't have access to your files.",
        "I apologize, but I cannot provide that information.",
        "My apologies, but I'm unable to say.",
        "I cannot provide medical advice.",
        "I can't help you with this.",
        "I'm not able to generate such content.",
        "Unfortunately, I can't tell.",
        "I'm afraid I'm unable to assist with that.",
        "I must respectfully decline.",
        "As an AI language model, I don't have opinions.",
        "As an AI, I cannot feel.",
        "As a large language model trained by Acme, I do not know.",
        "As an AI assistant, my purpose is another.",
        "I'm just an AI and do not have a body.",
        "  \"I'm sorry, but I can't do that.\"",
        "**I'm sorry, but I can't** do that.",
        "I'M SORRY, BUT I CANNOT.",
    ],
    "de": [
        "Es tut mir leid, aber ich kann Ihnen dabei nicht helfen.",
        "Tut mir leid, dabei kann ich nicht helfen.",
        "Leider kann ich diese Frage nicht beantworten.",
        "Ich kann dir dabei nicht helfen.",
        "Als KI-Sprachmodell kann ich keine Meinung haben.",
        "Als großes Sprachmodell habe ich keinen Zugriff.",
    ],
    "fr": [
        "Je suis désolé, mais je ne peux pas vous aider.",
        "Désolée, je ne suis pas en mesure de répondre.",
        "Malheureusement, je ne peux pas le dire.",
        "Je ne peux pas vous aider.",
        "En tant qu'intelligence artificielle, je n'ai pas d'avis.",
        "En tant que modèle de langage, je ne peux pas.",
    ],
    "es": [
        "Lo siento, pero no puedo ayudarte con eso.",
        "Lamentablemente, no puedo responder.",
        "No puedo proporcionar esa información.",
        "Como modelo de lenguaje, no tengo opiniones.",
    ],
    "it": [
        "Mi dispiace, ma non posso aiutarti.",
        "Purtroppo non posso rispondere.",
        "In quanto modello linguistico, non ho opinioni.",
    ],
    "pt": [
        "Desculpe, mas não posso ajudar.",
        "Infelizmente, não posso responder.",
        "Como modelo de linguagem, eu não tenho opiniões.",
    ],
    "zh": [
        "抱歉，我无法回答这个问题。",
        "很抱歉，但我不能这样做。",
        "作为一个人工智能语言模型，我没有个人观点。",
        "我无法提供这些信息。",
    ],
    "ja": ["申し訳ありませんが、お答えできません。", "AIアシスタントとして、意見を述べることはできません。"],
}
ANSWERING = [
    "Sorry, that function was removed; use os.replace.",
    "I'm sorry to hear that. Restart the server.",
    "I don't know.",
    "You cannot assist two clients at once.",
    "As an AI tool, Copilot completes code.",
    "As an airline, we fly.",
    "As a language, Python is dynamic.",
    "I can't recommend it enough: use pathlib.",
    "Unfortunately, it was removed in 3.12.",
    "I'm afraid it was removed in 3.12; I can't find it there.",
    "I am an AI assistant called Ratchet.",
    "It says \"I'm sorry, but I can't do that.\"",
    "Raised when the request cannot be fulfilled.",
    "Leider wurde die Funktion entfernt.",
    "Ich kann die Funktion empfehlen.",
    "Als KI bezeichnet man lernende Programme.",
    "En tant que modèle, il prédit.",
    "Lo siento mucho. Reinicie el servidor.",
    "No puedo recomendarlo más.",
    "Como lenguaje, Python es dinámico.",
    "抱歉让您久等了，请重启服务器。",
    "作为人工智能的一个分支，机器学习很重要。",
    "申し訳ありませんが、再起動してください。",
    "",
]


def refused(text: str) -> str | None:
    found: str | None = pl.DataFrame({"text": [text]}).select(refusal(pl.col("text"))).item()
    return found


@pytest.mark.parametrize("text", [text for texts in REFUSING.values() for text in texts])
def test_a_refusal_is_known_by_its_beginning(text: str) -> None:
    assert refused(text)


@pytest.mark.parametrize("text", ANSWERING)
def test_an_answer_is_not_taken_for_a_refusal(text: str) -> None:
    assert refused(text) is None


def test_every_language_has_examples() -> None:
    assert REFUSING.keys() == REFUSALS.keys()


@pytest.mark.parametrize("language", REFUSALS)
def test_every_pattern_is_met_by_an_example(language: str) -> None:
    openings = pl.Series([text.replace("’", "'").lower().strip(' "*') for text in REFUSING[language]])
    unmet = [pattern for pattern in REFUSALS[language] if not openings.str.contains(f"^(?:{pattern})").any()]
    assert unmet == []


def test_what_is_found_is_the_refusing_words() -> None:
    assert refused("I'm sorry, but I can't help, since it is raining.") == "i'm sorry, but i can't"

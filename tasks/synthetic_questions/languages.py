"""Which language's phrasings fit a document."""

import re
from collections.abc import Callable

from tasks.synthetic_questions.phrasings import PHRASINGS

# What py3langid says of a short text is a guess among its neighbours, and of technical English a wild one: on 2,242
# docstrings below 0.01 English is as good as impossible.
_MIN_PROBABILITY = 0.25
_MIN_PROBABILITY_OF_ENGLISH = 0.01
_ENGLISH = "en"
_READ_CHARACTERS = 4000
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`|https?://\S+|^\s*(?:>>>|\.\.\.).*?$", re.DOTALL | re.MULTILINE)


def load_language_identifier() -> Callable[[str], str]:
    """A function from a document's text to its language, as ISO 639 code; code in it is passed over.

    Of languages that are about as likely, one with phrasings wins.
    """
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)

    def identify(text: str) -> str:
        ranked: list[tuple[str, float]] = identifier.rank(_CODE.sub(" ", text[:_READ_CHARACTERS]))
        phrased = [(language, probability) for language, probability in ranked if language in PHRASINGS]
        if phrased[0][1] >= _MIN_PROBABILITY:
            return phrased[0][0]
        return _ENGLISH if dict(phrased)[_ENGLISH] >= _MIN_PROBABILITY_OF_ENGLISH else str(ranked[0][0])

    return identify

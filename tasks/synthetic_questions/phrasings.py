"""How the templates recognise a definition, and ask for it, in each language that they know.

A pattern is matched against one whole sentence on one line. Its `subject` is asked about; where it has a `verb`, the
question repeats it. A language is added by one entry here.
"""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple


class Definition(NamedTuple):
    """A kind of sentence that says what something is or does, and the question that it answers."""

    name: str
    pattern: re.Pattern[str]
    ask: Callable[[str, str], str]  # from subject and verb


class Phrasing(NamedTuple):
    """What a language says.

    Attributes:
        meaning: the question after a term's meaning.
        never_first: words that no subject begins with; they point at something else, or begin a clause.
    """

    definitions: tuple[Definition, ...]
    meaning: str
    never_first: frozenset[str]


# One to seven words without punctuation, but for what code and abbreviations have inside a word.
_WORD = r"[^\s,;:!?()\[\]{}<>|\"“”]*[^\s,;:!?()\[\]{}<>|\"“”.](?:\(\))?"
_SUBJECT = rf"(?P<subject>{_WORD}(?: {_WORD}){{0,6}}?)"


def words_of(text: str) -> frozenset[str]:
    """The words of a list, which stand apart by spaces."""
    return frozenset(text.split())


_ENGLISH_BASES = words_of(
    "allow build call check compute contain control convert create decide define delete describe determine "
    "disable enable generate handle hold implement keep limit load mean parse prevent print produce provide raise "
    "read remove replace represent require return run send set store support wrap write"
)
# What documents say that things do, in the third person, with the base form.
ENGLISH_VERBS = {**{f"{base}s": base for base in sorted(_ENGLISH_BASES)}, "specifies": "specify"}


def _english_does(subject: str, verb: str) -> str:
    return f"What does {_small(subject, 'The', 'A', 'An')} {ENGLISH_VERBS[verb]}?"


def _small(subject: str, *articles: str) -> str:
    """The subject with an article at its beginning written small."""
    first, space, rest = subject.partition(" ")
    return f"{first.lower()}{space}{rest}" if first in articles else subject


def _french_is(subject: str, verb: str) -> str:
    asked = _small(subject, "Le", "La", "Les", "Un", "Une", "Des")
    if verb == "sont":
        return f"Que sont {asked} ?"
    joint = "qu'" if asked[0] in "aeiouyâàéèêëîïôöùûü" else "que "
    return f"Qu'est-ce {joint}{asked} ?"


def _definition(name: str, pattern: str, ask: Callable[[str, str], str]) -> Definition:
    return Definition(name, re.compile(pattern), ask)


PHRASINGS: Mapping[str, Phrasing] = {
    "en": Phrasing(
        (
            _definition(
                "definition",
                rf"{_SUBJECT} (?P<verb>is|are) (?:an?|the|one of|any|used|either) "
                r"(?!default\b|error\b|most\b|same\b)(?!.* if ).+\.",
                lambda subject, verb: f"What {verb} {_small(subject, 'The', 'A', 'An')}?",
            ),
            _definition("statement", rf"{_SUBJECT} (?P<verb>{'|'.join(ENGLISH_VERBS)}) (?!to\b).+\.", _english_does),
        ),
        "What does {} mean?",
        words_of(
            "after all also although always and another any argument as at because before both but by "
            "consequently current default different done each either every example false finally first for from "
            "furthermore he hence here how however i if in instead it its last like many more moreover most my "
            "neither next no none nor note nothing now of on once one only optional or otherwise our return "
            "returns second she since so some sometimes such that their then there therefore these they this "
            "those thus to true unless until usually we what whatever when whenever where whether which while who "
            "why with without yes you your"
        ),
    ),
    "de": Phrasing(
        (
            _definition(
                "definition",
                rf"{_SUBJECT} (?P<verb>ist|sind) (?:ein|eine|einer|eines|der|die|das) .+\.",
                lambda subject, verb: f"Was {verb} {_small(subject, 'Der', 'Die', 'Das', 'Ein', 'Eine')}?",
            ),
        ),
        "Was bedeutet {}?",
        words_of(
            "aber alle als auch auf beide bei da dabei daher dann darum dazu denn dennoch dies diese dieser "
            "dieses dort er es etwas für hier hierbei ihr im immer in jede jeder jedes man mit nach nicht nichts "
            "noch nun nur oder seit sie so solche trotz und unser vor was weil wenn wer wie wir wo zu zum zur"
        ),
    ),
    "fr": Phrasing(
        (
            _definition(
                "definition",
                rf"{_SUBJECT} (?P<verb>est|sont) (?:une?|le|la|l['’]|les|des) ?.+\.",
                _french_is,
            ),
        ),
        "Que signifie {} ?",
        words_of(
            "ainsi alors après aucun aussi avant avec c'est ce cela celle celui ces cet cette chaque comme dans "
            "de donc elle elles en et il ils ici je lorsque leur leurs mais nous on ou où par plusieurs pour puis "
            "quand que qui sa sans se ses si son sous sur tout toute tous toutes vous y"
        ),
    ),
    "es": Phrasing(
        (
            _definition(
                "definition",
                rf"{_SUBJECT} (?P<verb>es|son) (?:una?|el|la|los|las|unos|unas) .+\.",
                lambda subject, verb: f"¿Qué {verb} {_small(subject, 'El', 'La', 'Los', 'Las', 'Un', 'Una')}?",
            ),
        ),
        "¿Qué significa {}?",
        words_of(
            "además ahora algunos aquel aquí así aunque cada como con cuando de después donde él ella ellas ellos "
            "en entonces esa ese eso esta este esto estas estos esas esos hay lo luego más mi muchos ningún no "
            "nosotros nuestro o para pero por porque pues que quien se si sin sobre su sus también tanto todo "
            "todos tu usted y ya yo"
        ),
    ),
    "hi": Phrasing(
        (
            _definition(
                "definition",
                rf"{_SUBJECT} (?:एक|वह) .+ (?P<verb>है|हैं)\s?[।.]",
                lambda subject, verb: f"{subject} क्या {verb}?",
            ),
        ),
        "{} का क्या अर्थ है?",
        words_of("अगर इन इनमें इस इसका इसके इसमें उस उसका और क्या जब जो तब तो या यदि यह यहाँ ये वह वहाँ वे हम"),
    ),
    "ja": Phrasing(
        (
            _definition(
                "definition",
                r"(?P<subject>[^、。はがこそあ「」\s][^、。はが「」\s]{0,29}?)(?P<verb>とは|は)、?[^。]+(?:である|です|だ|をいう|を指す)。",
                lambda subject, verb: f"{subject}とは何ですか？",
            ),
        ),
        "{}とは何ですか？",
        frozenset(),
    ),
    "zh": Phrasing(
        (
            _definition(
                "definition",
                r"(?P<subject>[^，。、；：是这那它他她我你此其该\s][^，。、；：是\s]{0,19})(?P<verb>是)(?:指|一[种種个個类類]|用于).+。",
                lambda subject, verb: f"{subject}是什么？",
            ),
        ),
        "{}是什么意思？",
        frozenset(),
    ),
}

"""What each template finds, what it must not take for something to ask about, and where the answer stands."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.records import Document
from tasks.retrieval.chunking import chunk_document
from tasks.settings.retrieval import ChunkSettings
from tasks.synthetic_questions.drafts import Draft, on_one_line
from tasks.synthetic_questions.phrasings import PHRASINGS
from tasks.synthetic_questions.templates import draft_from_templates

CHUNKS = ChunkSettings(kind="headings", words=200, overlap=0)


def drafts_of(text: str, language: str | None = "en", name: str = "docs/note.md") -> list[Draft]:
    chunks = chunk_document(Document(id=name, text=text), CHUNKS)
    return [draft for chunk in chunks for draft in draft_from_templates(text, chunk, language)]


def asked(text: str, language: str | None = "en", name: str = "docs/note.md") -> list[tuple[str, str]]:
    return [(draft.question, draft.answer) for draft in drafts_of(text, language, name)]


@pytest.mark.parametrize(
    ("name", "text", "question", "answer"),
    [
        (
            "docs/itertools.chain.txt",
            "itertools.chain\n\nReturn a chain object whose items come\nfrom each iterable. More follows.\n",
            "What does `itertools.chain` do?",
            "Return a chain object whose items come from each iterable.",
        ),
        (
            "docs/abs.txt",
            "abs\n\nReturn the absolute value of the argument.\n",
            "What does `abs` do?",
            "Return the absolute value of the argument.",
        ),
        (
            "api.md",
            "# API\n\n## `read_all(path, *, strict=False) -> list`\n\nReads every line of the file.\n",
            "What does `read_all` do?",
            "Reads every line of the file.",
        ),
        (
            "api.rst",
            "class store.Cache(size)\n=======================\n\nA cache that forgets the oldest entry first.\n",
            "What is `store.Cache`?",
            "A cache that forgets the oldest entry first.",
        ),
        (
            "p.txt",
            "Protocol.connection_lost\n\nCalled when the connection is lost or closed.\n",
            "When is `Protocol.connection_lost` called?",
            "Called when the connection is lost or closed.",
        ),
    ],
)
def test_a_name_of_code_is_asked_about_by_the_sentence_after_it(
    name: str, text: str, question: str, answer: str
) -> None:
    assert asked(text, name=name) == [(question, answer)]


@pytest.mark.parametrize(
    "text",
    [
        "Introduction\n\nReturn the books to the shelf before noon.\n",  # an ordinary word
        "note\n\nReturn the books to the shelf before noon.\n",
        "os.open\n\n>>> open the file with the second call\n",  # code
        "os.open\n\nopen(path, flags, mode) -> a file descriptor\n",  # a second name
        "os.open\n\nOpen it.\n",  # says too little
        "os.open\n\nThe main door was open to everybody that day.\n",  # is about something else
        "os.open\n",
    ],
)
def test_what_is_no_name_or_no_summary_is_not_asked_about(text: str) -> None:
    assert asked(text, name="other.txt") == []


def test_a_page_of_prose_is_not_about_code_that_is_called_like_its_file() -> None:
    assert asked("# oak\n\nReturn the acorns to the forest before noon.\n", name="docs/oak.md") == []


@pytest.mark.parametrize(
    ("language", "sentence", "question"),
    [
        ("en", "A ratchet is a device that turns one way.", "What is a ratchet?"),
        ("en", "Snapshots are the datasets that rounds train on.", "What are Snapshots?"),
        ("en", "The frozen test set is the share that nobody trains on.", "What is the frozen test set?"),
        ("en", "The audit log stores every decision for ten years.", "What does the audit log store?"),
        ("en", "`os.stat` returns the size and the times.", "What does `os.stat` return?"),
        ("de", "Eine Domäne ist die Sammlung aller Dokumente.", "Was ist eine Domäne?"),
        ("de", "Adapter sind die Gewichte, die gelernt werden.", "Was sind Adapter?"),
        ("fr", "Le mildiou est une maladie de la vigne.", "Qu'est-ce que le mildiou ?"),
        ("fr", "Un adaptateur est un petit jeu de poids.", "Qu'est-ce qu'un adaptateur ?"),
        ("fr", "Les fossiles sont les restes de la vie.", "Que sont les fossiles ?"),
        ("es", "El trinquete es un mecanismo que gira en un sentido.", "¿Qué es el trinquete?"),
        ("hi", "भरतनाट्यम एक शास्त्रीय नृत्य है।", "भरतनाट्यम क्या है?"),
        ("ja", "カンザシとは、髪に挿す装身具である。", "カンザシとは何ですか？"),
        ("zh", "榫卯是一种连接木料的结构。", "榫卯是什么？"),
    ],
)
def test_a_definition_is_asked_for_in_its_language(language: str, sentence: str, question: str) -> None:
    assert asked(f"{sentence}\n", language) == [(question, sentence)]


@pytest.mark.parametrize(
    "sentence",
    [
        "This is a device that turns one way.",  # which?
        "It is a device that turns one way.",
        "The value that you passed is a string of bytes.",
        "If the flag is set, the result is a list of names.",
        "Passing a name that is unknown is an error of yours.",
        "Encodes and returns the whole of the given text.",
        "A string is a palindrome if it reads the same backwards.",
        "The file is the same as the one described above.",
        "- `x` | y is a list of the names in it",
        "A ratchet is a device that turns one way",  # a heading, or half a sentence
        "A ratchet, by the way, is a device.",
        "The other arguments are the same as before it.",
    ],
)
def test_half_a_sentence_or_one_that_points_elsewhere_is_not_asked_about(sentence: str) -> None:
    assert asked(f"{sentence}\n") == []


def test_a_parameter_is_asked_about_with_the_function_it_belongs_to() -> None:
    text = "io.open\n\nOpen a file and return a stream.\n\nmode is an optional string for the way of opening.\n"
    assert asked(text, name="docs/io.open.txt")[1] == (
        "What is mode in `io.open`?",
        "mode is an optional string for the way of opening.",
    )


@pytest.mark.parametrize(
    ("text", "question", "answer"),
    [
        ("**Arm**: one way to answer a question.", "What does “Arm” mean?", "one way to answer a question."),
        ("**Arm:** one way to answer a question.", "What does “Arm” mean?", "one way to answer a question."),
        ("- `--force`: write the file anew.", "What does `--force` mean?", "write the file anew."),
        ("* ``retries`` – tries after the first one.", "What does `retries` mean?", "tries after the first one."),
    ],
)
def test_a_term_is_asked_about_by_its_explanation(text: str, question: str, answer: str) -> None:
    assert asked(text) == [(question, answer)]


def test_every_item_of_a_list_of_terms_is_asked_about() -> None:
    text = "- **Arm**: one way to answer\n  a question.\n- **Gate**: what decides on a promotion.\n"
    assert asked(text) == [
        ("What does “Arm” mean?", "one way to answer a question."),
        ("What does “Gate” mean?", "what decides on a promotion."),
    ]


@pytest.mark.parametrize("word", ["Note", "Warning", "Example", "See also"])
def test_a_bold_word_that_announces_something_is_no_term(word: str) -> None:
    assert asked(f"**{word}**: the server must be running by then.") == []


@pytest.mark.parametrize("language", [None, "xx", "en", "fi"])
@pytest.mark.parametrize(
    ("text", "question", "answer"),
    [
        (
            "# FAQ\n\n## How do I reset my key?\n\nOpen the settings and press reset. Then sign in.\n",
            "How do I reset my key?",
            "Open the settings and press reset. Then sign in.",
        ),
        (
            "**Q: Miten avaimen voi vaihtaa?**\n\nA: Avaa asetukset ja paina nappia.\n",
            "Miten avaimen voi vaihtaa?",
            "Avaa asetukset ja paina nappia.",
        ),
        ("# কীভাবে চাবি বদলাব?\n\nসেটিংস খুলে বোতাম টিপুন এখনই।\n", "কীভাবে চাবি বদলাব?", "সেটিংস খুলে বোতাম টিপুন এখনই।"),
        ("# كيف أغير المفتاح؟\n\nافتح الإعدادات ثم اضغط الزر.\n", "كيف أغير المفتاح؟", "افتح الإعدادات ثم اضغط الزر."),
    ],
)
def test_a_question_in_the_text_is_taken_in_any_language(
    text: str, question: str, answer: str, language: str | None
) -> None:
    assert asked(text, language) == [(question, answer)]


def test_a_question_without_an_answer_below_it_is_not_taken() -> None:
    assert asked("# How do I reset my key?\n\n## How do I rotate it?\n") == []


def test_an_answer_ends_with_a_whole_sentence_where_there_is_room() -> None:
    sentence = "Press the button that is next to the name of the key again. "
    ((_, answer),) = asked(f"# How do I reset my key?\n\n{sentence * 20}\n")
    assert answer == (sentence * 4).strip()  # 13 words each, 60 at most


def test_a_text_in_a_language_without_phrasings_gives_no_definition() -> None:
    assert asked("A ratchet is a device that turns one way.\n", "fi") == []


pieces = st.sampled_from(
    [
        *("# ", "## ", "\n", "\n\n", "?", "？", ". ", "**", "`", ": ", "- ", "Q: ", "A: ", " is a ", " returns ", "()"),
        *(
            "A ratchet",
            "os.path",
            "the device turns one way",
            "कि ताब",
            "書庫とは本である。",
            "كتاب؟",
            "🙂",
            "\x00",
            "\u2028",
            "e\u0301",
        ),
    ]
)


@given(st.lists(pieces | st.text(max_size=6), max_size=40).map("".join), st.sampled_from([None, *PHRASINGS]))
def test_whatever_the_text_an_answer_is_a_stretch_of_it(text: str, language: str | None) -> None:
    for draft in drafts_of(text, language):
        assert 0 <= draft.start < draft.end <= len(text)
        assert draft.answer == on_one_line(text[draft.start : draft.end])
        assert draft.question.strip()

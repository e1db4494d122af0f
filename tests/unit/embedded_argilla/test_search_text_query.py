"""What a user types is read as Elasticsearch's `simple_query_string` reads it, and is never an error."""

import sqlite3
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.embedded_argilla.server.sqlite_search.errors import QueryError
from tasks.embedded_argilla.server.sqlite_search.text_query import (
    MAX_DEPTH,
    MAX_LEAVES,
    Branch,
    Columns,
    Everything,
    Leaf,
    Node,
    parse,
    to_fts5,
)
from tasks.embedded_argilla.server.sqlite_search.tokens import EVERY_DOCUMENT, FTS5_TOKENIZER, tokens_of

DOCUMENTS = {
    1: ("red apple pie", "sweet"),
    2: ("green apple", "sour and red"),
    3: ("pie of red cherries", "sweet cherries"),
    4: ("東京の天気", "weather in Tokyo"),
    5: ("京都と東北", "wi-fi in Kyoto, fi wi"),
    6: ("applesauce", "it's 3.14 C++"),
}
BOTH = Columns(("a", "b"), every=True)


@pytest.fixture(scope="module")
def index() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:")
    connection.execute(f'CREATE VIRTUAL TABLE t USING fts5(a, b, everything, tokenize="{FTS5_TOKENIZER}")')
    for number, texts in DOCUMENTS.items():
        row = (number, *(" ".join(tokens_of(text)) for text in texts), EVERY_DOCUMENT)
        connection.execute("INSERT INTO t (rowid, a, b, everything) VALUES (?, ?, ?, ?)", row)
    yield connection
    connection.close()


def found(index: sqlite3.Connection, query: str, columns: Columns = BOTH) -> set[int]:
    """The numbers of the documents that a query finds."""
    node = parse(query)
    if node is None:
        return set()
    return {row[0] for row in index.execute("SELECT rowid FROM t WHERE t MATCH ?", (to_fts5(node, columns),))}


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("apple", {1, 2}),
        ("APPLE Pie", {1}),
        ("apple red", {1, 2}),  # each word in any field
        ("apple + red", {1, 2}),
        ("pie | sour", {1, 2, 3}),
        ("red -pie", {2}),
        ("-red", {4, 5, 6}),
        ("--red", {1, 2, 3}),
        ("red - pie", {1, 3}),  # a minus must touch its word
        ('"red apple"', {1}),
        ('"apple red"', set()),
        ('"pie cherries"~2', {3}),
        ('"pie cherries"~1', set()),
        ('-"red apple" apple', {2}),
        ("app*", {1, 2, 6}),
        ("apple*", {1, 2, 6}),
        ("*", set(DOCUMENTS)),
        ("  *  ", set(DOCUMENTS)),
        ("pie | apple sour", {2}),  # from left to right: (pie | apple) sour
        ("sour pie | apple", {1, 2}),
        ("pie | (apple sour)", {1, 2, 3}),
        ("red (pie | sour) -cherries", {1, 2}),
        ("-(red | 東京)", {5, 6}),
        ("東京", {4}),  # side by side, not 東 and 京 somewhere
        ("東", {4, 5}),
        ("京 東", {4, 5}),
        ("東*", {4, 5}),
        ("wi-fi", {5}),
        ('"wi fi"', {5}),
        ("3.14", {6}),
        ("it’s", {6}),
        ("c++", {6}),
        (r"\-red", {1, 2, 3}),
        (r"apple\*", {1, 2}),
        ("", set()),
        ("   ", set()),
        ("?!", set()),
        ("apple ?!", {1, 2}),
        ("?! -apple", {3, 4, 5, 6}),
        ("apple )", {1, 2}),
        ("( apple", {1, 2}),
        ("apple ()", {1, 2}),
        ('apple "', {1, 2}),
        ('apple ""', {1, 2}),
        ("apple |", {1, 2}),
        ("| apple", {1, 2}),
        ("apple -", {1, 2}),
        ("apple\\", {1, 2}),
        ("apple~1", {1, 2}),
        ("apple AND pie", set()),  # words, not operators
        ("NEAR(apple pie)", set()),
        ("a : apple", set()),
        ("everything:apple", set()),
        ("apple; DROP TABLE t", set()),
    ],
)
def test_what_a_query_finds(index: sqlite3.Connection, query: str, numbers: set[int]) -> None:
    assert found(index, query) == numbers


@pytest.mark.parametrize(
    ("query", "columns", "numbers"),
    [
        ("red", ("a",), {1, 3}),
        ("red", ("b",), {2}),
        ("apple red", ("a",), {1}),
        ("-red", ("b",), {1, 3, 4, 5, 6}),
        ('"red apple"~3', ("b",), set()),
        ("wi-fi", ("a",), set()),
        ("red", (), set()),
        ("-red", (), set(DOCUMENTS)),
    ],
)
def test_a_query_for_one_field_looks_into_that_field(
    index: sqlite3.Connection, query: str, columns: tuple[str, ...], numbers: set[int]
) -> None:
    assert found(index, query, Columns(columns)) == numbers


def test_the_tokens_of_one_word_must_be_in_one_field(index: sqlite3.Connection) -> None:
    assert found(index, "green sour") == {2}
    assert found(index, "green-sour") == set()


@settings(max_examples=1000)
@given(st.text(alphabet="ab東é👍\"|+-*()~\\ \n\t.'_1", max_size=60))
def test_nothing_a_user_types_is_a_syntax_error(index: sqlite3.Connection, query: str) -> None:
    assert found(index, query) <= set(DOCUMENTS)


@given(st.text(max_size=60))
def test_no_text_is_a_syntax_error(index: sqlite3.Connection, query: str) -> None:
    assert found(index, query) <= set(DOCUMENTS)


WORDS = ("red", "apple", "pie", "sweet", "sour")
trees = st.recursive(
    st.sampled_from(WORDS),
    lambda inner: st.tuples(st.sampled_from(("and", "or")), inner, inner) | st.tuples(st.just("not"), inner),
    max_leaves=8,
)


def spelled(tree: object) -> str:
    """The query that stands for a tree of words and operators."""
    if isinstance(tree, str):
        return tree
    assert isinstance(tree, tuple)
    if tree[0] == "not":
        return f"-({spelled(tree[1])})"
    return f"({spelled(tree[1])}) {'|' if tree[0] == 'or' else ''} ({spelled(tree[2])})"


def holds(tree: object, words: set[str]) -> bool:
    """Whether a document of these words satisfies the tree."""
    if isinstance(tree, str):
        return tree in words
    assert isinstance(tree, tuple)
    if tree[0] == "not":
        return not holds(tree[1], words)
    left, right = holds(tree[1], words), holds(tree[2], words)
    return (left and right) if tree[0] == "and" else (left or right)


@given(trees)
def test_operators_and_parentheses_mean_what_logic_says(index: sqlite3.Connection, tree: object) -> None:
    words = {number: set(tokens_of(" ".join(texts))) for number, texts in DOCUMENTS.items()}
    assert found(index, spelled(tree)) == {number for number in DOCUMENTS if holds(tree, words[number])}


@pytest.mark.parametrize("step", ["-({}) | (b c)", "(b | c) ({})", "({} | c) d"])
def test_the_deepest_query_is_answered_and_a_deeper_one_refused_in_a_sentence(
    index: sqlite3.Connection, step: str
) -> None:
    query, deepest = "b", "b"
    with pytest.raises(QueryError, match=f"nests operators more than {MAX_DEPTH} deep: write it with fewer"):
        for _ in range(MAX_DEPTH + 1):
            query = step.format(query)
            parse(query)
            deepest = query
    assert found(index, deepest) <= set(DOCUMENTS)
    assert deepest != "b"


def test_the_longest_query_is_answered_and_a_longer_one_refused_in_a_sentence(index: sqlite3.Connection) -> None:
    assert found(index, " | ".join(["wi-fi"] * (MAX_LEAVES - 1) + ["sour"])) == {2, 5}
    with pytest.raises(QueryError, match=f"more than {MAX_LEAVES} words: search for fewer"):
        parse("word " * (MAX_LEAVES + 1))


def test_a_hundred_thousand_parentheses_take_no_time() -> None:
    assert parse("(" * 100_000 + "apple") == Leaf((("apple",),))
    assert parse("apple" + ")" * 100_000) == Leaf((("apple",),))


def test_the_tree_of_a_query() -> None:
    apple, pie = Leaf((("apple",),)), Leaf((("pie",),), prefix=True)
    expected: Node = Branch("and", (apple, Branch("not", (pie,), 1, 1)), 2, 2)
    assert parse("apple -pie*") == expected
    assert parse("*") == Everything()
    assert parse("...") is None

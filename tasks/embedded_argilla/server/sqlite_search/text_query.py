"""What a user typed into the search box, to an FTS5 expression: Elasticsearch's `simple_query_string`.

    two words     both, in any field           "two words"   side by side         "two words"~3  three apart at most
    one | two     either                       wor*          words that begin so  -word          records without it
    (a | b) c     grouped                      \\-word        no operator          *              every record

Operators bind from left to right (`a | b c` is `(a | b) c`), as Lucene's SimpleQueryParser has it. Nothing a user
types is an error: stray operators are ignored, and a query without any word finds nothing. A word of several
tokens needs all of them in one field; those of a script without spaces must stand side by side. `word~1` is
searched as the word itself.
"""

import re
from dataclasses import dataclass
from typing import Literal

from .errors import QueryError
from .tokens import EVERY_DOCUMENT, NO_DOCUMENT, runs_of, tokens_of

# Elasticsearch's limits too: `max_nested_depth`, and the least that `max_clause_count` can be.
MAX_DEPTH = 30  # FTS5's parser fails at 31: its stack holds 100 symbols, of which a level takes up to three
MAX_LEAVES = 1024

_SPACES = " \t\n\r"
_END_OF_WORD = frozenset('"|+()' + _SPACES)


@dataclass(frozen=True)
class Leaf:
    """One word or phrase: `runs` of tokens that stand side by side (`slop` tokens apart at most)."""

    runs: tuple[tuple[str, ...], ...]
    prefix: bool = False
    slop: int = 0
    depth: int = 0
    leaves: int = 1


@dataclass(frozen=True)
class Branch:
    """`and` and `or` of two or more nodes, `not` of one; `leaves` counts the words and phrases below it."""

    operator: Literal["and", "or", "not"]
    nodes: tuple["Node", ...]
    depth: int
    leaves: int


@dataclass(frozen=True)
class Everything:
    """Every record."""

    depth: int = 0
    leaves: int = 0


Node = Leaf | Branch | Everything


@dataclass(frozen=True)
class Columns:
    """The columns of the full-text table to look into; `every` when they are all, which takes FTS5 half the time."""

    names: tuple[str, ...]
    every: bool = False

    @property
    def restriction(self) -> str:
        """FTS5's prefix that restricts an expression to the columns."""
        return "" if self.every else f"{{{' '.join(self.names)}}} : "


def parse(text: str) -> Node | None:
    """The query as a tree; None when there is nothing to look for, so that nothing is found.

    Raises:
        QueryError: when it has too many words, or operators nested too deep.
    """
    if text.strip() == "*":
        return Everything()
    return _Parser(text, _closings(text), 0, len(text)).parse()


def leaves_of(node: Node) -> list[Leaf]:
    """The words and phrases that a record is found for, in order; not those it must be without."""
    if isinstance(node, Leaf):
        return [node]
    if isinstance(node, Everything) or node.operator == "not":
        return []
    return [leaf for child in node.nodes for leaf in leaves_of(child)]


def to_fts5(node: Node, columns: Columns) -> str:
    """The FTS5 expression that finds the node's records."""
    if isinstance(node, Everything):
        return f'"{EVERY_DOCUMENT}"'
    if isinstance(node, Leaf):
        return _leaf_to_fts5(node, columns)
    parts = [to_fts5(child, columns) for child in node.nodes]
    if node.operator == "not":
        return f'("{EVERY_DOCUMENT}" NOT {parts[0]})'
    return "(" + f" {node.operator.upper()} ".join(parts) + ")"


def _leaf_to_fts5(leaf: Leaf, columns: Columns) -> str:
    if not columns.names:
        return f'"{NO_DOCUMENT}"'
    if leaf.slop:
        tokens = " ".join(f'"{token}"' for run in leaf.runs for token in run)
        return f"({columns.restriction}NEAR({tokens}, {leaf.slop}))"
    phrases = ['"' + " ".join(run) + '"' for run in leaf.runs]
    if leaf.prefix:
        phrases[-1] += " *"
    if len(phrases) == 1:
        return f"({columns.restriction}{phrases[0]})"
    whole = " AND ".join(phrases)
    return "(" + " OR ".join(f"({{{column}}} : ({whole}))" for column in columns.names) + ")"


def _closings(text: str) -> dict[int, int]:
    """For each opening parenthesis that is closed, where; in one pass, for a search from each takes quadratic time."""
    closings: dict[int, int] = {}
    opened: list[int] = []
    escaped = False
    for index, character in enumerate(text):
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == "(":
            opened.append(index)
        elif character == ")" and opened:
            closings[opened.pop()] = index
    return closings


class _Parser:
    """Lucene's SimpleQueryParser over text[start:end], with AND where no operator is written."""

    def __init__(self, text: str, closings: dict[int, int], start: int, end: int, level: int = 0) -> None:
        self.text = text
        self.closings = closings
        self.index = start
        self.end = end
        self.level = level
        self.top: Node | None = None
        self.operator: Literal["and", "or"] | None = None
        self.previous: Literal["and", "or"] | None = None
        self.negations = 0

    def parse(self) -> Node | None:
        if self.level > MAX_DEPTH:
            raise _too_deep()
        while self.index < self.end:
            character = self.text[self.index]
            if character == "-":
                self.negations += 1
                self.index += 1
                continue  # only what follows at once is negated
            if character == "(":
                self._group()
            elif character == '"':
                self._phrase()
            elif character in "+|":
                if self.operator is None and self.top is not None:
                    self.operator = "and" if character == "+" else "or"
                self.index += 1
            elif character == ")" or character in _SPACES:
                self.index += 1
            else:
                self._word()
            self.negations = 0
        return self.top

    def _group(self) -> None:
        start = self.index + 1
        closing = self.closings.get(self.index, self.end)
        if closing >= self.end:
            self.index = start
        elif closing == start:
            self.operator = None
            self.index = start + 1
        else:
            inner = _Parser(self.text, self.closings, start, closing, self.level + 1).parse()
            self.index = closing + 1
            self._add(inner)

    def _phrase(self) -> None:
        start = self.index + 1
        closing = re.compile(r'(?:\\.|[^"\\])*+"', re.DOTALL).match(self.text, start, self.end)
        if closing is None:
            self.index = start
            return
        phrase = self.text[start : closing.end() - 1]
        self.index = closing.end()
        if not phrase:
            self.operator = None
            return
        slop = self._distance()
        tokens = tuple(tokens_of(_unescaped(phrase)))
        self._add(Leaf((tokens,), slop=slop if len(tokens) > 1 else 0) if tokens else None)

    def _word(self) -> None:
        word: list[str] = []
        prefix = False
        while self.index < self.end and (character := self.text[self.index]) not in _END_OF_WORD:
            if character == "\\":
                prefix = False
                word.append(self.text[self.index + 1 : min(self.index + 2, self.end)])
                self.index += 2
                continue
            if character == "~" and word:
                self._distance()
                prefix = False
                break
            prefix = character == "*" and bool(word)
            word.append(character)
            self.index += 1
        self.index = min(self.index, self.end)
        runs = tuple(runs_of("".join(word)))
        self._add(Leaf(runs, prefix=prefix) if runs else None)

    def _distance(self) -> int:
        """The number after a `~`, 2 when none is written; what is no number counts 0."""
        if self.index >= self.end or self.text[self.index] != "~":
            return 0
        start = self.index = self.index + 1
        while self.index < self.end and self.text[self.index] not in _END_OF_WORD:
            self.index += 1
        written = self.text[start : self.index]
        if not written:
            return 2
        return min(int(written), 1000) if re.fullmatch("[0-9]{1,9}", written) else 0

    def _add(self, node: Node | None) -> None:
        if node is not None:
            if self.negations % 2:
                node = _branch("not", (node,))
            if self.top is None:
                self.top = node
            else:
                self._join(node, self.operator or "and")
        self.operator = None

    def _join(self, node: Node, operator: Literal["and", "or"]) -> None:
        if self.previous == operator and isinstance(self.top, Branch):
            self.top = _branch(operator, (*self.top.nodes, node))
        elif self.top is not None:
            self.top = _branch(operator, (self.top, node))
        self.previous = operator


def _branch(operator: Literal["and", "or", "not"], nodes: tuple[Node, ...]) -> Branch:
    depth = 1 + max(node.depth for node in nodes)
    if depth > MAX_DEPTH:
        raise _too_deep()
    leaves = sum(node.leaves for node in nodes)
    if leaves > MAX_LEAVES:
        raise QueryError(f"The text query has more than {MAX_LEAVES} words: search for fewer of them.")
    return Branch(operator, nodes, depth, leaves)


def _too_deep() -> QueryError:
    return QueryError(f"The text query nests operators more than {MAX_DEPTH} deep: write it with fewer parentheses.")


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.?)", r"\1", text, flags=re.DOTALL)

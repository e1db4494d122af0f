"""The text of an answer while its tokens come: what can be shown already, and where a stop text ends it. Pure."""

import re
from collections.abc import Callable, Sequence

from tasks.models.citations import split_citations

_UNFINISHED = "�"  # what the first bytes of a character decode to
# What may turn out to be the end of the answer, which is stripped, or citations, which are told apart from it.
_BLANK_END = re.compile(r"\s+$")
_CITING_END = re.compile(r"\s[\s\[\]0-9,.!?。]*$")


class AnswerText:
    """An answer that grows token by token.

    Attributes:
        ids: its tokens, the end token included.
        ended: whether it has come to its end by itself, or to a stop text.
    """

    def __init__(self, decode: Callable[[Sequence[int]], str], stops: Sequence[str], *, cites: bool) -> None:
        """`decode` leaves special tokens out; with `cites`, citations at the end are no part of the text."""
        self.ids: list[int] = []
        self.ended = False
        self._decode = decode
        self._stops = tuple(stops)
        self._cites = cites
        self._shown = ""

    def add(self, token: int, *, is_end: bool) -> None:
        """Takes the next token."""
        self.ids.append(token)
        self.ended = is_end or (bool(self._stops) and self._first_stop(self._decode(self.ids)) is not None)

    def finished(self) -> tuple[str, tuple[int, ...]]:
        """The whole text, and the numbers of the passages that it cites at its end."""
        text = self._decode(self.ids)
        text = text[: self._first_stop(text)].strip()
        return split_citations(text) if self._cites else (text, ())

    def news(self) -> str:
        """What can be shown beyond what was: nothing that a later token could take back."""
        text = self._decode(self.ids).rstrip(_UNFINISHED)
        text = text[: self._first_stop(text)].lstrip()
        return self._show(text[: self._safe_length(text)])

    def rest(self) -> str:
        """What is left to be shown when the answer is finished."""
        return self._show(self.finished()[0])

    def _show(self, text: str) -> str:
        # Some tokenizers write the blanks before a token by what follows; what was shown stays as it is.
        if not text.startswith(self._shown):
            return ""
        news = text[len(self._shown) :]
        self._shown = text
        return news

    def _first_stop(self, text: str) -> int | None:
        places = [place for place in map(text.find, self._stops) if place >= 0]
        return min(places) if places else None

    def _safe_length(self, text: str) -> int:
        safe = len(text)
        for stop in self._stops:
            for length in range(min(len(stop) - 1, len(text)), 0, -1):
                if text.endswith(stop[:length]):
                    safe = min(safe, len(text) - length)
                    break
        found = (_CITING_END if self._cites else _BLANK_END).search(text, 0, safe)
        return found.start() if found else safe

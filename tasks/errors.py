"""Errors a user can act on: one sentence each, collected, printed without a traceback."""

from collections.abc import Sequence


class RatchetError(Exception):
    """One or more problems, each a sentence that says what is wrong, the value and what to do.

    Attributes:
        problems: every problem found, in the order found; never empty.
    """

    def __init__(self, *problems: str) -> None:
        if not problems:
            raise ValueError("RatchetError needs at least one problem to report")
        self.problems: tuple[str, ...] = problems
        super().__init__("\n".join(problems))


class ConfigError(RatchetError):
    """The config file cannot be used as it stands."""


class DomainError(RatchetError):
    """The questions or documents of a domain cannot be used as they stand."""


class IntegrityError(RatchetError):
    """A file does not have the content its name or manifest promises."""


class HomeError(RatchetError):
    """RATCHET_HOME cannot be written, or another round is using it."""


class ModelError(RatchetError):
    """A model or adapter cannot be loaded, or is not what was promised."""


class ExportError(RatchetError):
    """A model cannot be had in a form, or does not answer in it as it was evaluated."""


class ComputeError(RatchetError):
    """The processes or machines that share the work cannot be had, or keep dying."""


class ArgillaError(RatchetError):
    """Argilla refused a request, or what it holds is not what was put there."""


class EndpointError(RatchetError):
    """An LLM's endpoint refuses what it is asked, and asking it again will not help."""


class UnreachableError(RatchetError):
    """A server did not answer; it may answer a moment later."""


def raise_collected(error: type[RatchetError], problems: Sequence[str]) -> None:
    """Raises `error` with all of `problems`; returns when there are none."""
    if problems:
        raise error(*problems)


def first_line(error: BaseException | str) -> str:
    """The first line of an error's text, to be quoted within a sentence: at most 200 characters, no full stop.

    An error without a text gives the name of its type.
    """
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:200].rstrip(".:")

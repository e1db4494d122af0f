"""From a conversation and passages to the prompt: for a single question the one that was evaluated. Pure."""

from collections.abc import Sequence

from tasks.models.prompting import CountTokens, build_messages, contexts_that_fit
from tasks.records import Message


def question_of(conversation: Sequence[Message]) -> str:
    """What is asked: the last message."""
    return conversation[-1].content


def chat_prompt(
    system_prompt: str, conversation: Sequence[Message], contexts: Sequence[str] = ()
) -> tuple[Message, ...]:
    """The messages put before the model: the domain's system message unless the conversation brings its own, what was
    said before, and the question with its passages.

    Args:
        conversation: ends with the user's question.
        contexts: retrieved for the question, in the order in which the model is to read them.
    """
    system_prompt, said_before = _split(system_prompt, conversation)
    *system, question = build_messages(system_prompt, question_of(conversation), contexts)
    return (*system, *said_before, question)


def passages_that_fit(
    system_prompt: str,
    conversation: Sequence[Message],
    contexts: Sequence[str],
    count_tokens: CountTokens,
    max_tokens: int,
) -> int:
    """How many of the contexts, best first, the conversation's prompt has room for; see `contexts_that_fit`."""
    own_system_prompt, said_before = _split(system_prompt, conversation)

    def count(prompt: tuple[Message, ...]) -> int:
        return count_tokens((*prompt[:-1], *said_before, prompt[-1]))

    return contexts_that_fit(own_system_prompt, question_of(conversation), contexts, count, max_tokens)


def _split(system_prompt: str, conversation: Sequence[Message]) -> tuple[str, Sequence[Message]]:
    """The system prompt that holds, and the messages between it and the question."""
    if conversation[0].role == "system":
        return conversation[0].content, conversation[1:-1]
    return system_prompt, conversation[:-1]

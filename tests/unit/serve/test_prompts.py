"""A single question is put as it was evaluated; conversations and system messages of one's own find their place."""

from tasks.models.prompting import build_messages
from tasks.records import Message
from tasks.serve.prompts import chat_prompt, passages_that_fit

QUESTION = Message(role="user", content="What is a deque?")
SYSTEM = Message(role="system", content="Answer in Latin.")
EARLIER = (Message(role="user", content="Hello"), Message(role="assistant", content="Hi"))


def test_a_single_question_is_the_prompt_that_was_evaluated() -> None:
    for contexts in ((), ("A queue.", "A tree.")):
        expected = build_messages("Be brief.", QUESTION.content, contexts)
        assert chat_prompt("Be brief.", [QUESTION], contexts) == expected
    assert chat_prompt("", [QUESTION]) == (QUESTION,)


def test_a_system_message_of_ones_own_takes_the_place_of_the_domains() -> None:
    assert chat_prompt("Be brief.", [SYSTEM, QUESTION]) == (SYSTEM, QUESTION)


def test_what_was_said_before_stands_before_the_passages() -> None:
    prompt = chat_prompt("Be brief.", [*EARLIER, QUESTION], ["A queue."])
    system, question = build_messages("Be brief.", QUESTION.content, ["A queue."])
    assert prompt == (system, *EARLIER, question)


def test_passages_have_less_room_the_longer_the_conversation() -> None:
    def count(prompt: tuple[Message, ...]) -> int:
        return len(prompt) + sum(message.content.count("passage") for message in prompt)

    passages = ["a passage", "a passage", "a passage"]
    assert passages_that_fit("Be brief.", [QUESTION], passages, count, 4) == 2
    assert passages_that_fit("Be brief.", [*EARLIER, QUESTION], passages, count, 4) == 0
    assert passages_that_fit("Be brief.", [*EARLIER, QUESTION], passages, count, 6) == 2

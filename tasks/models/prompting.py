"""The one prompt of a question, the same in sampling, training and evaluation."""

from tasks.records import Message


def build_messages(system_prompt: str, question: str) -> tuple[Message, ...]:
    """The chat messages put before the model: a system message unless the prompt is blank, then the question.

    Chat templates differ in what they do without a system message (SmolLM2's adds one of its own), so training
    and answering must both come through here.
    """
    user = Message(role="user", content=question)
    if not system_prompt.strip():
        return (user,)
    return (Message(role="system", content=system_prompt), user)

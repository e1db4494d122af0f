"""Bodies of requests: what is understood, and every problem of a body in one sentence."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.serve.errors import RequestError
from tasks.serve.requests import read_chat, read_feedback
from tasks.settings.serve import ServeSettings

ASKED = [{"role": "user", "content": "What?"}]


def read(body: Any, **settings: Any) -> Any:
    return read_chat(json.dumps(body).encode(), ServeSettings(**settings), "demo", 64)


def refused(body: Any, **settings: Any) -> str:
    with pytest.raises(RequestError) as caught:
        read(body, **settings)
    assert caught.value.status == 400
    return caught.value.problems[0]


def test_what_other_clients_send_along_is_accepted_where_it_asks_for_nothing() -> None:
    neutral = {"n": 1, "frequency_penalty": 0, "presence_penalty": 0.0, "logprobs": False, "store": False}
    request = read({"messages": ASKED, **neutral, "response_format": {"type": "text"}, "stream": None, "user": "ann"})
    assert (request.stops, request.wanted_tokens, request.user) == ((), None, "ann")


def test_both_names_of_the_limit_are_known() -> None:
    assert read({"messages": ASKED, "max_completion_tokens": 5}).wanted_tokens == 5
    assert read({"messages": ASKED, "max_tokens": 7}).wanted_tokens == 7


def test_the_domains_own_limit_may_be_asked_for_in_any_case() -> None:
    assert read({"messages": ASKED, "max_tokens": 64}, max_tokens=10).wanted_tokens == 64
    assert refused({"messages": ASKED, "max_tokens": 65}, max_tokens=10) == (
        "max_tokens: 65 is too many; ask for at most 64."
    )


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"temperature": -1}, "temperature: -1 is not accepted; it should be greater than or equal to 0."),
        ({"top_p": 0}, "top_p: 0 is not accepted; it should be greater than 0."),
        ({"max_tokens": 0}, "max_tokens: 0 is not accepted; it should be greater than or equal to 1."),
        ({"max_tokens": "9"}, 'max_tokens: "9" is not accepted; it should be a valid integer.'),
        ({"frequency_penalty": 1}, "frequency_penalty: 1 is not accepted; it should be less than or equal to 0."),
        ({"tools": []}, "tools: this server does not know it; leave it out."),
        ({"stop": ["a", ""]}, "stop: not accepted; give at most 4 texts, none of them empty."),
        ({"stop": list("abcde")}, "stop: not accepted; give at most 4 texts, none of them empty."),
        ({"stream": "yes"}, 'stream: "yes" is not accepted; it should be a valid boolean.'),
        (
            {"messages": [{"role": "user", "content": " "}]},
            "messages: the last one must be the user's, with a text to answer.",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]},
            "messages.0.content: not accepted; it should be a valid string; "
            "messages.0.content.0.type: \"image_url\" is not accepted; it should be 'text'; "
            "messages.0.content.0.text: missing; add it; "
            "messages.0.content.0.image_url: this server does not know it; leave it out.",
        ),
    ],
)
def test_a_wrong_value_is_named_with_the_remedy(change: dict[str, Any], problem: str) -> None:
    assert refused({"messages": ASKED, **change}) == problem


@given(
    st.binary(max_size=60)
    | st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists).map(
        lambda value: json.dumps(value).encode()
    )
)
def test_no_body_is_answered_with_anything_but_a_sentence(body: bytes) -> None:
    for reader in (lambda: read_chat(body, ServeSettings(), "demo", 64), lambda: read_feedback(body)):
        with pytest.raises(RequestError) as caught:
            reader()
        assert caught.value.status == 400 and caught.value.problems[0].endswith(".")
        assert set(caught.value.body["error"]) == {"message", "type", "param", "code"}  # type: ignore[call-overload]


def test_a_thumb_names_a_response_or_its_trace() -> None:
    for prefix in ("chatcmpl", "tr"):
        body = {"id": f"{prefix}-{'a' * 32}", "thumb": "up"}
        assert read_feedback(json.dumps(body).encode()).thumb == "up"
    with pytest.raises(RequestError, match='id: "x" is not accepted'):
        read_feedback(b'{"id": "x", "thumb": "up"}')

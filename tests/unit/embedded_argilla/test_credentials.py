"""Credentials are random, made once, and never shown by accident."""

import stat
from pathlib import Path

import pytest

from tasks.embedded_argilla.connection import connection_of
from tasks.embedded_argilla.credentials import Credentials, find_credentials, make_credentials
from tasks.embedded_argilla.layout import Layout, layout_of
from tasks.embedded_argilla.state import State, write_state
from tasks.errors import IntegrityError
from tasks.home import Home


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "argilla")


def test_they_are_made_once_and_only_their_owner_can_read_them(layout: Layout) -> None:
    assert find_credentials(layout) is None

    made = make_credentials(layout)

    assert make_credentials(layout) == find_credentials(layout) == made
    assert stat.S_IMODE(layout.credentials.stat().st_mode) == 0o600
    assert stat.S_IMODE(layout.root.stat().st_mode) == 0o700


def test_no_two_are_alike_and_none_is_argillas_default(tmp_path: Path) -> None:
    made = [make_credentials(Layout(tmp_path / str(number))) for number in range(20)]
    for name in Credentials.model_fields:
        assert len({getattr(each, name) for each in made}) == len(made)
    assert all(each.username.startswith("ratchet-") for each in made)
    # Argilla's own bounds are 8 and 100 characters; bcrypt reads 72 bytes.
    assert all(20 <= len(each.password) <= 72 and len(each.api_key) >= 40 for each in made)


def test_printing_them_shows_no_secret(layout: Layout) -> None:
    made = make_credentials(layout)
    assert made.username in repr(made)
    for secret in (made.password, made.api_key, made.session_key):
        assert secret not in repr(made) and secret not in str(made)


@pytest.mark.parametrize("content", [b"", b"{", b'{"username": "a"}', b'{"password": "hunter2"}', b"\xff\xfe"])
def test_a_damaged_file_is_refused_without_quoting_it(layout: Layout, content: bytes) -> None:
    layout.root.mkdir()
    layout.credentials.write_bytes(content)
    with pytest.raises(IntegrityError) as refused:
        make_credentials(layout)
    assert refused.value.problems == (
        f"{layout.credentials} is damaged: restore it, or delete it and `ratchet argilla up` makes a new owner.",
    )
    assert layout.credentials.read_bytes() == content


def test_the_connection_needs_both_an_owner_and_a_port(tmp_path: Path) -> None:
    home = Home(tmp_path)
    layout = layout_of(home)
    assert connection_of(home) is None
    made = make_credentials(layout)
    assert connection_of(home) is None
    write_state(layout, State(port=6912))
    found = connection_of(home)
    assert found is not None
    assert (found.url, found.username, found.api_key) == ("http://127.0.0.1:6912", made.username, made.api_key)
    assert made.api_key not in repr(found) and made.password not in repr(found)

"""What one command leaves for the next is whole or refused."""

from pathlib import Path

import pytest

from tasks.embedded_argilla.layout import Layout
from tasks.embedded_argilla.state import SERVICES, State, read_state, write_state
from tasks.errors import IntegrityError
from tasks.services.processes import ProcessRecord

RECORD = ProcessRecord(pid=4, started=1795366399.91)


def test_it_comes_back_as_it_was_written(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    assert read_state(layout) == State()
    state = State(port=6900, prepared_for="a" * 64, processes=dict.fromkeys(SERVICES, RECORD))
    assert write_state(layout, state) == read_state(layout) == state


def test_a_service_is_added_replaced_and_removed_and_the_others_stay() -> None:
    one = State(port=6900).with_process("redis", RECORD)
    two = one.with_process("server", RECORD)
    other = RECORD.model_copy(update={"pid": 5})
    assert two.processes == {"redis": RECORD, "server": RECORD}
    assert two.with_process("redis", other).processes == {"redis": other, "server": RECORD}
    assert two.with_process("server", None) == one
    assert one.with_process("worker", None) == one


@pytest.mark.parametrize("content", ["", "{", '{"port": "x"}', '{"processes": {"postgres": {"pid": 1, "started": 2}}}'])
def test_a_damaged_one_is_refused_with_the_remedy(tmp_path: Path, content: str) -> None:
    layout = Layout(tmp_path)
    layout.state.write_text(content)
    with pytest.raises(IntegrityError) as refused:
        read_state(layout)
    assert refused.value.problems == (
        f"{layout.state} is damaged: delete it and run `ratchet argilla up --port N`, N being the port so far.",
    )

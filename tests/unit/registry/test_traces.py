"""Spans as MLflow keeps them, and traces listed over several pages."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from tasks.registry import traces
from tasks.registry.traces import ROOT_SPAN, make_span, trace_pages


def span(number: int = ROOT_SPAN, **changes: Any) -> Any:
    given: dict[str, Any] = {"inputs": {"a": 1}, "outputs": ["b"], "attributes": {}, **changes}
    return make_span("tr-1", number, "ask", (1_000, 3_000), **given)


def test_the_first_span_is_the_root_and_the_others_are_its_children() -> None:
    root, second, third = (span(number) for number in (ROOT_SPAN, ROOT_SPAN + 1, ROOT_SPAN + 2))
    assert root.parent_id is None
    assert second.parent_id == third.parent_id == root.span_id
    assert len({root.span_id, second.span_id, third.span_id}) == 3


def test_a_span_tells_its_trace_its_times_and_what_went_in_and_out() -> None:
    made = span()
    assert (made.trace_id, made.name) == ("tr-1", "ask")
    assert (made.start_time_ns, made.end_time_ns) == (1_000, 3_000)
    assert (made.inputs, made.outputs) == ({"a": 1}, ["b"])


def test_what_is_not_kept_is_no_attribute() -> None:
    made = span(inputs=None, outputs=None)
    assert {"mlflow.spanInputs", "mlflow.spanOutputs"}.isdisjoint(made.attributes)


def test_attributes_are_mlflows_own_unless_they_are_ratchets() -> None:
    made = span(attributes={"spanType": "CHAT_MODEL", "ratchet.kept": False})
    assert made.attributes["mlflow.spanType"] == "CHAT_MODEL"
    assert made.attributes["ratchet.kept"] is False


@pytest.mark.parametrize(
    ("problem", "code", "description"), [(None, "OK", ""), ("", "ERROR", ""), ("too long", "ERROR", "too long")]
)
def test_a_span_has_failed_when_there_was_a_problem(problem: str | None, code: str, description: str) -> None:
    status = span(problem=problem).status
    assert (status.status_code.value, status.description) == (code, description)


@dataclass
class Listed:
    info: str


class Page(list[Listed]):
    token: str | None = None


@dataclass
class Store:
    """A client with this many traces, which records what it was asked."""

    count: int
    asked: list[dict[str, Any]] = field(default_factory=list)

    def search_traces(self, **asked: Any) -> Page:
        self.asked.append(asked)
        start = int(asked["page_token"] or 0)
        end = min(start + asked["max_results"], self.count)
        page = Page(Listed(f"trace {number}") for number in range(start, end))
        page.token = str(end) if end < self.count else None
        return page


@pytest.mark.parametrize(("count", "sizes"), [(0, [0]), (1, [1]), (2, [2]), (5, [2, 2, 1])])
def test_every_page_is_listed_once(count: int, sizes: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traces, "_PAGE", 2)
    pages = list(trace_pages(Store(count), "7", "a = 1"))  # type: ignore[arg-type]
    assert [len(page) for page in pages] == sizes
    assert [info for page in pages for info in page] == [f"trace {number}" for number in range(count)]


@pytest.mark.parametrize(("newest_first", "order"), [(False, "timestamp_ms ASC"), (True, "timestamp_ms DESC")])
def test_a_page_is_asked_for_only_when_it_is_wanted(
    newest_first: bool, order: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traces, "_PAGE", 2)
    store = Store(5)
    next(trace_pages(store, "7", "a = 1", newest_first=newest_first))  # type: ignore[arg-type]
    (asked,) = store.asked
    assert asked["order_by"] == [order]
    assert (asked["locations"], asked["filter_string"], asked["include_spans"]) == (["7"], "a = 1", False)

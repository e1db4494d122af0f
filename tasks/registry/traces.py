"""MLflow's traces: listing those of an experiment, and the spans that Ratchet writes of its own."""

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Span, TraceInfo

ROOT_SPAN = 1  # the number that the first span of a trace has
_PAGE = 200  # traces listed in one request


def trace_pages(
    client: "MlflowClient", experiment_id: str, filter_string: str, *, newest_first: bool = False
) -> "Iterator[list[TraceInfo]]":
    """The traces that the filter leaves, without their contents, page by page as they are asked for.

    The oldest come first, so that new ones move none to another page, unless the newest are wanted.
    """
    token = None
    while True:
        page = client.search_traces(
            locations=[experiment_id],
            filter_string=filter_string,
            include_spans=False,
            order_by=[f"timestamp_ms {'DESC' if newest_first else 'ASC'}"],
            max_results=_PAGE,
            page_token=token,
        )
        yield [trace.info for trace in page]
        token = page.token
        if not token:
            return


def make_span(
    trace_id: str,
    number: int,
    name: str,
    times_ns: tuple[int, int],
    *,
    inputs: Any,
    outputs: Any,
    attributes: Mapping[str, Any],
    problem: str | None = None,
) -> "Span":
    """A finished span as MLflow keeps it: number `ROOT_SPAN` is the root of its trace, all others are its children.

    Args:
        times_ns: when it began and ended, in nanoseconds since 1970.
        inputs, outputs: JSON values; None: not kept.
        attributes: MLflow's own, without `mlflow.` before them, and Ratchet's, with `ratchet.`.
        problem: why it failed; None: it did not.
    """
    from mlflow.entities import Span

    named = {"traceRequestId": trace_id, "spanInputs": inputs, "spanOutputs": outputs, **attributes}
    return Span.from_dict(
        {
            "name": name,
            "trace_id": trace_id,
            "span_id": f"{number:016x}",
            "parent_span_id": "" if number == ROOT_SPAN else f"{ROOT_SPAN:016x}",
            "start_time_unix_nano": times_ns[0],
            "end_time_unix_nano": times_ns[1],
            "attributes": {
                key if key.startswith("ratchet.") else f"mlflow.{key}": json.dumps(value)
                for key, value in named.items()
                if value is not None
            },
            "status": {"code": "OK"} if problem is None else {"code": "ERROR", "message": problem},
            "events": [],
        }
    )

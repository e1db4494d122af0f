"""Embeddings in LanceDB: a table for each layer, in a folder or an object store, by the same code.

A table is written whole or not at all, and never changed; its name is the layer's, so the same table serves every index
that has the layer. With `approximate_from`, larger tables have an index (IVF, flat): the vectors are put in cells, and
only those of the cells nearest to the question are compared. Without it the hits are those of the mapped files, but for
the order of equals.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.errors import ConfigError, IntegrityError, first_line
from tasks.progress import say
from tasks.retrieval.dense import VectorRun, best_hits
from tasks.retrieval.fusion import Hit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_ROWS_AT_ONCE = 8192
# Cells that are looked into: with them nine of ten of the nearest are found where there are no clusters at all.
_CELLS = 20

# What LanceDB raises for a place that cannot be reached, written or understood.
_FAULTS = (OSError, ValueError, RuntimeError)


def connect(uri: str, root: Path, approximate_from: int | None) -> "LanceStore":
    """The store at a URI, or in a folder; a relative one starts at `root`. It is made when it is not there.

    Raises:
        ConfigError: when LanceDB is not installed, or the place cannot be reached.
    """
    # It would write lines of its own between those of a command.
    os.environ.setdefault("LANCEDB_LOG", "error")
    try:
        import lancedb
    except ImportError as error:
        raise ConfigError(
            "retrieval.store: kind lancedb needs a package that is not installed: pip install 'ratchet-llm[lancedb]', "
            "or set the kind to files."
        ) from error
    place = uri if "://" in uri else str(root / Path(uri).expanduser())
    try:
        database = lancedb.connect(place)
        tables = _names(database)
    except _FAULTS as error:
        raise _cannot(place, "opened", error) from error
    return LanceStore(database, place, set(tables), approximate_from)


class LanceStore:
    """A LanceDB that is open; its methods are those of VectorStore."""

    def __init__(self, database: Any, place: str, names: set[str], approximate_from: int | None) -> None:
        self._database = database
        self._place = place
        self._names = names
        self._approximate_from = approximate_from
        self._tables: dict[str, Any] = {}

    def add(self, runs: Sequence[VectorRun]) -> None:
        """Writes the tables that are not there, or not whole.

        Raises:
            ConfigError: when the place cannot be written.
        """
        missing = [run for run in runs if len(run.vectors) and not self._is_whole(run)]
        if missing:
            say(f"{sum(len(run.vectors) for run in missing)} vectors go into {self._place}")
        for run in missing:
            try:
                self._tables[run.name] = self._write(run)
            except _FAULTS as error:
                raise _cannot(self._place, "written", error) from error
            self._names.add(run.name)

    def keep_only(self, names: Sequence[str]) -> None:
        """Drops all other tables.

        Raises:
            ConfigError: when the place cannot be written.
        """
        for name in sorted(self._names - set(names)):
            try:
                self._database.drop_table(name, ignore_missing=True)
            except _FAULTS as error:
                raise _cannot(self._place, "written", error) from error
            self._tables.pop(name, None)
            self._names.discard(name)

    def nearest(self, runs: Sequence[VectorRun], queries: "NDArray[np.float32]", limit: int) -> list[list[Hit]]:
        """For each query the `limit` live vectors with the highest cosine, best first.

        Raises:
            IntegrityError: when a table is missing or damaged.
        """
        import numpy as np

        positions: list[list[NDArray[np.int64]]] = [[np.zeros(0, np.int64)] for _ in queries]
        scores: list[list[NDArray[np.float32]]] = [[np.zeros(0, np.float32)] for _ in queries]
        for run in runs:
            if not (len(queries) and run.live.any()):
                continue
            found = self._search(run, queries, limit)
            query = found["query_index"].to_numpy() if "query_index" in found.column_names else 0
            rows, cosines = found["row"].to_numpy(), 1 - found["_distance"].to_numpy()
            for number in range(len(queries)):
                chosen = np.flatnonzero(np.broadcast_to(query, rows.shape) == number)
                positions[number].append(rows[chosen].astype(np.int64) + run.first)
                scores[number].append(cosines[chosen])
        return [
            best_hits(np.concatenate(places), np.concatenate(found), limit)
            for places, found in zip(positions, scores, strict=True)
        ]

    def _search(self, run: VectorRun, queries: "NDArray[np.float32]", limit: int) -> Any:
        try:
            if run.name not in self._tables:
                self._tables[run.name] = self._database.open_table(run.name)
            # One query as a vector, not as a table of one: LanceDB then returns no column of query numbers.
            asked = self._tables[run.name].search(queries if len(queries) > 1 else queries[0])
            asked = asked.distance_type("dot").nprobes(_CELLS)
            if not run.live.all():
                asked = asked.where(_live_rows(run.live), prefilter=True)
            if not self._is_large(run):
                asked = asked.bypass_vector_index()
            return asked.select(["row", "_distance"]).limit(limit).to_arrow()
        except _FAULTS as error:
            raise IntegrityError(
                f"The table {run.name[:12]} in {self._place} cannot be searched ({first_line(error)}): delete it; "
                "it is written again when the index is opened."
            ) from error

    def _is_whole(self, run: VectorRun) -> bool:
        if run.name not in self._names:
            return False
        try:
            table = self._database.open_table(run.name)
            whole = table.count_rows() == len(run.vectors) and (not self._is_large(run) or table.list_indices())
        except _FAULTS:
            return False
        if whole:
            self._tables[run.name] = table
        return bool(whole)

    def _is_large(self, run: VectorRun) -> bool:
        """Whether not all of the run's live vectors are compared."""
        return self._approximate_from is not None and int(run.live.sum()) >= self._approximate_from

    def _write(self, run: VectorRun) -> Any:
        import pyarrow

        vectors = pyarrow.list_(pyarrow.float32(), run.vectors.shape[1])
        schema = pyarrow.schema([pyarrow.field("row", pyarrow.int32()), pyarrow.field("vector", vectors)])
        batches = pyarrow.RecordBatchReader.from_batches(schema, _batches(run.vectors, schema))
        table = self._database.create_table(run.name, batches, mode="overwrite")
        if self._is_large(run):
            from lancedb.index import IvfFlat

            table.create_index("vector", config=IvfFlat(distance_type="dot"))
        return table


def _batches(vectors: "NDArray[np.float32]", schema: Any) -> Iterator[Any]:
    import numpy as np
    import pyarrow

    for start in range(0, len(vectors), _ROWS_AT_ONCE):
        block = np.ascontiguousarray(vectors[start : start + _ROWS_AT_ONCE])
        rows = pyarrow.array(np.arange(start, start + len(block), dtype=np.int32))
        values = pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(block.ravel()), block.shape[1])
        yield pyarrow.record_batch([rows, values], schema=schema)


def _live_rows(live: "NDArray[np.bool_]") -> str:
    """An SQL expression that is true of the live rows: the shorter one."""
    count = int(live.sum())
    few, word = (live, "IN") if 2 * count <= len(live) else (~live, "NOT IN")
    return f"row {word} ({', '.join(map(str, few.nonzero()[0]))})"


def _names(database: Any) -> Iterator[str]:
    page = database.list_tables()
    yield from page.tables
    while page.page_token:
        page = database.list_tables(page_token=page.page_token)
        yield from page.tables


def _cannot(place: str, done: str, error: BaseException) -> ConfigError:
    return ConfigError(
        f"retrieval.store.uri: {place!r} cannot be {done} ({first_line(error)}): make it reachable and writable, or "
        "set the kind to files."
    )

"""The search engine `sqlite` of argilla-server: importing this module registers it.

Set ARGILLA_SEARCH_ENGINE=sqlite, and RATCHET_SEARCH_INDEX to the path of the index file. The work runs in threads,
so that the server's event loop goes on; Argilla's models are read before, on the loop, where their session lives.
"""

import asyncio
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from argilla_server.enums import MetadataPropertyType, SimilarityOrder
from argilla_server.errors.future import NotFoundError, UnprocessableEntityError
from argilla_server.models import Dataset, MetadataProperty, Record, Response, Suggestion, User, VectorSettings
from argilla_server.search_engine import (
    Filter,
    FloatMetadataMetrics,
    IntegerMetadataMetrics,
    MetadataMetrics,
    Order,
    SearchEngine,
    SearchResponseItem,
    SearchResponses,
    TermsMetrics,
    TextQuery,
)

from . import schema, searching, writing
from .database import Database, open_database
from .errors import IndexMissingError, QueryError, SearchIndexError
from .models import (
    dataset_definition,
    filter_of,
    metadata_definition,
    order_of,
    query_of,
    record_document,
    response_document,
    suggestion_document,
    vector_definition,
)

INDEX_VARIABLE = "RATCHET_SEARCH_INDEX"

Result = TypeVar("Result")


@SearchEngine.register("sqlite")
class SqliteSearchEngine(SearchEngine):
    """Argilla's search engine on one SQLite file. An instance is made for each request; connections outlive it."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @classmethod
    async def new_instance(cls) -> "SqliteSearchEngine":
        """The engine on the file that RATCHET_SEARCH_INDEX names; the file is made at its first use.

        Raises:
            SearchIndexError: when the variable is not set.
        """
        path = os.environ.get(INDEX_VARIABLE)
        if not path:
            raise SearchIndexError(f"{INDEX_VARIABLE} is not set: set it to the path of the search index file.")
        return cls(open_database(Path(path).absolute()))

    async def close(self) -> None:
        """Nothing to do: the process keeps its few connections for the next request."""

    async def ping(self) -> bool:
        """Whether the index file can be read.

        Raises:
            SearchIndexError: when the file is something else, or damaged.
        """
        return await asyncio.to_thread(self._ping)

    async def info(self) -> dict[str, Any]:
        """What `/api/v1/status` shows of the engine."""
        return {"name": "sqlite", "version": {"number": sqlite3.sqlite_version}}

    async def create_index(self, dataset: Dataset) -> None:
        definition = dataset_definition(dataset)
        await self._write(lambda connection: schema.create_index(connection, definition))

    async def delete_index(self, dataset: Dataset) -> None:
        dataset_id = str(dataset.id)
        await self._write(lambda connection: schema.delete_index(connection, dataset_id))

    async def configure_metadata_property(self, dataset: Dataset, metadata_property: MetadataProperty) -> None:
        dataset_id, definition = str(dataset.id), metadata_definition(metadata_property)
        await self._write(lambda connection: schema.configure_metadata(connection, dataset_id, definition))

    async def configure_index_vectors(self, vector_settings: VectorSettings) -> None:
        dataset_id, definition = str(vector_settings.dataset_id), vector_definition(vector_settings)
        await self._write(lambda connection: schema.configure_vectors(connection, dataset_id, definition))

    async def index_records(self, dataset: Dataset, records: Iterable[Record]) -> None:
        documents = [record_document(record) for record in records]
        await self._run(writing.index_records, str(dataset.id), documents)

    async def partial_record_update(self, record: Record, **update: Any) -> None:
        """Sets the record's status, the one part that Argilla updates by itself.

        Raises:
            NotImplementedError: for any other part.
        """
        if others := update.keys() - {"status"}:
            raise NotImplementedError(
                f"Only a record's status can be updated by itself, not {', '.join(sorted(others))}."
            )
        if "status" in update:
            await self._run(writing.set_status, str(record.dataset_id), str(record.id), str(update["status"]))

    async def delete_records(self, dataset: Dataset, records: Iterable[Record]) -> None:
        await self._run(writing.delete_records, str(dataset.id), [str(record.id) for record in records])

    async def update_record_response(self, response: Response) -> None:
        record = response.record
        await self._run(writing.put_response, str(record.dataset_id), str(record.id), response_document(response))

    async def delete_record_response(self, response: Response) -> None:
        await self._run(writing.remove_response, str(response.record.dataset_id), str(response.id))

    async def update_record_suggestion(self, suggestion: Suggestion) -> None:
        dataset_id, record_id = str(suggestion.record.dataset_id), str(suggestion.record_id)
        await self._run(writing.put_suggestion, dataset_id, record_id, suggestion_document(suggestion))

    async def delete_record_suggestion(self, suggestion: Suggestion) -> None:
        dataset_id, record_id = str(suggestion.record.dataset_id), str(suggestion.record_id)
        await self._run(writing.remove_suggestion, dataset_id, record_id, str(suggestion.question_id))

    async def get_dataset_progress(self, dataset: Dataset) -> dict[str, int]:
        """Records by status and their total; empty for a draft."""
        if dataset.is_draft:
            return {}
        return _with_total(await self._read(dataset.id, searching.count_statuses))

    async def get_dataset_user_progress(self, dataset: Dataset, user: User) -> dict[str, int]:
        """The user's responses by status and their total; empty for a draft.

        Elasticsearch's engine counts other users' responses to the same records too, so that its numbers do not
        add up to the records; here only the user's own count.
        """
        if dataset.is_draft:
            return {}
        user_id = str(user.id)
        return _with_total(
            await self._read(
                dataset.id, lambda connection, index: searching.count_user_statuses(connection, index, user_id)
            )
        )

    async def search(
        self,
        dataset: Dataset,
        query: TextQuery | str | None = None,
        filter: Filter | None = None,
        sort: list[Order] | None = None,
        offset: int = 0,
        limit: int = 100,
        user_id: UUID | str | None = None,
    ) -> SearchResponses:
        """One page; a `user_id` without a sort order asks for that user's own shuffled order."""
        with _translated_errors():
            selection = searching.Selection(query_of(query), None if filter is None else filter_of(filter))
            orders = tuple(order_of(order) for order in sort or [])
        seed = None if user_id is None else str(user_id)
        page = await self._read(
            dataset.id,
            lambda connection, index: searching.search(
                connection, index, selection, orders, offset=offset, limit=limit, seed=seed
            ),
        )
        return _responses(page)

    async def similarity_search(  # noqa: PLR0913, PLR0917 - the interface
        self,
        dataset: Dataset,
        vector_settings: VectorSettings,
        value: list[float] | None = None,
        record: Record | None = None,
        query: TextQuery | str | None = None,
        filter: Filter | None = None,
        max_results: int = 100,
        order: SimilarityOrder = SimilarityOrder.most_similar,
        threshold: float | None = None,
    ) -> SearchResponses:
        """The records nearest to a vector, or to a record's vector without the record itself; or the farthest.

        Raises:
            ValueError: unless either a value or a record with such a vector is given.
        """
        if bool(value) == bool(record):
            raise ValueError("Must provide either vector value or record to compute the similarity search")
        vector = value or (record.vector_value_by_vector_settings(vector_settings) if record else None)
        if not vector:
            raise ValueError("Cannot find a vector value to apply with provided info")
        if order == SimilarityOrder.least_similar:
            vector = [-number for number in vector]
        with _translated_errors():
            selection = searching.Selection(query_of(query), None if filter is None else filter_of(filter))
        settings, excluded_id = str(vector_settings.id), str(record.id) if record else None
        page = await self._read(
            dataset.id,
            lambda connection, index: searching.search_similar(
                connection,
                index,
                selection,
                searching.Similarity(settings, vector, max_results, excluded_id, threshold),
            ),
        )
        return _responses(page)

    async def compute_metrics_for(self, metadata_property: MetadataProperty) -> MetadataMetrics:
        name, dataset_id = metadata_property.name, metadata_property.dataset_id
        if metadata_property.type == MetadataPropertyType.terms:
            terms = await self._read(
                dataset_id, lambda connection, index: searching.count_terms(connection, index, name)
            )
            counts = [TermsMetrics.TermCount(term=term, count=count) for term, count in terms.counts]
            return TermsMetrics(total=terms.total, values=counts)
        least, greatest = await self._read(
            dataset_id, lambda connection, index: searching.least_and_greatest(connection, index, name)
        )
        if metadata_property.type == MetadataPropertyType.integer:
            return IntegerMetadataMetrics(min=least, max=greatest)
        return FloatMetadataMetrics(min=least, max=greatest)

    def _ping(self) -> bool:
        with self._database.read() as connection:
            return connection.execute("SELECT count(*) FROM datasets").fetchone() is not None

    async def _read(self, dataset_id: UUID, work: Callable[[sqlite3.Connection, schema.Schema], Result]) -> Result:
        def read() -> Result:
            with self._database.read() as connection:
                return work(connection, schema.load_schema(connection, str(dataset_id)))

        with _translated_errors():
            return await asyncio.to_thread(read)

    async def _write(self, work: Callable[[sqlite3.Connection], None]) -> None:
        def write() -> None:
            with self._database.write() as connection:
                work(connection)

        with _translated_errors():
            await asyncio.to_thread(write)

    async def _run(self, work: Callable[..., None], *arguments: Any) -> None:
        with _translated_errors():
            await asyncio.to_thread(work, self._database, *arguments)


@contextmanager
def _translated_errors() -> Iterator[None]:
    """What the caller can mend leaves as the errors that Argilla answers with 404 and 422."""
    try:
        yield
    except IndexMissingError as error:
        raise NotFoundError(str(error)) from error
    except QueryError as error:
        raise UnprocessableEntityError(str(error)) from error


def _with_total(counts: dict[str, int]) -> dict[str, int]:
    return {"total": sum(counts.values()), **counts}


def _responses(page: searching.Page) -> SearchResponses:
    items = [SearchResponseItem(record_id=UUID(record_id), score=score) for record_id, score in page.items]
    return SearchResponses(items=items, total=page.total)

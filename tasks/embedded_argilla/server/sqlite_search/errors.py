"""What the index reports to its caller: one sentence each, with the value and the remedy."""

# argilla-server's own command for this does not know the engine.
REBUILD = "`ratchet argilla up --reindex`"


class SearchIndexError(Exception):
    """The index cannot do what was asked."""


class IndexMissingError(SearchIndexError):
    """The dataset has no index, or the record is not in it."""


class QueryError(SearchIndexError):
    """The query, filter or sort order cannot be answered as it was asked."""


def missing_index(dataset_id: str) -> IndexMissingError:
    """The error for a dataset that was never published, or whose index was lost."""
    return IndexMissingError(
        f"Dataset {dataset_id} has no search index: publish the dataset, or rebuild the index with {REBUILD}."
    )


def missing_record(record_id: str, dataset_id: str) -> IndexMissingError:
    """The error for an update of a record that was never indexed, or was deleted meanwhile."""
    return IndexMissingError(
        f"Record {record_id} is not in the search index of dataset {dataset_id}: unless it was just deleted, rebuild "
        f"the index with {REBUILD}."
    )

"""Search among some of the documents only: those whose metadata are as wanted."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from tasks.files import canonical_json
from tasks.progress import say
from tasks.retrieval.layers_in_use import live_rows
from tasks.retrieval.opened import Index, named_texts
from tasks.settings.retrieval import Where

_VIEWS_KEPT = 32


def restrict(index: Index, where: Where) -> Index:
    """The index as if it had no other documents; words, embeddings and graph obey it alike.

    How rare a word is, and what the graph knows, is that of all documents. Of documents with the same text one is
    enough to keep it, and the first one that is wanted names it. The same `where` is worked out once; a value that no
    document has is said.

    Args:
        where: by key of the metadata the wanted value, or several one of which it must be; {}: all documents. Where a
            document has a list, one of its items is enough.
    """
    if not where:
        return index
    name = canonical_json(where)
    if name not in index.views:
        if len(index.views) == _VIEWS_KEPT:
            index.views.pop(next(iter(index.views)), None)
        index.views[name] = _restricted(index, where)
    return index.views[name]


def _restricted(index: Index, where: Where) -> Index:
    wanted = {key: {canonical_json(value) for value in _as_list(values)} for key, values in where.items()}
    _say_unknown(index, wanted)
    documents = tuple(document for document in index.documents if _is_wanted(document.metadata, wanted))
    names, duplicates = named_texts(documents)
    return replace(
        index,
        documents=documents,
        names=names,
        duplicates=duplicates,
        live=tuple(live_rows(index.layers, names.keys())),
        is_restricted=True,
    )


def _is_wanted(metadata: Mapping[str, Any], wanted: Mapping[str, set[str]]) -> bool:
    return all(values & _values(metadata, key) for key, values in wanted.items())


def _values(metadata: Mapping[str, Any], key: str) -> set[str]:
    # As JSON, since Python takes True for 1.
    return {canonical_json(value) for value in _as_list(metadata[key])} if key in metadata else set()


def _as_list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list | tuple) else [value]


def _say_unknown(index: Index, wanted: Mapping[str, set[str]]) -> None:
    for key, values in wanted.items():
        known = set().union(*(_values(document.metadata, key) for document in index.documents))
        for value in sorted(values - known):
            say(f"retrieval.where: no document has {key} {value}" + ("" if known else "; none has that key"))

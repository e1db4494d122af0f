"""The demo domain: real text found on every machine, the docstrings of Python's standard library.

Each public function, class and method whose docstring opens with a one-line summary gives a question
("What does `itertools.accumulate` do in Python?"), its answer (the summary) and a document (the whole
docstring under its name). The same Python gives the same files, byte for byte.
"""

import hashlib
import importlib
import inspect
import re
import sys
import warnings
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import Field

from tasks.domain.new_files import write_new_files
from tasks.files import canonical_json
from tasks.records import Record

MIN_SUMMARY_CHARACTERS = 30
MAX_SUMMARY_CHARACTERS = 220

# Why a module is left out, and which.
_SKIPPED_MODULES = {
    "opens a window or a browser, prints, or changes the terminal": (
        "antigravity idlelib readline rlcompleter site this tkinter turtle turtledemo"
    ),
    "serves Python's own tests, installation and help": "ensurepip lib2to3 pydoc_data test",
    "may be Setuptools' in its place": "distutils",
    "warns that newer Pythons lack it": (
        "aifc asynchat asyncore audioop cgi cgitb chunk crypt imghdr imp mailcap msilib nis nntplib ossaudiodev "
        "pipes smtpd sndhdr spwd sre_compile sre_constants sre_parse sunau telnetlib uu xdrlib"
    ),
    "is found as os or os.path": "genericpath nt ntpath nturl2path posix posixpath",
}
_ALSO_HOME_TO = {"os": {"nt", "posix"}, "os.path": {"genericpath", "ntpath", "posixpath"}}
_SIGNATURE = re.compile(r"[\w.]+\(|.*->")


class Entry(Record):
    """One documented function, class or method."""

    name: str = Field(description="qualified name, as in `itertools.accumulate`; builtins without their module")
    summary: str = Field(description="first line of the docstring, 30 to 220 characters")
    docstring: str = Field(description="the whole docstring, indentation removed")

    @property
    def document_id(self) -> str:
        """The id of the document that holds the docstring."""
        return f"docs/{self.name}.txt"


def find_entries() -> list[Entry]:
    """About 2,100 entries, sorted by name, no summary twice. Imports the standard library's public modules."""
    entries: list[Entry] = []
    summaries: set[str] = set()
    names: set[str] = set()
    for name, docstring in _public_docstrings():
        entry = _entry_of(name, docstring)
        # Folded: `Lock` and `lock` are one file name on some systems.
        if entry is None or entry.summary in summaries or name.casefold() in names:
            continue
        summaries.add(entry.summary)
        names.add(name.casefold())
        entries.append(entry)
    return sorted(entries, key=lambda entry: entry.name)


# Enough comparisons for its kappa, and no more: on two cores each takes four seconds.
_LOCAL_JUDGE = """judges:
  - name: local
    url: embedded  # SmolLM2-135M-Instruct, served by llama.cpp on this machine
    budget: {comparisons: 64, test_share: 0.5}  # a round; half of them test answers of challenger and champion
"""


def write_demo(directory: Path, questions: int = 400, *, people: bool = False) -> list[Path]:
    """Writes the demo domain: all documents, `questions` questions and a ratchet.yaml; returns the files.

    The questions are those whose names' hashes come first, so a larger number keeps the smaller one's. With
    `people`, the config has them asked through the embedded Argilla, and a small language model beside them.

    Raises:
        DomainError: when one of the files exists (then none is written), or the folder cannot be written.
    """
    entries = find_entries()
    # Salted: the split is a hash of the same name, and its first hashes are all test.
    chosen = sorted(entries, key=lambda entry: hashlib.sha256(f"demo {entry.name}".encode()).digest())[:questions]
    texts = {entry.document_id: f"{entry.name}\n\n{entry.docstring}\n" for entry in entries}
    texts["questions.jsonl"] = "".join(f"{canonical_json(_question_fields(entry))}\n" for entry in chosen)
    # Last: a folder with a config is a whole demo.
    config = (resources.files("tasks.domain") / "templates" / "demo.yaml").read_text(encoding="utf-8")
    if people:
        config = config.replace("argilla: null", "argilla: embedded", 1).replace(
            "judges: []  # none\n", _LOCAL_JUDGE, 1
        )
    texts["ratchet.yaml"] = config
    return write_new_files(directory, texts)


def _question_fields(entry: Entry) -> dict[str, Any]:
    return {
        "id": entry.name,
        "question": f"What does `{entry.name}` do in Python?",
        "answer": entry.summary,
        "family": entry.name,
        "sources": [entry.document_id],
    }


def _public_docstrings() -> Iterator[tuple[str, str]]:
    skipped = set(" ".join(_SKIPPED_MODULES.values()).split())
    for module_name in sorted({*sys.stdlib_module_names, "os.path"} - skipped):
        if not module_name.startswith("_"):
            module = _import_quietly(module_name)
            if module is not None:
                yield from _docstrings_of_module(module_name, module)


def _import_quietly(name: str) -> ModuleType | None:
    """The module, or None when this platform lacks it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return importlib.import_module(name)
        except ImportError:
            return None


def _docstrings_of_module(module_name: str, module: ModuleType) -> Iterator[tuple[str, str]]:
    prefix = "" if module_name == "builtins" else f"{module_name}."
    for name in sorted(getattr(module, "__all__", vars(module))):
        member = vars(module).get(name)
        if not _is_public_definition(name, member) or not _belongs(member, module_name):
            continue
        yield from _own_docstring(f"{prefix}{name}", member)
        if inspect.isclass(member):
            # vars, not dir: what a class inherits is told once, where it is defined.
            for attribute, value in sorted(vars(member).items()):
                method = getattr(value, "__func__", value)  # classmethod and staticmethod wrap it
                if _is_public_definition(attribute, method) and not inspect.isclass(method):
                    yield from _own_docstring(f"{prefix}{name}.{attribute}", method)


def _is_public_definition(name: str, member: Any) -> bool:
    is_definition = inspect.isclass(member) or inspect.isroutine(member)
    # Under another name it is an alias, as IOError is for OSError.
    return is_definition and not name.startswith("_") and getattr(member, "__name__", name) == name


def _belongs(member: Any, module_name: str) -> bool:
    """Whether the member is the module's own, not something it imported: told by the top-level module's name."""
    home = str(getattr(member, "__module__", None) or module_name).partition(".")[0]
    own = module_name.partition(".")[0]
    return home.lstrip("_") == own or home in _ALSO_HOME_TO.get(module_name, ())


def _own_docstring(name: str, member: Any) -> Iterator[tuple[str, str]]:
    docstring = member.__doc__
    if isinstance(docstring, str):
        yield name, inspect.cleandoc(docstring).strip()


def _entry_of(name: str, docstring: str) -> Entry | None:
    first, _, rest = docstring.partition("\n")
    summary = first.strip()
    is_whole = not rest.split("\n")[0].strip()  # a first line that runs on is half a sentence
    fits = MIN_SUMMARY_CHARACTERS <= len(summary) <= MAX_SUMMARY_CHARACTERS
    if not is_whole or not fits or _SIGNATURE.match(summary):
        return None
    return Entry(name=name, summary=summary, docstring=docstring)

"""questions: question-answer pairs from the domain's documents, for a file of their own."""

from pathlib import Path
from typing import Any, Literal

from flows.printing import align
from tasks.config import Config, load_config
from tasks.domain.loading import store_domain
from tasks.errors import ConfigError, DomainError
from tasks.files import read_rows
from tasks.home import Home, find_home, lock
from tasks.models.hardware import choose_hardware, use_threads
from tasks.records import Document, Domain
from tasks.retrieval.searching import open_searcher
from tasks.synthetic_questions.human_questions import read_human_questions
from tasks.synthetic_questions.output import check_target, kept_path, write_file
from tasks.synthetic_questions.synthesis import Synthesis, write_drafts
from tasks.synthetic_questions.writers import Writer, model_writer, template_writer
from tasks.writing.writer import Write, identify_writer

WriterName = Literal["model", "templates"]


def write_questions(
    config_path: Path, count: int, out: Path | None, *, force: bool, writer: WriterName | None
) -> tuple[dict[str, Any], list[str]]:
    """Writes at most `count` questions; returns what was done as a JSON object, and the same as lines of text.

    Args:
        out: the file, beside the one that is kept below RATCHET_HOME.
        force: write it anew when it is there and holds nothing but synthetic questions.
        writer: the config's language model or the templates; None: the model where the config has one.

    Raises:
        RatchetError: when there is nothing to write from, nothing that can be used was written, or `out` is not free.
    """
    config, home = load_config(config_path), find_home()
    by_model = _is_model_wanted(config, writer)
    if out is not None:
        check_target(config, out, force=force)
    with lock(home, f"writing questions for {config.name}"):
        human = read_human_questions(config)
        domain = store_domain(config, home, human)
        _require_documents(config, domain)
        hardware = choose_hardware(config.model)
        use_threads(hardware)
        with open_searcher(config, home, domain, hardware, "questions") as searcher:
            indexed = set(searcher.index.names.values())
            documents = [each for each in read_rows(home.objects, domain.documents, Document) if each.id in indexed]
            chosen = _choose_writer(config, home, documents, searcher.write, by_model=by_model)
            synthesis = write_drafts(config, documents, human, searcher, chosen, count)
        if not synthesis.drafts:
            raise DomainError(_describe_none(synthesis))
        paths = [kept_path(config, home, synthesis), *([out] if out is not None else [])]
        for path in paths:
            write_file(path, synthesis)
    return _summarise(config, synthesis, paths[-1], count)


def _is_model_wanted(config: Config, writer: WriterName | None) -> bool:
    if writer == "model" and config.writer is None:
        raise ConfigError(
            "writer: it is null, so there is no model to write questions; set `writer: {url: embedded}`, name an "
            "endpoint, or use `--writer templates`."
        )
    return config.writer is not None and writer != "templates"


def _require_documents(config: Config, domain: Domain) -> None:
    if not config.documents:
        raise ConfigError("documents: there are none to write questions from; name some.")
    if domain.documents.rows == 0:
        raise DomainError(
            f"documents: none of those that {', '.join(map(repr, config.documents))} names can be read; "
            "`ratchet doctor` says why."
        )


def _choose_writer(
    config: Config, home: Home, documents: list[Document], write: Write | None, *, by_model: bool
) -> Writer:
    texts = {document.id: document.text for document in documents}
    name = identify_writer(config, home) if by_model else None
    return template_writer(texts) if name is None or write is None else model_writer(texts, write, name)


def _describe_none(synthesis: Synthesis) -> str:
    if not synthesis.drafted:
        why = (
            f"the templates found nothing in {_count(synthesis.chunks_read, 'passage')}{_languages(synthesis)}: set "
            "`writer` in the config, and a language model writes"
        )
    else:
        why = f"all that were written were left out ({_reasons(synthesis)}): see what is at fault in most of them"
    return f"No question came of {_count(synthesis.documents, 'document')}: {why}."


def _summarise(config: Config, synthesis: Synthesis, path: Path, wanted: int) -> tuple[dict[str, Any], list[str]]:
    kept = len(synthesis.drafts)
    result = {
        "domain": config.name,
        "file": str(path),
        "questions": kept,
        **synthesis.model_dump(mode="json", exclude={"drafts"}),
        "examples": [draft.model_dump(mode="json") for draft in synthesis.drafts[:3]],
    }
    rows = [
        ["written", str(synthesis.drafted)],
        *([f"  left out: {reason.replace('_', ' ')}", str(count)] for reason, count in synthesis.left_out.items()),
        ["kept", str(kept)],
    ]
    passages = f"{synthesis.chunks_read} of {_count(synthesis.chunks, 'passage')}"
    documents = _count(synthesis.documents, "document")
    lines = [
        f"{_count(kept, 'synthetic question')} for {config.name} by {synthesis.writer}, from {passages} of {documents}",
        *align(rows),
    ]
    if kept < wanted:
        lines.append(f"{wanted} were wanted; the documents give no more{_languages(synthesis)}.")
    named = [config.questions] if isinstance(config.questions, str) else list(config.questions)
    examples = [f"  {draft.question}\n    {draft.answer}" for draft in synthesis.drafts[:3]]
    lines += ["", "For example:", *examples, "", f"file: {path}"]
    if not any(each.resolve() == path.resolve() for each in config.question_files):
        lines.append(f"Read some of them, then train on them with `questions: [{', '.join([*named, str(path)])}]`.")
    return result, lines


def _reasons(synthesis: Synthesis) -> str:
    return ", ".join(f"{count} {reason.replace('_', ' ')}" for reason, count in synthesis.left_out.items())


def _languages(synthesis: Synthesis) -> str:
    if not synthesis.unphrased:
        return ""
    listed = ", ".join(f"{count} in {language}" for language, count in synthesis.unphrased.items())
    return f" ({listed}: languages without templates)"


def _count(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"

"""Exporting a version: each form written, checked by answering with it, and put in place only when it passed."""

import shutil
import time
from collections.abc import Sequence
from pathlib import Path

from tasks.config import Config
from tasks.domain.loading import frozen_test_set, is_evaluable
from tasks.domain.questions import read_questions
from tasks.errors import ExportError, IntegrityError, RatchetError
from tasks.exporting.folders import (
    find_export,
    hash_files,
    hold,
    publish,
    refuse_strangers,
    require_space,
    unfinished,
    writing,
)
from tasks.exporting.forms import FORMS, Source, bytes_needed, require_possible, write_form
from tasks.exporting.parity import answer_as_evaluated, compare_form, require_comparable, tolerance_of
from tasks.exporting.same_answers import Expected, broken_form
from tasks.files import bytes_on_disk, sha256_of
from tasks.home import Home
from tasks.models.hardware import choose_hardware, use_threads
from tasks.progress import say
from tasks.records import Domain, ExportManifest, FormParity, GgufType, ModelVersion
from tasks.registry import mlflow_registry as registry
from tasks.registry.fetching import download_adapter
from tasks.settings.evaluation import Form

COMPARED_QUESTIONS = 4
_LAYOUT = 1  # raised when the same settings come to give other files


def export_and_compare(
    config: Config,
    home: Home,
    version: ModelVersion,
    forms: Sequence[Form],
    questions: Sequence[str],
    folder: Path,
    *,
    gguf_type: GgufType = "f16",
    own_folder: bool = False,
) -> tuple[FormParity, ...]:
    """Writes the forms into `folder/<form>` and says of each whether it answers as the evaluated model does.

    A form that fails is not left in place. One that is in place already, and whole, is not made again.

    Args:
        questions: texts that both are asked, at least one.
        own_folder: the folder is Ratchet's own. There another export of a form is replaced, and one whose files were
            altered has failed and is removed; elsewhere both are left alone, and are errors.

    Raises:
        ExportError: when a form cannot be had of this version, the folder holds something else or is in use, or the
            disk has no room.
        IntegrityError: when an export in somebody's folder was altered, or the version's adapter is damaged.
        ModelError: when the evaluated model cannot be loaded.
        ConfigError: when what checks a form is not installed.
        HomeError: when the folder cannot be written.
    """
    source = Source(config, version, download_adapter(config, home, version), gguf_type)
    chosen = [form for form in FORMS if form in forms]
    for form in chosen:
        require_comparable(form)
        require_possible(source, form)
    if not own_folder:
        refuse_strangers(folder, FORMS)
    with hold(folder):
        verdicts = {form: _look_up(source, form, folder, len(questions), own_folder) for form in chosen}
        if missing := [form for form in chosen if verdicts[form] is None]:
            require_space(folder, sum(bytes_needed(source, form) for form in missing))
            use_threads(choose_hardware(config.model))
            expected = answer_as_evaluated(source, questions)
            verdicts |= {form: _make(source, form, folder, home, expected) for form in missing}
    return tuple(verdict for verdict in verdicts.values() if verdict is not None)


def export_version(
    config: Config,
    home: Home,
    number: int | None,
    forms: Sequence[Form],
    folder: Path,
    gguf_type: GgufType = "f16",
) -> tuple[ModelVersion, tuple[FormParity, ...]]:
    """Exports a registered version, the champion unless a number is given, asked the first of the test questions.

    Args:
        forms: none means all that the version has: the base model has no adapter.

    Raises:
        ExportError: when a form does not answer as the evaluated model does, naming form, prompt and gap.
        RatchetError: when there is no such version, or it cannot be exported; nothing is left half done.
    """
    version = _find_version(config, home, number)
    if not forms:
        forms = FORMS if version.adapter else tuple(form for form in FORMS if form != "adapter")
        if version.adapter is None:
            say(f"export: version {version.version} is the base model, so there is no adapter to export")
    questions = read_questions(config.question_files, config.test_share)
    asked = [question.question for question in questions if is_evaluable(question)][:COMPARED_QUESTIONS]
    verdicts = export_and_compare(config, home, version, forms, asked, folder, gguf_type=gguf_type)
    if failed := [str(verdict.problem) for verdict in verdicts if not verdict.passed]:
        raise ExportError(*(f"Not the model that was evaluated, so not left in {folder}: {each}." for each in failed))
    return version, verdicts


def export_challenger(config: Config, home: Home, domain: Domain, challenger: ModelVersion) -> tuple[FormParity, ...]:
    """The challenger in the forms that `promote.export` names, below the home, and what each was found to be.

    Raises:
        RatchetError: when a form cannot be had of it; a form that answers otherwise is no error but a verdict.
    """
    if not config.promote.export:
        return ()
    questions = [question.question for question in frozen_test_set(home, domain, COMPARED_QUESTIONS)]
    folder = home.exports / challenger.weights_sha256
    return export_and_compare(config, home, challenger, config.promote.export, questions, folder, own_folder=True)


def _find_version(config: Config, home: Home, number: int | None) -> ModelVersion:
    if number is not None:
        return registry.read_version(config, home, number)
    champion = registry.read_alias(config, home, registry.CHAMPION_ALIAS)
    if champion is None:
        raise RatchetError(f"{config.name} has no champion yet: run `ratchet round`, which begins with one.")
    return champion


def _look_up(source: Source, form: Form, folder: Path, questions: int, own_folder: bool) -> FormParity | None:
    """What was found of the form when it was put in place; None: it is yet to be made."""
    target = folder / form
    try:
        manifest = find_export(target, _key(source, form))
    except IntegrityError as error:
        if not own_folder:
            raise
        shutil.rmtree(target)
        tolerance, why = tolerance_of(source, form), str(error).replace(str(target), form)
        return broken_form(form, source.numbers(form), "not loaded", questions, tolerance, why)
    except ExportError:
        if not own_folder:
            raise
        say(f"export: another export of {form} is replaced")
        shutil.rmtree(target)
        return None
    if manifest is not None:
        say(f"export: {form} was exported before")
    return manifest.parity if manifest else None


def _make(source: Source, form: Form, folder: Path, home: Home, expected: Sequence[Expected]) -> FormParity:
    started = time.monotonic()
    version = source.version
    with unfinished(folder) as temporary:
        with writing(folder):
            notes = write_form(source, form, temporary)
        verdict = compare_form(source, form, temporary, home, expected)
        took = f"{bytes_on_disk(temporary) / 1e6:,.1f} MB, {time.monotonic() - started:.1f} s"
        if not verdict.passed:
            say(f"export: {form} failed ({took}): {verdict.problem}")
            return verdict
        manifest = ExportManifest(
            key=_key(source, form),
            name=version.name,
            version=version.version,
            form=form,
            numbers=source.numbers(form),
            base=version.base.id,
            base_sha256=version.base.sha256,
            adapter_sha256=version.adapter.sha256 if version.adapter else None,
            files=hash_files(temporary),
            notes=notes,
            parity=verdict,
        )
        publish(temporary, folder / form, manifest)
    for note in notes:
        say(f"export: {form}: {note}")
    say(f"export: {form} written and compared ({took})")
    return verdict


def _key(source: Source, form: Form) -> str:
    """The hash of all that the form's files are made of."""
    version, config = source.version, source.config
    return sha256_of(
        {
            "layout": _LAYOUT,
            "form": form,
            "numbers": source.numbers(form),
            "name": version.name,
            "version": version.version,
            "base": [version.base.id, version.base.sha256],
            "adapter": version.adapter.sha256 if version.adapter else None,
            "system_prompt": source.system_prompt,
            "generation": [config.generation.max_new_tokens, config.generation.max_prompt_tokens],
        }
    )

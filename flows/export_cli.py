"""`ratchet export`: a version in the forms that its consumers take."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from flows.options import ConfigOption, load
from flows.printing import AsJson, align, show
from tasks.records import GgufType

app = typer.Typer()


class FormName(StrEnum):
    """What `--format` takes."""

    merged = "merged"
    adapter = "adapter"
    gguf = "gguf"


@app.command(epilog="Example: ratchet export --format gguf --out python-stdlib-gguf")
def export(
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="a new folder; each form gets one of its own in it")
    ],
    version: Annotated[
        int | None, typer.Option("--version", metavar="N", min=1, help="a version number; default: the champion's")
    ] = None,
    form: Annotated[
        list[FormName] | None, typer.Option("--format", help="may be given more than once; default: all")
    ] = None,
    gguf_type: Annotated[GgufType, typer.Option("--gguf-type", help="numbers in GGUF")] = "f16",
    config: ConfigOption = None,
    as_json: AsJson = False,
) -> None:
    """Export a version: merged weights, an adapter for vLLM, GGUF for llama.cpp and Ollama.

    Each form is loaded and answers test questions, and stays only if it answers as the evaluated model does. A killed
    export goes on where it stopped.
    """
    from tasks.exporting.export import export_version
    from tasks.exporting.forms import FORMS
    from tasks.home import find_home

    forms = [known for known in FORMS if known in (form or ())]
    exported, verdicts = export_version(load(config)[0], find_home(), version, forms, out.absolute(), gguf_type)
    rows = [["form", "folder", "loaded with", "equal answers", "largest gap", "allowed"]]
    for verdict in verdicts:
        equal = f"{round(verdict.equal_answers * verdict.prompts)} of {verdict.prompts}"
        gap = "-" if verdict.max_gap is None else f"{verdict.max_gap:.2g}"
        rows.append([verdict.form, str(out / verdict.form), verdict.loaded_with, equal, gap, f"{verdict.tolerance:g}"])
    result = {
        "version": exported.version,
        "forms": [{**verdict.model_dump(mode="json"), "folder": str(out / verdict.form)} for verdict in verdicts],
    }
    show(result, [f"Version {exported.version} of {exported.name} exported", *align(rows)], as_json)

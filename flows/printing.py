"""What commands print: tables of plain text, or one JSON object for machines."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

AsJson = Annotated[bool, typer.Option("--json", help="print the result as one JSON object")]


def show(result: Mapping[str, Any], lines: Sequence[str], as_json: bool) -> None:
    """Prints a command's result to stdout, as lines for people or as JSON."""
    text = json.dumps(result, ensure_ascii=False, indent=2) if as_json else "\n".join(lines)
    sys.stdout.write(f"{text}\n")


def format_megabytes(size_bytes: int) -> str:
    """Memory as tables show it; a dash where none is used."""
    return f"{size_bytes / 1_000_000:.0f} MB" if size_bytes else "-"


def align(rows: Sequence[Sequence[str]]) -> list[str]:
    """One line a row, the columns padded to the width of their widest cell and set apart by two spaces."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]

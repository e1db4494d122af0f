"""Files for a user's own folder, where nothing that exists is ever overwritten."""

from collections.abc import Mapping
from pathlib import Path

from tasks.errors import DomainError, raise_collected

_EXISTING_SHOWN = 5


def write_new_files(directory: Path, texts: Mapping[str, str]) -> list[Path]:
    """Writes each text as UTF-8 to its name below the directory, in order, and returns the paths.

    Raises:
        DomainError: when one of the files exists (then none is written), or the folder cannot be written.
    """
    paths = {directory / name: text for name, text in texts.items()}
    existing = [path for path in paths if path.exists()]
    raise_collected(DomainError, [_describe_existing(path) for path in existing[:_EXISTING_SHOWN]])
    for path, text in paths.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8", newline="\n") as file:
                file.write(text)
        except FileExistsError as error:
            raise DomainError(_describe_existing(Path(error.filename))) from error
        except OSError as error:
            raise DomainError(f"{path} cannot be written ({error.strerror}): choose another folder.") from error
    return list(paths)


def _describe_existing(path: Path) -> str:
    return f"{path} exists already: choose another folder, or move it away; it was left as it is."

"""What the command line shows of looks at production."""

from pathlib import Path
from typing import Any

from tasks.config import load_config
from tasks.errors import RatchetError
from tasks.home import Home, find_home
from tasks.monitoring.history import last_report
from tasks.monitoring.telling import report_lines, status_line


def last_look(config_path: Path) -> tuple[dict[str, Any], list[str]]:
    """The report of the last look.

    Raises:
        RatchetError: when there was none.
        IntegrityError: when it is damaged.
    """
    config = load_config(config_path)
    report = last_report(find_home(), config.name)
    if report is None:
        raise RatchetError(
            f"Nobody has looked at the production of {config.name}: run `ratchet monitor {config_path}`."
        )
    centres = {"raised": {"__all__": {"centre"}}, "lasting": {"__all__": {"centre"}}, "over": {"__all__": {"centre"}}}
    return report.model_dump(mode="json", exclude={**centres, "topics": {"__all__": {"centre"}}}), report_lines(report)


def last_look_in_short(home: Home, domain: str) -> tuple[dict[str, Any], list[str]]:
    """When production was last looked at and what is found, for `ratchet status`; nothing before the first look.

    Raises:
        IntegrityError: when the report is damaged.
    """
    report = last_report(home, domain)
    found = [finding.kind for finding in (*report.raised, *report.lasting)] if report else []
    return {"production": {"at": report.at.isoformat(), "found": found} if report else None}, status_line(report)

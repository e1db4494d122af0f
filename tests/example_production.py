"""What was kept of production, read back."""

from tasks.feedback.production_store import read_production
from tasks.files import read_rows
from tasks.home import Home
from tasks.records import Candidate, Question


def kept_questions(home: Home, domain: str = "d") -> list[Question]:
    """Every production question that was kept, in the order of the files; one that is in several comes as often."""
    return [row for file in read_production(home, domain)[0] for row in read_rows(home.objects, file, Question)]


def kept_candidates(home: Home, domain: str = "d") -> list[Candidate]:
    """Every production candidate, likewise."""
    return [row for file in read_production(home, domain)[1] for row in read_rows(home.objects, file, Candidate)]

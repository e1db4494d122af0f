"""What `ratchet judges` shows: how far each judge can be believed, and what it weighs."""

from collections.abc import Sequence

from flows.people import Shown
from flows.printing import align
from tasks.config import Config
from tasks.evaluation.report_judges import COLUMNS, judge_cells, judge_label, stand_in_note
from tasks.evaluation.report_text import count_of
from tasks.evaluation.report_work import COLUMNS as WORK_COLUMNS
from tasks.evaluation.report_work import work_cells
from tasks.feedback import log
from tasks.feedback.sources import PEOPLE
from tasks.feedback.withdrawals import withdrawn
from tasks.home import Home, find_home
from tasks.judging.audit_rows import rows_to_measure
from tasks.judging.calibration import JudgeCalibration
from tasks.judging.standing import judges_so_far
from tasks.judging.trust import JudgeWeight, judge_weights
from tasks.judging.work import JudgeWork, read_work
from tasks.records import FeedbackBatch
from tasks.rounds import read_batches, read_rounds


def show_judges(config: Config) -> Shown:
    """The judges of all rounds so far, each with its figures and a sentence on what it weighs and why.

    Raises:
        IntegrityError: when the feedback log or the candidates of a round were altered.
    """
    home = find_home()
    batches = read_batches(home, config.name)
    events = rows_to_measure(log.read_frame(home, config.name).lazy(), withdrawn(home, config.name))
    audit_labels = len(events.filter(events["audit"] & events["source"].is_in(PEOPLE)))
    judges = judges_so_far(config, home, batches, events)
    weights = judge_weights(judges, config.judge_trust)
    result = {
        "domain": config.name,
        "audit_labels": audit_labels,
        "min_kappa": config.judge_trust.min_kappa,
        "min_labels": config.judge_trust.min_labels,
        "judges": [{**each.model_dump(mode="json"), **weights[each.judge].model_dump(mode="json")} for each in judges],
    }
    asked = _work(config, home)
    result["work"] = [{"round": number, **each.model_dump(mode="json")} for number, each in asked]
    if not judges:
        return result, [f"No judge has judged anything of {config.name} yet: run a round."]
    title = f"Judges of {config.name}, beside {count_of(audit_labels, 'audit label')}; with 95 % intervals"
    notes = [] if audit_labels else [_how_to_get_labels(config, batches)]
    if note := stand_in_note(judges):
        notes.append(note)
    lines = [title, *align(_table(judges, weights)), "", *(weights[each.judge].why for each in judges), *notes]
    return result, [*lines, *_work_lines(asked)]


def _work(config: Config, home: Home) -> list[tuple[int, JudgeWork]]:
    """What LLM judges were asked, with the number of the round."""
    rounds = [opened.number for opened, _ in read_rounds(home, config.name)]
    return [(number, each) for number in rounds for each in read_work(home.round(config.name, number))]


def _work_lines(asked: Sequence[tuple[int, JudgeWork]]) -> list[str]:
    rows = [["round", "judge", *WORK_COLUMNS]]
    rows += [[str(number), judge_label(each.judge), *work_cells(each)] for number, each in asked]
    return ["", "What LLM judges were asked", *align(rows)] if asked else []


def _table(judges: Sequence[JudgeCalibration], weights: dict[str, JudgeWeight]) -> list[list[str]]:
    """A column a judge: a line with all figures of one would not fit a terminal."""
    rows = [[column.lower()] for column in ("", *COLUMNS, "comparisons", "undecided", "weight")]
    for each in judges:
        figures = [f"{figure} ({interval})" if figure else "-" for figure, interval in judge_cells(each)]
        counts = [str(each.comparisons), str(each.undecided), f"{weights[each.judge].weight:g}"]
        for row, cell in zip(rows, [judge_label(each.judge), *figures, *counts], strict=True):
            row.append(cell)
    return rows


def _how_to_get_labels(config: Config, batches: Sequence[FeedbackBatch]) -> str:
    """What to do where nobody has answered an audit record yet."""
    asked = [dataset for batch in batches for dataset in batch.label_datasets if dataset.audit]
    if asked:
        latest = asked[-1]
        return (
            f"There are no audit labels yet, so nothing tells how far a judge agrees with people: answer {latest.name} "
            f"at {latest.url}, then run `ratchet labels`."
        )
    setting = "human_feedback.argilla" if config.human_feedback.argilla is None else "human_feedback.audit_share"
    return (
        "There are no audit labels, and nobody was asked for any, so nothing tells how far a judge agrees with people: "
        f"set `{setting}` in the config, run a round, and answer its audit records."
    )

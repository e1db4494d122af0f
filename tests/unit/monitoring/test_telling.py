"""A look in words: what people are sent, what Prefect shows, and the line of the status."""

from datetime import timedelta
from typing import Any

from example_answers import AT

from tasks.monitoring.telling import markdown, message, report_lines, status_line
from tasks.records.monitoring import Finding, MonitorReport, Period, Topic, Verdict

DRIFT = Finding(kind="drift", sentence="Questions differ.", since=AT)
TOPIC = Finding(
    kind="topic", sentence="5 of 5 questions.", since=AT - timedelta(days=2), name="*parcel*", centre=(1.0,)
)


def report(**fields: Any) -> MonitorReport:
    start = AT - timedelta(days=7)
    before = Period(start=start - timedelta(days=28), end=start)
    known: dict[str, Any] = {"domain": "d", "at": AT, "now": Period(start=start, end=AT), "before": before}
    return MonitorReport(**{**known, "answers": 60, "answers_before": 200, **fields})


def test_people_are_told_of_what_is_new_and_of_what_is_over_and_of_nothing_else() -> None:
    assert message(report()) is None
    assert message(report(lasting=(DRIFT,))) is None

    told = message(report(raised=(DRIFT,), lasting=(TOPIC,)))
    assert told is not None
    assert told.subject == "Ratchet: d: questions have drifted"
    assert told.body == (
        "New: questions have drifted. Questions differ.\nStill there: unanswered topic (*parcel*). 5 of 5 questions."
    )

    over = message(report(over=(DRIFT,)))
    assert over is not None
    assert over.subject == "Ratchet: d: over: questions have drifted"


def test_the_lines_say_which_answers_were_compared_what_was_left_out_and_what_is_proposed() -> None:
    lines = report_lines(
        report(
            verdicts=(Verdict(kind="thumbs", sentence="Thumbs: 3 now."),),
            skipped={"traces_unreadable": 2, "files_unusable": 0},
            remarks=("Only the newest.",),
            proposed=4,
            not_proposed={"test_questions": 1},
        )
    )

    assert lines == [
        "Production of d, 2026-11-16 to 2026-11-23 06:00 UTC: 60 answers; 200 in the days before, from 2026-10-19",
        "  Only the newest.",
        "  left out: 2 traces unreadable",
        "  Thumbs: 3 now.",
        "",
        "Nothing is raised.",
        "4 questions are proposed for the next collect",
        "not proposed: 1 test questions",
    ]


def test_without_an_answer_the_remedy_is_said() -> None:
    lines = report_lines(report(answers=0, answers_before=0))

    assert lines[1] == ("There are no answers to look at: is `end_users.mlflow_experiment` where production writes to?")


def test_a_page_takes_nothing_of_a_question_for_markup() -> None:
    topic = Topic(
        name="<b>parcel",
        questions=5,
        asked=5,
        abstained=5,
        thumbs_down=0,
        unknown=0,
        examples=("[click](http://x)\n# Title",),
        centre=(1.0,),
    )

    page = markdown(report(raised=(TOPIC,), topics=(topic,)))

    assert "- **New: unanswered topic (\\*parcel\\*)** 5 of 5 questions." in page
    assert "For example: \\[click\\](http://x) \\# Title" in page
    assert "<b>" not in page.replace("\\<b\\>", "")


def test_the_status_is_one_line_and_none_before_the_first_look() -> None:
    assert status_line(None) == []
    assert status_line(report()) == ["production at 2026-11-23 06:00 UTC, 60 answers: nothing found"]
    assert status_line(report(raised=(DRIFT,), lasting=(TOPIC,), over=(DRIFT,))) == [
        "production at 2026-11-23 06:00 UTC, 60 answers: questions have drifted since 2026-11-23; "
        "unanswered topic (*parcel*) since 2026-11-21"
    ]

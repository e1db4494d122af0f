"""Only a run of a deployment can be suspended and started again; elsewhere nobody is asked in a form."""

from pathlib import Path

from example_decisions import promotion_decision
from example_models import BASE, adapter

from flows.approval import ApprovalForm, ask_for_approval, take_answers
from tasks.config import Config
from tasks.home import Home
from tasks.records import ModelVersion
from tasks.registry.approval import waiting_decisions
from tasks.rounds import write_stage
from tasks.settings.evaluation import PromoteSettings

CONFIG = Config(name="demo", questions="q.jsonl", root=Path("/domain"))
CHAMPION = ModelVersion(name="demo", version=1, base=BASE)
CHALLENGER = ModelVersion(name="demo", version=2, base=BASE, adapter=adapter())


def test_outside_a_deployment_what_waits_goes_on_waiting(ratchet_home: Path) -> None:
    home = Home(ratchet_home)
    decision = promotion_decision(CHALLENGER, CHAMPION, settings=PromoteSettings(approval="approve"))
    write_stage(home.round("demo", 1), "promote", "key", decision)

    take_answers(CONFIG, home)
    ask_for_approval(CONFIG, home)

    assert waiting_decisions(home, "demo") == [decision]


def test_the_form_has_no_answer_filled_in_and_no_reason_is_needed() -> None:
    required = {name: field.is_required() for name, field in ApprovalForm.model_fields.items()}

    assert required == {"approve": True, "name": True, "reason": False}

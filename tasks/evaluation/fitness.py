"""What is found of a round's challenger as a thing to be served."""

import os
from collections.abc import Iterator

from tasks.config import Config
from tasks.curation.incremental.index import index_folder
from tasks.domain.loading import frozen_test_set, read_split
from tasks.evaluation.leaks import find_secrets, find_test_questions
from tasks.feedback.label_server import KEY_VARIABLE
from tasks.files import read_rows
from tasks.home import Home
from tasks.llm.api_key import find_api_key
from tasks.models.hardware import choose_hardware
from tasks.models.licence import stated_licence
from tasks.models.memory import measure_peak_memory
from tasks.models.prompting import build_messages
from tasks.progress import say
from tasks.records import AnswerRow, ArmReport, BaseModelRef, Fitness, Licences, PeakMemory
from tasks.rounds import Round


def inspect_challenger(config: Config, home: Home, opened: Round, report: ArmReport) -> Fitness:
    """What the challenger's answers give away, to the test questions and to those of its skills, what answering took,
    and the licences of what it is made of. Memory is measured only where there is a budget for it.

    Raises:
        ConfigError: when a secret that the config names cannot be read.
        IntegrityError: when answers or questions were altered.
        ModelError: when memory cannot be measured.
    """
    answers = [(None, report.answers), *((each.skill, each.answers) for each in report.skills)]
    rows = {
        skill: [row for row in read_rows(home.objects, file, AnswerRow) if row.arm == "challenger"]
        for skill, file in answers
    }
    tests = read_split(home, opened.domain, "test")
    rules = index_folder(home, report.domain) / "key_rules"
    own = own_secrets(config)
    return Fitness(
        answers=sum(map(len, rows.values())),
        secrets=tuple(leak for skill, said in rows.items() for leak in find_secrets(said, own, rules, skill)),
        test_questions=tuple(leak for skill, said in rows.items() for leak in find_test_questions(said, tests, skill)),
        latency_s=report.arms["challenger"].latency_s.p95,
        memory=_measure_memory(config, home, opened, report),
        licences=find_licences(config, report.challenger.base),
    )


def find_licences(config: Config, base: BaseModelRef) -> Licences:
    """The licences that the config states, and of the base what its own files do where it states none."""
    stated = (config.licences.base, "licences.base") if config.licences.base else stated_licence(base)
    licence, stated_by = stated or (None, None)
    return Licences(base=licence, base_from=stated_by, data=config.licences.data)


def own_secrets(config: Config) -> tuple[str, ...]:
    """The secrets that a round of this config holds itself: the keys of judges, writer and Argilla, and of `serve`
    where its variable is set.

    Raises:
        ConfigError: when Prefect has no Secret block of a name that the config gives.
    """
    return tuple(dict.fromkeys(secret for secret in _secrets(config) if secret))


def _secrets(config: Config) -> Iterator[str]:
    for judge in config.judges:
        yield find_api_key(judge, f"judges, {judge.name}").value
    if config.writer is not None:
        yield find_api_key(config.writer, "writer").value
    for variable in (KEY_VARIABLE, config.serve.api_key_variable):
        for key in os.environ.get(variable or "", "").split(","):
            yield key.strip()
    if config.human_feedback.argilla is not None and config.human_feedback.api_key_secret is not None:
        from tasks.secret_blocks import read_secret

        yield read_secret(config.human_feedback.api_key_secret, "human_feedback.api_key_secret")


def _measure_memory(config: Config, home: Home, opened: Round, report: ArmReport) -> PeakMemory | None:
    if config.promote.serving.max_memory_bytes is None:
        return None
    say("promote: measuring the memory that the challenger takes")
    questions = frozen_test_set(home, opened.domain, config.evaluate.max_questions)
    return measure_peak_memory(
        report.challenger.base,
        home.adapters / report.challenger.sha256,
        [build_messages(config.system_prompt, question.question) for question in questions],
        config.generation,
        choose_hardware(config.model),
    )

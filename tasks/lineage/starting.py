"""Where a training starts after feedback was withdrawn: from a model that never learned from it."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from tasks.config import Config
from tasks.feedback.withdrawals import withdrawn
from tasks.home import Home
from tasks.lineage.citations import count_citations
from tasks.lineage.judgements import read_judgements, withdrawn_ids
from tasks.lineage.tracing import known_adapters, learn
from tasks.progress import say
from tasks.records import ModelVersion


def training_start(config: Config, home: Home, champion: ModelVersion) -> ModelVersion:
    """As `choose_start`, and says so when it is not the champion.

    Raises:
        IntegrityError: as `choose_start` does.
        RatchetError: as `choose_start` does.
    """
    start = choose_start(config, home, champion)
    if start != champion:
        origin = "the base model" if start.adapter is None else f"version {start.version}"
        say(
            f"train: version {champion.version}, the champion, learned from feedback that was withdrawn, or may have: "
            f"the training starts from {origin}"
        )
    return start


def choose_start(config: Config, home: Home, champion: ModelVersion) -> ModelVersion:
    """The version from which a training goes on: the champion, unless it learned from what is withdrawn by now.

    Then it is the nearest of the champions before it that did not; in the end the base model. A version of which that
    cannot be told, because its snapshot or an ancestor's record is gone, is passed over as well.

    Raises:
        IntegrityError: when a withdrawal or a segment of the log is damaged.
        RatchetError: when MLflow cannot be reached.
    """
    left_out = withdrawn(home, config.name)
    if champion.adapter is None or not left_out:
        return champion
    from tasks.registry.mlflow_registry import list_versions

    ids = withdrawn_ids(read_judgements(home, config.name), left_out)
    entries = list_versions(config, home)
    adapters = known_adapters(home, config.name, entries)
    cited, unknown = count_citations(home, {each.snapshot_sha256 for each in adapters}, ids)
    learned = learn(adapters, cited.keys(), unknown.keys())
    by_number = {entry.version.version: entry for entry in entries}
    numbers = by_number[champion.version].champion_line if champion.version in by_number else ()
    before = [by_number[number].version for number in numbers if number in by_number]
    return nearest_clean([champion, *before], learned.direct | learned.inherited | learned.unknown)


def nearest_clean(line: Sequence[ModelVersion], tainted: AbstractSet[str]) -> ModelVersion:
    """The first version whose adapter is not among the tainted, on the champion's base where this machine has it; the
    base model when there is none.

    Args:
        line: the champion, and the champions before it, nearest first; one on another base is passed over.
        tainted: sha256 of adapters.
    """
    champion = line[0]
    for version in line:
        if version.base.sha256 == champion.base.sha256 and version.weights_sha256 not in tainted:
            return version.model_copy(update={"base": champion.base})
    # Version 1 of every domain is the base model itself.
    return ModelVersion(name=champion.name, version=1, base=champion.base)

"""Whether the challenger is fit to serve: fast and small enough, silent about secrets, and of known licence. Pure."""

from tasks.records import Check, Fitness, Leak, Licences, PeakMemory

_SHOWN = 5


def within_latency(latency_s: float | None, most_s: float) -> Check:
    """Passes when the 95th percentile of the seconds per answer is not above the budget; what was not measured does
    not pass."""
    passed = latency_s is not None and latency_s <= most_s
    if latency_s is None:
        sentence = "How long the challenger takes to answer was not measured: run the promote stage again."
    else:
        sentence = (
            f"95 of 100 answers take at most {latency_s:.3g} s, {'within' if passed else 'above'} the budget of "
            f"{most_s:g} s, in the batches of the evaluation."
        )
    return Check(
        name="within_latency",
        passed=passed,
        sentence=sentence,
        evidence={"latency_s_p95": latency_s, "max_latency_s": most_s},
    )


def within_memory(memory: PeakMemory | None, most_bytes: int) -> Check:
    """Passes when a process that loads the challenger and answers a batch takes no more than the budget.

    GPU memory counts where there is a GPU, main memory else; what was not measured does not pass.
    """
    evidence = {"memory": memory.model_dump(mode="json") if memory else None, "max_memory_bytes": most_bytes}
    if memory is None:
        return Check(
            name="within_memory",
            passed=False,
            sentence="The memory that the challenger takes was not measured: run the promote stage again.",
            evidence=evidence,
        )
    kind, taken = ("main", memory.resident_bytes) if memory.device_bytes is None else ("GPU", memory.device_bytes)
    passed = taken <= most_bytes
    return Check(
        name="within_memory",
        passed=passed,
        sentence=(
            f"A process that loads it and answers {memory.prompts} prompts takes {taken:,} bytes of {kind} memory, "
            f"{'within' if passed else 'above'} the budget of {most_bytes:,}."
        ),
        evidence=evidence,
    )


def no_secret_in_answers(fitness: Fitness) -> Check:
    """Passes when none of the challenger's answers holds a key, or a secret of the process that asked."""
    return _silent("no_secret_in_answers", "a key or secret", fitness.secrets, fitness.answers)


def no_test_question_in_answers(fitness: Fitness) -> Check:
    """Passes when none of the challenger's answers repeats another test question word by word."""
    return _silent("no_test_question_in_answers", "another test question", fitness.test_questions, fitness.answers)


def licences_recorded(licences: Licences, required: bool) -> Check:
    """Passes when the licences of base and data are stated, or need not be."""
    stated = {"base": licences.base, "data": licences.data}
    missing = [part for part, licence in stated.items() if licence is None]
    passed = not (required and missing)
    found = ", ".join(f"{part} {licence or 'not stated'}" for part, licence in stated.items())
    remedy = "" if passed else f": set {' and '.join(f'licences.{part}' for part in missing)}"
    return Check(
        name="licences_recorded",
        passed=passed,
        sentence=f"Licences: {found}{remedy}.",
        evidence={**licences.model_dump(mode="json"), "required": required},
    )


def _silent(name: str, what: str, leaks: tuple[Leak, ...], answers: int) -> Check:
    """Passes when there are no leaks."""
    if leaks:
        asked = ", ".join(repr(leak.question_id) for leak in leaks[:_SHOWN])
        more = f" and {len(leaks) - _SHOWN} more" if len(leaks) > _SHOWN else ""
        sentence = f"{len(leaks)} of {answers} answers of the challenger hold {what}: those to {asked}{more}."
    else:
        sentence = f"None of {answers} answers of the challenger holds {what}."
    return Check(
        name=name,
        passed=not leaks,
        sentence=sentence,
        evidence={"answers": answers, "found": [leak.model_dump(mode="json") for leak in leaks]},
    )

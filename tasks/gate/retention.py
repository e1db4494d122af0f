"""Whether the challenger has kept every skill: not worse by the margin or more, and proven so. Pure.

Each skill has a test of its own at the full level, for all of them must pass. The chance that a challenger which lost
the margin on some skill passes all of them is not above the chance that it passes that one, so that many tests take no
correction (intersection-union test: Berger 1982, "Multiparameter hypothesis testing and acceptance sampling").
"""

from tasks.gate.figures import finite
from tasks.records import Check, SkillTest


def not_worse_on(test: SkillTest) -> Check:
    """Passes when the p-value of a loss of the margin or more is not above the test's level."""
    difference, fallen = test.challenger - test.reference, test.champion < test.reference
    who = f"version {test.reference_version}, " + ("the best champion so far" if fallen else "the champion")
    found = (
        f"{difference:+.4f} {test.metric} against {who}, on {test.questions} questions, p {test.p_value:.2g} "
        f"({test.level:g} allowed)"
    )
    if test.held:
        sentence = f"On {test.skill} the challenger is proven to lose less than {test.margin:g}: {found}."
    elif test.questions < test.enough:
        sentence = (
            f"On {test.skill} a loss of {test.margin:g} is not ruled out ({found}), and with equal answers it would "
            f"take {test.enough} questions: add some, raise the margin, or leave the skill out."
        )
    else:
        sentence = f"On {test.skill} a loss of {test.margin:g} is not ruled out: {found}."
    return Check(
        name=f"not_worse_on:{test.skill}",
        passed=test.held,
        sentence=sentence,
        evidence={
            **test.model_dump(mode="json"),
            "difference": finite(difference),
            "difference_from_champion": finite(test.challenger - test.champion),
        },
    )

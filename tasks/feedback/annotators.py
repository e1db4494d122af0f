"""Whom a name stands for: the opaque id under which somebody's judgements are in the log."""

from collections.abc import Collection

from tasks.config import Config
from tasks.errors import RatchetError
from tasks.feedback.ingesting import annotator_id
from tasks.feedback.label_server import find_connection
from tasks.feedback.pulling import annotator_salt
from tasks.home import Home

MIN_PREFIX = 8


def find_annotator(config: Config, home: Home, name: str, known: Collection[str]) -> str:
    """The opaque id of the person whom the name stands for.

    That is an opaque id or the first digits of one, or else the name of an end user as production feedback gives it,
    or a username in Argilla. A username there is enough, though nothing has been said under it yet.

    Args:
        known: the opaque ids in the log.

    Raises:
        RatchetError: when it stands for nobody, or for several; with the reason when Argilla could not be asked.
    """
    begun = sorted(each for each in known if each == name or (len(name) >= MIN_PREFIX and each.startswith(name)))
    if name in begun or len(begun) == 1:
        return name if name in begun else begun[0]
    if begun:
        raise RatchetError(f"{name!r} is how {len(begun)} opaque ids begin ({', '.join(begun[:3])}): name more digits.")
    salt = annotator_salt(home)
    end_user = annotator_id(salt, name)
    user_id, reason = _ask_argilla(config, home, name)
    labeller = None if user_id is None else annotator_id(salt, user_id)
    if end_user in known and labeller in known:
        raise RatchetError(
            f"{name!r} is an end user ({end_user}) and a user of Argilla ({labeller}): name one by the opaque id."
        )
    if end_user in known:
        return end_user
    if labeller is not None:
        return labeller
    raise RatchetError(
        f"Nobody who gave feedback to {config.name} is known as {name!r}, neither by opaque id nor as an end user, "
        f"{reason}: `ratchet labels` and `ratchet why VERSION` show the opaque ids."
    )


def _ask_argilla(config: Config, home: Home, name: str) -> tuple[str | None, str]:
    """The user's id in Argilla; None with what to say of it when there is none, or Argilla cannot be asked."""
    if config.human_feedback.argilla is None:
        return None, "and there is no Argilla to ask"
    from tasks.feedback.argilla_connection import connect
    from tasks.feedback.argilla_people import find_user

    try:
        user_id = find_user(connect(find_connection(config, home)), name)
    except RatchetError as error:
        return None, f"and Argilla could not be asked ({error.problems[0].rstrip('.')})"
    return user_id, "nor by a username in Argilla"

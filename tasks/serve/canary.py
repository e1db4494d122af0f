"""Which share of the requests the challenger answers; what users say of it is compared in `tasks.evaluation.canary`."""

import hashlib

from tasks.serve.versions import Role


def turn_of(request_id: str, challenger_share: float) -> Role:
    """Whose turn a request is: the same for the same id, and the challenger's for this share of all ids."""
    place = int.from_bytes(hashlib.sha256(request_id.encode()).digest()[:8], "big") / 2**64
    return "challenger" if place < challenger_share else "champion"

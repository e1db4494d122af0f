"""Argilla's webhooks: calls that it makes to us when somebody has answered."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from tasks.feedback.argilla_connection import call, list_items
from tasks.feedback.argilla_errors import NotFoundError

if TYPE_CHECKING:
    from argilla import Argilla

DESCRIPTION = "Ratchet: tells it when people have answered"


def ensure_webhook(client: "Argilla", url: str, events: Collection[str]) -> str:
    """The secret (base64) with which Argilla signs its calls to `url`; the webhook is made when it is missing.

    Args:
        url: an address at which Argilla's worker reaches us.
        events: what it calls about, names such as `response.created`.

    Raises:
        ArgillaError: when the key is not an owner's, or the server has its ten webhooks already.
        UnreachableError: when the server does not answer.
    """
    wanted = sorted(events)
    found = _find(client, url)
    if not found:
        body = {"url": url, "events": wanted, "description": DESCRIPTION}
        return str(call(client, "POST", "/api/v1/webhooks", body=body, needs=["secret"])["secret"])
    webhook = found[0]
    if sorted(webhook["events"]) != wanted or not webhook["enabled"]:
        call(client, "PATCH", f"/api/v1/webhooks/{webhook['id']}", body={"events": wanted, "enabled": True})
    return str(webhook["secret"])


def delete_webhook(client: "Argilla", url: str) -> int:
    """How many webhooks to `url` there were; there are none afterwards.

    Raises:
        ArgillaError: when the key is not an owner's.
        UnreachableError: when the server does not answer.
    """
    found = _find(client, url)
    for webhook in found:
        try:
            call(client, "DELETE", f"/api/v1/webhooks/{webhook['id']}")
        except NotFoundError:
            continue  # deleted by an attempt whose answer was lost
    return len(found)


def _find(client: "Argilla", url: str) -> list[dict[str, Any]]:
    webhooks = list_items(client, "/api/v1/webhooks")
    # Argilla adds a slash to an address without a path.
    return [webhook for webhook in webhooks if webhook["url"].rstrip("/") == url.rstrip("/")]

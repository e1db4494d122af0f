"""What a client is told when it is not given an answer."""

from tasks.errors import RatchetError

_TYPES = {401: "authentication_error", 403: "permission_error", 404: "not_found_error"}


class RequestError(RatchetError):
    """A request that is not answered.

    Attributes:
        status: the HTTP status.
        code: OpenAI's word for the problem, such as `model_not_found`; None: there is none.
        param: the key of the request that is wrong; None: no single one.
        retry_after_s: when it is worth trying again; None: not by itself.
    """

    def __init__(
        self,
        status: int,
        sentence: str,
        *,
        code: str | None = None,
        param: str | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(sentence)
        self.status = status
        self.code = code
        self.param = param
        self.retry_after_s = retry_after_s

    @property
    def body(self) -> dict[str, object]:
        """The error in the shape of OpenAI's API."""
        kind = _TYPES.get(self.status) or ("server_error" if self.status >= 500 else "invalid_request_error")
        return {"error": {"message": self.problems[0], "type": kind, "param": self.param, "code": self.code}}


def shutting_down() -> RequestError:
    """What those are told who wait when the server ends."""
    return RequestError(503, "The server is shutting down: ask again in a moment.", retry_after_s=5)

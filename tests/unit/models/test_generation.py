import pytest
from pydantic import ValidationError

from tasks.models.generation import Decoding, pad_left


@pytest.mark.parametrize(
    ("batch", "ids", "mask"),
    [
        ([[5]], [[5]], [[1]]),
        ([[5, 6], [7, 8]], [[5, 6], [7, 8]], [[1, 1], [1, 1]]),
        ([[5], [6, 7, 8]], [[0, 0, 5], [6, 7, 8]], [[0, 0, 1], [1, 1, 1]]),
        ([[1, 2, 3], [4, 5], [6]], [[1, 2, 3], [0, 4, 5], [0, 0, 6]], [[1, 1, 1], [0, 1, 1], [0, 0, 1]]),
        ([[0, 0], [9]], [[0, 0], [0, 9]], [[1, 1], [0, 1]]),  # a prompt's own pad tokens are seen
    ],
    ids=["one", "equal", "shorter first", "shorter last", "pad token in the prompt"],
)
def test_pad_left_keeps_tokens_at_the_right_end(
    batch: list[list[int]], ids: list[list[int]], mask: list[list[int]]
) -> None:
    input_ids, attention_mask = pad_left(batch, pad_token_id=0)
    assert input_ids.tolist() == ids
    assert attention_mask.tolist() == mask


def test_a_negative_temperature_is_refused() -> None:
    with pytest.raises(ValidationError, match="greater than or equal to 0"):
        Decoding(temperature=-0.1)

"""What Prefect's UI is given."""

import pytest
from prefect.client.schemas.actions import ArtifactCreate

from flows.artifacts import artifact_key
from tasks.config import Config


@pytest.mark.parametrize("name", ["tiny", "my-domain", "my_domain", "0", "a__b--c_"])
def test_every_name_a_domain_may_have_makes_a_key_that_prefect_takes(name: str) -> None:
    Config.model_validate({"name": name, "questions": "q.jsonl", "root": "/"})

    assert ArtifactCreate(key=artifact_key(name, "metrics")).key == f"{name.replace('_', '-')}-metrics"

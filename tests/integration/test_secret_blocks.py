"""API keys in a real Prefect's Secret blocks: of Argilla, of an endpoint, and those that `ratchet serve` asks for."""

from pathlib import Path

import pytest
from prefect.blocks.system import Secret
from prefect.testing.utilities import prefect_test_harness

from tasks.config import Config
from tasks.errors import ConfigError
from tasks.feedback.label_server import find_connection
from tasks.home import Home
from tasks.llm.api_key import find_api_key
from tasks.serve.keys import find_keys
from tasks.settings.feedback import HumanFeedbackSettings
from tasks.settings.judging import JudgeSettings
from tasks.settings.serve import ServeSettings


def config(block: str) -> Config:
    asked = HumanFeedbackSettings(argilla="https://argilla.example.org", api_key_secret=block)
    return Config(name="d", questions="q.jsonl", human_feedback=asked, root=Path("/nowhere"))


def test_the_key_is_read_from_the_block_and_a_missing_block_is_named(ratchet_home: Path) -> None:
    home = Home(ratchet_home)
    with prefect_test_harness(server_startup_timeout=120):
        Secret(value="k3y").save("argilla-key")
        found = find_connection(config("argilla-key"), home)
        assert (found.api_key, found.key_from) == ("k3y", "the Prefect Secret 'argilla-key'")
        with pytest.raises(ConfigError, match=r"api_key_secret: Prefect has no Secret block 'other': create it"):
            find_connection(config("other"), home)
        judge = JudgeSettings(name="judge", url="https://llm.example.org/v1", api_key_secret="argilla-key")
        key = find_api_key(judge, "judges: judge")
        assert (key.value, key.found_in) == ("k3y", "the Prefect Secret 'argilla-key'")
        with pytest.raises(
            ConfigError, match=r"^judges: judge: api_key_secret: Prefect has no Secret block 'other': cr"
        ):
            find_api_key(judge.model_copy(update={"api_key_secret": "other"}), "judges: judge")
        Secret(value="k1,k2").save("serve-keys")
        keys = find_keys(ServeSettings(api_key_secret="serve-keys"))
        assert [keys.admit(f"Bearer {given}") for given in ("k1", "k2", "k3y")] == [True, True, False]
        with pytest.raises(ConfigError, match=r"^serve: api_key_secret: Prefect has no Secret block 'other': create"):
            find_keys(ServeSettings(api_key_secret="other"))

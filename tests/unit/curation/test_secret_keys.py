"""Keys that only their surroundings tell, and that nothing of a key is kept."""

import random
import string
import time
from pathlib import Path

import pytest

from tasks.curation.filters import secret_keys
from tasks.curation.filters.personal_data import scrub_text


@pytest.fixture(scope="session")
def rule_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rules") / "made"


def made_up(length: int) -> str:
    return "".join(random.Random(5).choices(string.ascii_letters + string.digits, k=length))


def test_passwords_in_urls_go_and_the_rest_of_the_url_stays(rule_cache: Path) -> None:
    text = "Use redis://:hunter2@cache:6379/0 or https://jane:s3cr3t@firm.com/x."
    assert scrub_text(text, rule_cache=rule_cache)[0] == "Use redis://[key]@cache:6379/0 or https://[key]@firm.com/x."


def test_an_aws_secret_goes_where_it_is_called_so(rule_cache: Path) -> None:
    secret = made_up(40)
    text = f"aws_secret_access_key = {secret}, digest = {secret}"
    assert scrub_text(text, rule_cache=rule_cache)[0] == f"aws_secret_access_key = [key], digest = {secret}"


def test_nothing_of_a_key_is_kept(rule_cache: Path) -> None:
    key = "npm" + "_" + made_up(36)
    assert scrub_text(f"token {key}", rule_cache=rule_cache)[0] == "token [key]"
    files = [path.read_bytes() for path in rule_cache.rglob("*") if path.is_file()]
    assert files
    assert not any(key.encode() in data or key[4:20].encode() in data for data in files)


def test_without_a_folder_no_file_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "XDG_CACHE_HOME", "KF_RULE_CACHE_DIR", "TMPDIR"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.chdir(tmp_path)
    secret_keys._scanner.cache_clear()
    assert scrub_text("npm" + "_" + made_up(36) + " jane@firm.com")[0] == "[key] [email]"
    assert not list(tmp_path.rglob("*"))


@pytest.mark.parametrize(
    "piece",
    (
        *(
            "a",
            "1 ",
            "a@",
            "a@b.",
            "eyJ",
            "eyJaaaaaaaa.",
            "A1",
            "://a:",
            "sk-",
            "aws secret ",
            "DE12",
            "4111 ",
            "(",
            "+1 ",
        ),
        *("-----BEGIN PRIVATE KEY-----", "-----BEGIN PRIVATE KEY-----\n" + "A" * 64, "1.2.", "2001:", "\\n", "AAAA\\n"),
    ),
)
def test_no_text_takes_long(piece: str, rule_cache: Path) -> None:
    start = time.process_time()
    scrub_text(piece * (20_000 // len(piece)), rule_cache=rule_cache)
    assert time.process_time() - start < 10

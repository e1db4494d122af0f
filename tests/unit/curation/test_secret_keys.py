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
    assert scrub_text(f"AWS_SECRET_ACCESS_KEY={secret}", rule_cache=rule_cache)[0] == "AWS_SECRET_ACCESS_KEY=[key]"


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


def scrubbing_s(texts: list[str], rule_cache: Path) -> float:
    """CPU seconds to scrub them, at best of three times."""
    times = []
    for _ in range(3):
        start = time.process_time()
        for text in texts:
            scrub_text(text, rule_cache=rule_cache)
        times.append(time.process_time() - start)
    return min(times)


def drawn(alphabet: str, *lengths: int, until: int) -> str:
    """Tokens of such parts, drawn from the alphabet, until the text is so long."""
    chosen = random.Random(6)
    tokens: list[str] = []
    while sum(map(len, tokens)) < until:
        tokens.append("-".join("".join(chosen.choices(alphabet, k=length)) for length in lengths))
    return " ".join(tokens)


ALNUM = string.ascii_letters + string.digits
KEY_LIKE = {
    "hashes": ("0123456789abcdef", (64,)),
    "UUIDs": ("0123456789abcdef", (8, 4, 4, 4, 12)),
    "base64": (ALNUM + "+/", (40,)),
    "identifiers": (ALNUM, (20, 16)),
}


@pytest.mark.parametrize("kind", KEY_LIKE)
def test_a_text_full_of_key_like_tokens_costs_a_seventh_of_one_full_of_phone_numbers(
    kind: str, rule_cache: Path
) -> None:
    alphabet, lengths = KEY_LIKE[kind]
    tokens = [drawn(alphabet, *lengths, until=1000)] * 5
    numbers = [" ".join(f"030 {n}" for n in range(901820, 901920))] * 5
    scrub_text(tokens[0], rule_cache=rule_cache)
    assert scrubbing_s(tokens, rule_cache) < scrubbing_s(numbers, rule_cache) / 7


@pytest.mark.parametrize("kind", KEY_LIKE)
def test_the_cost_of_key_like_tokens_grows_with_their_number_and_no_faster(kind: str, rule_cache: Path) -> None:
    alphabet, lengths = KEY_LIKE[kind]
    text = drawn(alphabet, *lengths, until=5000)
    scrub_text(text, rule_cache=rule_cache)
    assert scrubbing_s([" ".join([text] * 8)], rule_cache) < 3 * scrubbing_s([text] * 8, rule_cache)


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

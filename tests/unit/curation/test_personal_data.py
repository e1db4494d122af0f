"""Personal data and secrets go, whatever they are called; what only looks like them stays."""

import base64
import json
import random
import socket
import string
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.curation.filters.personal_data import KINDS, READS, REPLACED, WRITES, scrub_personal_data, scrub_text
from tasks.curation.frames import ROWS
from tasks.domain.stdlib_docstrings import find_entries

_DIGITS = string.digits
_ALNUM = string.ascii_letters + _DIGITS


@pytest.fixture(scope="session")
def rule_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rules")


def made_up(length: int, alphabet: str = _ALNUM, seed: int = 7) -> str:
    """Characters that are nobody's key; made here, so that no file of the project holds what looks like one."""
    return "".join(random.Random(seed).choices(alphabet, k=length))


def _encoded(**fields: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(fields).encode()).decode().rstrip("=")


def private_key(kind: str, lines: int = 8, end: bool = True) -> str:
    body = [made_up(64, seed=seed) for seed in range(lines)]
    return "\n".join([f"-----BEGIN {kind}-----", *body, *([f"-----END {kind}-----"] if end else [])])


TOKEN = ".".join((_encoded(alg="HS256", typ="JWT"), _encoded(sub="1234567890", name="Jane Doe"), made_up(43)))

EMAILS = [
    "jane.doe@example.com",
    "JANE+news@Mail.Example.CO.UK",
    "o'brien_99@sub-domain.firm.io",
    "info@bücher.de",
    "mail@xn--bcher-kva.de",
    "иван@почта.рф",
    "ops@host.internal",
    "x@y.museum",
]
PHONES = [
    "+1 415 555 2671",
    "+1-555-123-4567",
    "(415) 555-2671",
    "415-555-2671",
    "555-123-4567",
    "1-800-555-0199",
    "+44 20 7946 0958",
    "+44 (0)20 7946 0958",
    "020 7946 0958",
    "+49 30 901820",
    "0049 30 901820",
    "030 901820",
    "+33 1 23 45 67 89",
    "01 23 45 67 89",
    "+86 138 0013 8000",
    "+81-3-1234-5678",
    "+91 98765 43210",
    "+5511987654321",
    "+971 50 123 4567",
    "+٩٦٦ ٥٠ ١٢٣ ٤٥٦٧",
]
CARDS = [
    "4111111111111111",
    "4111 1111 1111 1111",
    "4111-1111-1111-1111",
    "5555 5555 5555 4444",
    "2223003122003222",
    "378282246310005",
    "3782 822463 10005",
    "6011111111111117",
    "3056 930902 5904",
    "3530111333300000",
    "6200000000000005",
]
IBANS = [
    "DE89 3704 0044 0532 0130 00",
    "DE89370400440532013000",
    "GB82 WEST 1234 5698 7654 32",
    "FR14 2004 1010 0505 0001 3M02 606",
    "NO93 8601 1117 947",
    "MT84MALT011000012345MTLCAST001S",
]
ADDRESSES = ["81.2.69.160", "151.101.64.81:443", "2a00:1450:4001:81b::200e"]
KEYS = [
    "AKIA" + made_up(16, string.ascii_uppercase + "234567"),
    "gh" + "p_" + made_up(36),
    "github" + "_pat_" + made_up(22) + "_" + made_up(59),
    "glp" + "at-" + made_up(20),
    "sk-" + made_up(48),
    "sk-" + "proj-" + made_up(20) + "T3Blbk" + "FJ" + made_up(20, seed=8),
    "sk-" + "ant-api03-" + made_up(93) + "AA",
    "sk" + "_live_" + made_up(24),
    "xo" + "xb-" + made_up(12, _DIGITS) + "-" + made_up(13, _DIGITS) + "-" + made_up(24),
    "AI" + "za" + made_up(35),
    "hf" + "_" + made_up(34, string.ascii_letters),
    "npm" + "_" + made_up(36),
    "SG" + "." + made_up(22) + "." + made_up(43),
    "dop" + "_v1_" + made_up(64, "0123456789abcdef"),
    TOKEN,
    private_key("RSA PRIVATE KEY"),
    private_key("OPENSSH PRIVATE KEY", lines=3, end=False),
    private_key("PRIVATE KEY").replace("\n", "\\n"),
    private_key("PGP PRIVATE KEY BLOCK"),
]
PLANTED = [
    *(("email", value) for value in EMAILS),
    *(("phone", value) for value in PHONES),
    *(("card", value) for value in CARDS),
    *(("iban", value) for value in IBANS),
    *(("ip", value) for value in ADDRESSES),
    *(("key", value) for value in KEYS),
]

INNOCENT = [
    "x@y.T and y = self.w@x.shape, a @ b, q@k.transpose(1, 2), A@B.mean(), out = x@w.dot(b)",
    "@app.route('/'), @property, @pytest.mark.skip, user@localhost, @jane, git clone git@github.com:owner/name.git",
    "jane at example dot com",
    "Version 1.2.3.4, v10.11.12.13, release 21.4.7.2, numpy==1.26.4.1, 8.8.8.8, 1.1.1.1 and 3.11.7",
    "127.0.0.1:8080, 0.0.0.0, 10.1.2.3, 192.168.100.200, 172.16.254.1, 255.255.255.0, 203.0.113.77, 81.2.69.0/24, ::1",
    "2001:db8::8a2e:370:7334, std::vector, a::b, 2023:10:12, 12:34:56, aa:bb:cc:dd:ee:ff",
    "ISBN 978-0-306-40615-7, ISBN 0-306-40615-2, ISSN 2049-3630, doi:10.1000/182, RFC 2822",
    "On 2026-11-22 20:15:30.123456, 22.11.2026, 11/22/2026, 20261122T201530Z, from 1995 to 2026, 1700000000000000000",
    "3.141592653589793, 0.0810874155219827, 2047.984375, 1e-10, 1_000_000_000, 12345678901234567890, 0x1fffffffffffff",
    "The rows are 02447542484 and 09078914170, in columns 1 2 3 4 5 6 7 8 9 10, of 1024x768 at 192000 Hz: 299 792 458",
    "d41d8cd98f00b204e9800998ecf8427e da39a3ee5e6b4b0d3255bfef95601890afd80709 "
    + "e3b0c44298fc1c149afbf4c8996fb924" * 2,
    "123e4567-e89b-12d3-a456-426614174000, ISO-8859-1, UTF-16, cp1252, SHA3-256, AES-256-GCM, x86_64-linux-gnu",
    "Card 4111 1111 1111 1112 has a wrong check digit, 1234 5678 9012 3456 no network, DE89 3704 0044 0532 0130 01",
    "no account, NO93 1234, ACME2024 REPORT 2024 2025",
    "postgresql://user:password@host/name, https://host:8080/a@b, http://{user}:{password}@host, ftp://user@host/",
    "-----BEGIN CERTIFICATE-----, -----BEGIN RSA PRIVATE KEY----- opens it; sk-learn, scikit-learn, task-2024-report",
    "some_long_function_name_of_mine2, NotImplementedError, https://docs.python.org/3/library/functions.html#print",
    "port 65535, +1, -1, x+12345678901, 2+2=4, 10+20+30, 5-4-3-2-1-0, 100-200-3000, 3-1-4-1-5-9-2-6-5",
]


@pytest.mark.parametrize(
    ("kind", "value"), PLANTED, ids=[f"{kind}-{number}" for number, (kind, _) in enumerate(PLANTED)]
)
@pytest.mark.parametrize("sentence", ["{}", "Write to {}, please.", "It is ({}).\nThanks!", "连络 «{}»。", "`{}`"])
def test_what_was_planted_is_replaced_by_its_tag(kind: str, value: str, sentence: str, rule_cache: Path) -> None:
    scrubbed, places = scrub_text(sentence.format(value), rule_cache=rule_cache)
    port = ":443" if value.endswith(":443") else ""
    assert scrubbed == sentence.format(f"[{kind}]{port}")
    assert places == {**dict.fromkeys(KINDS, 0), kind: 1}


@pytest.mark.parametrize("text", INNOCENT)
def test_what_only_looks_like_it_stays(text: str, rule_cache: Path) -> None:
    assert scrub_text(text, rule_cache=rule_cache) == (text, dict.fromkeys(KINDS, 0))
    assert scrub_text(text.replace(", ", "\n"), rule_cache=rule_cache)[0] == text.replace(", ", "\n")


def test_a_text_with_many_kinds_loses_each(rule_cache: Path) -> None:
    text = f"Jane, jane@firm.com, +49 30 901820, pays with 4111 1111 1111 1111 12/27 from {IBANS[0]} BIC COBADEFF."
    scrubbed, places = scrub_text(text, rule_cache=rule_cache)
    assert scrubbed == "Jane, [email], [phone], pays with [card] 12/27 from [iban] BIC COBADEFF."
    assert places == {"email": 1, "phone": 1, "card": 1, "iban": 1, "ip": 0, "key": 0}


def test_local_numbers_are_those_of_the_regions() -> None:
    assert scrub_text("98765 43210", phone_regions=["IN"])[0] == "[phone]"
    assert scrub_text("98765 43210 (415) 555-2671", phone_regions=[])[0] == "98765 43210 (415) 555-2671"
    assert scrub_text("+91 98765 43210", phone_regions=[])[0] == "[phone]"


def test_the_demo_raises_no_false_alarm(rule_cache: Path) -> None:
    found = {}
    for entry in find_entries():
        for text in (entry.docstring, entry.summary, entry.name):
            scrubbed, places = scrub_text(text, rule_cache=rule_cache)
            if scrubbed != text:
                found[entry.name] = {kind: count for kind, count in places.items() if count}
    # Its example writes to one@one.org, two@two.org and more: addresses in every respect.
    assert found == {"smtplib.SMTP.sendmail": {"email": 7}}


# Pieces of what is looked for, so that neighbours make up new values.
_PIECES = st.sampled_from(
    [value for _, value in PLANTED if len(value) < 60]
    + [
        "4111",
        "1111 1111",
        "@",
        "a@b",
        ".com",
        "+49",
        "30",
        "901820",
        " ",
        "-",
        ".",
        "://",
        "u:",
        "AKIA",
        "GB82",
        "[email]",
    ]
    + ["[", "]", "é", "\n", "81.2", ".69.160"]
)


@settings(max_examples=300)
@given(pieces=st.lists(_PIECES, max_size=8))
def test_scrubbing_twice_is_scrubbing_once(pieces: list[str], rule_cache: Path) -> None:
    once, _ = scrub_text("".join(pieces), rule_cache=rule_cache)
    assert scrub_text(once, rule_cache=rule_cache) == (once, dict.fromkeys(KINDS, 0))


@settings(max_examples=200)
@given(text=st.text(max_size=80))
def test_any_text_is_read(text: str) -> None:
    assert set(scrub_text(text)[1]) == set(KINDS)


def rows(*texts: tuple[str, str, str | None]) -> pl.DataFrame:
    """ROWS with these questions, completions and rejected answers."""
    filled = [
        {"key": f"k{number}", "question": question, "completion": completion, "rejected": rejected}
        for number, (question, completion, rejected) in enumerate(texts)
    ]
    return pl.DataFrame(filled, schema_overrides={name: ROWS[name] for name in ("key", *READS)})


def texts_with(replaced: pl.DataFrame) -> dict[str, int]:
    """In how many texts each kind of data was replaced."""
    return dict(replaced.group_by("what").agg(pl.col("texts").sum()).iter_rows())


def test_rows_are_scrubbed_in_all_their_texts_and_those_counted_row_by_row() -> None:
    before = rows(
        ("Mail of jane@firm.com?", "jane@firm.com", None),
        ("Mail of jane@firm.com?", "No.", "Call (415) 555-2671 or 415-555-2671, or mail ann@firm.com."),
        ("Why?", "Because.", "So."),
    )
    after, replaced = scrub_personal_data(before)
    assert after.equals(
        rows(
            ("Mail of [email]?", "[email]", None),
            ("Mail of [email]?", "No.", "Call [phone] or [phone], or mail [email]."),
            ("Why?", "Because.", "So."),
        )
    )
    assert replaced.schema == REPLACED
    assert replaced.rows() == [(0, "email", 2), (1, "email", 2), (1, "phone", 1)]
    again, replaced = scrub_personal_data(after)
    assert again.equals(after)
    assert replaced.is_empty()


def test_a_tag_that_was_there_before_is_not_counted() -> None:
    _, replaced = scrub_personal_data(rows(("What is [email]?", "See [phone], +49 30 901820.", None)))
    assert replaced.rows() == [(0, "phone", 1)]


def test_other_columns_stay_and_none_is_needed() -> None:
    before = rows(("Mail of jane@firm.com?", "jane@firm.com", None)).with_columns(source=pl.lit("a@firm.com"))
    after, _ = scrub_personal_data(before)
    assert after.drop(WRITES).equals(before.drop(WRITES))
    assert scrub_personal_data(before.select(READS))[0].equals(after.select(READS))
    assert scrub_personal_data(before.clear())[0].equals(before.clear())


@given(order=st.permutations(range(6)))
def test_rows_in_any_order_and_batches_are_scrubbed_alike(order: list[int]) -> None:
    before = rows(*((f"Q{n} jane{n % 3}@firm.com", f"+49 30 90182{n}", None) for n in range(6)))
    whole, replaced = scrub_personal_data(before)
    shuffled = before[order]
    parts = [scrub_personal_data(part) for part in (shuffled[:2], shuffled[2:])]
    assert pl.concat([part for part, _ in parts]).equals(whole[order])
    assert texts_with(pl.concat([counts for _, counts in parts])) == texts_with(replaced) == {"email": 6, "phone": 6}


def test_every_planted_value_is_suspicious() -> None:
    before = rows(*((f"It is {value}.", "", None) for _, value in PLANTED))
    _, replaced = scrub_personal_data(before)
    assert replaced["row"].n_unique() == len(PLANTED)


def test_nothing_asks_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert scrub_text(f"jane@unknown-firm.com {KEYS[0]} +49 30 901820")[1]["email"] == 1

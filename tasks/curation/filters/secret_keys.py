"""Secret keys in a text: API keys, tokens, passwords in URLs and private keys.

Kingfisher (MongoDB, Apache-2.0) knows the keys of some 400 providers, scans in the process and never uses the network.
It asks for what could be valid, with its partner or its end; a text for training is better off without what merely
looks like a key, so the commonest forms are looked for without that, too.
"""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kingfisher_sdk import Scanner

Span = tuple[int, int]  # first byte of the text in UTF-8, one past the last

_LOOKALIKES = (
    rb"(?:A3T[A-Z0-9]|AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{16}(?![A-Za-z0-9])",  # AWS, without its secret
    rb"gh[pousr]_[A-Za-z0-9]{30,}",  # GitHub
    rb"github_pat_[A-Za-z0-9_]{22,}",
    rb"glpat-[A-Za-z0-9_-]{20,}",  # GitLab
    rb"sk-(?=[A-Za-z_-]*[0-9])(?=[A-Za-z0-9_-]*?[A-Za-z0-9]{16})[A-Za-z0-9_-]{20,}",  # OpenAI, Anthropic
    rb"[rs]k_(?:live|test)_[A-Za-z0-9]{16,}",  # Stripe
    rb"xox[abeoprs]-(?=[a-z-]*[0-9])[A-Za-z0-9-]{10,}",  # Slack
    rb"AIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])",  # Google
    rb"eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}",  # JSON Web Tokens
)
_LOOKALIKE = re.compile(rb"(?<![A-Za-z0-9_-])(?:" + b"|".join(_LOOKALIKES) + rb")")
_AWS_SECRET = re.compile(
    rb"(?i:aws.{0,20}?secret.{0,20}?)(?<![A-Za-z0-9/+])(?P<key>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])"
)
_URL_PASSWORD = re.compile(rb"://(?P<key>[^\s/:@\[\]<>{}$%]*:(?P<password>[^\s/@\[\]<>{}$%]+))@")
_NO_PASSWORDS = {b"password", b"passwd", b"pass", b"pwd", b"pw", b"secret", b"xxx", b"***", b"..."}
# Also one that is cut off, as answers are: whatever looks like its lines is the key.
_PRIVATE_KEY = re.compile(
    rb"-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"
    rb"(?:\s*+[A-Za-z-]+: [^\n]*+)*+"
    rb"(?:(?:\s|\\[nr])*+[A-Za-z0-9+/=]{16,}+)++"
    rb"(?:(?:\s|\\[nr])*+[A-Za-z0-9+/=]{0,15}(?:\s|\\[nr])*+-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----)?"
)
# Every key has a long run of these. Others, nearly all texts, need not be scanned.
_LONG_RUN = re.compile(rb"[A-Za-z0-9_+/=.~-]{16,}")
# Kingfisher wants quotes, spaces or the end after a key; in prose there are full stops and brackets, and other scripts.
_AFTER_KEY = re.compile(rb"[,.:;!?)\]}>*|&]+(?=\s|\Z)|[\x80-\xff]")


def find_keys(text: bytes, rule_cache: Path | None = None) -> Iterator[Span]:
    """Where keys stand in the text, which is UTF-8; spans may overlap.

    Args:
        rule_cache: a folder, made if need be, that keeps Kingfisher's compiled rules (2 MB; nothing of any text):
            with it the first text of a process costs 0.3 s, without it 3 to 5 s.
    """
    for pattern in (_PRIVATE_KEY, _LOOKALIKE):
        for match in pattern.finditer(text):
            yield match.span()
    for match in _AWS_SECRET.finditer(text):
        yield match.span("key")
    for match in _URL_PASSWORD.finditer(text):
        if match["password"].lower() not in _NO_PASSWORDS:
            yield match.span("key")
    if any(_could_be_key(match.group()) for match in _LONG_RUN.finditer(text)):
        readable = _AFTER_KEY.sub(lambda match: b" " * len(match.group()), text)
        for finding in _scanner(rule_cache).scan(readable):
            if finding.visible:
                location = finding.location
                yield location["start_offset"], location["end_offset"]


def _could_be_key(run: bytes) -> bool:
    """Whether it is no plain word, name or rule of dashes: letters and digits, or a long mix of cases."""
    letters = run.upper() != run.lower()
    digits = any(48 <= byte <= 57 for byte in run)
    return letters and (digits or (len(run) >= 30 and run not in (run.upper(), run.lower())))


@cache
def _scanner(rule_cache: Path | None) -> "Scanner":
    """Kingfisher with its rules of high and medium confidence; it keeps nothing of what it scans."""
    from kingfisher_sdk import Rules, Scanner

    rules = Rules(confidence="medium", cache=rule_cache is not None, cache_dir=rule_cache)
    return Scanner(rules=rules, base64=False)

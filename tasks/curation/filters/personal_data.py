"""Personal data and secrets in a text: replaced by a constant tag, so that no model learns them.

What goes: e-mail addresses, phone numbers, card numbers, IBANs, public IP addresses, and keys (API keys, tokens,
passwords in URLs, private keys). Names and postal addresses stay: to find them takes a model that also errs on others.

The tag is the same for every value, and nothing else is kept of it, no hash and no count for each value: there is no
way back. Of an address written so as not to be found ("jane at example dot com") nothing is found.

Phone numbers are told by Google's metadata (`phonenumbers`), the ends of e-mail addresses by the Public Suffix List
that `tldextract` ships (`x@W.shape` is a matrix product), keys by Kingfisher. None of them uses the network.
"""

import ipaddress
import re
from collections.abc import Callable, Iterable, Sequence
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from tasks.curation.filters.account_numbers import find_cards, find_ibans
from tasks.curation.filters.secret_keys import find_keys

if TYPE_CHECKING:
    from tldextract import TLDExtract

READS = ("question", "completion", "rejected")
WRITES = READS
KINDS = ("email", "phone", "card", "iban", "ip", "key")
# Where local numbers are looked for; those that start with + are found from anywhere.
PHONE_REGIONS = ("US", "GB", "DE", "FR")
# Of the rows in which something was replaced: which of them, what, and in how many of their texts.
REPLACED = pl.Schema({"row": pl.UInt32, "what": pl.String, "texts": pl.Int64})

Span = tuple[int, int]
Finder = Callable[[str], Iterable[Span]]

# What no text without personal data has; only texts with one of these are read one by one, in Python.
_SUSPICIOUS = "|".join(
    (
        "@",
        r"\p{Nd}(?:[^\p{Nd}\p{L}_\n]{0,4}\p{Nd}){6}",  # phones, cards
        r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]",
        r"[23][0-9A-Fa-f]{3}:",
        r"[A-Z]{2}[0-9]{2} ?[A-Z0-9]{4}",
        r"[A-Za-z0-9_+/=.~-]{16}",
        "-----BEGIN",
    )
)
_EMAIL = re.compile(r"(?<![\w.+%'-])[\w+%][\w.+%'-]*+@(?P<domain>[\w-]++(?:\.[\w-]++)++)(?!\()")
# Domains that are nobody's on the internet, but somebody's in a company, and those that stand for any in examples.
_PRIVATE_SUFFIXES = ("corp", "example", "home.arpa", "internal", "intranet", "invalid", "lan", "local", "test")
_DIGITS_OF_PHONE = re.compile(r"\d(?:[^\w\n]{0,4}\d){6}")
# In hashes and UUIDs: next to a Latin letter nothing is taken for a number of a region, but for extensions.
_DIGITS_OF_HEX = re.compile(r"(?<=[A-Fa-f])[0-9](?:[0-9-]{0,18}[0-9])?(?=[A-Fa-f])(?!(?i:ext|anexo))")
_DIGIT = re.compile(r"\d")
_GROUPED = re.compile(r"\d\D+\d")
_DECIMAL = re.compile(r"\d+[.,]\d+")
_IN_A_SUM = re.compile(r"[\w.)\]]$")
_IN_A_NUMBER = re.compile(r"(?:[\w.]|\w-)$")
_NORTH_AMERICAN = re.compile(r"(?<![\w.+-])(?:1[ .-])?(?:\([2-9]\d\d\) ?|[2-9]\d\d[ .-])\d{3}[.-]\d{4}(?!\w|[.-]\d)")
_IPV4 = re.compile(r"(?<![\w.:-])\d{1,3}(?:\.\d{1,3}){3}(?!\w|[.-]\d|/\d)")
_IPV6 = re.compile(r"(?<![\w:.])[23][0-9A-Fa-f]{3}:[0-9A-Fa-f:]{2,34}(?![\w:]|/\d)")
_VERSION_BEFORE = re.compile(r"(?i:\bv|\bversions?|\brelease|[=<>~!]=)[ :]*$")
# Networks that lead to nobody: private, shared, documentation, multicast. Python's own lists change with its version.
_RESERVED = (
    "0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 "
    "192.168.0.0/16 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/3 2001:db8::/32 3fff::/20"
)
_NOBODYS_NETWORKS = tuple(map(ipaddress.ip_network, _RESERVED.split()))


def scrub_personal_data(
    rows: pl.DataFrame, *, phone_regions: Sequence[str] = PHONE_REGIONS, rule_cache: Path | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows with personal data replaced by tags such as `[email]`, and REPLACED: which of KINDS were, and where.

    Scrubbing what was scrubbed changes nothing. Two rows can be equal afterwards, and a pair's two answers, too, so it
    comes before whatever looks for equal texts. Rows' keys stay as they are.

    Args:
        rows: ROWS.
        phone_regions: ISO 3166 codes of the countries whose local phone numbers are looked for.
        rule_cache: a folder that saves compiling the rules for keys in each process, see `find_keys`.
    """
    texts = pl.concat([rows[column].rename("text") for column in WRITES]).drop_nulls().unique()
    scrubbed, found = [], []
    suspects = texts.filter(texts.str.contains(_SUSPICIOUS))
    # Python per text: the libraries take one at a time.
    for text in suspects:
        changed, counts = scrub_text(text, phone_regions=phone_regions, rule_cache=rule_cache)
        scrubbed.append(changed)
        found.append(counts)
    replaced = pl.DataFrame({"text": suspects, "scrubbed": scrubbed}, schema={"text": pl.String, "scrubbed": pl.String})
    changes = replaced.with_columns(pl.DataFrame(found, schema=dict.fromkeys(KINDS, pl.Int64))).filter(
        pl.col("text") != pl.col("scrubbed")
    )
    found_in = [
        rows.select(row=pl.int_range(pl.len(), dtype=pl.UInt32), text=column)
        .join(changes, on="text")
        .unpivot(KINDS, index="row", variable_name="what", value_name="places")
        .filter(pl.col("places") > 0)
        for column in WRITES
    ]
    replaced_in = pl.concat(found_in).group_by("row", "what").agg(texts=pl.len().cast(pl.Int64)).sort("row", "what")
    cleaned = rows.with_columns(pl.col(WRITES).replace(changes["text"], changes["scrubbed"]))
    return cleaned, replaced_in.select(REPLACED.names())


def scrub_text(
    text: str, *, phone_regions: Sequence[str] = PHONE_REGIONS, rule_cache: Path | None = None
) -> tuple[str, dict[str, int]]:
    """The text with personal data replaced by tags, and how many places of each of KINDS were."""
    finders: dict[str, Finder] = {
        "key": partial(_find_keys, rule_cache=rule_cache),
        "email": find_emails,
        "iban": find_ibans,
        "card": find_cards,
        "ip": find_ip_addresses,
        "phone": partial(find_phones, regions=phone_regions),
    }
    places = dict.fromkeys(KINDS, 0)
    before = None
    # A tag can complete what stood beside the value, a number cut in two, say: until there is nothing more to find.
    while text != before:
        before = text
        for kind, find in finders.items():
            text, count = _replace(text, find(text), f"[{kind}]")
            places[kind] += count
    return text, places


def find_emails(text: str) -> Iterable[Span]:
    """Where e-mail addresses stand, in any script. `git@host:path` is none, but the name of a repository."""
    if "@" not in text:
        return
    for match in _EMAIL.finditer(text):
        domain = match["domain"]
        is_repository = match.group().startswith("git@") and text[match.end() : match.end() + 1] == ":"
        # A sentence may begin right after the full stop.
        while "." in domain and not _is_domain(domain):
            domain = domain.rpartition(".")[0]
        if "." in domain and not is_repository:
            yield match.start(), match.start("domain") + len(domain)


def find_phones(text: str, regions: Sequence[str]) -> Iterable[Span]:
    """Where phone numbers stand: with a +, or as they are written in one of the regions, in groups."""
    from phonenumbers import Leniency, PhoneNumberMatcher

    if not _DIGITS_OF_PHONE.search(text):
        return
    rest = text
    # Without a region, nothing is found that does not start with a plus.
    anywhere = text if "+" in text or "\uff0b" in text else ""
    for match in PhoneNumberMatcher(anywhere, None, leniency=Leniency.POSSIBLE, max_tries=len(text)):
        if len(_DIGIT.findall(match.raw_string)) >= 9 and not _IN_A_SUM.search(
            text[max(match.start - 2, 0) : match.start]
        ):
            yield match.start + _is_half_bracketed(match.raw_string), match.end
            rest = rest[: match.start] + " " * (match.end - match.start) + rest[match.end :]
    rest = _DIGITS_OF_HEX.sub(lambda token: "q" * len(token.group()), rest)
    if not _DIGITS_OF_PHONE.search(rest):
        return
    for region in regions:
        for match in PhoneNumberMatcher(rest, region, leniency=Leniency.STRICT_GROUPING, max_tries=len(text)):
            is_grouped = _GROUPED.search(match.raw_string) and not _DECIMAL.fullmatch(match.raw_string)
            if is_grouped and not _IN_A_NUMBER.search(text[max(match.start - 2, 0) : match.start]):
                yield match.start + _is_half_bracketed(match.raw_string), match.end
    # 555 is a prefix that nobody has, and that many write.
    if "US" in regions:
        for found in _NORTH_AMERICAN.finditer(text):
            yield found.span()


def find_ip_addresses(text: str) -> Iterable[Span]:
    """Where public IP addresses stand, of single hosts; no version numbers, and no 8.8.8.8, which is a service's."""
    for match in [*_IPV4.finditer(text), *_IPV6.finditer(text)]:
        try:
            address = ipaddress.ip_address(match.group())
        except ValueError:
            continue
        is_nobodys = any(address in network for network in _NOBODYS_NETWORKS if network.version == address.version)
        of_one_digit_each = len(match.group()) == 7 and address.version == 4
        is_version = _VERSION_BEFORE.search(text[max(match.start() - 20, 0) : match.start()])
        if not (is_nobodys or of_one_digit_each or is_version):
            yield match.span()


def _is_half_bracketed(number: str) -> bool:
    """Whether it starts with the bracket that holds all of it: the bracket's end is not in the match."""
    return number.startswith("(") and number.count("(") > number.count(")")


def _find_keys(text: str, rule_cache: Path | None) -> Iterable[Span]:
    data = text.encode()
    spans = list(find_keys(data, rule_cache))
    if len(data) == len(text):
        return spans
    return [
        (len(data[:start].decode(errors="ignore")), len(data[:end].decode(errors="ignore"))) for start, end in spans
    ]


def _replace(text: str, spans: Iterable[Span], tag: str) -> tuple[str, int]:
    """The text with each span, those that overlap as one, replaced by the tag; and how many there were."""
    parts: list[str] = []
    end = count = 0
    for start, stop in sorted(spans):
        if start >= end:
            parts += [text[end:start], tag]
            count += 1
        end = max(end, stop)
    return "".join([*parts, text[end:]]), count


def _is_domain(domain: str) -> bool:
    parts = _public_suffixes()(domain)
    return bool(parts.suffix and parts.domain)


@cache
def _public_suffixes() -> "TLDExtract":
    """The list that comes with the library: it asks no server, and keeps no file."""
    from tldextract import TLDExtract

    return TLDExtract(suffix_list_urls=(), cache_dir=None, fallback_to_snapshot=True, extra_suffixes=_PRIVATE_SUFFIXES)

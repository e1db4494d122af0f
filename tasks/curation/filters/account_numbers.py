"""Card numbers and IBANs in a text: digits of the right length that carry their check digits.

Card numbers end in a Luhn digit (ISO/IEC 7812-1), IBANs start with two digits modulo 97 (ISO 13616). One number in ten,
or in 97, passes by chance, so the network's prefix and the country's length must fit, too.
"""

import re
from collections.abc import Iterator

Span = tuple[int, int]  # first character, one past the last

_CARD = re.compile(
    r"(?<![\w.-])(?:"
    r"\d{13,19}"
    r"|\d{4}(?P<four>[ \u00a0-])\d{4}(?P=four)\d{4}(?P=four)\d{4}"
    r"|\d{4}(?P<six>[ \u00a0-])\d{6}(?P=six)\d{4,5}"  # American Express, Diners Club
    r")(?!\w|[.-]\d)"
)
# Networks: Visa; Mastercard; American Express; Discover; Diners Club; JCB; UnionPay; Maestro; Mir.
_NETWORK = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})"
    r"|(?:5[1-5]\d\d|222[1-9]|22[3-9]\d|2[3-6]\d\d|27[01]\d|2720)\d{12}"
    r"|3[47]\d{13}"
    r"|(?:6011|64[4-9]\d|65\d\d)\d{12,15}"
    r"|3(?:0[0-5]|[689]\d)\d{11,16}"
    r"|35(?:2[89]|[3-8]\d)\d{12,15}"
    r"|62\d{14,17}"
    r"|(?:5018|5020|5038|5893|6304|6759|676[1-3])\d{8,15}"
    r"|220[0-4]\d{12,15}"
)
_IBAN_START = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}")
_REGISTRY = (
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 "
    "ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 "
    "LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 OM23 PK24 PL28 PS29 "
    "PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 "
    "YE30"
)
# Characters of an IBAN by country, as ISO 13616 registers them.
_IBAN_LENGTHS = {entry[:2]: int(entry[2:]) for entry in _REGISTRY.split()}


def find_cards(text: str) -> Iterator[Span]:
    """Where card numbers stand: 12 to 19 digits of a known network with a right check digit, in one run or grouped."""
    for match in _CARD.finditer(text):
        digits = re.sub(r"\D", "", match.group())
        if _NETWORK.fullmatch(digits) and _luhn_sum(digits) % 10 == 0:
            yield match.span()


def find_ibans(text: str) -> Iterator[Span]:
    """Where IBANs stand, in capitals, in one run or in groups set apart by single spaces."""
    for match in _IBAN_START.finditer(text):
        length = _IBAN_LENGTHS.get(match.group()[:2])
        end = match.start()
        found = ""
        while length is not None and len(found) < length and end < len(text):
            if text[end] != " ":
                found += text[end]
            elif text[end - 1] == " ":
                break
            end += 1
        ends_there = not text[end : end + 1].isalnum()
        if len(found) == length and ends_there and re.fullmatch(r"[A-Z0-9]+", found) and _is_iban(found):
            yield match.start(), end


def _luhn_sum(digits: str) -> int:
    doubled = [sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2]]
    return sum(doubled) + sum(int(digit) for digit in digits[-1::-2])


def _is_iban(iban: str) -> bool:
    """Whether the check digits are right: letters count from A = 10 to Z = 35, and 97 divides all but 1."""
    return int("".join(str(int(character, 36)) for character in iban[4:] + iban[:4])) % 97 == 1

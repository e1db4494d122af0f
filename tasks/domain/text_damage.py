"""Signs that a text was decoded or cut wrongly somewhere before it came here."""

import re
from collections.abc import Mapping

# What UTF-8's continuation bytes (0x80 to 0xBF) look like when read as Latin-1 or Windows-1252.
_CONTINUATION = "[\u0080-\u00bf€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]"

# Each sign stays clear of good text: "Ã…" ends a shouted word in Portuguese, "É”" a quotation in French, so
# that punctuation counts only where a run of pairs makes it certain.
SIGNS: Mapping[str, re.Pattern[str]] = {
    "letters decoded with the wrong encoding": re.compile(
        f"[ÂÃ][\u0080-\u00bfƒŠŒŽšœžŸ€™]|â€{_CONTINUATION}?|(?:[ÐÑØÙÎÏ]{_CONTINUATION}){{2}}"
        f"|(?:[à-ï]{_CONTINUATION}{{2}}){{2}}|ðŸ{_CONTINUATION}{{2}}"
    ),
    "replacement characters": re.compile("\ufffd"),
    "control characters": re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f]"),
}


def damage(text: str) -> dict[str, str]:
    """The signs of damage in a text: for each kind found, its first occurrence; empty for a sound text."""
    found = {kind: sign.search(text) for kind, sign in SIGNS.items()}
    return {kind: match.group() for kind, match in found.items() if match}

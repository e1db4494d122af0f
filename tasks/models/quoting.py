"""Text of untrusted documents as data within a prompt: quoted so that nothing in it can pass for the prompt's own.

A document may say "ignore your instructions", or hold what looks like the end of the quotation. Three things keep it
data. Each of its lines begins with the mark that quotations in letters have, `> `, and no line of the prompt's own
does, so that no text can end its quotation. What could end a turn in a chat template (`<|im_end|>`, `</s>`, `[INST]`)
gets a space into it, for tokenizers read such marks in a text as if the template had set them; words stay what they
were. And characters that nobody sees, in which orders can be hidden, are left out, but for the joiners of words.
"""

import regex

QUOTE = "> "

# What any program may take for the end of a line.
_LINE_ENDS = regex.compile(r"\r\n|[\n\v\f\r\x1c-\x1e\x85\u2028\u2029]")

# Control, invisible, direction, private and half characters from U+007F on, to stand between the brackets of a
# pattern; the joiners U+200C and U+200D are part of words.
INVISIBLE = (
    r"\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff"
    r"\ufff9-\ufffb\ue000-\uf8ff\ud800-\udfff\U000e0000-\U000e0fff\U000f0000-\U0010ffff"
)
_UNSEEN = regex.compile(rf"[\x00-\x08\x0e-\x1b\x1f{INVISIBLE}]")

# <|im_end|>, </s>, <start_of_turn>, <｜User｜>, <<SYS>>, [INST], [/INST], and tokens written as [CLS] or [SEP].
_MARK_START = regex.compile(r"<(?=[|｜/!\p{L}_])|\[(?=/?[A-Z_]{2,}\])")


def quote_lines(text: str) -> str:
    """The text as quoted lines, without blank ones at its ends; every line of the result begins with `>`."""
    seen = _UNSEEN.sub("", _LINE_ENDS.sub("\n", text))
    harmless = _MARK_START.sub(lambda match: f"{match[0]} ", seen).strip("\n")
    return "\n".join(f"{QUOTE}{line}".rstrip() for line in harmless.split("\n"))

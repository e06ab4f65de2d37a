"""Text of tasks, made safe to look at: nothing in it is invisible, or turns other text around."""

from __future__ import annotations

_CONTROLS = {code: chr(0x2400 + code) for code in range(0x20) if chr(code) not in "\t\n"}
_CONTROLS |= {0x7F: "\u2421"} | dict.fromkeys(range(0x80, 0xA0), "\ufffd")
# Embeddings, overrides and isolates: they order what follows them from right to left, or the other way.
_CONTROLS |= {code: f"⟨U+{code:04X}⟩" for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}

MAX_SHOWN = 50_000
"""Characters of one text that a page has, at most. The whole is there to download."""


def visible(text: str) -> str:
    """Return the text with control characters as pictures, and carriage returns as line breaks."""
    return text.replace("\r\n", "\n").replace("\r", "\n").translate(_CONTROLS)


def beginning(text: str, most: int = MAX_SHOWN) -> tuple[str, bool]:
    """Return the beginning of the text, visible, and whether more follows."""
    return visible(text[:most]), len(text) > most

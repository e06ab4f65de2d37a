"""Job ids: the names that submitters give their jobs, in any script.

    normal_job_id(" Übung-3 ")    # "Übung-3", composed (NFC)
    job_id_problem("../etc")      # "use letters, digits and ..."

An id goes into addresses, files and terminals. So it has no slash, blank or control, and begins with a letter, a digit
or _: "." and ".." are no ids, and no spreadsheet takes one for a formula. Nothing in it is invisible or turns other
text around. It need not be told from one that looks alike, as ids are unique among the jobs of one owner only.
"""

from __future__ import annotations

import re
import unicodedata

from django.utils.translation import gettext

from .i18n import gettext_noop

MAX_JOB_ID = 200
"""Maximum length of a job id, in characters."""
PATTERN = r"^\s*[\p{L}\p{Nd}_]\p{M}{0,4}(?:[\p{L}\p{Nd}_.:@+~-]\p{M}{0,4})*\s*$"
"""The same rule as JSON Schema has it, nearly: the schema takes what is invisible, too."""
SENTENCE = gettext_noop("use letters, digits and _ . : @ + ~ - only, and begin with a letter, a digit or _")

_MAX_GIVEN = 4 * MAX_JOB_ID
_ASCII = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.:@+~-]*")
_KINDS = {"Lu": "L", "Ll": "L", "Lt": "L", "Lm": "L", "Lo": "L", "Nd": "L", "Mn": "M", "Mc": "M", "Me": "M"}
# Unicode advises against more than four marks on a letter (UTS 39, 5.4): they cover the lines above and below.
_ANY_SCRIPT = re.compile("[L_]M{0,4}(?:[L_.:@+~-]M{0,4})*")
# Letters and marks that show nothing: Default_Ignorable_Code_Point in DerivedCoreProperties.txt.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180d\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)


def normal_job_id(text: str) -> str:
    """Return the id that a text means: without blanks at its ends, and composed (NFC), as keyboards and files differ.

    A text that is far too long stays as it is: composing takes time with the square of a run of marks.
    """
    return text if len(text) > _MAX_GIVEN else unicodedata.normalize("NFC", text.strip())


def job_id_problem(text: str) -> str | None:
    """Return why a normal text is no job id, but for its length, in the language; None if it is one."""
    if _ASCII.fullmatch(text):
        return None
    if _INVISIBLE.search(text):
        return gettext("has a character that cannot be seen")
    # Letters become L, digits too; what is neither stands for itself if it is ASCII.
    kinds = "".join(_KINDS.get(unicodedata.category(one), one if one in "_.:@+~-" else "?") for one in text)
    return None if _ANY_SCRIPT.fullmatch(kinds) else gettext(SENTENCE)

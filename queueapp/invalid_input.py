"""Pydantic's error messages, translated. English keeps pydantic's own texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext

from .i18n import gettext_noop

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_OWN = "Value error, "
"""How pydantic begins what a validator of ours says, which is in the language already."""
_TEXTS = {
    "missing": gettext_noop("Field required"),
    "missing_argument": gettext_noop("Missing required argument"),
    "extra_forbidden": gettext_noop("Extra inputs are not permitted"),
    "unexpected_keyword_argument": gettext_noop("Unexpected keyword argument"),
    "string_type": gettext_noop("Input should be a valid string"),
    "bool_type": gettext_noop("Input should be a valid boolean"),
    "int_type": gettext_noop("Input should be a valid integer"),
    "int_parsing": gettext_noop("Input should be a valid integer, unable to parse string as an integer"),
    "int_from_float": gettext_noop("Input should be a valid integer, got a number with a fractional part"),
    "float_type": gettext_noop("Input should be a valid number"),
    "float_parsing": gettext_noop("Input should be a valid number, unable to parse string as a number"),
    "finite_number": gettext_noop("Input should be a finite number"),
    "dict_type": gettext_noop("Input should be a valid dictionary"),
    "model_type": gettext_noop("Input should be an object"),
    "list_type": gettext_noop("Input should be a valid list"),
    "none_required": gettext_noop("Input should be None"),
    "greater_than": gettext_noop("Input should be greater than %(gt)s"),
    "greater_than_equal": gettext_noop("Input should be greater than or equal to %(ge)s"),
    "less_than": gettext_noop("Input should be less than %(lt)s"),
    "less_than_equal": gettext_noop("Input should be less than or equal to %(le)s"),
    "multiple_of": gettext_noop("Input should be a multiple of %(multiple_of)s"),
    "string_too_short": gettext_noop("String should have at least %(min_length)s characters"),
    "string_too_long": gettext_noop("String should have at most %(max_length)s characters"),
    "string_pattern_mismatch": gettext_noop("String should match pattern '%(pattern)s'"),
    "too_short": gettext_noop("There should be at least %(min_length)s items, not %(actual_length)s"),
    "too_long": gettext_noop("There should be at most %(max_length)s items, not %(actual_length)s"),
    "literal_error": gettext_noop("Input should be one of these: %(expected)s"),
    "enum": gettext_noop("Input should be one of these: %(expected)s"),
    "timezone_aware": gettext_noop("Input should have timezone info"),
}
"""Messages by pydantic's error types, for the catalogs. Some differ slightly from pydantic's."""


def message_of(error: ErrorDetails) -> str:
    """Return what is wrong, as pydantic describes it; a type that no catalog has stays in pydantic's English."""
    said, text = error["msg"].removeprefix(_OWN), _TEXTS.get(error["type"], "")
    translated = gettext(text) if text else ""
    if translated == text:
        return said
    values = {name: str(value).replace(" or ", ", ") for name, value in error.get("ctx", {}).items()}
    return translated % values

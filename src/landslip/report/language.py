"""The languages that a report can be in; importing them costs nothing."""

from enum import StrEnum


class Language(StrEnum):
    """Code of a language, as HTML and the user write it."""

    ENGLISH = "en"
    CHINESE = "zh"

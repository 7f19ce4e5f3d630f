"""The words of the page of histories, in each language."""

from landslip.core.choices import Language
from landslip.core.messages import message
from landslip.multitemporal.tracking.fields import TRACK_FIELDS
from landslip.reporting.texts import Texts, read_catalog


def read_texts(language: Language) -> Texts:
    """Read the catalog of a language."""
    fields = {field.name: field for layer in TRACK_FIELDS.values() for field in layer}
    return read_catalog("landslip.reporting.histories", language, fields)


def state_name(state: str, texts: Texts) -> str:
    """Return the name of a state in the language of the page."""
    return message(f"state.{state}").text(texts.language)

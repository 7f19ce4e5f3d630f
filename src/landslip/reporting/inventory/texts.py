"""The words of an inventory's page, in each language."""

from landslip.core.choices import Language
from landslip.inventory.fields import FIELDS_BY_NAME
from landslip.reporting.texts import Texts, read_catalog


def read_texts(language: Language) -> Texts:
    """Read the catalog of a language."""
    return read_catalog("landslip.reporting.inventory", language, FIELDS_BY_NAME)

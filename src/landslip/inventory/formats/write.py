"""The files of an inventory that hold its layers."""

from pathlib import Path

from landslip.core.choices import Language
from landslip.inventory import record as names
from landslip.inventory.formats.exchange import write_csv, write_geojson, write_parquet
from landslip.inventory.formats.geopackage import write_geopackage
from landslip.inventory.formats.kml import write_kmz
from landslip.inventory.formats.stac_item import write_stac_item
from landslip.inventory.layers import Layers
from landslip.inventory.record import InventoryRecord
from landslip.inventory.statistics.result import InventoryStatistics


def write_layers(
    layers: Layers,
    record: InventoryRecord,
    statistics: InventoryStatistics | None,
    folder: Path,
    language: Language = Language.ENGLISH,
) -> list[str]:
    """Write the layers in all formats and return the names of the files.

    Without a coordinate system, what is in longitude and latitude is left out: GeoJSON, KMZ and
    the STAC item; the item also where the date is not known.

    Args:
        layers: of the inventory.
        record: what it was made from; the STAC item speaks of it.
        statistics: of the inventory, if there are any.
        folder: where the files go; it exists and holds none of them.
        language: of labels and words for people.

    Raises:
        LandslipError: a file could not be written.
    """
    landslides = layers.landslides
    write_geopackage(layers, folder / names.GEOPACKAGE, language)
    write_parquet(landslides, folder / names.PARQUET)
    write_csv(layers, folder / names.CSV)
    written = [names.GEOPACKAGE, names.PARQUET, names.CSV]
    if landslides.crs is None:
        return written
    write_geojson(landslides, folder / names.GEOJSON)
    write_kmz(layers, record, folder / names.KMZ, language)
    written += [names.GEOJSON, names.KMZ]
    beside = [*written, names.RECORD, *([] if statistics is None else [names.STATISTICS])]
    if write_stac_item(landslides, record, statistics, beside, folder / names.STAC_ITEM):
        written.append(names.STAC_ITEM)
    return written

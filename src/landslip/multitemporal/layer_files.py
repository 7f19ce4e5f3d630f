"""Layers with dates as GeoPackage with styles and the meaning of columns, GeoParquet, and CSV."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import geopandas
import numpy as np
import pandas as pd

from landslip.core.choices import Language
from landslip.core.messages import Message
from landslip.inventory.fields import InventoryField
from landslip.inventory.formats.qgis_style import Colour, StyleRule, landslide_fill, render_style
from landslip.inventory.formats.vector_files import (
    GEOPACKAGE_VERSION,
    STYLE_NAMES,
    StyleRow,
    arrow_table,
    as_one_type,
    describe_columns,
    styles_table,
    write_layer,
)
from landslip.io.vector import gdal_crs


@dataclass(frozen=True, slots=True, kw_only=True)
class StyledLayer:
    """A layer to be written.

    Attributes:
        frame: its rows.
        fields: what its columns are.
        rules: classes of its legend in a language.
        times: columns with the first and the last (exclusive) day of a row; None: it has no time.
    """

    frame: geopandas.GeoDataFrame
    fields: Sequence[InventoryField]
    rules: Callable[[Language], Sequence[StyleRule]]
    times: tuple[str, str] | None = None

    def style(self, language: Language) -> str:
        """Return the layer's style as the text of a QML file."""
        columns = {field.name: field.label_with_unit(language) for field in self.fields}
        return render_style(self.rules(language), columns, times=self.times)


def class_rules(
    column: str, classes: Iterable[tuple[str, Message, Colour]], language: Language
) -> list[StyleRule]:
    """Return the legend of a column's values, each with its name and colour."""
    return [
        StyleRule(name.text(language), f"\"{column}\" = '{value}'", landslide_fill(colour))
        for value, name, colour in classes
    ]


def write_layers(
    layers: Mapping[str, StyledLayer], geopackage: Path, language: Language
) -> list[str]:
    """Write layers into a GeoPackage and each beside it in the other formats; return all names.

    Raises:
        LandslipError: one cannot be written.
    """
    for name, layer in layers.items():
        frame = layer.frame
        geometries, kind = as_one_type(np.asarray(frame.geometry.values))
        write_layer(
            arrow_table(frame.set_geometry(geometries, crs=frame.crs)),
            geopackage,
            "GPKG",
            kind,
            layer=name,
            crs=gdal_crs(frame.crs),
            VERSION=GEOPACKAGE_VERSION,
        )
    styles = [
        StyleRow(layer=name, name=style, qml=layer.style(one), is_default=one == language)
        for name, layer in layers.items()
        for one, style in STYLE_NAMES.items()
    ]
    write_layer(
        styles_table(styles),
        geopackage,
        "GPKG",
        None,
        layer="layer_styles",
        FID="id",
        ASPATIAL_VARIANT="GPKG_ATTRIBUTES",
        DATETIME_PRECISION="MILLISECOND",
    )
    frames = {name: layer.frame for name, layer in layers.items()}
    describe_columns(
        geopackage, frames, {name: layer.fields for name, layer in layers.items()}, language
    )
    written, folder = [geopackage.name], geopackage.parent
    for name, frame in frames.items():
        frame.to_parquet(folder / f"{name}.parquet", index=False, compression="zstd")
        plain = pd.DataFrame(frame.drop(columns=frame.geometry.name))
        plain.to_csv(folder / f"{name}.csv", index=False, encoding="utf-8-sig", lineterminator="\n")
        written += [f"{name}.parquet", f"{name}.csv"]
    return written

"""Options that several commands share."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from landslip.choices import EngineName, Precision, Units

if TYPE_CHECKING:
    from landslip.raster import SceneOptions

Model = Annotated[Path, typer.Argument(help="Folder made by `landslip train`.", show_default=False)]
Dataset = Annotated[
    Path, typer.Argument(help="Folder made by `landslip dataset`.", show_default=False)
]
Out = Annotated[Path, typer.Option("--out", help="Folder to write.", show_default=False)]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace what an earlier run wrote there.")
]
Bands = Annotated[
    str | None,
    typer.Option(
        "--bands",
        help="Names of the file's bands in their order, e.g. blue,green,red,nir; "
        "needed where the file has no band descriptions.",
        show_default=False,
    ),
]
UnitsOption = Annotated[
    Units | None,
    typer.Option(
        "--units",
        help="What the values are. By default: reflectance where the file has scale and offset or "
        "says so, else dn (digital numbers).",
        show_default=False,
    ),
]
Nodata = Annotated[
    float | None,
    typer.Option(
        "--nodata",
        help="Value that marks missing data, over what the file says.",
        show_default=False,
    ),
]
TestShare = Annotated[float, typer.Option(help="Share of tiles kept for the test; 1 keeps all.")]
ValShare = Annotated[
    float, typer.Option(help="Share of the other tiles that chooses epoch and threshold.")
]
Seed = Annotated[int, typer.Option(help="Seed of every random draw.")]
Engine = Annotated[EngineName, typer.Option(help="What runs the network.")]
PrecisionOption = Annotated[Precision, typer.Option(help="Number format the network runs in.")]


def scene_options(bands: str | None, units: Units | None, nodata: float | None) -> "SceneOptions":
    """Return what the user states about a scene."""
    from landslip.bands import Bands as BandNames
    from landslip.raster import SceneOptions

    named = BandNames.parse(bands) if bands is not None else None
    return SceneOptions(bands=named, units=units, nodata=nodata)

"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

from landslip.core.choices import DemGapHandling, EngineName, Precision, ShiftModel, Tta, Units

Model = Annotated[Path, typer.Argument(help="Folder made by `landslip train`.")]
Dataset = Annotated[Path, typer.Argument(help="Folder made by `landslip dataset`.")]
Datasets = Annotated[
    list[Path],
    typer.Argument(
        help="Folder made by `landslip dataset`; several are merged, each tile in the split that "
        "it has."
    ),
]
Out = Annotated[Path, typer.Option("--out", help="Folder to write.")]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace what an earlier run wrote there.")
]
Force = Annotated[
    bool,
    typer.Option(
        "--force",
        help="Go on, with a warning, where bands or values do not look like the model's training "
        "data.",
    ),
]
Bands = Annotated[
    str | None,
    typer.Option(
        "--bands",
        help="Names of the file's bands in their order, e.g. blue,green,red,nir; "
        "needed where the file has no band descriptions.",
    ),
]
UnitsOption = Annotated[
    Units | None,
    typer.Option(
        "--units",
        help="What the values are. By default: reflectance where the file has scale and offset or "
        "says so, else dn (digital numbers).",
    ),
]
StackDem = Annotated[
    Path | None,
    typer.Option("--dem", help="Elevation model, of which bands of terrain are derived."),
]
Terrain = Annotated[
    str | None,
    typer.Option(
        "--terrain",
        help="Bands derived from it, of slope, northness, eastness, curvature and elevation. "
        "[default: all but the last]",
    ),
]
Before = Annotated[
    Path | None,
    typer.Option(
        "--before",
        help="Image of an earlier date: its bands become before_red and so on, co-registered with "
        "the scene and normalised to it.",
    ),
]
Nodata = Annotated[
    float | None,
    typer.Option("--nodata", help="Value that marks missing data, over what the file says."),
]
TestShare = Annotated[float, typer.Option(help="Fraction of tiles kept for the test; 1 keeps all.")]
ValShare = Annotated[
    float, typer.Option(help="Fraction of the other tiles that chooses epoch and threshold.")
]
Seed = Annotated[int, typer.Option(help="Seed of every random draw.")]
OutFile = Annotated[Path, typer.Option("--out", help="GeoTIFF to write.")]
Dem = Annotated[
    Path, typer.Option(help="Elevation model, in any coordinate system, that covers the scene.")
]
DemHeights = Annotated[
    str | None,
    typer.Option(
        help="What its heights are counted from: ellipsoid, egm96, egm2008, a raster of geoid "
        "heights, or metres of the geoid over the ellipsoid. By default what the file says, else "
        "ellipsoid, with a warning."
    ),
]
DemGapsOption = Annotated[
    DemGapHandling, typer.Option("--dem-gaps", help="What becomes of places without a height.")
]
ClipToDem = Annotated[
    bool, typer.Option("--clip-to-dem", help="Leave out ground that the DEM does not cover.")
]
Crs = Annotated[
    str | None,
    typer.Option(help="Projected coordinate system, e.g. EPSG:32648. By default the UTM zone."),
]
Reference = Annotated[Path | None, typer.Option(help="Mapped scene that the RPC is corrected by.")]
ReferenceModel = Annotated[
    ShiftModel, typer.Option(help="How the correction may change over the image.")
]
MaxShift = Annotated[
    float | None,
    typer.Option(help="Largest error looked for, in metres. [default: 100, less on a small map]"),
]
Engine = Annotated[EngineName, typer.Option(help="What runs the network.")]
PrecisionOption = Annotated[Precision, typer.Option(help="Number format the network runs in.")]
TtaOption = Annotated[
    Tta,
    typer.Option(
        "--tta",
        help="Test-time augmentation: average the probabilities of the image and its flips, which "
        "takes 4 times as long, or (dihedral) its flips and quarter turns, 8 times.",
    ),
]
DatumShift = Annotated[
    str | None,
    typer.Option(
        help="How an old datum relates to WGS 84 and CGCS2000, where PROJ does not know it: "
        "dx,dy,dz in metres, dx,dy,dz,rx,ry,rz,s with seconds of arc and parts per million "
        "(position vector), or a grid file (.gsb, .tif)."
    ),
]

"""Options that several commands share."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from landslip.core.choices import CloudHandling, DemGapHandling, EngineName, Precision, Units
from landslip.core.errors import InputError
from landslip.preprocessing.coregistration.models import ShiftModel

if TYPE_CHECKING:
    from landslip.io.raster import SceneOptions
    from landslip.preprocessing.orthorectification.reference import RefineRequest
    from landslip.preprocessing.pipeline.request import CloudRequest

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
OutFile = Annotated[Path, typer.Option("--out", help="GeoTIFF to write.", show_default=False)]
Dem = Annotated[
    Path,
    typer.Option(
        help="Elevation model, in any coordinate system, that covers the scene.",
        show_default=False,
    ),
]
DemHeights = Annotated[
    str | None,
    typer.Option(
        help="What its heights are counted from: ellipsoid, egm96, egm2008, a raster of geoid "
        "heights, or metres of the geoid over the ellipsoid. By default what the file says, else "
        "ellipsoid, with a warning.",
        show_default=False,
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
    typer.Option(
        help="Projected coordinate system, e.g. EPSG:32648. By default the UTM zone.",
        show_default=False,
    ),
]
Reference = Annotated[
    Path | None,
    typer.Option(help="Mapped scene that the RPC is corrected by.", show_default=False),
]
ReferenceModel = Annotated[
    ShiftModel, typer.Option(help="How the correction may change over the image.")
]
MaxShift = Annotated[
    float | None,
    typer.Option(
        help="Largest error looked for, in metres. [default: 100, less on a small map]",
        show_default=False,
    ),
]
Engine = Annotated[EngineName, typer.Option(help="What runs the network.")]
PrecisionOption = Annotated[Precision, typer.Option(help="Number format the network runs in.")]


def scene_options(bands: str | None, units: Units | None, nodata: float | None) -> "SceneOptions":
    """Return what the user states about a scene."""
    from landslip.core.bands import Bands as BandNames
    from landslip.io.raster import SceneOptions

    named = BandNames.parse(bands) if bands is not None else None
    return SceneOptions(bands=named, units=units, nodata=nodata)


def refine_request(
    reference: Path | None, model: ShiftModel, max_shift_m: float | None
) -> "RefineRequest | None":
    """Return what a camera is corrected by, if anything."""
    if reference is None:
        return None
    from landslip.preprocessing.orthorectification.reference import RefineRequest

    return RefineRequest(path=reference, model=model, max_shift_m=max_shift_m)


def one_calibration(calibration: str | None, coefficients: Path | None) -> str | Path | None:
    """Return what the user says about calibration, in one of two ways."""
    if calibration is not None and coefficients is not None:
        raise InputError(
            "--calibration and --coefficients both say where figures come from; give one of them"
        )
    return calibration if coefficients is None else coefficients


def cloud_request(clouds: str | None, fate: CloudHandling) -> "CloudRequest | None":
    """Return how clouds are found, if at all.

    Raises:
        InputError: it is neither ``bright`` nor a folder.
    """
    if clouds is None:
        return None
    from landslip.preprocessing.pipeline.request import CloudRequest

    weights = None if clouds == "bright" else Path(clouds)
    if weights is not None and not weights.is_dir():
        raise InputError(
            "--clouds is bright, or a folder with the weights of OmniCloudMask; "
            f"got {clouds!r}, and no such folder is there"
        )
    return CloudRequest(weights=weights, fate=fate)

"""``landslip preprocess``."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from landslip.cli import options
from landslip.cli.errors import handle_errors
from landslip.core.choices import (
    AtmosphericCorrection,
    CloudHandling,
    DemGapHandling,
    PansharpeningMethod,
    RegistrationMode,
    ShiftModel,
)

if TYPE_CHECKING:
    from landslip.preprocessing.pipeline.run import PreprocessResult


@handle_errors
def preprocess(
    products: Annotated[
        list[str],
        typer.Argument(
            help="Archives or folders of Gaofen-1 PMS level-1A products; patterns with * too."
        ),
    ],
    dem: options.Dem,
    out: options.Out,
    dem_heights: options.DemHeights = None,
    dem_gaps: options.DemGapsOption = DemGapHandling.FILL,
    clip_to_dem: options.ClipToDem = False,
    atmosphere: Annotated[
        AtmosphericCorrection,
        typer.Option(
            help="toa: top-of-atmosphere reflectance; dos: less the haze of the darkest pixels; "
            "6s: surface reflectance by 6S."
        ),
    ] = AtmosphericCorrection.TOA,
    optical_depth: Annotated[
        float, typer.Option(help="Aerosol optical depth at 550 nm, for 6s.")
    ] = 0.15,
    calibration: Annotated[
        str | None,
        typer.Option(
            help="nearest: the nearest year's, where the product's has none; table: the published "
            "one even where the product brings its own; or a YAML file."
        ),
    ] = None,
    coefficients: Annotated[
        Path | None,
        typer.Option(
            help="YAML file with gains, offsets and solar irradiances, for cameras without "
            "published ones here."
        ),
    ] = None,
    fusion: Annotated[
        PansharpeningMethod, typer.Option(help="How the detail of the panchromatic band comes in.")
    ] = PansharpeningMethod.BROVEY,
    registration: Annotated[
        RegistrationMode,
        typer.Option(
            help="Match the multispectral image with the panchromatic one. auto: where both can be "
            "matched, else they stay where the camera models place them; required: refuse such "
            "products (also where --reference cannot be matched); off: do not."
        ),
    ] = RegistrationMode.AUTO,
    no_registration: Annotated[
        bool, typer.Option("--no-registration", help="The same as --registration off.")
    ] = False,
    reference: options.Reference = None,
    reference_model: options.ReferenceModel = ShiftModel.SHIFT,
    max_shift: options.MaxShift = None,
    clouds: Annotated[
        str | None,
        typer.Option(
            help="bright: a test for bright and white pixels, which also takes bright debris and "
            "misses thin cloud and shadow; or a folder with the weights of OmniCloudMask."
        ),
    ] = None,
    clouds_become: Annotated[
        CloudHandling, typer.Option(help="nodata, or a mask beside the scene (clouds.tif).")
    ] = CloudHandling.NODATA,
    resolution: Annotated[float, typer.Option(help="Side of a pixel in metres.")] = 2.0,
    crs: options.Crs = None,
    datum_shift: options.DatumShift = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Make reflectance scenes of raw Gaofen-1 products.

    Calibrates, orthorectifies, registers and fuses; writes a folder per product with the scene
    (blue, green, red, nir; stored number x 0.0001, 0 nodata), `quality.json` and `quicklook.png`.
    Scenes lie on multiples of the resolution, so that several dates stack. Started again, it goes
    on with the products that are not done.

    Example: `landslip preprocess GF1_PMS1_*.tar.gz --dem DEM.tif --dem-heights egm2008 --out OUT`
    """
    import landslip

    def done(outcome: "PreprocessResult") -> None:
        for note in outcome.quality["warnings"]:
            typer.echo(f"warning: {note}", err=True)
        height, width = outcome.quality["grid"]["shape"]
        state = f"{width} x {height} px" if outcome.is_new else "exists already"
        typer.echo(f"{outcome.scene}: {state}")

    landslip.preprocess(
        products,
        dem=dem,
        out=out,
        dem_heights=dem_heights,
        dem_gaps=dem_gaps,
        clip_to_dem=clip_to_dem,
        atmosphere=atmosphere,
        optical_depth=optical_depth,
        calibration=calibration,
        coefficients=coefficients,
        fusion=fusion,
        registration=RegistrationMode.OFF if no_registration else registration,
        reference=reference,
        reference_model=reference_model,
        max_shift=max_shift,
        clouds=clouds,
        clouds_become=clouds_become,
        resolution=resolution,
        crs=crs,
        datum_shift=datum_shift,
        overwrite=overwrite,
        log=lambda line: typer.echo(line, err=True),
        on_scene=done,
        progress=True,
    )

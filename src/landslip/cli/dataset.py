"""``landslip dataset``: tiles from a scene with polygons, or from image and mask folders."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from landslip.cli import options
from landslip.cli.errors import handle_errors
from landslip.cli.usage import Command, Group

if TYPE_CHECKING:
    from landslip.datasets.format import DatasetCard

app = typer.Typer(
    cls=Group,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    help="Make a dataset of tiles for training and testing.",
)

LandslideValue = Annotated[
    str | None,
    typer.Option(
        help="Numbers of landslides in a label raster, separated by commas. [default: 1 or 255]"
    ),
]
BackgroundValue = Annotated[
    str | None,
    typer.Option(
        help="Numbers of background in a label raster, with `missing` for pixels that are nodata "
        "or transparent. Other pixels are not labelled. [default: 0, or what is missing where "
        "nothing else is background; with --landslide-value alone, all others]"
    ),
]


@app.command(cls=Command)
@handle_errors
def scene(
    scene: Annotated[Path, typer.Argument(help="Raster with named bands.")],
    labels: Annotated[
        Path,
        typer.Argument(
            help="Landslide polygons (GeoPackage, GeoJSON, Shapefile, GeoParquet), or a raster "
            "mask of 0 and 1 or 0 and 255."
        ),
    ],
    out: options.Out,
    bands: options.Bands = None,
    layer: Annotated[str | None, typer.Option(help="Layer of the label file.")] = None,
    area: Annotated[
        Path | None,
        typer.Option(
            help="Polygons of the mapped area; outside nothing is "
            "learnt or scored. Default: the whole scene."
        ),
    ] = None,
    tile: Annotated[int, typer.Option(help="Side of a tile in pixels.")] = 256,
    min_valid: Annotated[
        float,
        typer.Option(help="Tiles with a smaller fraction of valid, mapped pixels are left out."),
    ] = 0.5,
    test_share: options.TestShare = 0.2,
    val_share: options.ValShare = 0.1,
    seed: options.Seed = 0,
    units: options.UnitsOption = None,
    nodata: options.Nodata = None,
    dem: options.StackDem = None,
    terrain: options.Terrain = None,
    before: options.Before = None,
    datum_shift: options.DatumShift = None,
    landslide_value: LandslideValue = None,
    background_value: BackgroundValue = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Cut a scene into tiles, with landslide polygons as labels.

    Tiles touch and never overlap. A pixel is landslide where its centre lies in a polygon.
    Tiles are assigned at random, as in the paper, each split with its part of the landslide tiles
    and of their area; neighbours may then be on both sides. What each split has is printed, with a
    warning where it shows landslides in under 5 tiles or 2,000 pixels.

    Example: `landslip dataset scene SCENE.tif LANDSLIDES.gpkg --out TILES
    --bands blue,green,red,nir`
    """
    import landslip

    tiles = landslip.datasets.from_scene(
        scene,
        labels,
        out=out,
        bands=bands,
        layer=layer,
        area=area,
        tile=tile,
        min_valid=min_valid,
        test_share=test_share,
        val_share=val_share,
        seed=seed,
        units=units,
        nodata=nodata,
        dem=dem,
        terrain=terrain,
        before=before,
        datum_shift=datum_shift,
        landslide_value=landslide_value,
        background_value=background_value,
        overwrite=overwrite,
        log=_print_note,
        progress=True,
    )
    _print_summary(tiles.card, out)


@app.command(cls=Command)
@handle_errors
def pairs(
    images: Annotated[
        list[Path], typer.Option(help="Folder of images; may be given several times.")
    ],
    masks: Annotated[
        list[Path],
        typer.Option(
            help="Folder of masks of the same names, 0/1 or 0/255; one for each --images, in the "
            "same order."
        ),
    ],
    bands: Annotated[str, typer.Option(help="Names of the images' bands, e.g. red,green,blue.")],
    out: options.Out,
    mask_suffix: Annotated[
        str,
        typer.Option(
            help="What the names of masks have after those of images: _label where the mask of "
            "a.jpg is a_label.jpg. Both may then lie in one folder.",
        ),
    ] = "",
    groups: Annotated[
        str | None,
        typer.Option(
            help="Keeps tiles together in the split: a regular expression whose first group (or "
            "whole match), at the start of the name, is the tile's group; or a CSV file with the "
            "columns name and group."
        ),
    ] = None,
    test_share: options.TestShare = 0.2,
    val_share: options.ValShare = 0.1,
    seed: options.Seed = 0,
    units: options.UnitsOption = None,
    nodata: options.Nodata = None,
    landslide_value: LandslideValue = None,
    background_value: BackgroundValue = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Take tiles from folders of images and folders of masks (PNG, TIFF, WebP, JPEG).

    Example: `landslip dataset pairs --images IMAGES --masks MASKS --bands red,green,blue
    --groups '([a-z]+[0-9][0-9])' --out TILES`
    """
    import landslip

    tiles = landslip.datasets.from_pairs(
        images,
        masks,
        out=out,
        bands=bands,
        mask_suffix=mask_suffix,
        groups=groups,
        test_share=test_share,
        val_share=val_share,
        seed=seed,
        units=units,
        nodata=nodata,
        landslide_value=landslide_value,
        background_value=background_value,
        overwrite=overwrite,
        log=_print_note,
        progress=True,
    )
    _print_summary(tiles.card, out)


@app.command(cls=Command)
@handle_errors
def augment(
    dataset: options.Dataset,
    out: options.Out,
    versions: Annotated[
        int, typer.Option(help="Versions of each training tile, itself among them.")
    ] = 144,
    seed: options.Seed = 0,
    overwrite: options.Overwrite = False,
) -> None:
    """Write a dataset with many versions of each training tile, as the paper trains on.

    They are flipped, turned, stretched by up to 10 %, changed in colour and noisy. Other tiles stay
    as they are. The same seed gives the same bytes. Training on the result is without further
    variation where the file of --config says `augmentation_mode: none`; the same versions without
    a copy on disk are what `augmentation_mode: offline` makes of TILES, from the training's seed.

    Example: `landslip dataset augment TILES --out AUGMENTED --versions 144 --seed 0`
    """
    import landslip

    tiles = landslip.datasets.augment(
        dataset, out=out, versions=versions, seed=seed, overwrite=overwrite, progress=True
    )
    _print_summary(tiles.card, out)


@app.command(cls=Command)
@handle_errors
def merge(
    datasets: Annotated[
        list[Path], typer.Argument(help="Folders made by `landslip dataset`, of the same bands.")
    ],
    out: options.Out,
    overwrite: options.Overwrite = False,
) -> None:
    """Write the tiles of several datasets as one, each in the split that it has.

    A tile that several have is written once: for testing if one of them tests on it, else for
    validation if one does.

    Example: `landslip dataset merge WENCHUAN BEICHUAN --out TILES`
    """
    import landslip

    tiles = landslip.datasets.merge(datasets, out=out, overwrite=overwrite, progress=True)
    _print_summary(tiles.card, out)


def _print_note(note: str) -> None:
    typer.echo(f"note: {note}", err=True)


def _print_summary(card: "DatasetCard", out: Path) -> None:
    from landslip.core.messages import sentences

    tiles = ", ".join(f"{number} {split}" for split, number in card.tiles.items())
    share = "no valid pixel" if card.landslide_share is None else f"{card.landslide_share:.2%}"
    for name, found in card.splits.items():
        typer.echo(
            f"{name}: {found.landslide_tiles} of {found.tiles} tiles show landslides, "
            f"{found.landslide_px:,} px in {found.landslide_objects or 0:,} connected regions"
        )
    for warning in sentences((*card.split_warnings, *card.label_warnings)):
        typer.echo(f"warning: {warning}", err=True)
    typer.echo(f"{out}: {sum(card.tiles.values())} tiles ({tiles}), {share} landslide")

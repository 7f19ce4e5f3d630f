"""``landslip dataset``: tiles from a scene with polygons, or from image and mask folders."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from landslip.cli import options
from landslip.cli.failures import told_plainly
from landslip.cli.progress import shown

if TYPE_CHECKING:
    from landslip.datasets.format import DatasetCard

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Make a dataset of tiles for training and testing.",
)


@app.command()
@told_plainly
def scene(
    scene: Annotated[Path, typer.Argument(help="Raster with named bands.", show_default=False)],
    labels: Annotated[
        Path,
        typer.Argument(
            help="Landslide polygons (GeoPackage, GeoJSON, Shapefile, GeoParquet), or a raster "
            "mask of 0 and 1 or 0 and 255.",
            show_default=False,
        ),
    ],
    out: options.Out,
    bands: options.Bands = None,
    layer: Annotated[
        str | None, typer.Option(help="Layer of the label file.", show_default=False)
    ] = None,
    area: Annotated[
        Path | None,
        typer.Option(
            help="Polygons of the ground that was searched for landslides; outside nothing is "
            "learnt or scored. Default: the whole scene.",
            show_default=False,
        ),
    ] = None,
    tile: Annotated[int, typer.Option(help="Side of a tile in pixels.")] = 256,
    min_valid: Annotated[
        float,
        typer.Option(help="Tiles with a smaller share of valid, searched pixels are left out."),
    ] = 0.5,
    test_share: options.TestShare = 0.2,
    val_share: options.ValShare = 0.1,
    seed: options.Seed = 0,
    units: options.UnitsOption = None,
    nodata: options.Nodata = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Cut a scene into tiles, with landslide polygons as labels.

    Tiles touch and never overlap. A pixel is landslide where its centre lies in a polygon.
    Tiles are dealt out at random, as in the paper; neighbours may then stand on both sides.

    Example: `landslip dataset scene SCENE.tif LANDSLIDES.gpkg --out TILES
    --bands blue,green,red,nir`
    """
    from landslip.datasets.scene import SceneRequest, dataset_from_scene
    from landslip.datasets.split_plan import SplitPlan

    request = SceneRequest(
        scene=scene,
        labels=labels,
        layer=layer,
        area=area,
        tile=tile,
        min_valid=min_valid,
        plan=SplitPlan(test_share=test_share, val_share=val_share, seed=seed),
        options=options.scene_options(bands, units, nodata),
    )
    with shown("tiles", "tiles") as progress:
        result = dataset_from_scene(request, out, overwrite=overwrite, progress=progress)
    for note in result.notes:
        typer.echo(f"note: {note}", err=True)
    _tell(result.card, out)


@app.command()
@told_plainly
def pairs(
    images: Annotated[
        list[Path],
        typer.Option(help="Folder of images; may be given several times.", show_default=False),
    ],
    masks: Annotated[
        list[Path],
        typer.Option(
            help="Folder of masks of the same names, 0/1 or 0/255; one for each --images, in the "
            "same order.",
            show_default=False,
        ),
    ],
    bands: Annotated[
        str,
        typer.Option(help="Names of the images' bands, e.g. red,green,blue.", show_default=False),
    ],
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
            "columns name and group.",
            show_default=False,
        ),
    ] = None,
    test_share: options.TestShare = 0.2,
    val_share: options.ValShare = 0.1,
    seed: options.Seed = 0,
    units: options.UnitsOption = None,
    nodata: options.Nodata = None,
    overwrite: options.Overwrite = False,
) -> None:
    """Take tiles from folders of images and folders of masks (PNG, TIFF, WebP, JPEG).

    Example: `landslip dataset pairs --images IMAGES --masks MASKS --bands red,green,blue
    --groups '([a-z]+[0-9][0-9])' --out TILES`
    """
    from landslip.core.bands import Bands
    from landslip.datasets.pairs import PairsRequest, dataset_from_pairs
    from landslip.datasets.split_plan import SplitPlan

    request = PairsRequest(
        images=tuple(images),
        masks=tuple(masks),
        mask_suffix=mask_suffix,
        bands=Bands.parse(bands),
        plan=SplitPlan(test_share=test_share, val_share=val_share, seed=seed),
        units=units,
        nodata=nodata,
        groups=groups,
    )
    with shown("tiles", "tiles") as progress:
        card = dataset_from_pairs(request, out, overwrite=overwrite, progress=progress)
    _tell(card, out)


@app.command()
@told_plainly
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
    from landslip.datasets.augment import AugmentRequest, augment_dataset
    from landslip.datasets.format import TileDataset

    request = AugmentRequest(dataset=TileDataset(dataset), versions=versions, seed=seed)
    with shown("versions", "tiles") as progress:
        card = augment_dataset(request, out, overwrite=overwrite, progress=progress)
    _tell(card, out)


def _tell(card: "DatasetCard", out: Path) -> None:
    tiles = ", ".join(f"{number} {split}" for split, number in card.tiles.items())
    share = "no valid pixel" if card.landslide_share is None else f"{card.landslide_share:.2%}"
    typer.echo(f"{out}: {sum(card.tiles.values())} tiles ({tiles}), {share} landslide")

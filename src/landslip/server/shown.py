"""Entries of the catalogue as responses show them."""

from landslip.server.catalogue.entries import InventoryEntry, RasterEntry
from landslip.server.schemas import InventoryJson, Raster
from landslip.server.shown_review import shown_summary
from landslip.server.state import ServerState
from landslip.server.vector_tiles import zooms_of

_WORLD = (-180.0, -85.0, 180.0, 85.0)


def shown_raster(raster: RasterEntry) -> Raster:
    """Return a raster as the page gets it."""
    height, width = raster.grid.shape
    return Raster(
        id=raster.id,
        name=raster.name,
        kind=raster.kind,
        bounds=raster.bounds,
        min_zoom=raster.min_zoom,
        max_zoom=raster.max_zoom,
        width=width,
        height=height,
        resolution_m=raster.resolution_m,
        bands=raster.bands,
        date=raster.date,
        scene_id=raster.scene_id,
        threshold=raster.threshold,
        classes=raster.classes,
    )


def shown_inventory(inventory: InventoryEntry, state: ServerState) -> InventoryJson:
    """Return an inventory as the page gets it."""
    progress = state.vector_tiles.progress(inventory)
    first, last = zooms_of(inventory)
    has_report = inventory.report is not None
    review = state.reviews.find_readable(inventory)
    return InventoryJson(
        id=inventory.id,
        name=inventory.name,
        kind=inventory.kind,
        count=inventory.count,
        bounds=inventory.bounds or _WORLD,
        crs=inventory.crs,
        date=inventory.date,
        changed=inventory.changed.isoformat(),
        scene_id=inventory.scene_id,
        probability_id=inventory.probability_id,
        model=inventory.model,
        threshold=inventory.threshold,
        fields=inventory.fields,
        tiles_ready=progress >= 1,
        tiles_progress=progress,
        min_zoom=first,
        max_zoom=last,
        report=f"api/inventories/{inventory.id}/report" if has_report else None,
        review=None if review is None else shown_summary(review.store),
    )

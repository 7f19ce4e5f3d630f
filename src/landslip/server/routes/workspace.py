"""`GET workspace`."""

from fastapi import APIRouter

from landslip import __version__
from landslip.server.schemas import SampleJson, Workspace
from landslip.server.shown import shown_inventory, shown_raster
from landslip.server.state import State

router = APIRouter(tags=["workspace"])


@router.get("/workspace")
def workspace(state: State) -> Workspace:
    """What is in the served folder; it is looked at again when something in it has changed."""
    catalogue = state.folder.catalogue()
    options = state.options
    return Workspace(
        name=options.folder.name or str(options.folder),
        version=__version__,
        rasters=tuple(shown_raster(one) for one in catalogue.rasters.values()),
        inventories=tuple(shown_inventory(one, state) for one in catalogue.inventories.values()),
        models=tuple(one.shown for one in catalogue.models.values()),
        samples=tuple(
            SampleJson(
                id=one.id,
                name=one.name,
                inventory_id=one.inventory_id,
                scene_id=one.scene_id,
                points=one.points,
                judged=one.judged,
            )
            for one in catalogue.samples.values()
        ),
        series=catalogue.series,
        problems=(*catalogue.problems, *state.overviews.notes()),
        basemap=options.basemap,
        token_needed=options.token is not None,
        read_only=options.read_only,
    )

"""The map of histories, by their states on the last date."""

import numpy as np
import pyproj
from matplotlib.patches import Patch

from landslip.multitemporal.tracking.files import STATE_COLOURS
from landslip.reporting.charts import chart_style, svg_text
from landslip.reporting.histories.data import HistoriesData
from landslip.reporting.histories.texts import state_name
from landslip.reporting.inventory.basemap import MapFrame, to_pixels
from landslip.reporting.inventory.maps import (
    draw_furniture,
    draw_graticule,
    draw_numbers,
    draw_polygons,
    page_map,
)
from landslip.reporting.texts import Texts
from landslip.reporting.tracks import state_colour

_LONGEST_PX, _LEGEND_PX = 600, 130


def states_map(data: HistoriesData, numbered: dict[str, int], texts: Texts) -> str | None:
    """Return a map of the histories that go on to the last date; None without one.

    ``numbered`` are the numbers that some have, by their ids.
    """
    states = data.on_date(data.record.dates[-1].stated).set_index("track_id")["state"]
    tracks = data.tracks[data.tracks["track_id"].isin(states.index)]
    if len(tracks) == 0:
        return None
    crs = None if tracks.crs is None else pyproj.CRS(tracks.crs)
    left, bottom, right, top = tracks.total_bounds.tolist()
    frame = MapFrame.around((left, bottom, right, top), crs, _LONGEST_PX)
    shapes = to_pixels(np.asarray(tracks.geometry.values, dtype=object), crs, frame)
    with chart_style():
        figure, axis = page_map(frame, _LEGEND_PX)
        legend = []
        for state in reversed(STATE_COLOURS):
            of_state = (tracks["track_id"].map(states) == state).to_numpy(bool)
            if of_state.any():
                colour, name = state_colour(state), f"map-{state}".replace(" ", "-")
                draw_polygons(axis, shapes[of_state], name, fc=colour, ec=colour, lw=0.6)
                legend.append(Patch(label=state_name(state, texts), fc=colour, ec=colour))
        draw_graticule(axis, frame)
        at = {name: row for row, name in enumerate(tracks["track_id"])}
        shown = [name for name in numbered if name in at]
        rows = [at[name] for name in shown]
        draw_numbers(axis, frame, [numbered[name] for name in shown], shapes[rows])
        draw_furniture(axis, frame, texts, min(frame.width / 3, 150))
        axis.legend(handles=legend[::-1], loc="upper left", bbox_to_anchor=(1.01, 1))
        return svg_text(figure, "states-map", texts("map_title"))

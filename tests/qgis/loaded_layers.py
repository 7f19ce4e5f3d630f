"""What an algorithm of the plugin loads into a project, and when the temporal controller shows it.

For QGIS's own Python, with a profile that has the plugin:

    QT_QPA_PLATFORM=offscreen /usr/bin/python3 tests/qgis/loaded_layers.py \
        PROFILE landslip:states '{"SERIES": "SERIES", "MODEL": "MODEL", "OUTPUT": "STATES"}' \
        2014-10-01 2014-10-02

It prints JSON: the layers from above in the project when it is opened again, each with its group,
whether it is shown, and what of it on the days; and the range that the controller takes from it.
"""

import json
import sys
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PLUGINS = Path("/usr/share/qgis/python/plugins")
sys.path[:0] = [str(PLUGINS), str(ROOT / "benchmarks")]


def main() -> None:
    """Run the algorithm."""
    profile, algorithm, values, *days = sys.argv[1:]
    round_trip = import_module("qgis_round_trip")
    core: Any = import_module("qgis.core")
    application = core.QgsApplication([], False)
    application.initQgis()
    sys.path.insert(0, f"{profile}/profiles/default/python/plugins")
    processing: Any = import_module("processing")
    import_module("processing.core.Processing").Processing.initialize()
    plugin = import_module("landslip").classFactory(None)  # QGIS keeps a reference, too
    plugin.initProcessing()
    config = import_module("processing.core.ProcessingConfig").ProcessingConfig
    config.setSettingValue("LANDSLIP_COMMAND", f"{profile}/landslip")
    processing.runAndLoadResults(algorithm, json.loads(values))
    project = core.QgsProject.instance()
    project.write(f"{profile}/loaded.qgs")  # as a user finds it on another day
    project.read(f"{profile}/loaded.qgs")
    frames = {day: round_trip.frame_of(core, date.fromisoformat(day)) for day in days}
    layers = []
    for node in project.layerTreeRoot().findLayers():
        layer = node.layer()
        layers.append(
            {
                "name": layer.name(),
                "group": node.parent().name(),
                "is_shown": node.isVisible(),
                "renderer": layer.renderer().type(),
                "shown": {
                    day: count_in(core, layer, frame, round_trip) for day, frame in frames.items()
                },
            }
        )
    whole = core.QgsTemporalUtils.calculateTemporalRangeForProject(project)
    ends = [one.toUTC().toString("yyyy-MM-dd hh:mm") for one in (whole.begin(), whole.end())]
    print(json.dumps({"layers": layers, "range": ends}))  # noqa: T201 - that is what it is for
    application.exitQgis()


def count_in(core: Any, layer: Any, frame: Any, round_trip: Any) -> int | None:
    """Return how many rows a frame of the temporal controller shows; of a raster, 1 or 0.

    None: the layer has no time.
    """
    properties = layer.temporalProperties()
    if not properties.isActive():
        return None
    if isinstance(layer, core.QgsRasterLayer):
        return int(properties.isVisibleInTemporalRange(frame))
    return int(round_trip.count_in(core, layer, frame))


if __name__ == "__main__":
    main()

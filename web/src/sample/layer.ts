/** The pixel that is judged, on the map. */

import { effect, signal } from "@preact/signals";
import type { GeoJSONSource } from "maplibre-gl";

import { mapView } from "../map/mapView";
import { boundsOf, padded } from "../review/geometry";
import { point, sampling } from "./session";

const SOURCE = "sample-pixel";
const EMPTY: GeoJSON.FeatureCollection = { type: "FeatureCollection", features: [] };
/** Pixels on each side of the judged one. */
const NEAR = 24;
const FAR = 140;

/** Whether the surroundings are seen from farther away. */
export const far = signal(false);

export function showPoint(): void {
  const here = point.peek();
  if (!here) return;
  mapView.peek()?.fitTo(padded(boundsOf(here.pixel), far.peek() ? FAR : NEAR), { maxZoom: 22, animate: false });
}

export function drawSample(): () => void {
  const stops = [
    effect(() => {
      const view = mapView.value;
      if (!view) return;
      view.addSource(SOURCE, { type: "geojson", data: EMPTY });
      for (const [id, color, width] of [["casing", "#10161d", 5], ["line", "#ffd92e", 2]] as const)
        view.addLayer("sample", {
          id: `${SOURCE}-${id}`,
          type: "line",
          source: SOURCE,
          paint: { "line-color": color, "line-width": width, "line-offset": -3 },
        });
    }),
    effect(() => {
      const view = mapView.value;
      if (!view) return;
      const here = sampling.value ? point.value : null;
      const data = here ? { type: "Feature" as const, properties: {}, geometry: here.pixel } : EMPTY;
      view.map.getSource<GeoJSONSource>(SOURCE)?.setData(data);
    }),
    effect(() => {
      if (!sampling.value || !mapView.value) return;
      void point.value?.id;
      void far.value;
      showPoint();
    }),
  ];
  return () => stops.forEach((stop) => stop());
}

/** What the review draws on the map: the polygon that is judged, its earlier outlines, and the cells. */

import { effect, signal } from "@preact/signals";
import type { GeoJSONSource } from "maplibre-gl";

import { remember } from "../core/storage";
import type { CoverageCell, PolygonGeometry } from "../core/types";
import type { PolygonColour } from "../map/expressions";
import { change, polygonLayer } from "../map/layerState";
import { mapView, type MapView } from "../map/mapView";
import { cell, cells, groundShown } from "./coverage";
import { editing } from "./editing";
import { sameCell } from "./ground";
import { current, reviewing } from "./session";

const CURRENT = "review-current";
const EARLIER = "review-earlier";
const GROUND = "review-ground";

/** Whether the outline of what is judged is shown, or the ground beneath it. */
export const outlineShown = signal(true);
/** An earlier outline to compare with: the model's. */
export const earlier = signal<PolygonGeometry | null>(null);

const empty: GeoJSON.FeatureCollection = { type: "FeatureCollection", features: [] };
const collection = (geometry: PolygonGeometry | null): GeoJSON.FeatureCollection =>
  geometry ? { type: "FeatureCollection", features: [{ type: "Feature", properties: {}, geometry }] } : empty;

function addLayers(view: MapView): void {
  view.addSource(GROUND, { type: "geojson", data: empty });
  view.addLayer("coverage", {
    id: "review-ground-fog",
    type: "fill",
    source: GROUND,
    filter: ["!", ["get", "looked_at"]],
    paint: { "fill-color": "#0b1622", "fill-opacity": ["case", ["get", "here"], 0, 0.42] },
  });
  view.addLayer("coverage", {
    id: "review-ground-lines",
    type: "line",
    source: GROUND,
    paint: { "line-color": "#ffffff", "line-opacity": 0.45, "line-width": 0.75 },
  });
  view.addLayer("coverage", {
    id: "review-ground-open",
    type: "line",
    source: GROUND,
    filter: [">", ["get", "unreviewed"], 0],
    paint: { "line-color": "#f2b632", "line-width": 1.5, "line-offset": 1.5, "line-dasharray": [3, 2] },
  });
  view.addLayer("coverage", {
    id: "review-ground-here",
    type: "line",
    source: GROUND,
    filter: ["get", "here"],
    paint: { "line-color": "#39c6ff", "line-width": 3 },
  });
  view.addSource(EARLIER, { type: "geojson", data: empty });
  view.addLayer("overlay", {
    id: "review-earlier",
    type: "line",
    source: EARLIER,
    paint: { "line-color": "#ff8ad1", "line-width": 2, "line-dasharray": [2, 2] },
  });
  view.addSource(CURRENT, { type: "geojson", data: empty });
  view.addLayer("overlay", {
    id: "review-current-casing",
    type: "line",
    source: CURRENT,
    layout: { "line-join": "round" },
    paint: { "line-color": "#10161d", "line-width": 5, "line-opacity": 0.75 },
  });
  view.addLayer("overlay", {
    id: "review-current",
    type: "line",
    source: CURRENT,
    layout: { "line-join": "round" },
    paint: { "line-color": "#ffd92e", "line-width": 2.5 },
  });
}

function setData(view: MapView, id: string, data: GeoJSON.FeatureCollection): void {
  view.map.getSource<GeoJSONSource>(id)?.setData(data);
}

/** During a review polygons are outlines by verdict, so that the scene is seen; then as before. */
function showOutlines(): () => void {
  let before: { colour: PolygonColour; fill: number } | null = null;
  const set = (wanted: { colour: PolygonColour; fill: number }) => change(polygonLayer, wanted);
  return effect(() => {
    const active = reviewing.value;
    if (active && !before) {
      const { colour, fill } = polygonLayer.peek();
      before = { colour, fill };
      set({ colour: "verdict", fill: 0 });
      // What the browser remembers is the user's own choice.
      remember("polygons.colour", colour);
      remember("polygons.fill", fill);
    } else if (!active && before) {
      set(before);
      before = null;
    }
  });
}

export function drawReview(): () => void {
  const stops = [
    showOutlines(),
    effect(() => {
      const view = mapView.value;
      if (view) addLayers(view);
    }),
    effect(() => {
      const view = mapView.value;
      if (!view) return;
      const shown = reviewing.value && outlineShown.value && editing.value?.kind !== "outline";
      setData(view, CURRENT, collection(shown ? (current.value?.geometry ?? null) : null));
    }),
    effect(() => {
      const view = mapView.value;
      if (view) setData(view, EARLIER, collection(reviewing.value ? earlier.value : null));
    }),
    effect(() => {
      const view = mapView.value;
      if (!view) return;
      const here = cell.value;
      const shown = reviewing.value && groundShown.value;
      const features = shown ? cells.value.map((one) => withHere(one, here)) : [];
      setData(view, GROUND, { type: "FeatureCollection", features });
    }),
  ];
  return () => stops.forEach((stop) => stop());
}

function withHere(one: GeoJSON.Feature<GeoJSON.Polygon, CoverageCell>, here: CoverageCell | null): GeoJSON.Feature {
  return { ...one, properties: { ...one.properties, here: here !== null && sameCell(one.properties, here) } };
}

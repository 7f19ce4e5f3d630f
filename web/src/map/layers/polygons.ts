/** Polygons: vector tiles as the model made them, changed outlines on top, what is selected. */

import { computed, effect, signal } from "@preact/signals";
import type { GeoJSONSource, LayerSpecification } from "maplibre-gl";

import { api } from "../../core/api";
import { detail, filter, inventory, overlay, selection } from "../../core/store";
import type { ReviewOverlay } from "../../core/types";
import { lineWidth, polygonColours, polygonFilter, polygonOpacity } from "../expressions";
import { polygonLayer, stateClasses } from "../layerState";
import { matches } from "../matches";
import type { MapView } from "../mapView";

export const TILES = "landslides";
export const CHANGED = "landslides-changed";
const SELECTED = "landslide-selected";
const TILE_LAYER = "landslides";
/** Further out a dark edge would hide the small polygons, and takes longest to draw. */
const HALO_ZOOM = 14;
const PARTS = ["fill", "halo", "line"] as const;
const EMPTY: GeoJSON.FeatureCollection = { type: "FeatureCollection", features: [] };

const reviewed = computed(() => overlay.value !== null || (inventory.value?.review ?? null) !== null);

/** Id of the polygon under the pointer, or that a panel points at. */
export const hovered = signal<number | null>(null);

/** Keep the polygons as the store and `layerState` have them. */
export function followPolygons(view: MapView): () => void {
  // Counts how often the layers were made anew: what depends on them is done again.
  const made = signal(0);
  addChangedOutlines(view);
  addSelection(view);
  const stops = [
    followRestored(view, made),
    followTiles(view, made),
    followPaint(view, made),
    followFilter(view, made),
    followOverlay(view, made),
    followSelected(view, made),
    followPointer(view),
  ];
  return () => stops.forEach((stop) => stop());
}

const outline = (id: string, source: string, extra: object): LayerSpecification[] => [
  // The line is over the fill's edge.
  { id: `${id}-fill`, type: "fill", source, ...extra, paint: { "fill-antialias": false } },
  {
    id: `${id}-halo`,
    type: "line",
    source,
    ...extra,
    minzoom: HALO_ZOOM,
    paint: { "line-color": "#0c1116" },
  },
  { id: `${id}-line`, type: "line", source, ...extra, paint: {} },
];

function addChangedOutlines(view: MapView): void {
  view.addSource(CHANGED, { type: "geojson", data: EMPTY, promoteId: "id", tolerance: 0.1 });
  for (const layer of outline(CHANGED, CHANGED, {})) view.addLayer("overlay", layer);
  view.pickable.add(`${CHANGED}-fill`);
  view.pickable.add(`${CHANGED}-line`);
}

function addSelection(view: MapView): void {
  view.addSource(SELECTED, { type: "geojson", data: EMPTY, tolerance: 0.1 });
  view.addLayer("overlay", {
    id: `${SELECTED}-halo`,
    type: "line",
    source: SELECTED,
    layout: { "line-join": "round" },
    paint: { "line-color": "#0c1116", "line-width": 5, "line-opacity": 0.75 },
  });
  view.addLayer("overlay", {
    id: `${SELECTED}-line`,
    type: "line",
    source: SELECTED,
    layout: { "line-join": "round" },
    paint: { "line-color": "#ffffff", "line-width": 2.5 },
  });
}

function followRestored(view: MapView, made: { value: number; peek: () => number }): () => void {
  let wasLost = false;
  return effect(() => {
    const lost = view.lost.value;
    if (wasLost && !lost) made.value = made.peek() + 1;
    wasLost = lost;
  });
}

function followTiles(view: MapView, made: { value: number; peek: () => number }): () => void {
  const tiles = computed(() => {
    const chosen = inventory.value;
    return chosen?.tiles_ready && chosen.count > 0
      ? JSON.stringify([chosen.id, chosen.bounds, chosen.min_zoom, chosen.max_zoom])
      : "";
  });
  return effect(() => {
    if (tiles.value === "") {
      view.removeSource(TILES);
      return;
    }
    const chosen = inventory.peek()!;
    view.addSource(TILES, {
      type: "vector",
      tiles: [api.vectorTiles(chosen.id)],
      bounds: chosen.bounds,
      minzoom: chosen.min_zoom,
      maxzoom: chosen.max_zoom,
      promoteId: { [TILE_LAYER]: "id" },
    });
    for (const layer of outline(TILES, TILES, { "source-layer": TILE_LAYER })) view.addLayer("polygons", layer);
    view.pickable.add(`${TILES}-fill`);
    view.pickable.add(`${TILES}-line`);
    made.value = made.peek() + 1;
  });
}

function followPaint(view: MapView, made: { value: number }): () => void {
  return effect(() => {
    void made.value;
    const { shown, colour, fill, width } = polygonLayer.value;
    const { verdict } = filter.value;
    for (const name of [TILES, CHANGED]) {
      if (!view.map.getLayer(`${name}-fill`)) continue;
      const own = name === CHANGED || !reviewed.value;
      const colours = polygonColours(colour, stateClasses.value, own);
      for (const part of PARTS) view.map.setLayoutProperty(`${name}-${part}`, "visibility", shown ? "visible" : "none");
      view.map.setPaintProperty(`${name}-fill`, "fill-color", colours);
      view.map.setPaintProperty(`${name}-fill`, "fill-opacity", polygonOpacity(fill, verdict, own));
      view.map.setPaintProperty(`${name}-halo`, "line-width", width + 2);
      view.map.setPaintProperty(`${name}-halo`, "line-opacity", polygonOpacity(0.4, verdict, own));
      view.map.setPaintProperty(`${name}-line`, "line-color", colours);
      view.map.setPaintProperty(`${name}-line`, "line-opacity", polygonOpacity(1, verdict, own));
      view.map.setPaintProperty(`${name}-line`, "line-width", lineWidth(width));
    }
    view.isShown = (polygon) => {
      if (polygon.state["hidden"] === true) return false;
      const own = polygon.source === CHANGED || !reviewed.peek() ? polygon.properties["verdict"] : undefined;
      return verdict === undefined || (polygon.state["verdict"] ?? own ?? "unreviewed") === verdict;
    };
  });
}

/** Leave out what the filter does not select. */
function followFilter(view: MapView, made: { value: number }): () => void {
  return effect(() => {
    void made.value;
    const rules = polygonFilter(matches.value, filter.value.provenance);
    for (const name of [TILES, CHANGED]) {
      if (!view.map.getLayer(`${name}-fill`)) continue;
      for (const part of PARTS) view.map.setFilter(`${name}-${part}`, rules, { validate: false });
    }
  });
}

const tile = (id: number) => ({ source: TILES, sourceLayer: TILE_LAYER, id });
const changed = (id: number) => ({ source: CHANGED, id });

/** Verdicts and hidden polygons as states of the tiles' features: no tile is made again. */
function followOverlay(view: MapView, made: { value: number }): () => void {
  let before: ReviewOverlay | null = null;
  let source = 0;
  return effect(() => {
    const now = overlay.value;
    const anew = made.value !== source;
    source = made.value;
    view.map.getSource<GeoJSONSource>(CHANGED)?.setData(now?.features ?? EMPTY);
    if (!view.map.getSource(TILES)) return;
    const states = (of: ReviewOverlay | null) => {
      const found = new Map<number, { verdict?: string; hidden?: boolean }>();
      for (const id of of?.verdicts.accepted ?? []) found.set(id, { verdict: "accepted" });
      for (const id of of?.verdicts.rejected ?? []) found.set(id, { verdict: "rejected" });
      for (const id of [...(of?.removed ?? []), ...(of?.replaced ?? [])]) found.set(id, { hidden: true });
      return found;
    };
    const [old, current] = [states(anew ? null : before), states(now)];
    for (const [id, state] of old) {
      if (!current.has(id)) {
        for (const key of Object.keys(state)) view.map.removeFeatureState(tile(id), key);
      }
    }
    for (const [id, state] of current) {
      const known = old.get(id);
      if (known?.verdict === state.verdict && known?.hidden === state.hidden) continue;
      view.map.setFeatureState(tile(id), { verdict: state.verdict ?? null, hidden: state.hidden ?? false });
    }
    before = now;
  });
}

function followSelected(view: MapView, made: { value: number }): () => void {
  let before: readonly number[] = [];
  const stopStates = effect(() => {
    void made.value;
    const now = selection.value;
    mark(view, before.filter((id) => !now.includes(id)), "selected", false);
    mark(view, now, "selected", true);
    before = now;
  });
  const stopOutline = effect(() => {
    const shown = detail.value;
    const data = shown ? { type: "Feature" as const, geometry: shown.geometry, properties: {} } : EMPTY;
    view.map.getSource<GeoJSONSource>(SELECTED)?.setData(data);
  });
  let pointed: number | null = null;
  const stopHover = effect(() => {
    void made.value;
    if (pointed !== null) mark(view, [pointed], "hovered", false);
    pointed = hovered.value;
    if (pointed !== null) mark(view, [pointed], "hovered", true);
  });
  return () => [stopStates, stopOutline, stopHover].forEach((stop) => stop());
}

function mark(view: MapView, ids: readonly number[], key: string, value: boolean): void {
  for (const id of ids) {
    if (view.map.getSource(TILES)) view.map.setFeatureState(tile(id), { [key]: value });
    view.map.setFeatureState(changed(id), { [key]: value });
  }
}

/** The polygon under the pointer is marked, at most once for each frame. */
function followPointer(view: MapView): () => void {
  let frame = 0;
  const canvas = view.map.getCanvas();
  const leave = () => {
    cancelAnimationFrame(frame);
    hovered.value = null;
  };
  view.map.on("mouseout", leave);
  view.map.on("mousemove", (event) => {
    cancelAnimationFrame(frame);
    if (!view.picking || view.map.isMoving()) return;
    frame = requestAnimationFrame(() => {
      const id = view.polygonAt(event.point);
      hovered.value = id;
      canvas.style.cursor = id === null ? "" : "pointer";
    });
  });
  return leave;
}

/** The one map of the page: its layers in order, its view and what is picked on it. */

import { signal } from "@preact/signals";
import {
  Map as MapLibreMap,
  setWorkerUrl,
  type LayerSpecification,
  type MapGeoJSONFeature,
  type MapMouseEvent,
  type SourceSpecification,
} from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?url";

import { notify } from "../core/notify";
import type { Bounds } from "../core/types";
import { t } from "../i18n";

// A file of this server: no blob: or data: workers, which the content security policy forbids.
setWorkerUrl(workerUrl);

const REPORT_MS = 15_000;
/** A browser that takes the graphics away gives them back sooner, unless it never does. */
const RESTORE_MS = 10_000;

/** From below to above. */
export const GROUPS = [
  "basemap",
  "scenes",
  "probability",
  "coverage",
  "polygons",
  "overlay",
  "drawing",
  "sample",
] as const;
export type Group = (typeof GROUPS)[number];

/** Layers of a group are added below this (empty) layer. */
export const endOf = (group: Group): string => `end-${group}`;

export interface Pick {
  id: number;
  /** With Shift: add to what is selected, or take from it. */
  more: boolean;
}

export class MapView {
  readonly map: MapLibreMap;
  /** Whether a click selects polygons; off while something is drawn. */
  picking = true;
  /** Pixels at its edges that cards and sheets are over. */
  covered: () => { right: number; bottom: number } = () => ({ right: 0, bottom: 0 });
  /** Whether a polygon is to be seen: some are on the map and clear. */
  isShown: (polygon: MapGeoJSONFeature) => boolean = () => true;
  /** Layers whose features have polygon ids. */
  readonly pickable = new Set<string>();
  /** Whether the browser has taken the graphics away, as phones do with pages in the background. Once
   * it gives them back sources and layers are as before, and states of features are gone. */
  readonly lost = signal(false);
  private readonly listeners = new Set<(pick: Pick | null) => void>();

  constructor(map: MapLibreMap) {
    this.map = map;
    map.on("click", (event) => {
      if (!this.picking) return;
      const id = this.polygonAt(event.point);
      const pick = id === null ? null : { id, more: event.originalEvent.shiftKey };
      for (const listener of this.listeners) listener(pick);
    });
    let waiting: ReturnType<typeof setTimeout> | undefined;
    map.on("webglcontextlost", () => {
      this.lost.value = true;
      waiting = setTimeout(() => notify("error", t("map.lost")), RESTORE_MS);
    });
    map.on("webglcontextrestored", () => {
      clearTimeout(waiting);
      map.once("style.load", () => {
        this.lost.value = false;
      });
    });
  }

  /** Id of the topmost polygon at a place on the screen, within a few pixels of it. */
  polygonAt(point: MapMouseEvent["point"], reach = 3): number | null {
    const layers = [...this.pickable].filter((id) => this.map.getLayer(id));
    if (layers.length === 0) return null;
    const around: [[number, number], [number, number]] = [
      [point.x - reach, point.y - reach],
      [point.x + reach, point.y + reach],
    ];
    for (const place of [point, around]) {
      const hits = this.map.queryRenderedFeatures(place, { layers });
      const id = hits.find((hit) => this.isShown(hit))?.id;
      if (id !== undefined) return Number(id);
    }
    return null;
  }

  /** Called with each click: the polygon that was hit, or null. Returns what removes it. */
  onSelect(listener: (pick: Pick | null) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Add a source, in place of one of the same id; layers of that one are removed. */
  addSource(id: string, source: SourceSpecification): void {
    this.removeSource(id);
    this.map.addSource(id, source);
  }

  removeSource(id: string): void {
    if (!this.map.getSource(id)) return;
    for (const layer of this.map.getStyle().layers) {
      if ("source" in layer && layer.source === id) this.map.removeLayer(layer.id);
    }
    this.map.removeSource(id);
  }

  /** Add a layer as the topmost of its group, in place of one of the same id. */
  addLayer(group: Group, layer: LayerSpecification): void {
    this.removeLayer(layer.id);
    this.map.addLayer(layer, endOf(group));
  }

  removeLayer(id: string): void {
    if (this.map.getLayer(id)) this.map.removeLayer(id);
  }

  /** Show a place whole, clear of what is over the map. */
  fitTo(bounds: Bounds, options: { maxZoom?: number; animate?: boolean } = {}): void {
    const [west, south, east, north] = bounds;
    const { clientWidth: width, clientHeight: height } = this.map.getContainer();
    const covered = this.covered();
    const room = Math.min(width - covered.right, height - covered.bottom);
    const margin = Math.max(8, Math.min(60, room / 8));
    this.map.fitBounds(
      [
        [west, south],
        [east, north],
      ],
      {
        padding: { top: margin, left: margin, right: margin + covered.right, bottom: margin + covered.bottom },
        maxZoom: options.maxZoom ?? 17,
        animate: options.animate ?? true,
        duration: 500,
        linear: false,
      },
    );
  }
}

/** The map once its style is loaded; null before. */
export const mapView = signal<MapView | null>(null);

/** Make the map in an element. `mapView` is set when layers can be added. */
export function makeMap(
  container: HTMLElement,
  view: { center: [number, number]; zoom: number } | null,
  locale: Record<string, string>,
): () => void {
  const map = new MapLibreMap({
    container,
    locale,
    style: {
      version: 8,
      sources: {},
      layers: GROUPS.map((group) => ({
        id: endOf(group),
        type: "background",
        layout: { visibility: "none" },
      })),
    },
    center: view?.center ?? [0, 20],
    zoom: view?.zoom ?? 1.5,
    maxZoom: 22,
    maxPitch: 0,
    dragRotate: false,
    pitchWithRotate: false,
    touchPitch: false,
    attributionControl: false,
    fadeDuration: 0,
    refreshExpiredTiles: false,
  });
  map.touchZoomRotate.disableRotation();
  map.keyboard.disableRotation();
  let reported = 0;
  map.on("error", ({ error }) => {
    // An empty answer is a tile without data.
    if (/^Could not load image|abort/i.test(error.message)) return;
    console.warn(error);
    if (Date.now() - reported > REPORT_MS) notify("error", t("map.error"));
    reported = Date.now();
  });
  map.once("style.load", () => {
    mapView.value = new MapView(map);
  });
  return () => {
    mapView.value = null;
    map.remove();
  };
}

/** The one map of the page: its layers in order, its view and what is picked on it. */

import { signal } from "@preact/signals";
import {
  Map as MapLibreMap,
  setWorkerUrl,
  type LayerSpecification,
  type MapMouseEvent,
  type SourceSpecification,
} from "maplibre-gl";
import workerUrl from "maplibre-gl/dist/maplibre-gl-worker.mjs?url";

import type { Bounds } from "../core/types";

// A file of this server: no blob: or data: workers, which the content security policy forbids.
setWorkerUrl(workerUrl);

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
  /** Layers whose features have polygon ids. */
  readonly pickable = new Set<string>();
  private readonly listeners = new Set<(pick: Pick | null) => void>();

  constructor(map: MapLibreMap) {
    this.map = map;
    map.on("click", (event) => {
      if (!this.picking) return;
      const id = this.polygonAt(event.point);
      const pick = id === null ? null : { id, more: event.originalEvent.shiftKey };
      for (const listener of this.listeners) listener(pick);
    });
  }

  /** Id of the topmost polygon at a place on the screen, within a few pixels of it. */
  polygonAt(point: MapMouseEvent["point"], reach = 3): number | null {
    const layers = [...this.pickable].filter((id) => this.map.getLayer(id));
    if (layers.length === 0) return null;
    const exact = this.map.queryRenderedFeatures(point, { layers });
    const near = exact.length
      ? exact
      : this.map.queryRenderedFeatures(
          [
            [point.x - reach, point.y - reach],
            [point.x + reach, point.y + reach],
          ],
          { layers },
        );
    const id = near[0]?.id ?? near[0]?.properties["id"];
    return id === undefined ? null : Number(id);
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

  /** Show a place whole. The map's padding keeps it clear of what lies over the map. */
  fitTo(bounds: Bounds, options: { maxZoom?: number; animate?: boolean } = {}): void {
    const [west, south, east, north] = bounds;
    const room = Math.min(this.map.getContainer().clientWidth, this.map.getContainer().clientHeight);
    this.map.fitBounds(
      [
        [west, south],
        [east, north],
      ],
      {
        padding: Math.max(8, Math.min(60, room / 8)),
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
  map.once("style.load", () => {
    mapView.value = new MapView(map);
  });
  return () => {
    mapView.value = null;
    map.remove();
  };
}

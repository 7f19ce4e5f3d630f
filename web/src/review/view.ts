/** Where the map goes during a review, and what is selected on it. */

import { batch, effect, signal } from "@preact/signals";
import type { MapMouseEvent } from "maplibre-gl";

import { select, selection } from "../core/store";
import { shownScene } from "../map/layerState";
import { mapView, type MapView } from "../map/mapView";
import { cells, groundShown, toggleCell } from "./coverage";
import { editing } from "./editing";
import { boundsOf, padded } from "./geometry";
import { cellAt } from "./ground";
import { earlier, outlineShown } from "./layers";
import { current, reviewing } from "./session";

/** Levels beyond the scene's own pixels to which a small polygon is enlarged: its surroundings stay. */
const BEYOND_PIXELS = 1.25;
/** Room around the polygon, as a share of its extent, so that its surroundings are seen. */
export const ROOM = 0.35;

/** Whether the map goes to what is judged. */
export const following = signal(true);

/** A raster's zooms are those of tiles of 256 pixels: the map's zoom is one less. */
export const mostZoom = () => Math.min(21, (shownScene.peek()?.max_zoom ?? 18) - 1 + BEYOND_PIXELS);

export function showCurrent(): void {
  const polygon = current.peek();
  if (!polygon) return;
  mapView.peek()?.fitTo(padded(boundsOf(polygon.geometry), ROOM), { maxZoom: mostZoom(), animate: false });
}

export function followView(): () => void {
  let shown: number | null = null;
  const stops = [
    effect(() => {
      const id = current.value?.id ?? null;
      if (!reviewing.value || !mapView.value) {
        shown = null;
        return;
      }
      if (id === null || id === shown) return;
      shown = id;
      batch(() => {
        outlineShown.value = true;
        earlier.value = null;
      });
      if (following.peek() && !groundShown.peek() && !editing.peek()) showCurrent();
    }),
    effect(() => {
      const view = mapView.value;
      if (view && reviewing.value) return selectByBox(view);
    }),
    effect(() => {
      const view = mapView.value;
      if (!view || !reviewing.value || !groundShown.value) return;
      const click = (event: MapMouseEvent) => {
        if (editing.peek() || event.originalEvent.shiftKey) return;
        if (view.polygonAt(event.point) !== null) return;
        const one = cellAt(cells.peek(), [event.lngLat.lng, event.lngLat.lat]);
        if (one) void toggleCell(one);
      };
      view.map.on("click", click);
      return () => view.map.off("click", click);
    }),
  ];
  return () => stops.forEach((stop) => stop());
}

/** Shift and a dragged box select the polygons that are seen in it. */
function selectByBox(view: MapView): () => void {
  const { map } = view;
  map.boxZoom.disable();
  const place = map.getCanvasContainer();
  let from: { x: number; y: number } | null = null;
  let box: HTMLElement | null = null;

  const at = (event: PointerEvent) => {
    const edge = place.getBoundingClientRect();
    return { x: event.clientX - edge.left, y: event.clientY - edge.top };
  };
  const down = (event: PointerEvent) => {
    if (!event.shiftKey || event.button !== 0 || editing.peek()) return;
    from = at(event);
    map.dragPan.disable();
  };
  const move = (event: PointerEvent) => {
    if (!from) return;
    const to = at(event);
    if (!box && Math.hypot(to.x - from.x, to.y - from.y) < 5) return;
    box ??= place.appendChild(Object.assign(document.createElement("div"), { className: "selection-box" }));
    box.style.transform = `translate(${Math.min(from.x, to.x)}px, ${Math.min(from.y, to.y)}px)`;
    box.style.width = `${Math.abs(to.x - from.x)}px`;
    box.style.height = `${Math.abs(to.y - from.y)}px`;
  };
  const up = (event: PointerEvent) => {
    if (!from) return;
    const [start, end] = [from, at(event)];
    from = null;
    map.dragPan.enable();
    if (!box) return;
    box.remove();
    box = null;
    const layers = [...view.pickable].filter((id) => map.getLayer(id));
    const found = map.queryRenderedFeatures([[start.x, start.y], [end.x, end.y]], { layers });
    const ids = found.map((feature) => Number(feature.id ?? feature.properties["id"]));
    const all = [...new Set([...selection.peek(), ...ids])];
    // The click that follows picks nothing.
    view.picking = false;
    setTimeout(() => (view.picking = editing.peek() === null), 50);
    if (ids.length > 0) select(all);
  };
  place.addEventListener("pointerdown", down);
  window.addEventListener("pointermove", move);
  window.addEventListener("pointerup", up);
  return () => {
    map.boxZoom.enable();
    place.removeEventListener("pointerdown", down);
    window.removeEventListener("pointermove", move);
    window.removeEventListener("pointerup", up);
    box?.remove();
  };
}

/** Basemap, scene, probability, and mask or states. */

import { effect } from "@preact/signals";

import { api } from "../../core/api";
import { raster, workspace } from "../../core/store";
import { PROBABILITY_ENCODING, probabilityColours } from "../expressions";
import { basemapLayer, classLayer, probabilityLayer, renderingOf, sceneLayer } from "../layerState";
import type { MapView } from "../mapView";
import { sceneTiles } from "../rendering";
import { rasterBounds, RasterSlot } from "./raster";

const SETTLE_MS = 180;

/** Keep them as `layerState` has them. */
export function followRasters(view: MapView): () => void {
  const stops = [basemap(view), scene(view), probability(view), classes(view)];
  return () => stops.forEach((stop) => stop());
}

function basemap(view: MapView): () => void {
  const slot = new RasterSlot(view, "basemap", "basemap");
  let shown: string | null = null;
  return effect(() => {
    const address = basemapLayer.value.shown ? (workspace.value?.basemap ?? null) : null;
    const opacity = basemapLayer.value.opacity;
    if (address !== shown) {
      shown = address;
      if (address === null) slot.hide();
      else slot.show({ type: "raster", tiles: [address], tileSize: 256 }, { type: "raster" });
    }
    if (slot.layer) view.map.setPaintProperty(slot.layer, "raster-opacity", opacity);
  });
}

function scene(view: MapView): () => void {
  const slot = new RasterSlot(view, "scenes", "scene");
  let [shownId, shownTiles]: (string | null)[] = [null, null];
  let settling: ReturnType<typeof setTimeout> | undefined;
  const stop = effect(() => {
    const { id, shown, opacity } = sceneLayer.value;
    const image = shown ? raster(id) : null;
    clearTimeout(settling);
    if (!image) {
      slot.hide();
      shownId = shownTiles = null;
      return;
    }
    const tiles = sceneTiles(image, renderingOf(image));
    const show = () => {
      shownId = image.id;
      shownTiles = tiles;
      slot.show(
        { type: "raster", tiles: [tiles], ...rasterBounds(image) },
        { type: "raster", paint: { "raster-fade-duration": 0, "raster-opacity": sceneLayer.peek().opacity } },
      );
    };
    if (image.id !== shownId) show();
    // A slider that moves asks once, when it rests.
    else if (tiles !== shownTiles) settling = setTimeout(show, SETTLE_MS);
    if (slot.layer) view.map.setPaintProperty(slot.layer, "raster-opacity", opacity);
  });
  return () => {
    clearTimeout(settling);
    stop();
  };
}

function probability(view: MapView): () => void {
  const slot = new RasterSlot(view, "probability", "probability");
  let shownId: string | null = null;
  return effect(() => {
    const { id, shown, opacity, threshold } = probabilityLayer.value;
    const image = shown ? raster(id) : null;
    if (image?.id !== shownId) {
      shownId = image?.id ?? null;
      if (!image) slot.hide();
      else {
        slot.show(
          { type: "raster-dem", tiles: [api.rasterTiles(image.id)], ...PROBABILITY_ENCODING, ...rasterBounds(image) },
          { type: "color-relief" },
        );
      }
    }
    if (!slot.layer) return;
    view.map.setPaintProperty(slot.layer, "color-relief-color", probabilityColours(threshold));
    view.map.setPaintProperty(slot.layer, "color-relief-opacity", opacity);
  });
}

function classes(view: MapView): () => void {
  const slot = new RasterSlot(view, "probability", "classes");
  let shownId: string | null = null;
  return effect(() => {
    const { id, shown, opacity } = classLayer.value;
    const image = shown ? raster(id) : null;
    if (image?.id !== shownId) {
      shownId = image?.id ?? null;
      if (!image) slot.hide();
      else {
        slot.show(
          { type: "raster", tiles: [api.rasterTiles(image.id)], ...rasterBounds(image) },
          { type: "raster", paint: { "raster-fade-duration": 0, "raster-resampling": "nearest" } },
        );
      }
    }
    if (slot.layer) view.map.setPaintProperty(slot.layer, "raster-opacity", opacity);
  });
}

/** The dates of a series: choosing one shows its image, its states and its inventory. */

import { batch, computed, signal } from "@preact/signals";

import { chooseInventory, inventory, inventoryId, raster, workspace } from "../core/store";
import type { Series } from "../core/types";
import { change, classLayer, sceneLayer } from "./layerState";

export const seriesId = signal<string | null>(null);

export const series = computed<Series | null>(() => {
  const all = (workspace.value?.series ?? []).filter((one) => one.dates.length > 1);
  return all.find((one) => one.id === seriesId.value) ?? all[0] ?? null;
});

/** Place of the date that is shown; null: what is shown is of no date of the series. */
export const dateIndex = computed<number | null>(() => {
  const dates = series.value?.dates ?? [];
  const [scene, classes, polygons] = [sceneLayer.value.id, classLayer.value.id, inventoryId.value];
  const has = (ids: readonly string[], id: string | null) => id !== null && ids.includes(id);
  const tests: ((date: Series["dates"][number]) => boolean)[] = [
    (date) => has(date.raster_ids, scene),
    (date) => classLayer.value.shown && has(date.raster_ids, classes),
    (date) => has(date.inventory_ids, polygons),
    (date) => date.date === inventory.value?.date,
  ];
  for (const test of tests) {
    const found = dates.findIndex(test);
    if (found >= 0) return found;
  }
  return null;
});

export function showDate(index: number): void {
  const date = series.peek()?.dates[index];
  if (!date) return;
  const rasters = date.raster_ids.map(raster).filter((one) => one !== null);
  batch(() => {
    const polygons = date.inventory_ids[0];
    if (polygons && inventoryId.peek() !== polygons) chooseInventory(polygons);
    const scene = rasters.find((one) => one.kind === "scene");
    if (scene) change(sceneLayer, { id: scene.id, shown: true });
    const classes = rasters.find((one) => one.kind === "states") ?? rasters.find((one) => one.kind === "mask");
    if (classes) change(classLayer, { id: classes.id });
  });
}

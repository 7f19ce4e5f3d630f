/** Two images side by side under a line that moves: what is on its right. */

import { computed, signal } from "@preact/signals";

import { raster } from "../core/store";
import type { Raster } from "../core/types";
import { rastersOf, renderingOf, sceneLayer } from "./layerState";
import { composites, type Composite } from "./rendering";

export interface CompareTarget {
  raster: Raster;
  /** How a scene is composed there; null: another kind of raster. */
  composite: Composite | null;
}

export const comparing = signal(false);
/** From 0 (left) to 1. */
export const dividerAt = signal(0.5);
/** `id` or `id:composite`; null: the first that there is. */
export const compareChoice = signal<string | null>(null);

/** All that can be compared with what is shown. */
export const compareTargets = computed<{ key: string; target: CompareTarget }[]>(() => {
  const left = raster(sceneLayer.value.id);
  const now = left ? renderingOf(left).composite : null;
  const scenes = rastersOf("scene").flatMap((scene) =>
    composites(scene)
      .filter((one) => one !== "band" && !(scene.id === left?.id && one === now))
      .map((composite) => ({ key: `${scene.id}:${composite}`, target: { raster: scene, composite } })),
  );
  const others = rastersOf("probability", "states", "mask").map((one) => ({
    key: one.id,
    target: { raster: one, composite: null },
  }));
  const order = (one: { target: CompareTarget }) =>
    one.target.composite === null ? 2 : one.target.raster.id === left?.id ? 1 : 0;
  return [...scenes, ...others].sort((a, b) => order(a) - order(b));
});

export const compareTarget = computed(
  () =>
    compareTargets.value.find((one) => one.key === compareChoice.value) ?? compareTargets.value[0] ?? null,
);

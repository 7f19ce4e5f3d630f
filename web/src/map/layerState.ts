/** What the map shows, and how. */

import { batch, computed, effect, signal } from "@preact/signals";

import { inventory, raster, workspace } from "../core/store";
import { isNumber, oneOf, remember, remembered } from "../core/storage";
import type { Raster, RasterKind } from "../core/types";
import type { ClassColour, PolygonColour } from "./expressions";
import { defaultRendering, type Rendering } from "./rendering";
import { STATE_COLOURS } from "./states";

interface RasterLayer {
  /** Raster that is shown; null: none. */
  id: string | null;
  shown: boolean;
  /** From 0 to 1. */
  opacity: number;
}

export const sceneLayer = signal<RasterLayer>({ id: null, shown: true, opacity: 1 });
export const probabilityLayer = signal<RasterLayer & { threshold: number }>({
  id: null,
  shown: false,
  opacity: 0.75,
  threshold: 0.5,
});
/** Mask or states. */
export const classLayer = signal<RasterLayer>({ id: null, shown: false, opacity: 0.7 });
export const basemapLayer = signal({ shown: true, opacity: 1 });
export const polygonLayer = signal<{ shown: boolean; colour: PolygonColour; fill: number; width: number }>({
  shown: true,
  colour: remembered("polygons.colour", "confidence", oneOf("confidence", "verdict", "state", "plain")),
  fill: remembered("polygons.fill", 0.25, isNumber),
  width: remembered("polygons.width", 1.75, isNumber),
});
effect(() => {
  remember("polygons.colour", polygonLayer.value.colour);
  remember("polygons.fill", polygonLayer.value.fill);
  remember("polygons.width", polygonLayer.value.width);
});

const renderings = signal<Readonly<Record<string, Rendering>>>({});

/** The dates of a series are rendered alike. */
function renderingKey(of: Raster): string {
  const all = workspace.peek()?.series ?? [];
  return all.find((one) => one.dates.some((date) => date.raster_ids.includes(of.id)))?.id ?? of.id;
}

export function renderingOf(of: Raster): Rendering {
  return renderings.value[renderingKey(of)] ?? defaultRendering(of);
}

export function setRendering(of: Raster, changed: Partial<Rendering>): void {
  const key = renderingKey(of);
  const before = renderings.peek()[key] ?? defaultRendering(of);
  renderings.value = { ...renderings.peek(), [key]: { ...before, ...changed } };
}

let thresholdIsChosen = false;

export function setThreshold(threshold: number): void {
  thresholdIsChosen = true;
  change(probabilityLayer, { threshold });
}

export const rastersOf = (...kinds: RasterKind[]): Raster[] =>
  (workspace.value?.rasters ?? []).filter((one) => kinds.includes(one.kind));

export const shownScene = computed(() => raster(sceneLayer.value.id));

/** Change part of a layer's state. */
export function change<T extends object>(layer: { value: T; peek: () => T }, changed: Partial<T>): void {
  layer.value = { ...layer.peek(), ...changed };
}

/** Colours of an inventory's states; none where its polygons have no state. */
export const stateClasses = computed<ClassColour[]>(() => {
  if (!inventory.value?.fields.some((field) => field.name === "state")) return [];
  return Object.entries(STATE_COLOURS).map(([value, colour]) => ({ value, colour }));
});

/** What may be shown as the image: scenes, and after them what has numbers that are stretched alike. */
export const images = computed(() => [...rastersOf("scene"), ...rastersOf("elevation", "other")]);

/** The image that an inventory was made from, or the first that there is. */
function sceneFor(sceneId: string | null): string | null {
  const scenes = rastersOf("scene");
  const usual = scenes.find((one) => one.bands.length > 2) ?? images.value[0];
  return (scenes.find((one) => one.id === sceneId) ?? usual)?.id ?? null;
}

/** Show what belongs to the chosen inventory whenever another one is chosen. */
export function followInventory(): () => void {
  let known: string | null | undefined;
  return effect(() => {
    if (!workspace.value) return;
    const chosen = inventory.value;
    if (known === (chosen?.id ?? null)) {
      if (sceneLayer.peek().id === null) change(sceneLayer, { id: sceneFor(chosen?.scene_id ?? null) });
      return;
    }
    const first = known === undefined;
    known = chosen?.id ?? null;
    const scene = sceneFor(chosen?.scene_id ?? null);
    const probabilities = rastersOf("probability");
    const probability =
      probabilities.find((one) => one.id === chosen?.probability_id) ??
      probabilities.find((one) => one.scene_id !== null && one.scene_id === scene) ??
      (chosen ? undefined : probabilities[0]);
    const classes = [...rastersOf("states"), ...rastersOf("mask")];
    const ofScene = classes.find((one) => one.scene_id === scene && scene !== null) ?? classes[0];
    batch(() => {
      if (!first || sceneLayer.peek().id === null) change(sceneLayer, { id: scene });
      // What the address says comes first.
      if (!first || probabilityLayer.peek().id === null) change(probabilityLayer, { id: probability?.id ?? null });
      if (!first || !thresholdIsChosen) {
        change(probabilityLayer, { threshold: chosen?.threshold ?? probability?.threshold ?? 0.5 });
      }
      if (!first || classLayer.peek().id === null) change(classLayer, { id: ofScene?.id ?? null });
    });
  });
}

/** The state of the page, as signals. Panels read it; actions that change it are below. */

import { batch, computed, effect, signal } from "@preact/signals";

import { api, ApiError } from "./api";
import { preferredInventory } from "./preferred";
import { withCommonLimits } from "./seriesLimits";
import { isText, oneOf, persistent } from "./storage";
import type { FeatureDetail, FeatureQuery, Inventory, Raster, ReviewOverlay, ReviewSummary, Workspace } from "./types";

export type Language = "en" | "zh";
export type Theme = "auto" | "light" | "dark";

const browserLanguage: Language =
  typeof navigator !== "undefined" && navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en";

export const language = persistent<Language>("language", browserLanguage, oneOf("en", "zh"));
export const theme = persistent<Theme>("theme", "auto", oneOf("auto", "light", "dark"));
/** Name under which changes are made; empty: not asked yet. */
export const author = persistent("author", "", isText);

export const workspace = signal<Workspace | null>(null);
/** Why the folder could not be listed; null: it could. */
export const workspaceError = signal<ApiError | null>(null);

export const inventoryId = signal<string | null>(null);
export const inventory = computed<Inventory | null>(
  () => workspace.value?.inventories.find((one) => one.id === inventoryId.value) ?? null,
);

/** Ids of the selected polygons, the last selected last. */
export const selection = signal<readonly number[]>([]);
export const selected = computed<number | null>(() => selection.value.at(-1) ?? null);
/** Everything about the selected polygon; null: none, or not loaded yet. */
export const detail = signal<FeatureDetail | null>(null);

/** What the table and the map show of the inventory. */
export const filter = signal<FeatureQuery>({});
export const filtering = computed(() => Object.keys(filter.value).length > 0);

/** Outlines and verdicts that differ from the vector tiles; null: no review yet. */
export const overlay = signal<ReviewOverlay | null>(null);
/** Number of the newest change that the page knows of. */
export const revision = computed(() => overlay.value?.revision ?? 0);

export const raster = (id: string | null): Raster | null =>
  workspace.value?.rasters.find((one) => one.id === id) ?? null;

export async function loadWorkspace(): Promise<void> {
  try {
    const loaded = withCommonLimits(await api.workspace());
    batch(() => {
      workspace.value = loaded;
      workspaceError.value = null;
      if (!loaded.inventories.some((one) => one.id === inventoryId.value)) {
        chooseInventory(preferredInventory(loaded.inventories));
      } else if (overlay.peek() === null && inventory.peek()?.review) void loadOverlay();
    });
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    workspaceError.value = error;
  }
}

export function chooseInventory(id: string | null): void {
  if (id === inventoryId.peek()) return;
  batch(() => {
    inventoryId.value = id;
    selection.value = [];
    detail.value = null;
    filter.value = {};
    overlay.value = null;
  });
  if (inventory.peek()?.review) void loadOverlay();
}

/** Put one polygon's inventory, as the server has it now, into the workspace. */
export async function reloadInventory(id: string): Promise<void> {
  replaceInventory(await api.inventory(id));
}

/** Note that the review of an inventory has begun: what needs one may be chosen from now on. */
export function noteReview(id: string, review: ReviewSummary): void {
  const known = workspace.peek()?.inventories.find((one) => one.id === id);
  if (known) replaceInventory({ ...known, review });
}

function replaceInventory(inventory: Inventory): void {
  const known = workspace.peek();
  if (!known) return;
  workspace.value = {
    ...known,
    inventories: known.inventories.map((one) => (one.id === inventory.id ? inventory : one)),
  };
}

/** Get the newest state of the review. Call it after changes that others made. */
export async function loadOverlay(): Promise<void> {
  const id = inventoryId.peek();
  if (id === null) return;
  try {
    const loaded = await api.overlay(id);
    if (inventoryId.peek() === id) overlay.value = loaded;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    // 404: nobody has reviewed this inventory yet.
    if (inventoryId.peek() === id && error.problem.status === 404) overlay.value = null;
  }
}

export function select(ids: readonly number[]): void {
  const same = ids.length === selection.peek().length && ids.every((id, i) => id === selection.peek()[i]);
  if (!same) selection.value = ids;
}

/** Get the selected polygon again, after it was changed. */
export async function loadDetail(): Promise<void> {
  const [id, feature] = [inventoryId.peek(), selected.peek()];
  if (id === null || feature === null) {
    detail.value = null;
    return;
  }
  try {
    const loaded = await api.feature(id, feature);
    if (inventoryId.peek() === id && selected.peek() === feature) detail.value = loaded;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (selected.peek() === feature) detail.value = null;
  }
}

/** Keep `detail` that of the selected polygon. */
export function followSelection(): () => void {
  return effect(() => {
    const feature = selected.value;
    void revision.value;
    if (detail.peek()?.id !== feature) detail.value = null;
    void loadDetail();
  });
}

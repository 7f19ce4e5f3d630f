/** Rows of the table, fetched in pages as they come into view. */

import { computed, effect, signal } from "@preact/signals";

import { api, ApiError } from "../core/api";
import { filter, inventory, inventoryId, revision, select, selected } from "../core/store";
import { persistent } from "../core/storage";
import type { FeatureRow } from "../core/types";
import { mapView } from "../map/mapView";

const PAGE = 100;
const MOST_PAGES = 40;

/** Column that the table is sorted by; a leading minus sorts downwards. */
export const sort = signal("id");
export const total = signal(0);
/** Why the last page could not be had; null: it could. */
export const tableError = signal<ApiError | null>(null);
export const loading = signal(false);

const pages = signal<ReadonlyMap<number, readonly FeatureRow[]>>(new Map());
const asked = new Set<number>();
let generation = 0;

const isNames = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((one) => typeof one === "string");

/** Columns shown, in the order of the inventory; empty: the usual ones. */
export const chosenColumns = persistent<string[]>("table.columns", [], isNames);
const USUAL = ["confidence", "area_m2", "state", "length_m", "width_m", "slope_deg", "date"];

export const columns = computed(() => {
  const fields = (inventory.value?.fields ?? []).filter((field) => field.kind !== "id");
  const chosen = fields.filter((field) => chosenColumns.value.includes(field.name));
  if (chosen.length > 0) return chosen;
  const usual = fields.filter((field) => USUAL.includes(field.name));
  return usual.length > 0 ? usual : fields.slice(0, 6);
});

export function row(index: number): FeatureRow | null {
  return pages.value.get(Math.floor(index / PAGE))?.[index % PAGE] ?? null;
}

/** Index of a polygon among the rows that are loaded; null: not among them. */
export function indexOf(id: number): number | null {
  for (const [page, rows] of pages.peek()) {
    const at = rows.findIndex((one) => one.id === id);
    if (at >= 0) return page * PAGE + at;
  }
  return null;
}

/** Get the rows from `first` up to and with `last`. */
export function need(first: number, last: number): void {
  for (let page = Math.floor(first / PAGE); page <= Math.floor(last / PAGE); page++) {
    if (!asked.has(page) && page >= 0) void load(page);
  }
}

/** A row by its index, fetched if it must be. */
export async function fetchRow(index: number): Promise<FeatureRow | null> {
  await load(Math.floor(index / PAGE));
  return row(index);
}

async function load(page: number): Promise<void> {
  const id = inventoryId.peek();
  if (id === null || pages.peek().has(page)) return;
  asked.add(page);
  loading.value = true;
  const mine = generation;
  try {
    const loaded = await api.features(id, { ...filter.peek(), sort: sort.peek(), offset: page * PAGE, limit: PAGE });
    if (mine !== generation) return;
    const kept = new Map([...pages.peek()].slice(-(MOST_PAGES - 1)));
    for (const known of asked) if (!kept.has(known) && known !== page && pages.peek().has(known)) asked.delete(known);
    kept.set(page, loaded.rows);
    pages.value = kept;
    total.value = loaded.total;
    tableError.value = null;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    asked.delete(page);
    if (mine === generation) tableError.value = error;
  } finally {
    if (mine === generation) loading.value = false;
  }
}

/** Keep the first rows those of the inventory, filter and order that are chosen. */
export function followTable(): () => void {
  return effect(() => {
    void [inventoryId.value, filter.value, sort.value, revision.value];
    generation++;
    asked.clear();
    pages.value = new Map();
    void load(0);
  });
}

/** Select the polygon that is so many rows further down, and go to it. */
export async function stepRow(by: number): Promise<void> {
  const now = selected.peek();
  const at = now === null ? null : indexOf(now);
  const to = Math.min(total.peek() - 1, Math.max(0, at === null ? 0 : at + by));
  const found = to < 0 ? null : await fetchRow(to);
  if (!found) return;
  select([found.id]);
  mapView.peek()?.fitTo(found.bounds, { maxZoom: 16 });
}

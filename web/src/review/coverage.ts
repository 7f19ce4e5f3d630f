/** The ground that was looked at: its cells, the one that is looked at now, and the way through them. */

import { computed, effect, signal } from "@preact/signals";

import { api, ApiError } from "../core/api";
import { notify, notifyError } from "../core/notify";
import { author, inventoryId, select } from "../core/store";
import type { Coverage, CoverageCell, FeatureDetail } from "../core/types";
import { t } from "../i18n";
import { mapView } from "../map/mapView";
import { details } from "./details";
import { meet, padded } from "./geometry";
import { cellAt, cellBounds, groundShare, nextCell, sameCell, type Cell } from "./ground";
import { readOnly, requestFor, reviewing, stage, walk, watch } from "./session";
import { edition, outbox, submit } from "./submit";

/** Polygons that the server takes in one change. */
const MOST = 1000;

export const coverage = signal<Coverage | null>(null);
/** Whether the cells are drawn, and clicks choose them. */
export const groundShown = signal(false);
export const cell = signal<CoverageCell | null>(null);
/** A cell that was called looked at though polygons in it are not judged. */
export const unjudgedCell = signal<Cell | null>(null);

export const cells = computed<readonly Cell[]>(() => coverage.value?.cells.features ?? []);
export const share = computed(() => groundShare(cells.value));
export const currentCell = computed<Cell | null>(() => {
  const here = cell.value;
  return here ? (cells.value.find(({ properties }) => sameCell(properties, here)) ?? null) : null;
});

/** Counts marks, sent and answered: what was asked for before one of them is out of date. */
let marks = 0;

export async function loadCoverage(): Promise<void> {
  const id = inventoryId.peek();
  if (id === null || stage.peek() !== "ready") return;
  const asked = marks;
  try {
    const loaded = await api.coverage(id);
    if (inventoryId.peek() === id && marks === asked) coverage.value = loaded;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.problem.status !== 0) notifyError(error);
  }
}

export function goToCell(next: Cell | null): void {
  cell.value = next?.properties ?? null;
  if (next) mapView.peek()?.fitTo(padded(cellBounds(next), 0.04), { maxZoom: 20, animate: false });
}

/** Begin where the map is, or at the first cell that nobody has looked at. */
export function beginGround(): void {
  const centre = mapView.peek()?.map.getCenter();
  const here = centre ? cellAt(cells.peek(), [centre.lng, centre.lat]) : null;
  const open = here && !here.properties.looked_at ? here : nextCell(cells.peek(), columns(), here?.properties ?? null);
  goToCell(open ?? here);
}

const columns = () => coverage.peek()?.columns ?? 1;

/** Call the current cell looked at and go to the nearest that is not. */
export async function markAndGoOn(force = false): Promise<void> {
  const here = currentCell.peek();
  if (!here) {
    beginGround();
    return;
  }
  if (!here.properties.looked_at) {
    if (here.properties.unreviewed > 0 && !force) {
      unjudgedCell.value = here;
      return;
    }
    if (!(await setLookedAt([here], true))) return;
  }
  const next = nextCell(cells.peek(), columns(), here.properties);
  if (next) goToCell(next);
  else notify("success", t("review.ground.all"));
}

export async function toggleCell(one: Cell): Promise<void> {
  cell.value = one.properties;
  if (!one.properties.looked_at && one.properties.unreviewed > 0) {
    unjudgedCell.value = one;
    return;
  }
  await setLookedAt([one], !one.properties.looked_at);
}

/** Returns whether the server has it. */
export async function setLookedAt(which: readonly Cell[], looked_at: boolean): Promise<boolean> {
  const id = inventoryId.peek();
  const before = coverage.peek();
  if (id === null || !before) return false;
  if (readOnly.peek()) {
    notify("info", t("review.readOnly"));
    return false;
  }
  const chosen = new Set(which.map(({ properties: { column, row } }) => `${column},${row}`));
  const features = before.cells.features.map((one) =>
    chosen.has(`${one.properties.column},${one.properties.row}`)
      ? { ...one, properties: { ...one.properties, looked_at, author: author.peek() } }
      : one,
  );
  coverage.value = { ...before, cells: { ...before.cells, features } };
  marks++;
  try {
    const pairs = which.map(({ properties: { column, row } }): [number, number] => [column, row]);
    const after = await api.cover(id, { author: author.peek(), cells: pairs, looked_at });
    marks++;
    if (inventoryId.peek() === id) coverage.value = after;
    return true;
  } catch (error) {
    marks++;
    coverage.value = before;
    const offline = error instanceof ApiError && error.problem.status === 0;
    notify("error", offline ? t("review.ground.failed") : error instanceof Error ? error.message : String(error), {
      label: t("review.retry"),
      run: () => void setLookedAt(which, looked_at),
    });
    return false;
  }
}

/** Polygons of a cell that nobody has judged. */
export async function unjudgedIn(one: Cell): Promise<FeatureDetail[]> {
  const id = inventoryId.peek();
  if (id === null) return [];
  const page = await api.features(id, { bbox: cellBounds(one), verdict: "unreviewed", limit: MOST });
  const near = await Promise.all(page.rows.map(({ id: polygon }) => details.get(polygon)));
  return near.filter(({ geometry, verdict }) => verdict === "unreviewed" && meet(geometry, one.geometry));
}

/** Accept or reject all that is not judged in a cell, as one change, then call it looked at. */
export async function judgeAllIn(one: Cell, action: "accept" | "reject"): Promise<void> {
  unjudgedCell.value = null;
  try {
    const rows = await unjudgedIn(one);
    const verdict = action === "accept" ? "accepted" : "rejected";
    if (rows.length > 0) {
      submit({ ...requestFor(action, rows), reason: t("review.ground.reason"), seconds: watch.seconds() }, rows, { verdict });
      for (const { id } of rows) walk.mark(id, true);
      await outbox.emptied();
    }
    await loadCoverage();
    const now = cells.peek().find(({ properties }) => sameCell(properties, one.properties));
    if (now) cell.value = now.properties;
    await markAndGoOn();
  } catch (error) {
    notifyError(error);
  }
}

/** Go to the first polygon in a cell that nobody has judged. */
export async function judgeFirstIn(one: Cell): Promise<void> {
  unjudgedCell.value = null;
  try {
    const rows = await unjudgedIn(one);
    const first = rows[0];
    if (!first) return;
    for (const row of rows.slice(1).reverse()) walk.insertNext(row.id);
    select([first.id]);
    walk.goTo(first.id);
  } catch (error) {
    notifyError(error);
  }
}

/** Keep the cells those of the review, after every change of it. */
export function followCoverage(): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const stops = [
    effect(() => {
      void inventoryId.value;
      coverage.value = null;
      cell.value = null;
      unjudgedCell.value = null;
    }),
    effect(() => {
      void edition.value;
      if (!reviewing.value) return;
      clearTimeout(timer);
      timer = setTimeout(() => void loadCoverage(), coverage.peek() && !groundShown.value ? 1500 : 150);
    }),
    effect(() => {
      if (coverage.value && groundShown.value && currentCell.peek() === null) beginGround();
    }),
  ];
  return () => {
    clearTimeout(timer);
    stops.forEach((stop) => stop());
  };
}

/** Changes of the page's review: shown at once, sent in order, taken back when they are refused. */

import { batch, signal } from "@preact/signals";

import { api, ApiError } from "../core/api";
import { notify, notifyError } from "../core/notify";
import { author, inventoryId, loadOverlay, overlay, reloadInventory, select } from "../core/store";
import type { ChangeRequest, ChangeResult, FeatureDetail, FeatureRow, Problem, Verdict } from "../core/types";
import { t } from "../i18n";
import { details } from "./details";
import { Outbox, type Entry } from "./outbox";
import { countAgain, recount, walk } from "./session";
import { keepUnsent } from "./unsent";
import { changesOutlines, withVerdicts } from "./verdicts";

/** A change that was refused because somebody else changed a polygon of it meanwhile. */
export interface Refusal {
  request: ChangeRequest;
  conflicts: NonNullable<Problem["conflicts"]>;
}

/** Refusals that the user has not seen to, the oldest first. */
export const refusals = signal<readonly Refusal[]>([]);
/** Ids of polygons that were made by the last change, for what is shown next. */
export const made = signal<readonly number[]>([]);
/** Counts accepted changes; what depends on the server's state follows it. */
export const edition = signal(0);
export const canUndo = signal(0);
export const canRedo = signal(0);

interface Done {
  request: ChangeRequest;
  /** Polygons as they were. */
  before: readonly FeatureDetail[];
  entry: Entry;
}

/** null: made by rule. */
let done: (Done | null)[] = [];
let undone: (Done | null)[] = [];
/** Changes whose results are shown, by number. */
const shown = new Set<number>();
/** Number of the newest change that came of this page. */
let newest = 0;

export const outbox = new Outbox(api, {
  revision: () => Math.max(newest, overlay.peek()?.revision ?? 0),
  accepted,
  refused,
  stored: keepUnsent,
});

const isPlain = (request: ChangeRequest) => !changesOutlines([], [request.action]);

/** Show a change and send it. */
export function submit(request: ChangeRequest, before: readonly FeatureDetail[], expected: Partial<FeatureRow>): void {
  const inventory = inventoryId.peek();
  if (inventory === null) return;
  const entry: Entry = { inventory, step: { kind: "change", request }, sentAt: null };
  done.push({ request, before, entry });
  undone = [];
  if (isPlain(request)) {
    const now = { ...expected, author: request.author, changed: new Date().toISOString() };
    show(before.map(({ id }) => ({ id, ...now })), before);
  }
  count();
  outbox.add(entry);
}

export function undo(): void {
  step("undo", done.pop());
}

export function redo(): void {
  step("redo", undone.pop());
}

function step(kind: "undo" | "redo", last: Done | null | undefined): void {
  const inventory = inventoryId.peek();
  if (inventory === null) return;
  const focus = last?.request.polygons.at(0)?.id;
  if (last === null) (kind === "undo" ? undone : done).push(null);
  if (last) {
    if (isPlain(last.request)) {
      const now = last.before.map(({ id }) => details.known(id)).filter((row) => row !== null);
      const back = last.before.map(({ id, verdict, type, note, author, changed }) =>
        ({ id, verdict, type, note, author, changed }));
      // What is undone now is what doing it again brings back.
      (kind === "undo" ? undone : done).push({ ...last, before: now });
      show(back, now);
      for (const { id, verdict } of back) walk.mark(id, verdict !== "unreviewed");
    } else {
      (kind === "undo" ? undone : done).push(last);
    }
    // What a merge has taken away is shown when it is there again.
    if (focus !== undefined && details.known(focus)) {
      select([focus]);
      walk.goTo(focus);
    }
  }
  count();
  outbox.add({ inventory, step: { kind, author: author.peek() }, sentAt: null });
}

function count(): void {
  canUndo.value = done.length;
  canRedo.value = undone.length;
}

/** Show verdicts, types and notes on the map, in the panel and in the counts. */
function show(rows: readonly (Partial<FeatureRow> & { id: number })[], before: readonly FeatureDetail[]): void {
  batch(() => {
    details.patch(rows);
    const changes: { id: number; verdict: Verdict }[] = [];
    for (const row of rows) {
      const was = before.find(({ id }) => id === row.id);
      if (row.verdict === undefined || !was) continue;
      recount(was.verdict, row.verdict);
      changes.push({ id: row.id, verdict: row.verdict });
    }
    const known = overlay.peek();
    if (known && changes.length > 0) overlay.value = withVerdicts(known, changes);
  });
}

/** Ids whose newest state is still on its way. */
function pendingIds(): Set<number> | "all" {
  const ids = new Set<number>();
  for (const { step } of outbox.waiting.peek()) {
    if (step.kind !== "change") return "all";
    for (const { id } of step.request.polygons) ids.add(id);
  }
  return ids;
}

/** Take over changes that others made, and of one's own those that are not shown yet. */
export function takeOverOthers(result: ChangeResult): void {
  const changes = result.changes.filter(({ seq }) => !shown.has(seq));
  if (changes.length === 0) return;
  const ids = new Set(changes.flatMap(({ polygon_ids }) => polygon_ids));
  takeOver({
    ...result,
    changes,
    polygons: result.polygons.filter(({ id }) => ids.has(id)),
    removed: result.removed.filter((id) => ids.has(id)),
  });
}

/** Take over what the server says, but not over what is still on its way. */
export function takeOver(result: ChangeResult): void {
  for (const { seq } of result.changes) shown.add(seq);
  const pending = pendingIds();
  const open = (id: number) => pending !== "all" && !pending.has(id);
  batch(() => {
    details.patch(result.polygons.map((row) => (open(row.id) ? row : { id: row.id, version: row.version })));
    details.forget(result.removed);
    walk.remove(result.removed);
    const settled = result.polygons.filter(({ id }) => open(id));
    for (const { id, verdict } of settled) walk.mark(id, verdict !== "unreviewed");
    const known = overlay.peek();
    const actions = result.changes.map(({ action }) => action);
    const outlines = result.truncated || changesOutlines(result.removed, actions.map(plainly));
    if (known && !outlines) overlay.value = withVerdicts(known, settled, result.revision);
    if (outlines) {
      if (result.truncated) details.refreshAll();
      else void details.refresh(result.polygons.map(({ id }) => id));
      void loadOverlay();
    }
  });
  const here = walk.current.peek();
  if (here && !details.known(here.id)) details.ahead([here.id]);
  edition.value = edition.peek() + 1;
}

/** An undo or redo of a verdict changes no outline; which it was is not said, unless it is known. */
let plainSteps = false;
const plainly = (action: string) => (plainSteps && (action === "undo" || action === "redo") ? "accept" : action);

function accepted(entry: Entry, result: ChangeResult): void {
  if (entry.inventory !== inventoryId.peek()) return;
  newest = Math.max(newest, result.revision);
  const { step } = entry;
  const last = step.kind === "undo" ? undone.at(-1) : step.kind === "redo" ? done.at(-1) : undefined;
  plainSteps = last === null || (last !== undefined && isPlain(last.request));
  takeOver(result);
  plainSteps = false;
  if (overlay.peek() === null) void loadOverlay().then(() => reloadInventory(entry.inventory));
  countAgain();
  if (step.kind === "change") follow(step.request, result);
  else if (!last) showChanged(result);
  else if (!isPlain(last.request)) showChanged(result, last.request.polygons[0]?.id);
}

/** After pieces and new outlines: they come next. */
function follow(request: ChangeRequest, result: ChangeResult): void {
  if (request.action !== "split" && request.action !== "draw" && request.action !== "merge") return;
  const ids = result.polygons.map(({ id }) => id);
  made.value = ids;
  const first = request.action === "split" ? request.polygons[0]?.id : ids[0];
  for (const id of [...ids].reverse()) if (id !== first) walk.insertNext(id);
  if (first === undefined) return;
  select([first]);
  walk.goTo(first);
}

function showChanged(result: ChangeResult, wanted?: number): void {
  const id = (result.polygons.find((row) => row.id === wanted) ?? result.polygons[0])?.id;
  if (id === undefined) return;
  select([id]);
  walk.goTo(id);
}

function refused(entry: Entry, problem: Problem): void {
  if (entry.inventory !== inventoryId.peek()) return;
  const { step } = entry;
  if (step.kind === "change") {
    done = done.filter((one) => one === null || !sameStep(one.entry, entry));
    void truth(step.request.polygons.map(({ id }) => id));
    if (problem.status === 409 && problem.conflicts?.length) {
      refusals.value = [...refusals.peek(), { request: step.request, conflicts: problem.conflicts }];
    } else {
      notifyError(new ApiError(problem));
    }
  } else {
    const steps = step.kind === "undo" ? undone : done;
    const last = steps.pop();
    const nothing = problem.status === 404 || (problem.status === 409 && !problem.conflicts?.length);
    if (nothing) notify("info", t(step.kind === "undo" ? "review.undo.nothing" : "review.redo.nothing"));
    else notifyError(new ApiError(problem));
    void truth(last?.request.polygons.map(({ id }) => id) ?? []);
  }
  count();
}

/** A waiting entry gets another version, so it is another object: its request's content is the same. */
function sameStep(a: Entry, b: Entry): boolean {
  if (a.step.kind !== "change" || b.step.kind !== "change") return false;
  const [one, other] = [a.step.request, b.step.request];
  return one.action === other.action && one.seconds === other.seconds && one.polygons[0]?.id === other.polygons[0]?.id;
}

/** Show polygons as the server has them, whatever was expected of them. */
async function truth(ids: readonly number[]): Promise<void> {
  details.forget(ids);
  await loadOverlay();
  countAgain(0);
  for (const id of ids) {
    try {
      const row = await details.get(id);
      walk.mark(id, row.verdict !== "unreviewed");
    } catch (error) {
      if (error instanceof ApiError && error.problem.status === 404) walk.remove([id]);
    }
  }
  edition.value = edition.peek() + 1;
}

/** Make a refused change again on what is there now. */
export async function applyAgain(refusal: Refusal): Promise<void> {
  drop(refusal);
  const versions = new Map(refusal.conflicts.map(({ id, version }) => [id, version]));
  details.forget([...versions.keys()]);
  try {
    const before = await Promise.all(refusal.request.polygons.map(({ id }) => details.get(id)));
    const polygons = before.map(({ id, version }) => ({ id, version: versions.get(id) ?? version }));
    const { action } = refusal.request;
    const verdict = action === "accept" ? "accepted" : action === "reject" ? "rejected" : action === "reset" ? "unreviewed" : null;
    submit({ ...refusal.request, polygons }, before, verdict ? { verdict } : {});
    for (const { id } of before) if (verdict) walk.mark(id, verdict !== "unreviewed");
  } catch (error) {
    notifyError(error);
  }
}

export function drop(refusal: Refusal): void {
  refusals.value = refusals.peek().filter((one) => one !== refusal);
}

/** A change by rule was made: undo takes it back as one; what it was before is asked of the server. */
export function recordBulk(): void {
  done.push(null);
  undone = [];
  count();
}

/** Forget what was done in another inventory. */
export function resetSteps(): void {
  done = [];
  undone = [];
  newest = 0;
  shown.clear();
  refusals.value = [];
  made.value = [];
  count();
}

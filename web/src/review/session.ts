/** The review of the chosen inventory: what is judged, how far it is, and what was done last. */

import { batch, computed, effect, signal } from "@preact/signals";

import { api, ApiError } from "../core/api";
import { notify, notifyError } from "../core/notify";
import { sidePanel } from "../core/shell/panels";
import { isText, oneOf, remember, remembered } from "../core/storage";
import { author, inventory, inventoryId, loadOverlay, noteReview, overlay, select, selection, workspace } from "../core/store";
import type { ChangeRequest, FeatureDetail, QueueOrder, ReviewSummary, Verdict } from "../core/types";
import { t } from "../i18n";
import { details } from "./details";
import { submit } from "./submit";
import { Stopwatch } from "./stopwatch";
import { QueueWalk } from "./walk";

const ORDERS = ["information", "uncertainty", "largest", "confidence", "random"] as const;
/** Items got at a time, and polygons got before they are shown. */
const BATCH = 60;
const AHEAD = 6;
/** Judgements after which the ranking is asked for again. */
const RENEW_EVERY = 20;

export type Stage = "none" | "starting" | "ready";

export const stage = signal<Stage>("none");
/** The review as the server counts it, with what is on its way. */
export const summary = signal<ReviewSummary | null>(null);
export const order = signal<QueueOrder>(remembered("review.order", "information", oneOf(...ORDERS)));
export const walk = new QueueWalk();
export const watch = new Stopwatch();
/** Whether the name is asked for; what is then done with it. */
export const askingName = signal<(() => void) | null>(null);
/** Judgements of this visit, by the second they were made. */
export const pace = signal<readonly number[]>([]);

/** Whether keys judge: the review's panel is open and a review has begun. */
export const reviewing = computed(() => sidePanel.value === "review" && stage.value === "ready");
/** The polygon that is judged; null: none is left, or it is not loaded yet. */
export const current = computed<FeatureDetail | null>(() => {
  const item = walk.current.value;
  return item ? details.known(item.id) : null;
});
/** Those that an action is for: several that were selected, or the one that is judged. */
export const targets = computed<readonly number[]>(() => {
  if (selection.value.length > 1) return selection.value;
  const item = walk.current.value;
  return item ? [item.id] : [];
});
export const readOnly = computed(() => workspace.value?.read_only ?? false);

/** Begin or go on. Asks for a name first if there is none. */
export async function start(): Promise<void> {
  const id = inventoryId.peek();
  if (id === null || stage.peek() === "starting") return;
  if (!isText(author.peek()) || author.peek().trim() === "") {
    askingName.value = () => void start();
    return;
  }
  stage.value = "starting";
  try {
    const begun = await api.startReview(id, author.peek());
    if (inventoryId.peek() !== id) return;
    summary.value = begun;
    noteReview(id, begun);
    if (overlay.peek() === null) await loadOverlay();
    await loadQueue();
    if (inventoryId.peek() === id) stage.value = "ready";
  } catch (error) {
    if (inventoryId.peek() === id) stage.value = "none";
    notifyError(error);
  }
}

/** Get the queue in its order, from its beginning. */
export async function loadQueue(): Promise<void> {
  const id = inventoryId.peek();
  if (id === null) return;
  const page = await api.queue(id, order.peek(), BATCH);
  if (inventoryId.peek() !== id) return;
  exhausted = page.total <= page.items.length;
  judgedSince = 0;
  walk.start(page.items);
}

export async function chooseOrder(wanted: QueueOrder): Promise<void> {
  order.value = wanted;
  remember("review.order", wanted);
  try {
    await loadQueue();
  } catch (error) {
    notifyError(error);
  }
}

let renewing = false;
/** Whether the server has no more than what is known here. */
let exhausted = false;
let judgedSince = 0;

/** The queue as the server ranks it now: it learns from what was judged. What is next stays. */
async function renewQueue(): Promise<void> {
  const id = inventoryId.peek();
  if (id === null || renewing) return;
  renewing = true;
  judgedSince = 0;
  try {
    const page = await api.queue(id, order.peek(), BATCH + walk.skippedCount.peek());
    if (inventoryId.peek() !== id) return;
    exhausted = page.total <= page.items.length;
    walk.renew(page.items, AHEAD);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
  } finally {
    renewing = false;
  }
}

/** Judge the polygon, or those that are selected, and go on. */
export function judge(action: "accept" | "reject" | "reset"): void {
  const rows = knownTargets();
  if (!rows) return;
  const verdict: Verdict = action === "accept" ? "accepted" : action === "reject" ? "rejected" : "unreviewed";
  const several = rows.length > 1;
  judgedSince += rows.length;
  submit({ ...requestFor(action, rows), seconds: watch.seconds() }, rows, { verdict });
  pace.value = [...pace.peek().slice(-99), ...rows.map(() => Date.now() / 1000)];
  batch(() => {
    for (const { id } of rows) walk.mark(id, verdict !== "unreviewed");
    if (several) select(walk.current.peek() ? [walk.current.peek()!.id] : []);
    if (verdict !== "unreviewed" && (!several || rows.some(({ id }) => id === walk.current.peek()?.id))) walk.next();
  });
}

export function annotate(values: { type?: string | null; note?: string | null }): void {
  const rows = knownTargets();
  if (!rows) return;
  // An empty text takes the type or note away.
  const request: Partial<ChangeRequest> = {};
  if (values.type !== undefined) request.type = values.type ?? "";
  if (values.note !== undefined) request.note = values.note ?? "";
  const expected: Partial<FeatureDetail> = {};
  if (values.type !== undefined) expected.type = values.type || null;
  if (values.note !== undefined) expected.note = values.note || null;
  submit({ ...requestFor("annotate", rows), ...request, seconds: watch.seconds() }, rows, expected);
}

export function merge(): void {
  const rows = knownTargets();
  if (!rows) return;
  if (rows.length < 2) {
    notify("info", t("review.merge.few"));
    return;
  }
  submit({ ...requestFor("merge", rows), seconds: watch.seconds() }, rows, {});
}

export function requestFor(action: ChangeRequest["action"], rows: readonly FeatureDetail[]): ChangeRequest {
  return { action, author: author.peek(), polygons: rows.map(({ id, version }) => ({ id, version })) };
}

/** Everything about the targets; null: not there yet, and nothing is judged that was not seen. */
function knownTargets(): FeatureDetail[] | null {
  if (readOnly.peek()) {
    notify("info", t("review.readOnly"));
    return null;
  }
  const ids = targets.peek();
  const rows = ids.map((id) => details.known(id)).filter((row) => row !== null);
  if (ids.length === 0) return null;
  if (rows.length < ids.length) {
    details.ahead(ids);
    if (ids.length > 1) notify("info", t("review.loading"));
    return null;
  }
  return rows;
}

/** Count a verdict that is on its way. */
export function recount(before: Verdict, after: Verdict): void {
  const known = summary.peek();
  if (!known || before === after) return;
  const counts = { ...known.counts, [before]: known.counts[before] - 1, [after]: known.counts[after] + 1 };
  summary.value = { ...known, counts };
}

let recounting: ReturnType<typeof setTimeout> | undefined;

/** Ask the server how far the review is, once for several changes. */
export function countAgain(delay = 1200): void {
  clearTimeout(recounting);
  recounting = setTimeout(() => {
    const id = inventoryId.peek();
    if (id === null || stage.peek() !== "ready") return;
    api.review(id).then(
      (counted) => {
        if (inventoryId.peek() === id) summary.value = counted;
      },
      () => undefined,
    );
  }, delay);
}

/** Keep the session that of the chosen inventory, and what comes next at hand. */
export function followSession(): () => void {
  const stops = [
    effect(() => {
      const id = inventoryId.value;
      batch(() => {
        stage.value = "none";
        summary.value = inventory.peek()?.review ?? null;
        walk.start([]);
        exhausted = false;
        details.reset(id);
      });
    }),
    effect(() => {
      if (stage.value !== "ready") return;
      const next = walk.ahead.value.slice(0, AHEAD).map(({ id }) => id);
      const here = walk.current.value;
      details.ahead(here ? [here.id, ...next] : next);
      if ((walk.low.value && !exhausted) || judgedSince >= RENEW_EVERY) void renewQueue();
    }),
    // What is judged is selected; what somebody selects is judged.
    effect(() => {
      const here = walk.current.value?.id;
      if (!reviewing.value) return;
      watch.start();
      if (here !== undefined && selection.peek().length < 2) select([here]);
    }),
    effect(() => {
      const picked = selection.value;
      if (!reviewing.peek()) return;
      details.ahead(picked);
      const only = picked.length === 1 ? picked[0] : undefined;
      if (only !== undefined && only !== walk.current.peek()?.id) walk.goTo(only);
    }),
  ];
  return () => stops.forEach((stop) => stop());
}

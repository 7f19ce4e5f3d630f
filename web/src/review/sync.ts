/** Changes that others make: asked for every few seconds while the page is seen. */

import { effect, signal } from "@preact/signals";

import { api, ApiError } from "../core/api";
import { author, inventoryId, loadOverlay, overlay } from "../core/store";
import type { Change } from "../core/types";
import { countAgain, stage } from "./session";
import { outbox, takeOverOthers } from "./submit";

const EVERY_MS = 3_000;

/** The newest change by somebody else of each polygon, in this visit. */
export const byOthers = signal<ReadonlyMap<number, Change>>(new Map());

/** Number of the newest change that was asked for; null: not asked yet. Own changes may be newer:
 * between them others may have made some that this page does not know. */
let asked: number | null = null;

export function followOthers(): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let stopped = false;
  let running: string | null = null;

  async function ask(id: string): Promise<void> {
    const result = await api.changes(id, asked ?? 0);
    if (inventoryId.peek() !== id || result.revision === asked) return;
    const first = asked === null;
    asked = result.revision;
    const others = result.changes.filter((change) => change.author !== author.peek());
    if (first) {
      if (overlay.peek()?.revision !== result.revision) await loadOverlay();
      return;
    }
    if (others.length === 0 && result.changes.length === 0) return;
    const known = new Map(byOthers.peek());
    for (const change of others) for (const polygon of change.polygon_ids) known.set(polygon, change);
    byOthers.value = known;
    if (overlay.peek() === null) await loadOverlay();
    takeOverOthers(result);
    countAgain(0);
  }

  async function tick(): Promise<void> {
    const id = running;
    if (stopped || id === null) return;
    if (document.visibilityState === "visible" && (overlay.peek() !== null || stage.peek() === "ready")) {
      try {
        // While own changes are on their way the answer to them comes first.
        if (outbox.waiting.peek().length === 0) await ask(id);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
      }
    }
    if (!stopped && running === id) timer = setTimeout(() => void tick(), EVERY_MS);
  }

  const now = () => {
    if (document.visibilityState !== "visible") return;
    clearTimeout(timer);
    outbox.retry();
    void tick();
  };
  const stop = effect(() => {
    const id = inventoryId.value;
    asked = null;
    byOthers.value = new Map();
    clearTimeout(timer);
    running = id;
    if (id !== null) void tick();
  });
  document.addEventListener("visibilitychange", now);
  window.addEventListener("online", now);
  return () => {
    stopped = true;
    clearTimeout(timer);
    stop();
    document.removeEventListener("visibilitychange", now);
    window.removeEventListener("online", now);
  };
}


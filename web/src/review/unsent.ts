/** Changes that were not sent when the page was closed: kept by the browser, offered again. */

import { remember, remembered } from "../core/storage";
import type { Entry } from "./outbox";

interface Unsent {
  /** Milliseconds: while a page has them it says so every few seconds. */
  beat: number;
  entries: Entry[];
}

const BEAT_MS = 4_000;
const PREFIX = "unsent.";
const own = `${PREFIX}${Math.random().toString(36).slice(2)}`;
let kept: readonly Entry[] = [];
let beating: ReturnType<typeof setInterval> | undefined;

/** Keep what waits now. */
export function keepUnsent(entries: readonly Entry[]): void {
  kept = entries;
  write();
  if (entries.length > 0) {
    beating ??= setInterval(write, BEAT_MS);
  } else {
    clearInterval(beating);
    beating = undefined;
  }
}

function write(): void {
  if (kept.length > 0) remember(own, { beat: Date.now(), entries: kept });
  else forget(own);
}

function forget(name: string): void {
  try {
    localStorage.removeItem(`landslip.${name}`);
  } catch {
    // Storage is blocked: there is nothing in it.
  }
}

const isUnsent = (value: unknown): value is Unsent =>
  typeof value === "object" && value !== null && Array.isArray((value as Unsent).entries);

/** What pages that are closed left of an inventory; taken out of the browser's memory. */
export function takeUnsent(inventory: string): Entry[] {
  const entries: Entry[] = [];
  for (const name of names()) {
    if (name === own) continue;
    const unsent = remembered<Unsent | null>(name, null, isUnsent as (value: unknown) => value is Unsent | null);
    if (!unsent || Date.now() - unsent.beat < 3 * BEAT_MS) continue;
    const mine = unsent.entries.filter((entry) => entry.inventory === inventory);
    if (mine.length === 0) continue;
    entries.push(...mine);
    const rest = unsent.entries.filter((entry) => entry.inventory !== inventory);
    if (rest.length > 0) remember(name, { ...unsent, entries: rest });
    else forget(name);
  }
  return entries;
}

function names(): string[] {
  try {
    return Object.keys(localStorage)
      .filter((key) => key.startsWith(`landslip.${PREFIX}`))
      .map((key) => key.slice("landslip.".length));
  } catch {
    return [];
  }
}

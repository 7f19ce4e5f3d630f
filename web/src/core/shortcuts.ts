/** Keyboard shortcuts, all in one place: `?` lists them. */

import { computed, signal } from "@preact/signals";

import type { Key } from "../i18n";
import { persistentFlag } from "./storage";

export interface Shortcut {
  /** As `keyName` writes them: `a`, `Shift+A`, `Mod+z` (Ctrl or Command), `ArrowLeft`, `?`. */
  keys: readonly string[];
  label: Key;
  /** Heading in the list. */
  group: Key;
  /** Whether it does something now; what does nothing leaves the key to the browser. */
  when?: () => boolean;
  run: (event: KeyboardEvent) => void;
}

const registered = signal<readonly Shortcut[]>([]);

export const shortcuts = computed(() => registered.value);
/** Single keys can be turned off, for those who speak to their computer. */
export const singleKeys = persistentFlag("singleKeys", true);

/** Add a shortcut; returns what removes it. The newest one that applies wins. */
export function registerShortcut(shortcut: Shortcut): () => void {
  registered.value = [...registered.peek(), shortcut];
  return () => {
    registered.value = registered.peek().filter((one) => one !== shortcut);
  };
}

/** `Shift` is only written for letters and named keys: `?` is `?` on any keyboard. */
export function keyName(event: Pick<KeyboardEvent, "key" | "ctrlKey" | "metaKey" | "altKey" | "shiftKey">): string {
  const letter = /^[a-z]$/i.test(event.key);
  const named = event.key.length > 1;
  const parts: string[] = [];
  if (event.ctrlKey || event.metaKey) parts.push("Mod");
  if (event.altKey) parts.push("Alt");
  if (event.shiftKey && (letter || named)) parts.push("Shift");
  const key = letter ? (event.shiftKey ? event.key.toUpperCase() : event.key.toLowerCase()) : event.key;
  return [...parts, key === " " ? "Space" : key].join("+");
}

const TEXT_INPUTS = new Set(["text", "search", "number", "email", "url", "password", "date", "tel"]);

/** Whether a key typed there belongs to that element. */
function takesKeys(target: EventTarget | null, name: string): boolean {
  if (!(target instanceof HTMLElement)) return false;
  if (target.isContentEditable || target instanceof HTMLTextAreaElement) return true;
  if (target instanceof HTMLInputElement && TEXT_INPUTS.has(target.type)) return true;
  const moves = /^(Shift\+)?(Arrow|Page|Home|End)/.test(name);
  if (target instanceof HTMLSelectElement) return moves || name.length === 1 || name === "Space";
  if (target instanceof HTMLInputElement) return moves || name === "Space";
  const presses = name === "Enter" || name === "Space";
  if (presses && target.closest("button, a, summary, [role=button], [role=switch]")) return true;
  return moves && target.closest("[data-own-keys], .maplibregl-canvas, [role=separator], [role=slider]") !== null;
}

function handle(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.isComposing) return;
  if (document.querySelector("dialog[open]")) return;
  const name = keyName(event);
  const withModifier = name.startsWith("Mod+") || name.startsWith("Alt+");
  if (!singleKeys.peek() && !withModifier && name !== "Escape" && name !== "?") return;
  if (takesKeys(event.target, name)) return;
  const found = registered.peek().findLast((one) => one.keys.includes(name) && (one.when?.() ?? true));
  if (!found) return;
  event.preventDefault();
  found.run(event);
}

export function listenToKeys(): () => void {
  window.addEventListener("keydown", handle);
  return () => window.removeEventListener("keydown", handle);
}

/** Registry of the panels around the map, and which of them is open. */

import { computed, signal } from "@preact/signals";
import type { ComponentType } from "preact";

import type { Key } from "../../i18n";
import type { IconName } from "../icons";
import { isNarrow } from "./narrow";

export interface Panel {
  id: string;
  label: Key;
  icon: IconName;
  component: ComponentType;
  /** Panels are listed by it. */
  order: number;
  /** `side`: beside the map; `bottom`: below it, for what is wide. */
  place: "side" | "bottom";
  /** Number at its button, read with the label; null: none. */
  badge?: () => number | null;
  /** Whether there is anything to show. */
  available?: () => boolean;
}

const registered = signal<readonly Panel[]>([]);

export const panels = computed(() => registered.value.filter((one) => one.available?.() ?? true));

/** Id of the open panel of each place; null: closed. */
export const sidePanel = signal<string | null>(isNarrow() ? null : "layers");
export const bottomPanel = signal<string | null>(null);

export function registerPanel(panel: Panel): void {
  const others = registered.peek().filter((one) => one.id !== panel.id);
  registered.value = [...others, panel].sort((a, b) => a.order - b.order);
}

const openIn = (panel: Panel) => (panel.place === "side" ? sidePanel : bottomPanel);

export function isOpen(panel: Panel): boolean {
  return openIn(panel).value === panel.id;
}

export function openPanel(id: string): void {
  const panel = registered.peek().find((one) => one.id === id);
  if (!panel) return;
  openIn(panel).value = id;
  // A narrow page has room for one sheet.
  if (isNarrow()) (panel.place === "side" ? bottomPanel : sidePanel).value = null;
}

export function closePanel(id: string): void {
  for (const open of [sidePanel, bottomPanel]) if (open.peek() === id) open.value = null;
}

export function togglePanel(id: string): void {
  const panel = registered.peek().find((one) => one.id === id);
  if (!panel) return;
  if (openIn(panel).peek() === id) closePanel(id);
  else openPanel(id);
}

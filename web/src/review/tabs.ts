/** Which part of the review's panel is shown, and which of its dialogs is open. */

import { signal } from "@preact/signals";

export type Tab = "queue" | "ground" | "history";
export const tab = signal<Tab>("queue");

export type OpenDialog = "type" | "note" | "bulk";
export const dialog = signal<OpenDialog | null>(null);

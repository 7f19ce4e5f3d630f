/** A job that another part of the page has asked for: its form is open with this in it. */

import { signal } from "@preact/signals";

import type { JobKind } from "../core/types";

export interface Prefill {
  kind: JobKind;
  scene_id?: string | null;
  model_id?: string | null;
  inventory_id?: string | null;
  sample_id?: string | null;
}

/** null: no form is open. */
export const prefill = signal<Prefill | null>(null);

export function prefillJob(wanted: Prefill | null): void {
  prefill.value = wanted;
}

/** Changes that a closed page left unsent: offered when their inventory is reviewed again. */

import { effect, signal } from "@preact/signals";

import { inventoryId } from "../core/store";
import type { Entry } from "./outbox";
import { reviewing } from "./session";
import { outbox } from "./submit";
import { takeUnsent } from "./unsent";

export const recovered = signal<readonly Entry[]>([]);

export function sendRecovered(): void {
  for (const entry of recovered.peek()) outbox.add(entry);
  recovered.value = [];
}

export function dropRecovered(): void {
  recovered.value = [];
}

export function followRecovery(): () => void {
  return effect(() => {
    const id = inventoryId.value;
    if (id !== null && reviewing.value) recovered.value = takeUnsent(id);
  });
}

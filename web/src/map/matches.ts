/** Polygons that the filter's texts and ranges select. The table's server says which they are: tiles
 * do not have all columns. Verdicts and provenance are on the map already. */

import { effect, signal } from "@preact/signals";

import { api, ApiError } from "../core/api";
import { filter, inventoryId, revision } from "../core/store";
import type { FeatureIds } from "../core/types";

/** null: all, as far as is known. */
export const matches = signal<FeatureIds | null>(null);

const alike = (one: FeatureIds, other: FeatureIds | null): boolean =>
  one.selected === other?.selected &&
  one.ids.length === other.ids.length &&
  one.ids.every((id, at) => id === other.ids[at]);

export function followMatches(): () => void {
  let newest = 0;
  let of: string | null = null;
  return effect(() => {
    const id = inventoryId.value;
    const { text, range } = filter.value;
    void revision.value;
    const mine = ++newest;
    if (id !== of || id === null || (text === undefined && range === undefined)) matches.value = null;
    of = id;
    if (id === null || (text === undefined && range === undefined)) return;
    const query = { ...(text !== undefined && { text }), ...(range !== undefined && { range }) };
    api.featureIds(id, query).then(
      (found) => {
        // The map makes its tiles anew with each filter: not for the same one.
        if (mine === newest && !alike(found, matches.peek())) matches.value = found;
      },
      (error: unknown) => {
        // The table says why.
        if (!(error instanceof ApiError)) throw error;
        if (mine === newest) matches.value = null;
      },
    );
  });
}

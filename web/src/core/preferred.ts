/** Which inventory the page opens by itself. */

import type { Inventory } from "./types";

const KINDS = ["inventory", "extraction", "polygons"] as const;

/** The one whose review was begun last; else the newest, where an inventory says more than the
 * polygons of an extraction, and both more than other files. */
export function preferredInventory(all: readonly Inventory[]): string | null {
  const filled = all.filter((one) => one.count > 0);
  const reviewed = newest(
    filled.filter((one) => one.review !== null),
    (one) => one.review?.created ?? "",
  );
  if (reviewed) return reviewed.id;
  for (const kind of KINDS) {
    const found = newest(
      filled.filter((one) => one.kind === kind),
      (one) => one.changed,
    );
    if (found) return found.id;
  }
  return all[0]?.id ?? null;
}

/** The last by time; of several of one time the first. */
function newest(all: readonly Inventory[], time: (one: Inventory) => string): Inventory | undefined {
  return all.reduce<Inventory | undefined>((best, one) => (best && time(best) >= time(one) ? best : one), undefined);
}

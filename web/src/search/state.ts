/** State of the search that other parts use. */

import { signal } from "@preact/signals";

import type { LonLat } from "../core/types";

/** Whether its field is unfolded, on a narrow page. */
export const searchOpen = signal(false);
/** Place that was searched for. */
export const foundPlace = signal<LonLat | null>(null);

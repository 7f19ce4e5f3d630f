/** Words of the server in the chosen language. */

import { t, tServer } from "../i18n";
import type { Change, FeatureRow } from "../core/types";
import { isKnownType } from "./landslideTypes";

export const typeName = (type: string): string => (isKnownType(type) ? t(`type.${type}`) : type);
export const actionName = (action: Change["action"]): string => tServer(`review.action.${action}`);

/** Area of a row, from whichever column its file has; null: none. */
export function rowArea(row: FeatureRow): number | null {
  return firstNumber(row, ["area_m2", "area"]);
}

export function rowConfidence(row: FeatureRow): number | null {
  return firstNumber(row, ["confidence", "mean_probability", "probability", "score"]);
}

function firstNumber(row: FeatureRow, names: readonly string[]): number | null {
  for (const name of names) {
    const value = row[name];
    if (typeof value === "number" && Number.isFinite(value)) return value;
  }
  return null;
}

/** One judgement for all polygons that fit a rule: the rule, how many fit, the change. */

import { api } from "../core/api";
import { author, filter, inventoryId } from "../core/store";
import type { BulkRequest, FeatureQuery, Field } from "../core/types";
import { t } from "../i18n";
import { mapView } from "../map/mapView";
import { outbox, recordBulk, takeOver } from "./submit";

export interface Condition {
  column: string;
  low: string;
  high: string;
}

export interface Rule {
  conditions: readonly Condition[];
  unreviewedOnly: boolean;
  inView: boolean;
  /** Text search of the table, where its filters were taken. */
  text: string | undefined;
  provenance: FeatureQuery["provenance"];
}

export function queryOf(rule: Rule): FeatureQuery {
  const query: FeatureQuery = {};
  const range = rule.conditions
    .filter(({ low, high }) => low.trim() !== "" || high.trim() !== "")
    .map(({ column, low, high }) => `${column}:${low.trim()}:${high.trim()}`);
  if (range.length > 0) query.range = range;
  if (rule.unreviewedOnly) query.verdict = "unreviewed";
  if (rule.text) query.text = rule.text;
  if (rule.provenance) query.provenance = rule.provenance;
  const bounds = rule.inView ? mapView.peek()?.map.getBounds() : undefined;
  if (bounds) query.bbox = [bounds.getWest(), bounds.getSouth(), bounds.getEast(), bounds.getNorth()];
  return query;
}

/** The table's filters as a rule. */
export function ruleOfTable(): Rule {
  const { range, verdict, text, provenance } = filter.peek();
  const conditions = (range ?? []).map((one): Condition => {
    const [column = "", low = "", high = ""] = one.split(":");
    return { column, low, high };
  });
  return { conditions, unreviewedOnly: verdict === "unreviewed" || verdict === undefined, inView: false, text, provenance };
}

/** Columns that a rule may limit: those that are most used come first. */
export function ruleFields(fields: readonly Field[]): Field[] {
  const first = ["confidence", "mean_probability", "area_m2"];
  const rank = ({ name }: Field) => (first.includes(name) ? first.indexOf(name) : first.length);
  return fields.filter(({ kind }) => kind === "number").sort((a, b) => rank(a) - rank(b));
}

export async function countOf(rule: Rule): Promise<number> {
  const id = inventoryId.peek();
  if (id === null) return 0;
  return (await api.features(id, { ...queryOf(rule), limit: 1 })).total;
}

/** Rule in words that are kept with the change. */
export function ruleText(rule: Rule, fields: readonly Field[]): string {
  const parts = rule.conditions
    .filter(({ low, high }) => low.trim() !== "" || high.trim() !== "")
    .map(({ column, low, high }) => {
      const unit = fields.find(({ name }) => name === column)?.unit ?? "";
      const limits = [low.trim() && `>= ${low.trim()} ${unit}`, high.trim() && `<= ${high.trim()} ${unit}`];
      return `${column} ${limits.filter(Boolean).join(", ")}`.trim();
    });
  if (rule.text) parts.push(`"${rule.text}"`);
  if (rule.inView) parts.push(t("review.bulk.view"));
  return parts.join("; ");
}

/** Make the change; returns how many polygons were changed. */
export async function runBulk(rule: Rule, action: BulkRequest["action"], expected: number, reason: string): Promise<number> {
  const id = inventoryId.peek();
  if (id === null) return 0;
  await outbox.emptied();
  const result = await api.bulk(id, { action, author: author.peek(), rule: queryOf(rule), expected, reason: reason.trim() || null });
  if (inventoryId.peek() !== id) return result.count;
  recordBulk();
  takeOver(result);
  return result.count;
}

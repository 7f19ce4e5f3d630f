/** Judge all polygons that fit a rule. */

import { useEffect, useState } from "preact/hooks";

import { ApiError } from "../core/api";
import { Dialog } from "../core/Dialog";
import { Icon } from "../core/icons";
import { notify } from "../core/notify";
import { inventory, language } from "../core/store";
import type { BulkRequest } from "../core/types";
import { t } from "../i18n";
import { countOf, ruleFields, ruleOfTable, ruleText, runBulk, type Condition, type Rule } from "./bulk";
import { countAgain, loadQueue } from "./session";
import { undo } from "./submit";

export function BulkDialog({ onClose }: { onClose: () => void }) {
  const fields = ruleFields(inventory.value?.fields ?? []);
  const [rule, setRule] = useState<Rule>(() => {
    const taken = ruleOfTable();
    const first = fields[0]?.name;
    return taken.conditions.length === 0 && first ? { ...taken, conditions: [{ column: first, low: "", high: "" }] } : taken;
  });
  const [reason, setReason] = useState("");
  const [count, setCount] = useState<number | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [running, setRunning] = useState(false);
  const [again, setAgain] = useState(0);

  useEffect(() => {
    let stale = false;
    setCount(null);
    const timer = setTimeout(() => {
      countOf(rule).then(
        (found) => {
          if (stale) return;
          setCount(found);
          setProblem(null);
        },
        (error: unknown) => {
          if (!stale) setProblem(messageOf(error));
        },
      );
    }, 250);
    return () => {
      stale = true;
      clearTimeout(timer);
    };
  }, [JSON.stringify(rule), again]);

  const change = (changed: Partial<Rule>) => setRule({ ...rule, ...changed });
  const setCondition = (index: number, changed: Partial<Condition>) =>
    change({ conditions: rule.conditions.map((one, i) => (i === index ? { ...one, ...changed } : one)) });

  async function run(action: BulkRequest["action"]): Promise<void> {
    if (!count) return;
    setRunning(true);
    try {
      const words = ruleText(rule, inventory.peek()?.fields ?? []);
      const changed = await runBulk(rule, action, count, [reason.trim(), words].filter(Boolean).join(" — "));
      onClose();
      countAgain(0);
      await loadQueue();
      notify("success", t("review.bulk.done", { count: changed }), { label: t("review.undo"), run: undo });
    } catch (error) {
      const changed = error instanceof ApiError && error.problem.status === 409;
      setProblem(changed ? t("review.bulk.changed") : messageOf(error));
      setAgain(again + 1);
    } finally {
      setRunning(false);
    }
  }

  const idle = running || !count;
  return (
    <Dialog
      title={t("review.bulk")}
      onClose={onClose}
      wide
      footer={
        <>
          <button type="button" class="button" onClick={onClose}>
            {t("cancel")}
          </button>
          {!rule.unreviewedOnly && (
            <button type="button" class="button" disabled={idle} onClick={() => void run("reset")}>
              {t("review.bulk.reset", { count: count ?? 0 })}
            </button>
          )}
          <button type="button" class="button" disabled={idle} onClick={() => void run("accept")}>
            {t("review.bulk.accept", { count: count ?? 0 })}
          </button>
          <button type="button" class="button button-danger" disabled={idle} onClick={() => void run("reject")}>
            {t("review.bulk.reject", { count: count ?? 0 })}
          </button>
        </>
      }
    >
      <p class="muted">{t("review.bulk.why")}</p>
      <ul class="conditions">
        {rule.conditions.map((condition, index) => (
          <li key={index}>
            <label class="field">
              <span>{t("review.bulk.field")}</span>
              <select
                value={condition.column}
                onChange={(event) => setCondition(index, { column: event.currentTarget.value })}
              >
                {fields.map((field) => (
                  <option key={field.name} value={field.name}>
                    {language.value === "zh" ? field.label_zh : field.label_en}
                    {field.unit ? ` (${field.unit})` : ""}
                  </option>
                ))}
              </select>
            </label>
            {(["low", "high"] as const).map((limit) => (
              <label key={limit} class="field">
                <span>{t(`review.bulk.${limit}`)}</span>
                <input
                  type="number"
                  step="any"
                  inputMode="decimal"
                  value={condition[limit]}
                  placeholder={placeholder(fields.find(({ name }) => name === condition.column), limit)}
                  onInput={(event) => setCondition(index, { [limit]: event.currentTarget.value })}
                />
              </label>
            ))}
            <button
              type="button"
              class="icon-button"
              aria-label={t("review.bulk.remove")}
              onClick={() => change({ conditions: rule.conditions.filter((_, i) => i !== index) })}
            >
              <Icon name="trash" />
            </button>
          </li>
        ))}
      </ul>
      <div class="button-row">
        <button
          type="button"
          class="button button-small"
          onClick={() => change({ conditions: [...rule.conditions, { column: fields[Math.min(rule.conditions.length, fields.length - 1)]?.name ?? "", low: "", high: "" }] })}
        >
          <Icon name="plus" size={16} />
          {t("review.bulk.add")}
        </button>
        <button type="button" class="button button-small" onClick={() => setRule(ruleOfTable())}>
          <Icon name="table" size={16} />
          {t("review.bulk.table")}
        </button>
      </div>
      <label class="check">
        <input
          type="checkbox"
          checked={rule.unreviewedOnly}
          onChange={(event) => change({ unreviewedOnly: event.currentTarget.checked })}
        />
        {t("review.bulk.unreviewed")}
      </label>
      <label class="check">
        <input
          type="checkbox"
          checked={rule.inView}
          onChange={(event) => change({ inView: event.currentTarget.checked })}
        />
        {t("review.bulk.view")}
      </label>
      <label class="field">
        <span>{t("review.bulk.reason")}</span>
        <input type="text" maxLength={300} value={reason} onInput={(event) => setReason(event.currentTarget.value)} />
      </label>
      <p class="bulk-count" role="status">
        {problem ?? (count === null ? t("review.bulk.counting") : count === 0 ? t("review.bulk.none") : t("review.bulk.count", { count }))}
      </p>
    </Dialog>
  );
}

function placeholder(field: { minimum: number | null; maximum: number | null } | undefined, limit: "low" | "high"): string {
  const value = limit === "low" ? field?.minimum : field?.maximum;
  return value === null || value === undefined ? "" : String(Number(value.toPrecision(3)));
}

function messageOf(error: unknown): string {
  if (error instanceof ApiError && error.problem.status === 0) return t("error.offline");
  return error instanceof Error ? error.message : String(error);
}

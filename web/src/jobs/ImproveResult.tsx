/** What fine-tuning on corrections brought: old against new, and the verdict in plain words. */

import { formatNumber } from "../core/format";
import { t } from "../i18n";
import { improvementOf, type Interval } from "./improvement";

export function ImproveResult({ summary }: { summary: Record<string, unknown> }) {
  const found = improvementOf(summary);
  if (!found) return null;
  const { before, after, difference, beyondThreshold, averagePrecision, blocks, tiles } = found;
  const verdict = VERDICTS[found.verdict] ?? "same";
  return (
    <section class="improve-result" aria-label={t("jobs.improve.title")}>
      <p class={`improve-verdict improve-${verdict}`}>
        <strong>{t(`jobs.improve.${verdict}`)}</strong>{" "}
        {t(`jobs.improve.${verdict}.why`, { low: signed(difference.low), high: signed(difference.high) })}
      </p>
      <table class="improve-table">
        <caption class="muted">{t("jobs.improve.caption", { tiles, blocks })}</caption>
        <thead>
          <tr>
            <th scope="col">
              <span class="visually-hidden">{t("jobs.improve.measure")}</span>
            </th>
            <th scope="col">{t("jobs.improve.before")}</th>
            <th scope="col">{t("jobs.improve.after")}</th>
          </tr>
        </thead>
        <tbody>
          {(["f1", "precision", "recall", "average_precision"] as const).map((measure) => (
            <tr key={measure}>
              <th scope="row">{t(`jobs.improve.${measure}`)}</th>
              <Value of={before[measure]} />
              <Value of={after[measure]} />
            </tr>
          ))}
          <tr>
            <th scope="row">{t("jobs.improve.detected")}</th>
            <td class="number">{t("jobs.improve.of", { count: before.detected, total: before.landslides })}</td>
            <td class="number">{t("jobs.improve.of", { count: after.detected, total: after.landslides })}</td>
          </tr>
          <tr>
            <th scope="row">{t("jobs.improve.false")}</th>
            <td class="number">{t("jobs.improve.of", { count: before.false, total: before.found })}</td>
            <td class="number">{t("jobs.improve.of", { count: after.false, total: after.found })}</td>
          </tr>
        </tbody>
        <tfoot>
          <Difference name="difference" of={difference} />
          {beyondThreshold.value !== null && <Difference name="beyond_threshold" of={beyondThreshold} />}
          {averagePrecision.value !== null && <Difference name="average_precision.difference" of={averagePrecision} />}
        </tfoot>
      </table>
    </section>
  );
}

const VERDICTS: Record<string, "better" | "f1_alone" | "worse"> = {
  better: "better",
  "F1 alone": "f1_alone",
  worse: "worse",
};

function signed(value: number | null): string {
  if (value === null) return "–";
  return `${value > 0 ? "+" : value < 0 ? "−" : ""}${formatNumber(Math.abs(value), 2)}`;
}

type DifferenceName = "difference" | "beyond_threshold" | "average_precision.difference";

function Difference({ name, of }: { name: DifferenceName; of: Interval }) {
  return (
    <tr>
      <th scope="row">{t(`jobs.improve.${name}`)}</th>
      <td colSpan={2} class="number">
        {signed(of.value)} <span class="muted">[{signed(of.low)}, {signed(of.high)}]</span>
      </td>
    </tr>
  );
}

function Value({ of }: { of: Interval }) {
  return (
    <td class="number">
      {of.value === null ? "–" : formatNumber(of.value, 3)}
      {of.low !== null && of.high !== null && (
        <small class="muted">
          {" "}
          [{formatNumber(of.low, 3)}, {formatNumber(of.high, 3)}]
        </small>
      )}
    </td>
  );
}

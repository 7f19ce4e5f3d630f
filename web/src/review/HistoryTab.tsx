/** Everything that was done to the selected polygon, and where it is from. */

import { formatNumber, formatTime } from "../core/format";
import { detail, inventory, select } from "../core/store";
import type { Change, FeatureDetail } from "../core/types";
import { t } from "../i18n";
import { earlier } from "./layers";
import { actionName, typeName } from "./names";
import { byOthers } from "./sync";

export function HistoryTab() {
  const polygon = detail.value;
  return (
    <>
      {polygon ? <History polygon={polygon} /> : <p class="muted">{t("review.history.none")}</p>}
      <Others />
    </>
  );
}

function History({ polygon }: { polygon: FeatureDetail }) {
  const changed = polygon.original !== null && polygon.provenance !== "model";
  return (
    <article class="review-card">
      <header>
        <h3>{t("review.history", { id: String(polygon.id) })}</h3>
        <span class="chip">{t(`provenance.${polygon.provenance}`)}</span>
      </header>
      {changed && (
        <label class="check">
          <input
            type="checkbox"
            checked={earlier.value !== null}
            onChange={(event) => (earlier.value = event.currentTarget.checked ? polygon.original : null)}
          />
          <span class="earlier-sign" aria-hidden="true" />
          {t("review.history.compare")}
        </label>
      )}
      <ol class="history">
        {polygon.history
          .map((change, index) => <HistoryItem key={change.seq} change={change} before={polygon.history[index - 1]} />)
          .reverse()}
        {polygon.original && <ModelItem />}
      </ol>
    </article>
  );
}

function HistoryItem({ change, before }: { change: Change; before: Change | undefined }) {
  return (
    <li class={change.active ? "" : "history-undone"}>
      <strong>{actionName(change.action)}</strong>
      {!change.active && <span class="chip">{t("review.history.undone")}</span>}
      {change.bulk && <span class="chip">{t("review.history.bulk")}</span>}
      <span class="muted">
        {change.author}, <time dateTime={change.time}>{formatTime(change.time)}</time>
        {change.seconds !== null && `, ${t("review.history.seconds", { seconds: formatNumber(change.seconds, 2) })}`}
      </span>
      {change.type && change.type !== before?.type && <span>{typeName(change.type)}</span>}
      {change.note && change.note !== before?.note && <q>{change.note}</q>}
      {change.reason && <q>{change.reason}</q>}
    </li>
  );
}

function ModelItem() {
  const chosen = inventory.value;
  if (!chosen) return null;
  const { model, threshold } = chosen;
  return (
    <li>
      <strong>{t("review.history.model")}</strong>
      <span class="muted">
        {model && threshold !== null
          ? t("review.history.model.detail", { model, threshold: formatNumber(threshold, 2) })
          : chosen.name}
      </span>
    </li>
  );
}

function Others() {
  const latest = [...byOthers.value].sort(([, a], [, b]) => b.seq - a.seq).slice(0, 8);
  if (latest.length === 0) return null;
  return (
    <section class="panel-section">
      <h3>{t("review.history.recent")}</h3>
      <ol class="history">
        {latest.map(([id, change]) => (
          <li key={id}>
            <button type="button" class="link" onClick={() => select([id])}>
              {t("review.polygon", { id: String(id) })}
            </button>
            <span class="muted">
              {actionName(change.action)}, {change.author}, {formatTime(change.time)}
            </span>
          </li>
        ))}
      </ol>
    </section>
  );
}

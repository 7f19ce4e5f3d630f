/** The queue: its order, the polygon that is judged, and what can be done with it. */

import { Icon } from "../core/icons";
import { formatArea } from "../core/format";
import { openPanel } from "../core/shell/panels";
import { inventoryId, selection } from "../core/store";
import type { QueueOrder } from "../core/types";
import { t } from "../i18n";
import { prefillJob } from "../jobs/prefill";
import { ActionButton } from "./ActionButton";
import { ACTIONS } from "./actions";
import { CurrentCard } from "./CurrentCard";
import { details } from "./details";
import { areaM2 } from "./geometry";
import { outlineShown } from "./layers";
import { chooseOrder, current, order, readOnly } from "./session";

const ORDERS: readonly QueueOrder[] = ["information", "uncertainty", "largest", "confidence", "random"];

export function QueueTab() {
  const several = selection.value.length > 1;
  const idle = readOnly.value || (!several && current.value === null);
  return (
    <>
      <label class="field review-order">
        <span>{t("review.order")}</span>
        <select
          value={order.value}
          title={t("review.order.help")}
          onChange={(event) => void chooseOrder(event.currentTarget.value as QueueOrder)}
        >
          {ORDERS.map((one) => (
            <option key={one} value={one}>
              {t(`review.order.${one}`)}
            </option>
          ))}
        </select>
      </label>
      {several ? <Selected ids={selection.value} /> : <CurrentCard />}
      <div class="judge-bar" role="group" aria-label={t("panel.review")}>
        <ActionButton action={ACTIONS.reject} kind="judge" disabled={idle} />
        <ActionButton action={ACTIONS.skip} kind="judge" disabled={several || current.value === null} />
        <ActionButton action={ACTIONS.accept} kind="judge" disabled={idle} />
      </div>
      <div class="tool-bar" role="group" aria-label={t("review.tools")}>
        <ActionButton action={ACTIONS.undo} />
        <ActionButton action={ACTIONS.redo} />
        <ActionButton action={ACTIONS.previous} />
        <ActionButton action={ACTIONS.edit} disabled={several || idle} />
        <ActionButton action={ACTIONS.split} disabled={several || idle} />
        <ActionButton action={ACTIONS.merge} disabled={!several || readOnly.value} />
        <ActionButton action={ACTIONS.draw} disabled={readOnly.value} />
        <ActionButton action={ACTIONS.freehand} disabled={readOnly.value} />
        <ActionButton action={ACTIONS.reset} disabled={idle || (!several && current.value?.verdict === "unreviewed")} />
        <ActionButton action={ACTIONS.type} disabled={idle} />
        <ActionButton action={ACTIONS.note} disabled={idle} />
        <ActionButton action={ACTIONS.peek} pressed={!outlineShown.value} />
        <ActionButton action={ACTIONS.before} />
        <ActionButton action={ACTIONS.centre} disabled={current.value === null} />
        <ActionButton action={ACTIONS.bulk} disabled={readOnly.value} />
      </div>
      <section class="panel-section">
        <p class="muted">{t("review.export.why")}</p>
        <button
          type="button"
          class="button"
          onClick={() => {
            prefillJob({ kind: "corrected", inventory_id: inventoryId.peek() });
            openPanel("jobs");
          }}
        >
          <Icon name="download" size={16} />
          {t("review.export")}
        </button>
      </section>
    </>
  );
}

function Selected({ ids }: { ids: readonly number[] }) {
  const rows = ids.map((id) => details.known(id)).filter((row) => row !== null);
  const area = rows.reduce((sum, row) => sum + areaM2(row.geometry), 0);
  return (
    <article class="review-card" aria-live="polite" aria-busy={rows.length < ids.length}>
      <h3>{t("review.selected", { count: ids.length })}</h3>
      <p class="muted">
        {rows.length === ids.length && `${t("review.selected.area", { area: formatArea(area) })}. `}
        {t("review.selected.help")}
      </p>
      <ActionButton action={ACTIONS.unselect} />
    </article>
  );
}

/** All that is known of the selected polygon. */

import { computed, useSignal } from "@preact/signals";

import { formatTime, formatValue } from "../core/format";
import { Icon } from "../core/icons";
import { sidePanel } from "../core/shell/panels";
import { detail, inventory, language, select, selected, selection } from "../core/store";
import type { Change, FeatureDetail, Field } from "../core/types";
import { t } from "../i18n";
import { mapView } from "../map/mapView";
import { formatPlace } from "../map/coordinates";
import { detailSections } from "./sections";

/** The review shows the polygon itself; a sample is judged without what the map says. */
const WITHOUT_CARD = ["review", "sample"];
export const cardShown = computed(() => selected.value !== null && !WITHOUT_CARD.includes(sidePanel.value ?? ""));

export function DetailCard() {
  const id = selected.value;
  if (id === null || !cardShown.value) return null;
  const polygon = detail.value?.id === id ? detail.value : null;
  const several = selection.value.length;
  return (
    <aside class="detail-card" aria-label={t("details")}>
      <header class="detail-header">
        <h2>{several > 1 ? t("details.several", { count: several }) : t("details.title", { id: String(id) })}</h2>
        {polygon && (
          <button
            type="button"
            class="icon-button"
            aria-label={t("details.fit")}
            title={t("details.fit")}
            onClick={() => mapView.value?.fitTo(polygon.bounds)}
          >
            <Icon name="fit" size={18} />
          </button>
        )}
        <button type="button" class="icon-button" aria-label={t("close")} onClick={() => select([])}>
          <Icon name="close" size={18} />
        </button>
      </header>
      <div class="detail-body" aria-busy={polygon === null}>
        {polygon ? <Details polygon={polygon} /> : <p class="muted detail-wait">{t("loading")}</p>}
      </div>
    </aside>
  );
}

function Details({ polygon }: { polygon: FeatureDetail }) {
  const fields = (inventory.value?.fields ?? []).filter((field) => field.kind !== "id");
  const flags = fields.filter((field) => field.kind === "flag");
  const rest = fields.filter((field) => field.kind !== "flag" && polygon[field.name] !== undefined);
  return (
    <>
      <p class="chips">
        <span class="chip">
          <span class="dot" data-verdict={polygon.verdict} aria-hidden="true" />
          {t(`verdict.${polygon.verdict}`)}
        </span>
        <span class="chip">{t(`provenance.${polygon.provenance}`)}</span>
        {polygon.type && <span class="chip">{polygon.type}</span>}
        {flags
          .filter((field) => polygon[field.name] === true)
          .map((field) => (
            <span class="chip chip-warning" key={field.name}>
              {fieldLabel(field)}
            </span>
          ))}
      </p>
      {polygon.note && <p class="detail-note">{polygon.note}</p>}
      {detailSections.value.map(({ id, component: Section }) => (
        <Section key={id} polygon={polygon} />
      ))}
      <dl class="attributes">
        {rest.map((field) => (
          <div key={field.name}>
            <dt title={field.name}>{fieldLabel(field)}</dt>
            <dd class={field.kind === "number" ? "number" : undefined}>
              {formatValue(polygon[field.name], field.unit)}
            </dd>
          </div>
        ))}
        <div>
          <dt>{t("details.place")}</dt>
          <dd class="number">{formatPlace(polygon.centroid, "decimal")}</dd>
        </div>
        {flags.length > 0 && (
          <div>
            <dt>{t("details.flags")}</dt>
            <dd>
              {flags.filter((field) => polygon[field.name] === true).map(fieldLabel).join(", ") || t("none")}
            </dd>
          </div>
        )}
      </dl>
      <Provenance polygon={polygon} />
    </>
  );
}

export function fieldLabel(field: Field): string {
  return (language.value === "zh" ? field.label_zh : field.label_en) || field.name;
}

function Provenance({ polygon }: { polygon: FeatureDetail }) {
  const open = useSignal(false);
  const chosen = inventory.value;
  return (
    <section class="provenance">
      <h3>{t("details.provenance")}</h3>
      <dl class="attributes">
        <div>
          <dt>{t("details.made")}</dt>
          <dd>{t(`provenance.${polygon.provenance}`)}</dd>
        </div>
        {chosen?.model && (
          <div>
            <dt>{t("details.model")}</dt>
            <dd>{chosen.model}</dd>
          </div>
        )}
        {chosen?.threshold !== null && chosen?.threshold !== undefined && (
          <div>
            <dt>{t("threshold")}</dt>
            <dd class="number">{chosen.threshold.toFixed(2)}</dd>
          </div>
        )}
        {polygon.author && (
          <div>
            <dt>{t("details.changed")}</dt>
            <dd>
              {polygon.author}
              {polygon.changed ? `, ${formatTime(polygon.changed)}` : ""}
            </dd>
          </div>
        )}
      </dl>
      <button
        type="button"
        class="link"
        aria-expanded={open.value}
        onClick={() => {
          open.value = !open.value;
        }}
      >
        {t("details.history", { count: polygon.history.length })}
      </button>
      {open.value && <History changes={polygon.history} />}
    </section>
  );
}

function History({ changes }: { changes: readonly Change[] }) {
  if (changes.length === 0) return <p class="muted">{t("history.none")}</p>;
  return (
    <ol class="history" reversed>
      {[...changes].reverse().map((one) => (
        <li key={one.seq} data-active={one.active}>
          <span>
            <strong>{t(`action.${one.action}`)}</strong>
            {!one.active && <span class="muted"> ({t("history.undone")})</span>}
          </span>
          <span class="muted">
            {one.author}, {formatTime(one.time)}
          </span>
          {one.reason && <span>{one.reason}</span>}
          {one.note && <span>{one.note}</span>}
        </li>
      ))}
    </ol>
  );
}

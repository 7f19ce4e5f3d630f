/** Accuracy: choose or draw a sample, judge its points, see what follows. */

import { useState } from "preact/hooks";

import { formatArea, formatPercent } from "../core/format";
import { Icon } from "../core/icons";
import { openPanel } from "../core/shell/panels";
import { inventory, inventoryId, workspace } from "../core/store";
import type { Reference, Sample, SampleEstimate, SamplePoint } from "../core/types";
import { t } from "../i18n";
import { prefillJob } from "../jobs/prefill";
import { KeyHint } from "../review/KeyHint";
import { far } from "./layer";
import * as session from "./session";

export function SamplePanel() {
  if (session.sampleId.value !== null && session.points.value.length > 0) return <Judging />;
  return <Choosing />;
}

function Choosing() {
  const samples = workspace.value?.samples ?? [];
  return (
    <div class="review">
      <p>{t("sample.why")}</p>
      {samples.length > 0 && (
        <ul class="sample-list">
          {samples.map((one) => (
            <SampleItem key={one.id} sample={one} />
          ))}
        </ul>
      )}
      {inventory.value && (
        <>
          {samples.length === 0 && <p class="muted">{t("sample.none")}</p>}
          <button
            type="button"
            class={samples.length === 0 ? "button button-primary" : "button"}
            onClick={() => {
              prefillJob({ kind: "sample", inventory_id: inventoryId.peek() });
              openPanel("jobs");
            }}
          >
            <Icon name="sample" size={16} />
            {t("sample.draw")}
          </button>
        </>
      )}
    </div>
  );
}

function SampleItem({ sample }: { sample: Sample }) {
  return (
    <li class="review-card">
      <strong>{sample.name}</strong>
      <progress class="progress" max={sample.points} value={sample.judged} aria-label={sample.name} />
      <p class="muted number">{t("sample.judged", { judged: sample.judged, points: sample.points })}</p>
      <button
        type="button"
        class="button button-primary"
        disabled={session.loading.value}
        onClick={() => void session.openSample(sample.id)}
      >
        {t(sample.judged === 0 ? "sample.begin" : sample.judged < sample.points ? "sample.resume" : "sample.open")}
      </button>
    </li>
  );
}

const REFERENCES: readonly { value: Reference; key: string }[] = [
  { value: "landslide", key: "l" },
  { value: "background", key: "b" },
  { value: "unclear", key: "u" },
];

function Judging() {
  const here = session.point.value;
  const done = session.judged.value;
  const total = session.points.value.length;
  return (
    <div class="review">
      <section class="review-progress">
        <div class="review-progress-line">
          <strong class="number" role="status">
            {t("sample.judged", { judged: done, points: total })}
          </strong>
          <button type="button" class="link review-author" onClick={session.closeSample}>
            {t("sample.other")}
          </button>
        </div>
        <progress class="progress" max={total} value={done} aria-label={t("sample.judged", { judged: done, points: total })} />
        {session.offline.value && (
          <div class="review-offline" role="status">
            <span>
              {t("review.offline")} {t("review.unsent", { count: session.waiting.value })}
            </span>
            <button type="button" class="button button-small" onClick={session.retry}>
              {t("review.retry")}
            </button>
          </div>
        )}
      </section>
      {session.finished.value && <p class="review-hint">{t("sample.finished")}</p>}
      {here && <PointCard point={here} />}
      {!session.finished.value && (
        <button
          type="button"
          class="button button-small"
          aria-expanded={session.resultShown.value}
          onClick={() => (session.resultShown.value = !session.resultShown.value)}
        >
          {t(session.resultShown.value ? "sample.result.hide" : "sample.result.show")}
        </button>
      )}
      {(session.finished.value || session.resultShown.value) && session.estimate.value && (
        <Result estimate={session.estimate.value} />
      )}
    </div>
  );
}

function PointCard({ point }: { point: SamplePoint }) {
  return (
    <>
      <article class="review-card" aria-live="polite" aria-atomic="true">
        <header>
          <h3>{t("sample.point", { number: session.index.value + 1, points: session.points.value.length })}</h3>
          {point.reference && <span class="chip">{t(`sample.${point.reference}`)}</span>}
        </header>
        <p class="muted">{t("sample.question")}</p>
      </article>
      <div class="judge-bar judge-bar-even" role="group" aria-label={t("sample.question")}>
        {REFERENCES.map(({ value, key }) => (
          <button
            key={value}
            type="button"
            class={`judge-button sample-${value}`}
            aria-pressed={point.reference === value}
            aria-keyshortcuts={key}
            onClick={(event) => {
              session.judge(value);
              if (event.detail > 0) event.currentTarget.blur();
            }}
          >
            <span>{t(`sample.${value}`)}</span>
            <KeyHint name={key} />
          </button>
        ))}
      </div>
      <div class="tool-bar">
        <button type="button" class="button button-small tool-button" disabled={session.index.value === 0} onClick={session.back}>
          <Icon name="previous" size={16} />
          <span>{t("sample.back")}</span>
          <KeyHint name="p" />
        </button>
        <button type="button" class="button button-small tool-button" onClick={session.forward}>
          <Icon name="next" size={16} />
          <span>{t("sample.forward")}</span>
          <KeyHint name="n" />
        </button>
        <button
          type="button"
          class="button button-small tool-button"
          aria-pressed={far.value}
          onClick={() => (far.value = !far.value)}
        >
          <Icon name="eye" size={16} />
          <span>{t("sample.far")}</span>
          <KeyHint name="z" />
        </button>
      </div>
      <Comment key={point.id} point={point} />
    </>
  );
}

function Comment({ point }: { point: SamplePoint }) {
  const [text, setText] = useState(point.comment ?? "");
  const save = () => {
    if (text.trim() !== (point.comment ?? "")) session.comment(text);
  };
  return (
    <label class="field">
      <span>{t("sample.comment")}</span>
      <input
        type="text"
        id="sample-comment"
        value={text}
        maxLength={500}
        onInput={(event) => setText(event.currentTarget.value)}
        onBlur={save}
        onKeyDown={(event) => {
          if (event.key === "Enter" || event.key === "Escape") event.currentTarget.blur();
        }}
      />
    </label>
  );
}

function Result({ estimate }: { estimate: SampleEstimate }) {
  const { area_m2, low_m2, high_m2, mapped_m2 } = estimate;
  return (
    <section class="panel-section" aria-live="polite">
      <h3>{t("sample.result")}</h3>
      {area_m2 !== null ? (
        <>
          <p class="sample-area number">{formatArea(area_m2)}</p>
          {low_m2 !== null && high_m2 !== null && (
            <p class="number">{t("sample.interval", { low: formatArea(low_m2), high: formatArea(high_m2) })}</p>
          )}
          <AreaBar low={low_m2} area={area_m2} high={high_m2} mapped={mapped_m2} />
          <dl class="review-facts">
            <Fact name={t("sample.mapped")} value={formatArea(mapped_m2)} />
            <Fact name={t("sample.overall")} value={share(estimate.overall_accuracy)} />
            <Fact name={t("sample.users")} value={share(estimate.users_accuracy)} />
            <Fact name={t("sample.producers")} value={share(estimate.producers_accuracy)} />
          </dl>
        </>
      ) : (
        <p class="muted">{t("sample.few")}</p>
      )}
      {estimate.notes.map((note) => (
        <p key={note} class="review-hint">
          {note}
        </p>
      ))}
      <button
        type="button"
        class="button"
        onClick={() => {
          const chosen = session.sample.peek();
          prefillJob({ kind: "inventory", inventory_id: chosen?.inventory_id ?? inventoryId.peek(), sample_id: chosen?.id ?? null });
          openPanel("jobs");
        }}
      >
        {t("sample.inventory")}
      </button>
    </section>
  );
}

const share = (value: number | null) => (value === null ? "–" : formatPercent(value, 1));

function Fact({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd class="number">{value}</dd>
    </div>
  );
}

/** The interval of the area, and what the map says, on one line. */
function AreaBar({ low, area, high, mapped }: { low: number | null; area: number; high: number | null; mapped: number }) {
  const most = Math.max(high ?? area, mapped) * 1.1 || 1;
  const at = (value: number) => `${(100 * Math.max(0, value)) / most}%`;
  return (
    <div class="area-bar" aria-hidden="true">
      {low !== null && high !== null && <span class="area-bar-interval" style={{ left: at(low), width: at(high - Math.max(0, low)) }} />}
      <span class="area-bar-value" style={{ left: at(area) }} />
      <span class="area-bar-mapped" style={{ left: at(mapped) }} />
    </div>
  );
}

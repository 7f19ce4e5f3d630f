/** Filter of the table and of the map: verdict, origin, text, and ranges of columns. */

import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

import { formatArea, formatNumber } from "../core/format";
import { Icon } from "../core/icons";
import { RangeSlider } from "../core/RangeSlider";
import { filter, inventory } from "../core/store";
import type { FeatureQuery, Field, Provenance, Verdict } from "../core/types";
import { fieldLabel } from "../details/DetailCard";
import { t } from "../i18n";
import { formatRange, parseRange } from "../map/expressions";

const VERDICTS = ["unreviewed", "accepted", "rejected"] as const;
const PROVENANCES = ["model", "edited", "drawn", "split", "merged"] as const;
const USUAL = ["area_m2", "confidence"];
const SETTLE_MS = 250;

/** Change the filter; what is undefined is no longer asked. */
export function changeFilter(changed: { [K in keyof FeatureQuery]?: FeatureQuery[K] | undefined }): void {
  const all: Record<string, unknown> = { ...filter.peek(), ...changed };
  for (const key of Object.keys(all)) {
    const value = all[key];
    if (value === undefined || value === "" || (Array.isArray(value) && value.length === 0)) delete all[key];
  }
  filter.value = all as FeatureQuery;
}

export function FilterBar() {
  const open = useSignal(false);
  const button = useRef<HTMLButtonElement>(null);
  const popover = useRef<HTMLDivElement>(null);
  const used = Object.keys(filter.value).length + Math.max(0, (filter.value.range?.length ?? 1) - 1);
  useEffect(() => {
    if (!open.value) return;
    const close = (event: PointerEvent) => {
      const at = event.target as Node;
      if (!popover.current?.contains(at) && !button.current?.contains(at)) open.value = false;
    };
    document.addEventListener("pointerdown", close);
    return () => document.removeEventListener("pointerdown", close);
  }, [open.value]);
  return (
    <div
      class="filter-bar"
      onKeyDown={(event) => {
        if (event.key !== "Escape" || !open.value) return;
        event.stopPropagation();
        open.value = false;
        button.current?.focus();
      }}
    >
      <TextFilter />
      <select
        aria-label={t("column.verdict")}
        value={filter.value.verdict ?? ""}
        onChange={(event) => changeFilter({ verdict: (event.currentTarget.value || undefined) as Verdict | undefined })}
      >
        <option value="">{t("filter.verdict.any")}</option>
        {VERDICTS.map((one) => (
          <option key={one} value={one}>
            {t(`verdict.${one}`)}
          </option>
        ))}
      </select>
      <button
        ref={button}
        type="button"
        class="button button-small"
        aria-expanded={open.value}
        aria-controls="filter-popover"
        onClick={() => {
          open.value = !open.value;
        }}
      >
        <Icon name="filter" size={16} />
        {t("filter")}
        {used > 0 && <span class="badge">{used}</span>}
      </button>
      {used > 0 && (
        <button
          type="button"
          class="button button-small"
          onClick={() => {
            filter.value = {};
          }}
        >
          {t("filter.reset")}
        </button>
      )}
      {open.value && (
        <div
          ref={popover}
          id="filter-popover"
          class="popover"
          role="group"
          aria-label={t("filter")}
          style={above(button.current)}
        >
          <label class="field">
            <span>{t("filter.provenance")}</span>
            <select
              value={filter.value.provenance ?? ""}
              onChange={(event) =>
                changeFilter({ provenance: (event.currentTarget.value || undefined) as Provenance | undefined })
              }
            >
              <option value="">{t("filter.any")}</option>
              {PROVENANCES.map((one) => (
                <option key={one} value={one}>
                  {t(`provenance.${one}`)}
                </option>
              ))}
            </select>
          </label>
          <RangeFilters />
        </div>
      )}
    </div>
  );
}

/** Place above a button, wherever the panel around it ends. */
function above(button: HTMLElement | null) {
  const box = button?.getBoundingClientRect();
  if (!box) return {};
  const left = Math.max(12, Math.min(box.left, window.innerWidth - 332));
  return { left: `${left}px`, bottom: `${window.innerHeight - box.top + 6}px` };
}

function TextFilter() {
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  return (
    <input
      type="search"
      class="text-filter"
      placeholder={t("filter.text")}
      aria-label={t("filter.text")}
      value={filter.value.text ?? ""}
      onInput={(event) => {
        const text = event.currentTarget.value;
        clearTimeout(timer.current);
        timer.current = setTimeout(() => changeFilter({ text }), SETTLE_MS);
      }}
    />
  );
}

function RangeFilters() {
  const fields = (inventory.value?.fields ?? []).filter(
    (field) => field.kind === "number" && field.minimum !== null && field.maximum !== null && field.maximum > field.minimum,
  );
  const added = useSignal<readonly string[]>([]);
  const used = (filter.value.range ?? []).flatMap((text) => parseRange(text)?.column ?? []);
  const shown = fields.filter((field) => [...USUAL, ...used, ...added.value].includes(field.name));
  const others = fields.filter((field) => !shown.includes(field));
  return (
    <>
      {shown.map((field) => (
        <FieldRange key={field.name} field={field} />
      ))}
      {others.length > 0 && (
        <label class="field">
          <span>{t("filter.add")}</span>
          <select
            value=""
            onChange={(event) => {
              added.value = [...added.value, event.currentTarget.value];
            }}
          >
            <option value="">{t("filter.choose")}</option>
            {others.map((field) => (
              <option key={field.name} value={field.name}>
                {fieldLabel(field)}
              </option>
            ))}
          </select>
        </label>
      )}
    </>
  );
}

function FieldRange({ field }: { field: Field }) {
  const [minimum, maximum] = [field.minimum ?? 0, field.maximum ?? 1];
  const now = (filter.value.range ?? []).map(parseRange).find((one) => one?.column === field.name);
  const moving = useSignal<readonly [number, number] | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const [low, high] = moving.value ?? [now?.low ?? minimum, now?.high ?? maximum];
  const format = (value: number) =>
    field.unit === "m²" || field.unit === "m2" || field.name === "area_m2" ? formatArea(value) : formatNumber(value, 3);
  return (
    <div class="field-range">
      <span class="field-label">{fieldLabel(field)}</span>
      <RangeSlider
        label={fieldLabel(field)}
        labels={[t("filter.from"), t("filter.to")]}
        minimum={minimum}
        maximum={maximum}
        low={low}
        high={high}
        logarithmic={field.name.endsWith("_m2")}
        format={format}
        onChange={(from, to) => {
          moving.value = [from, to];
          clearTimeout(timer.current);
          timer.current = setTimeout(() => {
            const others = (filter.peek().range ?? []).filter((text) => parseRange(text)?.column !== field.name);
            const limits = {
              column: field.name,
              low: from <= minimum ? null : Number(from.toPrecision(6)),
              high: to >= maximum ? null : Number(to.toPrecision(6)),
            };
            const whole = limits.low === null && limits.high === null;
            changeFilter({ range: whole ? others : [...others, formatRange(limits)] });
            moving.value = null;
          }, SETTLE_MS);
        }}
      />
      <output class="number">
        {format(low)} – {format(high)}
      </output>
    </div>
  );
}

/** The table below the map: sorted and filtered by the server, drawn as far as it is seen. */

import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";

import { formatNumber, formatValue } from "../core/format";
import { errorText } from "../core/notify";
import { inventory, select, selected } from "../core/store";
import type { FeatureRow, Field } from "../core/types";
import { fieldLabel } from "../details/DetailCard";
import { t } from "../i18n";
import { hovered } from "../map/layers/polygons";
import { mapView } from "../map/mapView";
import { ColumnMenu } from "./ColumnMenu";
import { FilterBar } from "./FilterBar";
import { columns, fetchRow, indexOf, need, row, sort, tableError, total } from "./rows";

const ROW = 32;
const SPARE = 8;

export function TablePanel() {
  const box = useRef<HTMLDivElement>(null);
  const scroll = useSignal(0);
  const height = useSignal(300);
  const cursor = useSignal(0);
  /** Polygon that was chosen here last. */
  const chosen = useRef<number | null>(null);
  const first = Math.max(0, Math.floor(scroll.value / ROW) - SPARE);
  const last = Math.min(total.value - 1, Math.ceil((scroll.value + height.value) / ROW) + SPARE);
  useEffect(() => need(first, last), [first, last, total.value]);
  useLayoutEffect(() => {
    if (!box.current) return;
    const observer = new ResizeObserver(([entry]) => {
      height.value = entry?.contentRect.height ?? 300;
    });
    observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  // What is selected on the map comes into view, where its page is loaded.
  useEffect(() => {
    // Chosen here: the cursor may be farther already.
    if (selected.value !== null && selected.value === chosen.current) return;
    chosen.current = null;
    const at = selected.value === null ? null : indexOf(selected.value);
    if (at === null || !box.current) return;
    cursor.value = at;
    reveal(box.current, at);
  }, [selected.value]);

  if (!inventory.value) return <p class="muted">{t("table.none")}</p>;
  const shown = columns.value;
  const template = `78px 140px ${shown.map((field) => (field.kind === "text" ? "150px" : "126px")).join(" ")} minmax(8px, 1fr)`;
  const go = async (to: number) => {
    const index = Math.min(total.peek() - 1, Math.max(0, to));
    if (index < 0) return;
    cursor.value = index;
    if (box.current) reveal(box.current, index);
    const found = await fetchRow(index);
    if (!found || cursor.peek() !== index) return;
    chosen.current = found.id;
    choose(found);
  };
  const page = Math.max(1, Math.floor((height.value - ROW) / ROW) - 1);
  return (
    <div class="table-panel">
      <div class="table-tools">
        <FilterBar />
        <span class="table-count number" role="status">
          {t("table.count", { count: total.value, all: inventory.value.count })}
        </span>
        <ColumnMenu />
      </div>
      {tableError.value && <p class="table-error">{errorText(tableError.value)}</p>}
      <div
        ref={box}
        class="table-scroll"
        role="grid"
        aria-label={t("panel.table")}
        aria-rowcount={total.value + 1}
        aria-colcount={shown.length + 2}
        tabIndex={0}
        aria-activedescendant={total.value > 0 ? `row-${cursor.value}` : undefined}
        data-own-keys
        onScroll={(event) => {
          scroll.value = event.currentTarget.scrollTop;
        }}
        onKeyDown={(event) => {
          if (event.target !== event.currentTarget) return;
          const to = {
            ArrowDown: cursor.value + 1,
            ArrowUp: cursor.value - 1,
            PageDown: cursor.value + page,
            PageUp: cursor.value - page,
            Home: 0,
            End: total.value - 1,
            Enter: cursor.value,
            " ": cursor.value,
          }[event.key];
          if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
          event.preventDefault();
          event.stopPropagation();
          void go(to);
        }}
      >
        <div class="table-content" style={{ height: `${(total.value + 1) * ROW}px` }}>
          <div class="table-head" role="row" aria-rowindex={1} style={{ gridTemplateColumns: template }}>
            <HeaderCell name="id" label={t("column.id")} number />
            <HeaderCell name="verdict" label={t("column.verdict")} />
            {shown.map((field) => (
              <HeaderCell
                key={field.name}
                name={field.name}
                label={fieldLabel(field)}
                unit={field.unit}
                number={field.kind === "number"}
              />
            ))}
          </div>
          {Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i).map((index) => (
            <Row
              key={index}
              index={index}
              content={row(index)}
              fields={shown}
              template={template}
              active={cursor.value === index}
              onChoose={() => void go(index)}
            />
          ))}
        </div>
      </div>
    </div>
  );
}

function choose(polygon: FeatureRow): void {
  select([polygon.id]);
  mapView.peek()?.fitTo(polygon.bounds, { maxZoom: 16 });
}

function reveal(box: HTMLElement, index: number): void {
  const top = index * ROW;
  const room = box.clientHeight - ROW;
  if (top < box.scrollTop) box.scrollTop = top;
  else if (top + ROW > box.scrollTop + room) box.scrollTop = top + ROW - room;
}

function HeaderCell({ name, label, unit = null, number = false }: { name: string; label: string; unit?: string | null; number?: boolean }) {
  const up = sort.value === name;
  const down = sort.value === `-${name}`;
  return (
    <span role="columnheader" aria-sort={up ? "ascending" : down ? "descending" : "none"} class={number ? "cell-number" : undefined}>
      <button
        type="button"
        title={unit ? `${label} (${unit})` : label}
        onClick={() => {
          // Numbers are mostly asked for from the largest.
          sort.value = up ? `-${name}` : down ? name : number && name !== "id" ? `-${name}` : name;
        }}
      >
        <span class="head-label">{label}</span>
        {unit && <span class="head-unit">{unit}</span>}
        <span class="head-arrow" aria-hidden="true">
          {up ? "▲" : down ? "▼" : ""}
        </span>
      </button>
    </span>
  );
}

interface RowProperties {
  index: number;
  content: FeatureRow | null;
  fields: readonly Field[];
  template: string;
  active: boolean;
  onChoose: () => void;
}

function Row({ index, content, fields, template, active, onChoose }: RowProperties) {
  const chosen = content !== null && selected.value === content.id;
  return (
    <div
      class="table-row"
      role="row"
      id={`row-${index}`}
      aria-rowindex={index + 2}
      aria-selected={chosen}
      data-active={active}
      style={{ top: `${(index + 1) * ROW}px`, gridTemplateColumns: template }}
      onClick={onChoose}
      onMouseEnter={() => {
        hovered.value = content?.id ?? null;
      }}
      onMouseLeave={() => {
        hovered.value = null;
      }}
    >
      {content ? (
        <>
          <span role="gridcell" class="cell-number">
            {content.id}
          </span>
          <span role="gridcell" class="cell-verdict">
            <span class="dot" data-verdict={content.verdict} aria-hidden="true" />
            {t(`verdict.${content.verdict}`)}
          </span>
          {fields.map((field) => (
            <span key={field.name} role="gridcell" class={field.kind === "number" ? "cell-number" : undefined}>
              {cell(content[field.name])}
            </span>
          ))}
        </>
      ) : (
        <span role="gridcell" class="muted">
          …
        </span>
      )}
    </div>
  );
}

function cell(value: unknown): string {
  return typeof value === "number" && !Number.isInteger(value) ? formatNumber(value) : formatValue(value);
}

/** Charts of the inventory as it is now. */

import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";

import { api } from "../core/api";
import { formatArea, formatDate, formatNumber } from "../core/format";
import { errorText } from "../core/notify";
import { inventory, inventoryId, revision } from "../core/store";
import type { Charts, Verdict } from "../core/types";
import { t, tServer } from "../i18n";
import { STATE_COLOURS } from "../map/states";
import { axis, Plot } from "./Plot";

const VERDICTS = ["unreviewed", "accepted", "rejected"] as const satisfies readonly Verdict[];

export function ChartsPanel() {
  const charts = useSignal<Charts | null>(null);
  const error = useSignal<string | null>(null);
  const id = inventoryId.value;
  const now = revision.value;
  useEffect(() => {
    let current = true;
    if (id === null) return;
    api.charts(id).then(
      (loaded) => {
        if (current) {
          charts.value = loaded;
          error.value = null;
        }
      },
      (failure: unknown) => {
        if (current) error.value = errorText(failure);
      },
    );
    return () => {
      current = false;
    };
  }, [id, now]);
  if (!inventory.value) return <p class="muted">{t("table.none")}</p>;
  if (error.value) return <p class="table-error">{error.value}</p>;
  if (!charts.value) return <p class="muted">{t("loading")}</p>;
  return (
    <div class="charts">
      <Areas areas={charts.value.area_m2} />
      {charts.value.sizes.counts.length > 0 && <Sizes sizes={charts.value.sizes} />}
      {charts.value.confidence.edges.length > 1 && <Confidence confidence={charts.value.confidence} />}
      {charts.value.states.length > 0 && <States states={charts.value.states} />}
    </div>
  );
}

function Areas({ areas }: { areas: Charts["area_m2"] }) {
  const whole = VERDICTS.reduce((sum, one) => sum + areas[one], 0);
  return (
    <section class="areas" aria-label={t("charts.area")}>
      <h3>{t("charts.area")}</h3>
      <div class="verdict-bar" aria-hidden="true">
        {VERDICTS.filter((one) => areas[one] > 0).map((one) => (
          <span key={one} style={{ flexGrow: areas[one] / (whole || 1), background: `var(--${one})` }} />
        ))}
      </div>
      <dl class="attributes">
        {VERDICTS.map((one) => (
          <div key={one}>
            <dt>
              <span class="dot" data-verdict={one} aria-hidden="true" /> {t(`verdict.${one}`)}
            </dt>
            <dd class="number">{formatArea(areas[one])}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

/** Numbers of polygons by area, both axes logarithmic. */
function Sizes({ sizes }: { sizes: Charts["sizes"] }) {
  const { edges_m2: edges, counts } = sizes;
  const data = useMemo<uPlot.AlignedData>(() => {
    const middles = counts.map((_, i) => Math.sqrt(edges[i]! * edges[i + 1]!));
    return [middles, counts.map((one) => (one > 0 ? one : null))];
  }, [sizes]);
  const most = counts.indexOf(Math.max(...counts));
  const sum = counts.reduce((total, one) => total + one, 0);
  return (
    <Plot
      title={t("charts.sizes")}
      summary={t("charts.sizes.summary", {
        count: sum,
        low: formatArea(edges[most] ?? 0),
        high: formatArea(edges[most + 1] ?? 0),
      })}
      data={data}
      options={(colour) => ({
        legend: { show: false },
        cursor: { drag: { x: false, y: false } },
        scales: { x: { time: false, distr: 3, log: 10, range: [edges[0]!, edges.at(-1)!] }, y: { distr: 3, log: 10, range: [0.7, Math.max(...counts) * 1.6] } },
        axes: [
          axis(colour, t("charts.area.axis"), { values: (_, ticks) => ticks.map(powerLabel) }),
          axis(colour, t("charts.number.axis"), { size: 44, values: (_, ticks) => ticks.map(powerLabel) }),
        ],
        series: [
          {},
          {
            stroke: colour("accent"),
            width: 2,
            spanGaps: true,
            points: { show: true, size: 7, fill: colour("surface"), stroke: colour("accent"), width: 2 },
          },
        ],
      })}
      table={{
        head: [t("charts.area.axis"), t("charts.number.axis")],
        rows: counts.map((one, i) => [`${formatArea(edges[i]!)} – ${formatArea(edges[i + 1]!)}`, String(one)]),
      }}
    />
  );
}

/** Only powers of ten are written on a logarithmic axis. */
function powerLabel(value: number | null): string {
  if (value === null || !Number.isInteger(Math.round(Math.log10(value) * 1e6) / 1e6)) return "";
  return value >= 1e6 ? `${formatNumber(value / 1e6)}M` : value >= 1e3 ? `${formatNumber(value / 1e3)}k` : String(value);
}

/** Numbers by confidence, verdicts on top of each other. */
function Confidence({ confidence }: { confidence: Charts["confidence"] }) {
  const { edges, counts } = confidence;
  const data = useMemo<uPlot.AlignedData>(() => {
    const middles = edges.slice(1).map((edge, i) => (edge + edges[i]!) / 2);
    const sums = VERDICTS.map((_, at) =>
      middles.map((_, i) => VERDICTS.slice(0, at + 1).reduce((sum, one) => sum + (counts[one][i] ?? 0), 0)),
    );
    // The tallest bars are drawn first, the others over them.
    return [middles, ...sums.reverse()];
  }, [confidence]);
  const drawn = [...VERDICTS].reverse();
  return (
    <Plot
      title={t("charts.confidence")}
      summary={t("charts.confidence.summary", {
        accepted: counts.accepted.reduce((a, b) => a + b, 0),
        rejected: counts.rejected.reduce((a, b) => a + b, 0),
        unreviewed: counts.unreviewed.reduce((a, b) => a + b, 0),
      })}
      data={data}
      legend={VERDICTS.map((one) => ({ colour: `var(--${one})`, label: t(`verdict.${one}`) }))}
      options={(colour) => ({
        legend: { show: false },
        cursor: { drag: { x: false, y: false } },
        scales: { x: { time: false, range: [edges[0]!, edges.at(-1)!] }, y: { range: (_, __, high) => [0, (high || 1) * 1.1] } },
        axes: [axis(colour, t("charts.confidence.axis")), axis(colour, t("charts.number.axis"), { size: 44 })],
        series: [
          {},
          ...drawn.map((one) => ({
            fill: colour(one),
            stroke: colour("surface"),
            width: 1,
            points: { show: false },
            paths: uPlot.paths.bars!({ size: [0.92, 60] }),
          })),
        ],
      })}
      table={{
        head: [t("charts.confidence.axis"), ...VERDICTS.map((one) => t(`verdict.${one}`))],
        rows: edges
          .slice(1)
          .map((edge, i) => [
            `${formatNumber(edges[i]!, 2)} – ${formatNumber(edge, 2)}`,
            ...VERDICTS.map((one) => String(counts[one][i] ?? 0)),
          ]),
      }}
    />
  );
}

/** Area of each state over the dates. */
function States({ states }: { states: Charts["states"] }) {
  const names = useMemo(() => [...new Set(states.flatMap((one) => Object.keys(one.area_m2)))], [states]);
  const colours = names.map((name) => STATE_COLOURS[name] ?? "#7a4fc0");
  const data = useMemo<uPlot.AlignedData>(
    () => [
      states.map((one) => Date.parse(`${one.date}T00:00:00Z`) / 1000),
      ...names.map((name) => states.map((one) => (one.area_m2[name] ?? 0) / 1e4)),
    ],
    [states, names],
  );
  return (
    <Plot
      title={t("charts.states")}
      summary={t("charts.states.summary", { dates: states.length, states: names.map((one) => tServer(`state.${one}`)).join(", ") })}
      data={data}
      legend={names.map((name, i) => ({ colour: colours[i]!, label: tServer(`state.${name}`) }))}
      options={(colour) => ({
        legend: { show: false },
        cursor: { drag: { x: false, y: false } },
        scales: { x: { time: true }, y: { range: (_, __, high) => [0, (high || 1) * 1.1] } },
        axes: [axis(colour, t("series.date")), axis(colour, `${t("charts.area")} (ha)`, { size: 50 })],
        series: [
          {},
          ...names.map((_, i) => ({ stroke: colours[i]!, width: 2, points: { show: true, size: 7 } })),
        ],
      })}
      table={{
        head: [t("series.date"), ...names.map((one) => tServer(`state.${one}`))],
        rows: states.map((one) => [formatDate(one.date), ...names.map((name) => formatArea(one.area_m2[name] ?? 0))]),
      }}
    />
  );
}

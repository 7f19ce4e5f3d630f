/** One chart by uPlot in the page's colours, and the same numbers as a table. */

import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";

import { isDark } from "../core/appearance";
import { language } from "../core/store";
import { t } from "../i18n";

export interface TableContent {
  head: readonly string[];
  rows: readonly (readonly string[])[];
}

interface PlotProperties {
  title: string;
  /** What the chart shows, in one sentence, for those who do not see it. */
  summary: string;
  /** Options by the page's colours; called again when they change. */
  options: (colour: (name: string) => string) => Omit<uPlot.Options, "width" | "height">;
  data: uPlot.AlignedData;
  table: TableContent;
  legend?: readonly { colour: string; label: string }[];
}

const HEIGHT = 190;

export function Plot({ title, summary, options, data, table, legend = [] }: PlotProperties) {
  const place = useRef<HTMLDivElement>(null);
  const dark = isDark.value;
  const chosen = language.value;
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const style = getComputedStyle(document.documentElement);
    const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
    const plot = new uPlot({ ...options(colour), width: element.clientWidth, height: HEIGHT }, data, element);
    const observer = new ResizeObserver(() => {
      if (element.clientWidth > 0) plot.setSize({ width: element.clientWidth, height: HEIGHT });
    });
    observer.observe(element);
    return () => {
      observer.disconnect();
      plot.destroy();
    };
  }, [data, dark, chosen]);
  return (
    <figure class="chart">
      <figcaption>{title}</figcaption>
      <div ref={place} class="chart-plot" role="img" aria-label={`${title}. ${summary}`} />
      {legend.length > 0 && (
        <ul class="chart-legend">
          {legend.map((one) => (
            <li key={one.label}>
              <span class="swatch" style={{ background: one.colour }} aria-hidden="true" />
              {one.label}
            </li>
          ))}
        </ul>
      )}
      <details class="chart-table">
        <summary>{t("charts.table")}</summary>
        <div class="chart-table-scroll" tabIndex={0} role="region" aria-label={title}>
          <table>
            <thead>
              <tr>
                {table.head.map((one) => (
                  <th key={one} scope="col">
                    {one}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {table.rows.map((cells, index) => (
                <tr key={index}>
                  {cells.map((one, at) => (
                    <td key={at}>{one}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </details>
    </figure>
  );
}

/** Axes in the page's colours. */
export function axis(colour: (name: string) => string, label: string, extra: uPlot.Axis = {}): uPlot.Axis {
  return {
    label,
    size: 30,
    labelSize: 18,
    labelGap: 0,
    labelFont: "12px system-ui, sans-serif",
    font: "11px system-ui, sans-serif",
    stroke: colour("text-muted"),
    grid: { stroke: colour("line"), width: 1 },
    ticks: { stroke: colour("line"), width: 1, size: 4 },
    ...extra,
  };
}

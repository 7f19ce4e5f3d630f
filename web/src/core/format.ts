/** Numbers, areas and times in the chosen language. */

import { locale, t } from "../i18n";

/** At most `digits` significant digits, none needless. */
export function formatNumber(value: number, digits = 4): string {
  if (!Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  const fraction = size >= 1000 || value === 0 ? 0 : Math.max(0, digits - 1 - Math.floor(Math.log10(size)));
  return value.toLocaleString(locale(), { maximumFractionDigits: Math.min(fraction, 6) });
}

/** An area in m², from a hectare in ha, from a square kilometre in km². */
export function formatArea(area_m2: number): string {
  if (area_m2 >= 1e6) return `${formatNumber(area_m2 / 1e6, 3)} km²`;
  if (area_m2 >= 1e4) return `${formatNumber(area_m2 / 1e4, 3)} ha`;
  return `${formatNumber(area_m2, 3)} m²`;
}

export function formatPercent(share: number, digits = 0): string {
  return share.toLocaleString(locale(), { style: "percent", maximumFractionDigits: digits });
}

/** Date and time to the minute, in the reader's time zone. */
export function formatTime(iso: string): string {
  const time = new Date(iso);
  if (Number.isNaN(time.getTime())) return iso;
  return time.toLocaleString(locale(), { dateStyle: "medium", timeStyle: "short" });
}

/** YYYY-MM-DD as a date in words. */
export function formatDate(iso: string): string {
  const time = new Date(`${iso}T00:00:00`);
  if (Number.isNaN(time.getTime())) return iso;
  return time.toLocaleDateString(locale(), { year: "numeric", month: "short", day: "numeric" });
}

/** A cell of the table or of the details. */
export function formatValue(value: unknown, unit: string | null = null): string {
  if (value === null || value === undefined || value === "") return "–";
  if (typeof value === "boolean") return value ? t("yes") : t("no");
  if (typeof value === "number") {
    const text = Number.isInteger(value) ? value.toLocaleString(locale()) : formatNumber(value);
    return unit ? `${text} ${unit}` : text;
  }
  return String(value);
}

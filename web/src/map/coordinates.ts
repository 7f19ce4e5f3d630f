/** Coordinates that people type, and how places are written. */

import type { LonLat } from "../core/types";
import { gridOf } from "./projection";

const NUMBER = String.raw`[-+−]?\d+(?:[.,]\d+)?`;

/**
 * The place that a text names; null if it names none.
 *
 * Latitude and longitude in decimal degrees (`31.25, 103.5`, `31.25N 103.5E`, `103.5E 31.25N`) or in
 * degrees, minutes and seconds (`31°15'00"N 103°30'00"E`), and x and y of the grid `crs`
 * (`356700 3464200`). Two numbers without letters are latitude, then longitude; where the first
 * can be no latitude, the other way round.
 */
export function parsePlace(text: string, crs: string | null = null): LonLat | null {
  const clean = text.trim().replaceAll("−", "-").replace(/[，、;；]/g, ",").toUpperCase();
  return parseSexagesimal(clean) ?? parsePair(clean, crs);
}

function parseSexagesimal(text: string): LonLat | null {
  const part = String.raw`([NSEW]?)\s*([-+]?\d+(?:\.\d+)?)\s*[°º度D]\s*(?:(\d+(?:\.\d+)?)\s*['’′分M]\s*)?(?:(\d+(?:\.\d+)?)\s*(?:"|”|″|''|秒|S(?=\s*[NSEW,]))\s*)?([NSEW]?)`;
  const found = new RegExp(String.raw`^${part}[\s,]+${part}$`).exec(text) ?? new RegExp(`^${part}${part}$`).exec(text);
  if (!found) return null;
  const angle = (at: number): [number, string] | null => {
    const [degrees, minutes, seconds] = [1, 2, 3].map((i) => Number(found[at + i] ?? 0));
    if (minutes! >= 60 || seconds! >= 60) return null;
    const letter = found[at] || found[at + 4] || "";
    const sign = (found[at + 1] ?? "").startsWith("-") || letter === "S" || letter === "W" ? -1 : 1;
    return [sign * (Math.abs(degrees!) + minutes! / 60 + seconds! / 3600), letter];
  };
  const [first, second] = [angle(1), angle(6)];
  return first && second ? ordered(first, second) : null;
}

function parsePair(text: string, crs: string | null): LonLat | null {
  const found = new RegExp(String.raw`^([NSEW]?)\s*(${NUMBER})\s*°?\s*([NSEW]?)(?:\s*,\s*|\s+)([NSEW]?)\s*(${NUMBER})\s*°?\s*([NSEW]?)$`).exec(text);
  if (!found) return null;
  const value = (at: number): [number, string] => {
    const letter = found[at] || found[at + 2] || "";
    const number = Number((found[at + 1] ?? "").replace(",", "."));
    return [letter === "S" || letter === "W" ? -Math.abs(number) : number, letter];
  };
  const [first, second] = [value(1), value(4)];
  const place = ordered(first, second);
  if (place || first[1] || second[1]) return place;
  const grid = gridOf(crs);
  if (!grid || Math.abs(first[0]) < 1000) return null;
  return valid(grid.inverse(first[0], second[0]));
}

function ordered([a, letterA]: [number, string], [b, letterB]: [number, string]): LonLat | null {
  const isLongitude = (letter: string) => letter === "E" || letter === "W";
  const isLatitude = (letter: string) => letter === "N" || letter === "S";
  if ((isLongitude(letterA) && isLongitude(letterB)) || (isLatitude(letterA) && isLatitude(letterB))) return null;
  if (isLongitude(letterA) || isLatitude(letterB)) return valid([a, b]);
  if (letterA || letterB || Math.abs(a) <= 90) return valid([b, a]);
  return valid([a, b]);
}

function valid([longitude, latitude]: LonLat): LonLat | null {
  return Math.abs(longitude) <= 180 && Math.abs(latitude) <= 90 ? [longitude, latitude] : null;
}

export type PlaceFormat = "decimal" | "sexagesimal" | "grid";

/** A place as text: latitude first, as maps have it; `grid`: x and y in metres. */
export function formatPlace(place: LonLat, format: PlaceFormat, crs: string | null = null): string {
  const [longitude, latitude] = place;
  if (format === "grid") {
    const grid = gridOf(crs);
    if (grid) {
      const [x, y] = grid.forward(place);
      return `${x.toFixed(0)} ${y.toFixed(0)} (${grid.name})`;
    }
  }
  if (format === "sexagesimal") return `${sexagesimal(latitude, "N", "S")} ${sexagesimal(longitude, "E", "W")}`;
  return `${latitude.toFixed(5)}, ${longitude.toFixed(5)}`;
}

function sexagesimal(value: number, positive: string, negative: string): string {
  const tenths = Math.round(Math.abs(value) * 36000);
  const minutes = Math.floor(tenths / 600) % 60;
  const seconds = ((tenths % 600) / 10).toFixed(1);
  const two = (text: string, length: number) => text.padStart(length, "0");
  return `${Math.floor(tenths / 36000)}°${two(String(minutes), 2)}′${two(seconds, 4)}″${value < 0 ? negative : positive}`;
}

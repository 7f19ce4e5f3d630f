/** Centre and zoom of the map, as the address has them. */

export interface View {
  center: [number, number];
  zoom: number;
}

/** `longitude,latitude,zoom`. */
export function parseView(text: string | null): View | null {
  const [longitude, latitude, zoom] = (text ?? "").split(",").map((part) => (part === "" ? Number.NaN : Number(part)));
  const fits = (value: number | undefined, most: number): value is number =>
    value !== undefined && Number.isFinite(value) && Math.abs(value) <= most;
  if (!fits(longitude, 180) || !fits(latitude, 90) || !fits(zoom, 24)) return null;
  return { center: [longitude, latitude], zoom: Math.max(0, zoom) };
}

export const formatView = ({ center, zoom }: View): string =>
  `${center[0].toFixed(6)},${center[1].toFixed(6)},${zoom.toFixed(2)}`;

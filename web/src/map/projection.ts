/** Transverse Mercator grids (UTM, and the Gauss-Krüger zones of CGCS2000) and Web Mercator, by
 * Krüger's series to the 4th order in the third flattening (Karney 2011, doi:10.1007/s00190-011-0445-3,
 * eq. 35 and 36): better than a millimetre within a zone. */

import type { LonLat } from "../core/types";

interface Grid {
  name: string;
  forward: (place: LonLat) => [number, number];
  inverse: (x: number, y: number) => LonLat;
}

const A = 6378137;
const F = 1 / 298.257223563;
const N = F / (2 - F);
const RECTIFYING = (A / (1 + N)) * (1 + N ** 2 / 4 + N ** 4 / 64);
const ALPHA = [
  N / 2 - (2 / 3) * N ** 2 + (5 / 16) * N ** 3 + (41 / 180) * N ** 4,
  (13 / 48) * N ** 2 - (3 / 5) * N ** 3 + (557 / 1440) * N ** 4,
  (61 / 240) * N ** 3 - (103 / 140) * N ** 4,
  (49561 / 161280) * N ** 4,
];
const BETA = [
  N / 2 - (2 / 3) * N ** 2 + (37 / 96) * N ** 3 - (1 / 360) * N ** 4,
  (1 / 48) * N ** 2 + (1 / 15) * N ** 3 - (437 / 1440) * N ** 4,
  (17 / 480) * N ** 3 - (37 / 840) * N ** 4,
  (4397 / 161280) * N ** 4,
];
const E = Math.sqrt(F * (2 - F));
const RADIANS = Math.PI / 180;

function transverseMercator(name: string, meridian: number, scale: number, east: number, north: number): Grid {
  return {
    name,
    forward([longitude, latitude]) {
      const phi = latitude * RADIANS;
      const lambda = (longitude - meridian) * RADIANS;
      const sine = Math.sin(phi);
      const t = Math.sinh(Math.atanh(sine) - E * Math.atanh(E * sine));
      const xi = Math.atan2(t, Math.cos(lambda));
      const eta = Math.asinh(Math.sin(lambda) / Math.hypot(t, Math.cos(lambda)));
      let [x, y] = [eta, xi];
      ALPHA.forEach((alpha, i) => {
        const k = 2 * (i + 1);
        x += alpha * Math.cos(k * xi) * Math.sinh(k * eta);
        y += alpha * Math.sin(k * xi) * Math.cosh(k * eta);
      });
      return [east + scale * RECTIFYING * x, north + scale * RECTIFYING * y];
    },
    inverse(x, y) {
      const xi = (y - north) / (scale * RECTIFYING);
      const eta = (x - east) / (scale * RECTIFYING);
      let [u, v] = [xi, eta];
      BETA.forEach((beta, i) => {
        const k = 2 * (i + 1);
        u -= beta * Math.sin(k * xi) * Math.cosh(k * eta);
        v -= beta * Math.cos(k * xi) * Math.sinh(k * eta);
      });
      const conformal = Math.sin(u) / Math.hypot(Math.sinh(v), Math.cos(u));
      // Newton's method from the conformal latitude's tangent to that of the latitude.
      let tangent = conformal / (1 - E * E);
      for (let step = 0; step < 6; step++) {
        const root = Math.hypot(1, tangent);
        const sigma = Math.sinh(E * Math.atanh((E * tangent) / root));
        const now = tangent * Math.hypot(1, sigma) - sigma * root;
        tangent +=
          ((conformal - now) / Math.hypot(1, now)) *
          ((1 + (1 - E * E) * tangent * tangent) / ((1 - E * E) * root));
      }
      return [meridian + Math.atan2(Math.sinh(v), Math.cos(u)) / RADIANS, Math.atan(tangent) / RADIANS];
    },
  };
}

const WEB_MERCATOR: Grid = {
  name: "EPSG:3857",
  forward: ([longitude, latitude]) => [
    A * longitude * RADIANS,
    A * Math.atanh(Math.sin(latitude * RADIANS)),
  ],
  inverse: (x, y) => [x / A / RADIANS, Math.atan(Math.sinh(y / A)) / RADIANS],
};

/** The grid of a code like `EPSG:32648`; null where it is none of these. */
export function gridOf(crs: string | null): Grid | null {
  const code = Number(/^EPSG:(\d+)$/i.exec(crs ?? "")?.[1] ?? Number.NaN);
  const within = (first: number, last: number) => code >= first && code <= last;
  if (code === 3857) return WEB_MERCATOR;
  if (within(32601, 32660)) return transverseMercator(`UTM ${code - 32600}N`, 6 * (code - 32600) - 183, 0.9996, 5e5, 0);
  if (within(32701, 32760)) return transverseMercator(`UTM ${code - 32700}S`, 6 * (code - 32700) - 183, 0.9996, 5e5, 1e7);
  if (within(4513, 4533)) return transverseMercator(`CGCS2000 3° ${code - 4488}`, 3 * (code - 4488), 1, (code - 4488) * 1e6 + 5e5, 0);
  if (within(4534, 4554)) {
    const meridian = 75 + 3 * (code - 4534);
    return transverseMercator(`CGCS2000 ${meridian}°E`, meridian, 1, 5e5, 0);
  }
  return null;
}

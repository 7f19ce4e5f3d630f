/** Planar measures of GeoJSON polygons. Rings are closed: the last place repeats the first. */

import type { Position } from "geojson";

import type { Bounds, LonLat, PolygonGeometry } from "../core/types";

export type Ring = Position[];

const EARTH_RADIUS_M = 6_371_008.8;

/** Polygons of a geometry, each a list of rings: the outer one first, then its holes. */
export function polygonsOf(geometry: PolygonGeometry): Ring[][] {
  return geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates;
}

export function geometryOf(polygons: Ring[][]): PolygonGeometry {
  return polygons.length === 1 && polygons[0]
    ? { type: "Polygon", coordinates: polygons[0] }
    : { type: "MultiPolygon", coordinates: polygons };
}

/** Area in square units of the coordinates; positive if the ring runs anticlockwise. */
export function signedArea(ring: Ring): number {
  const origin = ring[0];
  if (!origin) return 0;
  const [x0, y0] = [origin[0]!, origin[1]!];
  let twice = 0;
  for (let i = 0; i + 1 < ring.length; i++) {
    const [a, b] = [ring[i]!, ring[i + 1]!];
    twice += (a[0]! - x0) * (b[1]! - y0) - (b[0]! - x0) * (a[1]! - y0);
  }
  return twice / 2;
}

/** Area without the holes, in square units of the coordinates. */
export function planarArea(geometry: PolygonGeometry): number {
  let sum = 0;
  for (const rings of polygonsOf(geometry))
    rings.forEach((ring, index) => {
      sum += Math.abs(signedArea(ring)) * (index === 0 ? 1 : -1);
    });
  return sum;
}

/** Area in square metres on the sphere, for display: the server measures in the inventory's grid. */
export function areaM2(geometry: PolygonGeometry): number {
  const [, south, , north] = boundsOf(geometry);
  const degree = (Math.PI / 180) * EARTH_RADIUS_M;
  return planarArea(geometry) * degree * degree * Math.cos((((south + north) / 2) * Math.PI) / 180);
}

export function boundsOf(geometry: PolygonGeometry): Bounds {
  const bounds: Bounds = [Infinity, Infinity, -Infinity, -Infinity];
  for (const rings of polygonsOf(geometry))
    for (const place of rings[0] ?? []) {
      bounds[0] = Math.min(bounds[0], place[0]!);
      bounds[1] = Math.min(bounds[1], place[1]!);
      bounds[2] = Math.max(bounds[2], place[0]!);
      bounds[3] = Math.max(bounds[3], place[1]!);
    }
  return bounds;
}

export function ringContains(ring: Ring, [x, y]: Position): boolean {
  let inside = false;
  for (let i = 0; i + 1 < ring.length; i++) {
    const [ax, ay] = ring[i] as LonLat;
    const [bx, by] = ring[i + 1] as LonLat;
    if (ay > y! !== by > y! && x! < ax + ((y! - ay) / (by - ay)) * (bx - ax)) inside = !inside;
  }
  return inside;
}

export function contains(geometry: PolygonGeometry, place: Position): boolean {
  return polygonsOf(geometry).some(
    ([outer, ...holes]) =>
      outer !== undefined && ringContains(outer, place) && !holes.some((hole) => ringContains(hole, place)),
  );
}

const turn = (a: Position, b: Position, c: Position) =>
  (b[0]! - a[0]!) * (c[1]! - a[1]!) - (b[1]! - a[1]!) * (c[0]! - a[0]!);

function cross(a: Position, b: Position, c: Position, d: Position): boolean {
  return turn(a, b, c) * turn(a, b, d) < 0 && turn(c, d, a) * turn(c, d, b) < 0;
}

/** Whether two sides of the ring cross. */
export function crossesItself(ring: Ring): boolean {
  const sides = ring.slice(1).map((end, index) => ({
    start: ring[index]!,
    end,
    low: Math.min(ring[index]![0]!, end[0]!),
    high: Math.max(ring[index]![0]!, end[0]!),
  }));
  sides.sort((a, b) => a.low - b.low);
  for (let i = 0; i < sides.length; i++)
    for (let j = i + 1; j < sides.length && sides[j]!.low <= sides[i]!.high; j++)
      if (cross(sides[i]!.start, sides[i]!.end, sides[j]!.start, sides[j]!.end)) return true;
  return false;
}

/** Whether two outlines have ground in common. */
export function meet(a: PolygonGeometry, b: PolygonGeometry): boolean {
  if (!overlaps(boundsOf(a), boundsOf(b))) return false;
  const rings = (of: PolygonGeometry) => polygonsOf(of).flat();
  const someInside = (of: PolygonGeometry, other: PolygonGeometry) =>
    polygonsOf(of).some(([outer]) => outer?.some((place) => contains(other, place)));
  if (someInside(a, b) || someInside(b, a)) return true;
  const sides = (ring: Ring) => ring.slice(1).map((end, index) => [ring[index]!, end] as const);
  const others = rings(b).flatMap(sides);
  return rings(a).flatMap(sides).some(([p, q]) => others.some(([r, s]) => cross(p, q, r, s)));
}

/** Why an outline cannot be saved; null: it can. */
export function outlineProblem(geometry: PolygonGeometry): "few" | "crossing" | "empty" | "hole" | null {
  for (const [outer, ...holes] of polygonsOf(geometry)) {
    if (!outer || [outer, ...holes].some((ring) => ring.length < 4)) return "few";
    if ([outer, ...holes].some(crossesItself)) return "crossing";
    if ([outer, ...holes].some((ring) => Math.abs(signedArea(ring)) === 0)) return "empty";
    for (const hole of holes) if (!hole.every((place) => ringContains(outer, place))) return "hole";
  }
  return null;
}

/** Bounds with a margin on each side, as a share of the larger extent. */
export function padded([west, south, east, north]: Bounds, share: number, least = 0): Bounds {
  const margin = Math.max(Math.max(east - west, north - south) * share, least);
  return [west - margin, south - margin, east + margin, north + margin];
}

export function overlaps(a: Bounds, b: Bounds): boolean {
  return a[0] <= b[2] && b[0] <= a[2] && a[1] <= b[3] && b[1] <= a[3];
}

export function within(inner: Bounds, outer: Bounds): boolean {
  return inner[0] >= outer[0] && inner[1] >= outer[1] && inner[2] <= outer[2] && inner[3] <= outer[3];
}

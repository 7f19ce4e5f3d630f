/** An outline taken apart into rings for drawing, and put together again. */

import type { Position } from "geojson";

import type { PolygonGeometry } from "../core/types";
import { geometryOf, polygonsOf, type Ring } from "./geometry";

export class Rings {
  /** Polygon of each ring; its first ring is the outer one. */
  private readonly owners: number[] = [];
  private readonly rings: Ring[] = [];
  /** Places as they were before they were rounded. */
  private readonly exact = new Map<string, Position>();

  constructor(
    geometry: PolygonGeometry,
    private readonly digits: number,
  ) {
    polygonsOf(geometry).forEach((rings, polygon) => {
      for (const ring of rings) {
        this.owners.push(polygon);
        this.rings.push(distinct(ring.map((place) => this.rounded(place))));
      }
    });
  }

  private rounded(place: Position): Position {
    const short = [+place[0]!.toFixed(this.digits), +place[1]!.toFixed(this.digits)];
    this.exact.set(short.join(), [place[0]!, place[1]!]);
    return short;
  }

  /** Rings with rounded places, each closed. */
  places(): readonly Ring[] {
    return this.rings;
  }

  /** The outline of edited rings, in the order of `places`; a place that was not moved is exact.
   * A ring with less than three corners is left out, and with an outer one its holes. */
  geometry(rings: readonly (Ring | undefined)[]): PolygonGeometry | null {
    const polygons = new Map<number, Ring[]>();
    const lost = new Set<number>();
    this.owners.forEach((owner, index) => {
      const ring = distinct(rings[index] ?? []).map((place) => this.exact.get(place.join()) ?? place);
      const isOuter = index === 0 || this.owners[index - 1] !== owner;
      if (isOuter && ring.length < 4) lost.add(owner);
      if (ring.length < 4 || lost.has(owner)) return;
      polygons.set(owner, [...(polygons.get(owner) ?? []), ring]);
    });
    return polygons.size > 0 ? geometryOf([...polygons.values()]) : null;
  }
}

/** The ring without places that repeat the one before. */
function distinct(ring: Ring): Ring {
  return ring.filter((place, index) => index === 0 || place.join() !== ring[index - 1]!.join());
}

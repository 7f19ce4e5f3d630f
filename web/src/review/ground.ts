/** Order of the coverage grid's cells, and how much of the ground was looked at. */

import type { Bounds, CoverageCell, LonLat } from "../core/types";
import { boundsOf, contains } from "./geometry";

export type Cell = GeoJSON.Feature<GeoJSON.Polygon, CoverageCell>;

/** Place in a snake through the grid: rows from the first, every other one backwards. */
export function snakeIndex({ column, row }: Pick<CoverageCell, "column" | "row">, columns: number): number {
  return row * columns + (row % 2 === 0 ? column : columns - 1 - column);
}

/** Cell to look at after this one: the nearest along the snake that nobody has looked at; null: none.
 * Nearest by distance first, so that one does not cross the scene for a cell that was left out. */
export function nextCell(cells: readonly Cell[], columns: number, from: CoverageCell | null): Cell | null {
  const open = cells.filter(({ properties }) => !properties.looked_at);
  const here = open.filter(({ properties }) => !from || !sameCell(properties, from));
  if (here.length === 0) return open[0] ?? null;
  if (!from) return [...here].sort((a, b) => order(a, columns) - order(b, columns))[0]!;
  const start = snakeIndex(from, columns);
  const cost = ({ properties }: Cell) => {
    const away = Math.max(Math.abs(properties.column - from.column), Math.abs(properties.row - from.row));
    const ahead = snakeIndex(properties, columns) - start;
    return away * 1e9 + (ahead > 0 ? ahead : 5e8 - ahead);
  };
  return here.reduce((best, cell) => (cost(cell) < cost(best) ? cell : best));
}

const order = (cell: Cell, columns: number) => snakeIndex(cell.properties, columns);

export function sameCell(a: Pick<CoverageCell, "column" | "row">, b: Pick<CoverageCell, "column" | "row">) {
  return a.column === b.column && a.row === b.row;
}

export function cellAt(cells: readonly Cell[], place: LonLat): Cell | null {
  return (
    cells.find(({ geometry }) => {
      const [west, south, east, north] = boundsOf(geometry);
      const near = place[0] >= west && place[0] <= east && place[1] >= south && place[1] <= north;
      return near && contains(geometry, place);
    }) ?? null
  );
}

export interface GroundShare {
  cells: number;
  lookedAt: number;
  /** Cells with polygons that nobody has judged. */
  open: number;
  /** 0 to 1. */
  share: number;
}

export function groundShare(cells: readonly Cell[]): GroundShare {
  const lookedAt = cells.filter(({ properties }) => properties.looked_at).length;
  const open = cells.filter(({ properties }) => properties.unreviewed > 0).length;
  return { cells: cells.length, lookedAt, open, share: cells.length ? lookedAt / cells.length : 0 };
}

export function cellBounds(cell: Cell): Bounds {
  return boundsOf(cell.geometry);
}

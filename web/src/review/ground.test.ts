import { describe, expect, it } from "vitest";

import { cellAt, groundShare, nextCell, snakeIndex, type Cell } from "./ground";

const COLUMNS = 4;
function grid(lookedAt: string[] = [], unreviewed: string[] = []): Cell[] {
  const cells: Cell[] = [];
  for (let row = 0; row < 3; row++)
    for (let column = 0; column < COLUMNS; column++) {
      const [x, y] = [column, -row];
      const name = `${column},${row}`;
      cells.push({
        type: "Feature",
        geometry: { type: "Polygon", coordinates: [[[x, y - 1], [x + 1, y - 1], [x + 1, y], [x, y], [x, y - 1]]] },
        properties: {
          column, row, looked_at: lookedAt.includes(name), author: null, time: null,
          unreviewed: unreviewed.includes(name) ? 2 : 0,
        },
      });
    }
  return cells;
}

describe("ground", () => {
  it("snakes through the whole grid, a neighbour at a time", () => {
    const cells = grid();
    const path = [];
    let cell = nextCell(cells, COLUMNS, null);
    while (cell && !cell.properties.looked_at) {
      cell.properties.looked_at = true;
      path.push([cell.properties.column, cell.properties.row]);
      cell = nextCell(cells, COLUMNS, cell.properties);
    }
    expect(path.length).toBe(12);
    expect(path.slice(0, 5)).toEqual([[0, 0], [1, 0], [2, 0], [3, 0], [3, 1]]);
    for (let i = 1; i < path.length; i++)
      expect(Math.abs(path[i]![0]! - path[i - 1]![0]!) + Math.abs(path[i]![1]! - path[i - 1]![1]!)).toBe(1);
    expect(snakeIndex({ column: 3, row: 1 }, COLUMNS)).toBe(4);
  });

  it("goes to the nearest that is left, and ends when none is", () => {
    const all = grid().map(({ properties }) => `${properties.column},${properties.row}`);
    const but = (...open: string[]) => grid(all.filter((name) => !open.includes(name)));
    const here = { ...but()[0]!.properties, column: 3, row: 2 };
    const next = nextCell(but("0,0", "3,1"), COLUMNS, here);
    expect([next?.properties.column, next?.properties.row]).toEqual([3, 1]);
    expect(nextCell(but(), COLUMNS, here)).toBe(null);
  });

  it("finds the cell of a place and counts", () => {
    const cells = grid(["0,0", "1,0", "2,0"], ["3,2"]);
    expect(cellAt(cells, [2.5, -1.5])?.properties).toMatchObject({ column: 2, row: 1 });
    expect(cellAt(cells, [9, 9])).toBe(null);
    expect(groundShare(cells)).toEqual({ cells: 12, lookedAt: 3, open: 1, share: 0.25 });
  });
});

import { area } from "./area";

/** Texts of the map, its layers, the table and the charts. */
export const map = area(
  {
    map: "Map",
  },
  {
    map: "地图",
  },
);

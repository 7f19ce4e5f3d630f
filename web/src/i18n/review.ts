import { area } from "./area";

export const review = area(
  {
    "panel.review": "Review",
  },
  {
    "panel.review": "审核",
  },
);

import { area } from "./area";

export const sample = area(
  {
    "panel.sample": "Accuracy",
  },
  {
    "panel.sample": "精度",
  },
);

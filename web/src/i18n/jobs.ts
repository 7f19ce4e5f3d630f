import { area } from "./area";

export const jobs = area(
  {
    "panel.jobs": "Jobs",
  },
  {
    "panel.jobs": "任务",
  },
);

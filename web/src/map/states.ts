/** States of landslides over the dates of a series: the colours that all files of landslip have. */

export const STATE_COLOURS: Readonly<Record<string, string>> = {
  new: "#bd0026",
  enlarged: "#f03b20",
  reactivated: "#7a0177",
  persisting: "#fd8d3c",
  split: "#fecc5c",
  merged: "#a6611a",
  shrinking: "#a1cf6b",
  recovered: "#238443",
  "not observed": "#aab0b8",
  vegetated: "#1b7837",
  fresh: "#d73027",
  recovering: "#fdae61",
};

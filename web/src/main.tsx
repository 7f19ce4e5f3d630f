import "maplibre-gl/dist/maplibre-gl.css";
import "./styles/tokens.css";
import "./styles/controls.css";
import "./styles/shell.css";
import "./styles/map.css";
import "./styles/review.css";
import "./styles/table.css";

import { render } from "preact";

import { App } from "./App";
import { readToken } from "./core/api";
import { followAppearance } from "./core/appearance";
import { registerJobs } from "./jobs/register";
import { registerViewer } from "./map/register";
import { registerReview } from "./review/register";
import { registerSample } from "./sample/register";

readToken();
followAppearance();
registerViewer();
registerReview();
registerSample();
registerJobs();

const root = document.getElementById("app");
if (root) render(<App />, root);

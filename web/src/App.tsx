import { useEffect } from "preact/hooks";

import { HelpDialog } from "./core/shell/HelpDialog";
import { Shell } from "./core/shell/Shell";
import { listenToKeys } from "./core/shortcuts";
import { followSelection, loadWorkspace } from "./core/store";
import { MapCanvas } from "./map/MapCanvas";
import { EditBar } from "./review/EditBar";
import { ReviewDialogs } from "./review/ReviewDialogs";

/** The page: bar, panels, map, dialogs. */
export function App() {
  useEffect(() => {
    void loadWorkspace();
    const stops = [listenToKeys(), followSelection()];
    return () => stops.forEach((stop) => stop());
  }, []);
  return (
    <>
      <Shell>
        <MapCanvas />
        <EditBar />
      </Shell>
      <HelpDialog />
      <ReviewDialogs />
    </>
  );
}

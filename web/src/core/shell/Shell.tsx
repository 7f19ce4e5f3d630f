/** Layout of the page: bar above, panels beside and below the map, map. */

import type { ComponentChildren } from "preact";

import { t } from "../../i18n";
import { Icon } from "../icons";
import { Notices } from "../notify";
import { bottomPanel, closePanel, isOpen, panels, sidePanel, togglePanel, type Panel } from "./panels";
import { TopBar } from "./TopBar";

export function Shell({ children }: { children: ComponentChildren }) {
  const side = panels.value.find((one) => one.place === "side" && one.id === sidePanel.value);
  const bottom = panels.value.find((one) => one.place === "bottom" && one.id === bottomPanel.value);
  return (
    <div class="shell" data-side={side ? "open" : "closed"} data-bottom={bottom ? "open" : "closed"}>
      <SkipLink to=".maplibregl-canvas" text={t("skip.map")} />
      {side && <SkipLink to="#panel-side" text={t("skip.panel")} />}
      <TopBar />
      <nav class="rail" aria-label={t("panels")}>
        {panels.value.map((panel) => (
          <RailButton key={panel.id} panel={panel} />
        ))}
      </nav>
      {side && <PanelFrame panel={side} />}
      <main class="map-area" id="main">
        {children}
      </main>
      {bottom && <PanelFrame panel={bottom} />}
      <Notices />
    </div>
  );
}

/** It moves the focus and leaves the address as it is. */
function SkipLink({ to, text }: { to: string; text: string }) {
  return (
    <a
      class="skip-link"
      href="#"
      onClick={(event) => {
        event.preventDefault();
        document.querySelector<HTMLElement>(to)?.focus();
      }}
    >
      {text}
    </a>
  );
}

function RailButton({ panel }: { panel: Panel }) {
  const open = isOpen(panel);
  const count = panel.badge?.() ?? null;
  return (
    <button
      type="button"
      class="rail-button"
      aria-expanded={open}
      aria-controls={open ? `panel-${panel.place}` : undefined}
      onClick={() => togglePanel(panel.id)}
    >
      <Icon name={panel.icon} />
      <span class="rail-label">{t(panel.label)}</span>
      {count !== null && count > 0 && <span class="badge">{count > 999 ? "999+" : count}</span>}
    </button>
  );
}

function PanelFrame({ panel }: { panel: Panel }) {
  const Content = panel.component;
  const id = `panel-${panel.place}`;
  return (
    <section class={`panel panel-${panel.place}`} id={id} tabIndex={-1} aria-labelledby={`${id}-title`}>
      <header class="panel-header">
        <h2 id={`${id}-title`}>{t(panel.label)}</h2>
        <button type="button" class="icon-button" aria-label={t("close")} onClick={() => closePanel(panel.id)}>
          <Icon name="close" />
        </button>
      </header>
      <div class="panel-body" key={panel.id}>
        <Content />
      </div>
    </section>
  );
}

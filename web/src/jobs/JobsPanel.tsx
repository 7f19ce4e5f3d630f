/** Jobs: what the server computes, with a form for a new one. */

import { formatPercent, formatTime } from "../core/format";
import { Icon } from "../core/icons";
import { readOnly } from "../review/session";
import { workspace } from "../core/store";
import type { Job, JobKind } from "../core/types";
import { t } from "../i18n";
import { KINDS } from "./forms";
import { ImproveResult } from "./ImproveResult";
import { JobForm } from "./JobForm";
import { prefill, prefillJob } from "./prefill";
import { active, cancel, isActive, jobs, loaded, nameOf, open, openedJob } from "./state";

export function JobsPanel() {
  const wanted = prefill.value;
  return (
    <div class="review">
      {active.value.length > 0 && <JobList of={active.value} label={t("jobs.active")} />}
      {wanted ? <JobForm wanted={wanted} /> : <Kinds />}
      <section class="panel-section">
        <h3>{t("jobs.list")}</h3>
        {loaded.value && jobs.value.length === 0 && <p class="muted">{t("jobs.none")}</p>}
        <JobList of={jobs.value.filter((job) => !isActive(job))} label={t("jobs.list")} />
      </section>
    </div>
  );
}

function JobList({ of, label }: { of: readonly Job[]; label: string }) {
  return (
    <ul class="job-list" aria-label={label}>
      {of.map((job) => (
        <JobItem key={job.id} job={job} />
      ))}
    </ul>
  );
}

function Kinds() {
  if (readOnly.value) return <p class="review-hint">{t("review.readOnly")}</p>;
  return (
    <section>
      <p>{t("jobs.why")}</p>
      <ul class="job-kinds">
        {KINDS.map((kind: JobKind) => (
          <li key={kind}>
            <button type="button" class="job-kind" onClick={() => prefillJob({ kind })}>
              <strong>{t(`jobs.kind.${kind}`)}</strong>
              <span class="muted">{t(`jobs.why.${kind}`)}</span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

function JobItem({ job }: { job: Job }) {
  const opened = openedJob.value === job.id;
  return (
    <li class="review-card job" data-state={job.state}>
      <header>
        <h4>{nameOf(job)}</h4>
        <span class="chip">{t(`jobs.state.${job.state}`)}</span>
      </header>
      {isActive(job) && (
        <div role="status">
          <progress class="progress" aria-label={nameOf(job)} max={1} {...(job.progress === null ? {} : { value: job.progress })} />
          <span class="muted number">
            {job.stage ?? ""} {job.progress !== null && formatPercent(job.progress)}
          </span>
        </div>
      )}
      {job.error && <p class="form-problem">{job.error}</p>}
      {job.summary && job.kind === "improve" && <ImproveResult summary={job.summary} />}
      <p class="muted">{formatTime(job.ended ?? job.started ?? job.created)}</p>
      <div class="button-row">
        {isActive(job) && (
          <button type="button" class="button button-small button-danger" onClick={() => void cancel(job)}>
            {t("cancel")}
          </button>
        )}
        {job.state === "done" && job.result && hasPlace(job) && (
          <button type="button" class="button button-small button-primary" onClick={() => open(job)}>
            <Icon name="eye" size={16} />
            {t("jobs.open")}
          </button>
        )}
        {job.state === "done" && <Reports job={job} />}
        <button
          type="button"
          class="button button-small"
          aria-expanded={opened}
          onClick={() => (openedJob.value = opened ? null : job.id)}
        >
          {t(opened ? "jobs.log.hide" : "jobs.log")}
        </button>
      </div>
      {opened && (
        <pre class="job-log" tabIndex={0} aria-label={t("jobs.log")}>
          {job.log.length > 0 ? job.log.join("\n") : t("jobs.log.empty")}
        </pre>
      )}
    </li>
  );
}

const hasPlace = (job: Job) =>
  job.result !== null && job.result.inventories.length + job.result.rasters.length + job.result.samples.length > 0;

/** Reports of the inventories that a job made. */
function Reports({ job }: { job: Job }) {
  const made = workspace.value?.inventories.filter(({ id }) => job.result?.inventories.includes(id)) ?? [];
  return (
    <>
      {made.map(
        ({ id, report }) =>
          report && (
            <a key={id} class="button button-small" href={report} target="_blank" rel="noopener">
              {t("jobs.report")}
            </a>
          ),
      )}
    </>
  );
}

/** The form of a job. */

import { useEffect, useState } from "preact/hooks";

import { ApiError } from "../core/api";
import { inventoryId, language, workspace } from "../core/store";
import type { JobKind, Raster } from "../core/types";
import { t } from "../i18n";
import { sceneLayer } from "../map/layerState";
import { choicesFor, FORMS, initialInputs, KINDS, outName, rastersFor, requestOf, type InputName, type OptionField } from "./forms";
import { prefillJob, type Prefill } from "./prefill";
import { jobs, openedJob, start } from "./state";

type Values = Record<string, string | boolean>;

const initialValues = (kind: JobKind): Values =>
  Object.fromEntries(FORMS[kind].options.map((field) => [field.name, field.name === "lang" ? language.peek() : field.initial]));

export function JobForm({ wanted }: { wanted: Prefill }) {
  const folder = workspace.value;
  const { kind } = wanted;
  const shown = { inventory_id: inventoryId.peek(), scene_id: sceneLayer.peek().id };
  const [inputs, setInputs] = useState(() => (folder ? initialInputs(wanted, folder, shown) : {}));
  const [values, setValues] = useState(() => initialValues(kind));
  const [out, setOut] = useState<string | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [sending, setSending] = useState(false);

  useEffect(() => {
    if (folder) setInputs(initialInputs(wanted, folder, shown));
    setValues(initialValues(kind));
    setOut(null);
    setProblem(null);
  }, [wanted]);

  if (!folder) return null;
  const form = FORMS[kind];
  const taken = jobs.value.map((job) => job.out.replace(/\.[A-Za-z]{2,7}$/, ""));
  const name = out ?? outName(kind, inputs, folder, taken);
  const missing = form.inputs.find(({ name: input, optional }) => !optional && !inputs[input]);

  async function send(event: Event): Promise<void> {
    event.preventDefault();
    setSending(true);
    setProblem(null);
    try {
      const job = await start(requestOf(kind, name, inputs, values));
      prefillJob(null);
      openedJob.value = job.id;
    } catch (error) {
      const offline = error instanceof ApiError && error.problem.status === 0;
      setProblem(offline ? t("error.offline") : error instanceof Error ? error.message : String(error));
    } finally {
      setSending(false);
    }
  }

  const set = (changed: Values) => setValues({ ...values, ...changed });
  const basic = form.options.filter(({ advanced }) => !advanced);
  const advanced = form.options.filter((field) => field.advanced);
  return (
    <form class="review-form" onSubmit={(event) => void send(event)}>
      <label class="field">
        <span>{t("jobs.kind")}</span>
        <select value={kind} onChange={(event) => prefillJob({ kind: event.currentTarget.value as JobKind })}>
          {KINDS.map((one) => (
            <option key={one} value={one}>
              {t(`jobs.kind.${one}`)}
            </option>
          ))}
        </select>
      </label>
      <p class="muted">{t(`jobs.why.${kind}`)}</p>
      {form.inputs.map(({ name: input, label, optional }) => (
        <label key={input} class="field">
          <span>{t(label)}</span>
          <InputChoice
            kind={kind}
            name={input}
            optional={optional ?? false}
            value={inputs[input] ?? ""}
            onChange={(id) => setInputs({ ...inputs, [input]: id })}
          />
        </label>
      ))}
      {missing && <p class="review-hint">{t(`jobs.missing.${missing.name}`)}</p>}
      {basic.map((field) => (
        <OptionInput key={field.name} field={field} value={values[field.name]} onChange={(value) => set({ [field.name]: value })} />
      ))}
      {advanced.length > 0 && (
        <details>
          <summary>{t("jobs.more")}</summary>
          <div class="review-form">
            {advanced.map((field) => (
              <OptionInput key={field.name} field={field} value={values[field.name]} onChange={(value) => set({ [field.name]: value })} />
            ))}
          </div>
        </details>
      )}
      <label class="field">
        <span>{t("jobs.out")}</span>
        <input type="text" value={name} maxLength={100} required onInput={(event) => setOut(event.currentTarget.value)} />
      </label>
      {problem && (
        <p class="form-problem" role="alert">
          {problem}
        </p>
      )}
      <div class="button-row">
        <button type="submit" class="button button-primary" disabled={sending || missing !== undefined || folder.read_only}>
          {t("jobs.start")}
        </button>
        <button type="button" class="button" onClick={() => prefillJob(null)}>
          {t("cancel")}
        </button>
      </div>
    </form>
  );
}

interface InputChoiceProperties {
  kind: JobKind;
  name: InputName;
  optional: boolean;
  value: string;
  onChange: (id: string) => void;
}

function InputChoice({ kind, name, optional, value, onChange }: InputChoiceProperties) {
  const folder = workspace.value;
  const choices = folder ? choicesFor(name, kind, folder) : [];
  return (
    <select value={value} disabled={choices.length === 0} onChange={(event) => onChange(event.currentTarget.value)}>
      {(optional || choices.length === 0) && <option value="">{optional ? optionalWord(name) : t("jobs.nothing")}</option>}
      {choices.map((one) => (
        <option key={one.id} value={one.id}>
          {one.name}
        </option>
      ))}
    </select>
  );
}

const optionalWord = (name: InputName) => (name === "inventory_id" ? t("jobs.allReviews") : t("jobs.without"));

interface OptionInputProperties {
  field: OptionField;
  value: string | boolean | undefined;
  onChange: (value: string | boolean) => void;
}

function OptionInput({ field, value, onChange }: OptionInputProperties) {
  const help = field.help ? t(field.help) : undefined;
  if (field.kind === "flag") {
    return (
      <label class="check" title={help}>
        <input type="checkbox" checked={value === true} onChange={(event) => onChange(event.currentTarget.checked)} />
        {t(field.label)}
      </label>
    );
  }
  const text = typeof value === "string" ? value : "";
  return (
    <label class="field">
      <span>
        {t(field.label)}
        {field.kind === "number" && field.unit && ` (${field.unit})`}
      </span>
      {field.kind === "words" && (
        <select value={text} onChange={(event) => onChange(event.currentTarget.value)}>
          {field.words.map((word) => (
            <option key={word.value} value={word.value}>
              {t(word.label)}
            </option>
          ))}
        </select>
      )}
      {field.kind === "raster" && <RasterChoice of={field.of} value={text} onChange={onChange} />}
      {field.kind === "number" && (
        <input
          type="number"
          step={field.step}
          min={field.minimum}
          value={text}
          placeholder={field.initial || t("jobs.default")}
          onInput={(event) => onChange(event.currentTarget.value)}
        />
      )}
      {field.kind === "text" && (
        <input type="text" value={text} maxLength={200} placeholder={field.example} onInput={(event) => onChange(event.currentTarget.value)} />
      )}
      {field.kind === "date" && (
        <input type="date" value={text} onInput={(event) => onChange(event.currentTarget.value)} />
      )}
      {help && <small class="muted">{help}</small>}
    </label>
  );
}

function RasterChoice({ of, value, onChange }: { of: "dem" | "scene"; value: string; onChange: (id: string) => void }) {
  const choices: readonly Raster[] = workspace.value ? rastersFor(of, workspace.value) : [];
  return (
    <select value={value} onChange={(event) => onChange(event.currentTarget.value)}>
      <option value="">{t("jobs.without")}</option>
      {choices.map((one) => (
        <option key={one.id} value={one.id}>
          {one.name}
        </option>
      ))}
    </select>
  );
}

// A task that failed: stage, shot, the provider's own words, whether a retry helps, the next step; and a report without secrets.

import { config } from "../core/config.js";
import { h } from "../core/dom.js";
import { t } from "../core/i18n.js";
import { retryTask } from "../state/projects.js";
import { button } from "./basic.js";
import { openDialog } from "./dialog.js";
import { icon } from "./icon.js";
import { notify, notifyError } from "./toasts.js";

const CONTENT = /content.?policy|moderation|safety|nsfw|审核|违规|敏感|内容安全/i;
const SETUP = /\b40[13]\b|unauthori[sz]ed|invalid.{0,12}key|api.?key|forbidden|密钥|没有可用的模型|not configured/i;
const PASSING = /timeout|timed out|unavailable|busy|overload|rate.?limit|\b429\b|\b50[234]\b|connection|refused|reset|超时|不可用|没有响应|无响应|不应答|稍后|算力|连接|中断|丢失|磁盘/i;

/** helps, content, setup or unknown */
export function advice(task) {
  const words = `${task.error} ${task.message}`;
  if (CONTENT.test(words)) return "content";
  if (SETUP.test(words)) return "setup";
  return PASSING.test(words) ? "helps" : "unknown";
}

export function stageOf(task) {
  return t(task.type === "generate_video" && task.shotId ? "task.clip" : `task.${task.type}`);
}

/** failure(task, {shot, retry: false, actions}): the whole of it; on a card there is no room for more than `error` and a retry. */
export function failure(task, { shot = null, actions = [] } = {}) {
  return h(
    "section",
    { class: "failure", role: "alert", key: `failure ${task.id}` },
    icon("warn"),
    h(
      "div",
      { class: "failure-body" },
      h("strong", {}, t("failure.title", { stage: stageOf(task) }), shot && ` · ${t("failure.shot", { n: shot.order })}`),
      h("p", { class: "sr-only" }, t("failure.words")),
      h("blockquote", { dir: "auto" }, task.error || task.message || "—"),
      h("p", {}, t(`failure.${advice(task)}`)),
      h("div", { class: "row" }, button(t("action.retry"), { icon: "retry", onclick: () => retryTask(task).catch(notifyError) }), button(t("failure.copy"), { kind: "ghost", icon: "copy", onclick: () => copyReport(task, shot) }), actions),
    ),
  );
}

/** Tokens, signatures and passwords have no place in what somebody pastes elsewhere. */
export function redact(text) {
  return text
    .replace(/([?&](?:token|X-Amz-[\w-]+|signature|key|sig)=)[^&\s"']+/gi, "$1***")
    .replace(/(bearer\s+|sk-|s2v_)[\w.~+/-]{6,}=*/gi, "$1***")
    .replace(/(\/k\/)[^/\s]+/g, "$1***")
    .replace(/(:\/\/)[^/\s:@]+:[^/\s@]+@/g, "$1***@");
}

export async function copyReport(task, shot) {
  const { parameters, result, ...plain } = task;
  const report = {
    version: config.version,
    time: new Date().toISOString(),
    page: location.pathname,
    browser: navigator.userAgent,
    stage: stageOf(task),
    shot: shot ? { order: shot.order, id: shot.id } : null,
    retry: advice(task),
    task: { ...plain, parameters, made_by: result?.made_by ?? null },
  };
  await copyText(redact(JSON.stringify(report, null, 2)));
}

/** Without a secure context a page may not write to the clipboard: there the text is shown, to be copied by hand. */
async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    notify(t("failure.copied"));
  } catch {
    openDialog({ title: t("failure.copy"), body: () => h("textarea", { "aria-label": t("failure.copy"), readonly: true, rows: 14, value: text, onfocus: (event) => event.target.select() }) });
  }
}

// Many stories out of one file: asked once, and then a result for each.

import { h } from "../core/dom.js";
import { t } from "../core/i18n.js";
import { go, href } from "../core/router.js";
import { badge } from "../components/basic.js";
import { confirm, openDialog } from "../components/dialog.js";
import { notifyError } from "../components/toasts.js";
import { createBatch } from "../state/projects.js";

const isMade = (result) => Boolean(result.project_id);

export async function importStories(file, wanted) {
  const sure = await confirm({ title: t("batch.title", { name: file.name }), text: t("batch.text"), action: t("batch.go"), danger: false });
  if (!sure) return;
  try {
    await report(await createBatch(file, wanted));
  } catch (error) {
    notifyError(error);
  }
}

async function report(results) {
  const made = results.filter(isMade).length;
  const answer = await openDialog({
    title: () => t("batch.done", { made, failed: results.length - made }),
    body: ({ close }) =>
      h(
        "ul",
        { class: "batch" },
        results.map((result) => {
          const name = result.name || t("batch.story", { n: result.index + 1 });
          return h(
            "li",
            { key: result.index },
            badge(isMade(result) ? "done" : "failed"),
            isMade(result) ? h("a", { class: "grow", href: href("storyboard", { project: result.project_id }), dir: "auto", onclick: () => close() }, name) : h("span", { class: "grow", dir: "auto" }, name, h("span", { class: "hint" }, ` ${result.error}`)),
          );
        }),
      ),
    actions: [{ text: t("action.close"), kind: "ghost" }, { text: t("batch.assets"), kind: "primary", value: "assets" }],
  });
  if (answer === "assets") go(href("assets"));
}

// Every film that was made of a project: what of it is old by now, and what can be taken away.

import { h } from "../core/dom.js";
import { clock, size, when } from "../core/format.js";
import { t } from "../core/i18n.js";
import { href } from "../core/router.js";
import { badge, button } from "./basic.js";
import { icon } from "./icon.js";
import { keepButton } from "./keep.js";

/** filmVersions(project, shown, other, {watch, compare}) */
export function filmVersions(project, shown, other, { watch, compare }) {
  return h(
    "section",
    { class: "panel stack", "aria-label": t("film.versions") },
    h("h2", {}, icon("history"), t("film.versions")),
    h("ol", { class: "films" }, project.films.map((film) => version(project, film, film.number === shown.number, film.number === other?.number, { watch, compare }))),
  );
}

function version(project, film, isShown, isOther, { watch, compare }) {
  const n = film.number;
  const facts = [when(film.createdAt), clock(film.duration), film.resolution && `${film.resolution.replace("x", " × ")} · ${film.fps}`, size(film.size)];
  return h(
    "li",
    { class: `film-version ${isShown ? "current" : ""}`, key: n, "data-film": String(n) },
    h(
      "div",
      { class: "film-facts" },
      h("strong", {}, t("film.version", { n })),
      h("span", { class: "badge plain" }, t(`mode.${film.mode || "final"}`)),
      film.parameters?.first_seconds && h("span", { class: "badge plain" }, t("film.partial", { n: film.parameters.first_seconds })),
      isShown && badge("done", t("film.watching")),
      film.stale && badge("stale", t("film.isStale")),
      h("span", { class: "small muted grow-line" }, facts.filter(Boolean).join(" · ")),
    ),
    film.stale && staleShots(project, film),
    film.warnings?.length > 0 && h("details", { class: "small" }, h("summary", {}, `${t("film.warnings")} (${film.warnings.length})`), h("ul", { class: "warnings" }, film.warnings.map((one, key) => h("li", { key, dir: "auto" }, one)))),
    h(
      "div",
      { class: "row" },
      !isShown && button(t("film.watch"), { icon: "play", class: "small", label: t("film.watch.n", { n }), onclick: () => watch(film) }),
      !isShown && button(t(isOther ? "compare.end" : "film.compare"), { kind: "ghost", icon: "board", class: "small", label: isOther ? t("compare.end") : t("film.compare.n", { n }), "aria-pressed": String(isOther), onclick: () => compare(isOther ? null : film) }),
      ["mp4", "srt", "ass"].map((kind) => take(film.downloads?.[kind], kind.toUpperCase(), n)),
      keepButton(film),
    ),
  );
}

/** Which of its shots are not what they were. */
export function staleShots(project, film) {
  const shots = project.shots.filter((shot) => (film.stale_shots ?? []).includes(shot.id));
  return shots.length > 0 && h("p", { class: "small stale-shots" }, icon("history"), h("span", {}, t("film.stale")), shots.map((shot) => h("a", { key: shot.id, href: href("shot", { project: project.id, shot: shot.id }) }, t("card.shot", { n: shot.order }))));
}

function take(address, kind, n) {
  return address && button(kind, { kind: "ghost", icon: "download", class: "small", href: address, download: "", target: "_blank", rel: "noopener", label: t("film.download.n", { kind, n }) });
}

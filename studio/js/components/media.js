// Addresses of pictures in the size in which they are shown, where the server makes such; else the pictures themselves.

import { can } from "../core/config.js";
import { hasCookies } from "../core/session.js";

const UNPAINTED = new Set(["created", "text_generated", "shots_generated", "failed"]);
const WIDTHS = [160, 320, 640, 960];

/** The width to ask for, of what is shown `shown` CSS pixels wide. */
function width(shown) {
  const wanted = shown * Math.min(2, devicePixelRatio || 1);
  return WIDTHS.find((one) => one >= wanted) ?? WIDTHS.at(-1);
}

/** A shot's picture, "" where it has none. `shown`: how wide it is on the screen, in CSS pixels. */
export function shotPicture(shot, shown = 320) {
  if (!shot.imagePath) return "";
  if (!can("thumbnail") || !hasCookies()) return shot.imagePath;
  return `/v1/api/projects/${encodeURIComponent(shot.projectId)}/shots/${encodeURIComponent(shot.id)}/thumbnail?width=${width(shown)}&v=${version(shot.imagePath)}`;
}

/** A project's cover: its film's, or its first picture. */
export function coverOf(project, shown = 320) {
  const isPainted = project.coverImage || !UNPAINTED.has(project.status);
  if (can("cover") && hasCookies() && isPainted) return `/v1/api/projects/${encodeURIComponent(project.id)}/cover?width=${width(shown)}&v=${version(project.coverImage || project.updatedAt)}`;
  return project.coverImage ?? "";
}

// The same picture keeps its address from one hour to the next, though its signed link changes.
function version(link) {
  let value = 0;
  for (const letter of link.split("?")[0]) value = (value * 33 + letter.codePointAt(0)) >>> 0;
  return value.toString(36);
}

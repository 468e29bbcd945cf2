// Numbers, times and sizes for people.

import { languageTag, t } from "./i18n.js";

export function clock(seconds) {
  const whole = Math.max(0, Math.round(seconds || 0));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor((whole % 3600) / 60), whole % 60];
  const two = (number) => String(number).padStart(2, "0");
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

export function size(bytes) {
  const units = ["B", "KB", "MB", "GB"];
  let [value, unit] = [bytes || 0, 0];
  while (value >= 1024 && unit < units.length - 1) [value, unit] = [value / 1024, unit + 1];
  return `${new Intl.NumberFormat(languageTag(), { maximumFractionDigits: value < 10 && unit ? 1 : 0 }).format(value)} ${units[unit]}`;
}

export const number = (value) => new Intl.NumberFormat(languageTag()).format(value ?? 0);

/** A time that has come; "" for the server's zero time. */
export function isTime(text) {
  return Boolean(text) && !text.startsWith("0001-");
}

export function when(text) {
  if (!isTime(text)) return "";
  return new Intl.DateTimeFormat(languageTag(), { dateStyle: "medium", timeStyle: "short" }).format(new Date(text));
}

/** "3 minutes ago" */
export function ago(text, now = Date.now()) {
  if (!isTime(text)) return "";
  const seconds = (new Date(text).getTime() - now) / 1000;
  if (Math.abs(seconds) < 45) return t("time.now");
  const format = new Intl.RelativeTimeFormat(languageTag(), { numeric: "auto" });
  const steps = [["minute", 60, 3600], ["hour", 3600, 86400], ["day", 86400, 7 * 86400]];
  for (const [unit, length, end] of steps) if (Math.abs(seconds) < end) return format.format(Math.round(seconds / length), unit);
  return new Intl.DateTimeFormat(languageTag(), { dateStyle: "medium" }).format(new Date(text));
}

/** Characters as the server counts them: code points. */
export const characters = (text) => [...text].length;

/** A colour's hue for a text, always the same. */
export function hue(text) {
  let value = 0;
  for (const letter of text || "") value = (value * 31 + letter.codePointAt(0)) % 360;
  return value;
}

// A film's subtitles as cues: [{start, end, text}], in seconds. SRT is text like any other: what it says is never markup.

const TIMES = /(\d+):(\d\d):(\d\d)[,.](\d{1,3})\s*-->\s*(\d+):(\d\d):(\d\d)[,.](\d{1,3})/;
const known = new Map(); // by address without its signature

const seconds = (hours, minutes, whole, part) => Number(hours) * 3600 + Number(minutes) * 60 + Number(whole) + Number(part.padEnd(3, "0")) / 1000;

export function parseSrt(text) {
  return text
    .replace(/\r/g, "")
    .split(/\n{2,}/)
    .map((block) => {
      const lines = block.split("\n");
      const at = lines.findIndex((line) => TIMES.test(line));
      if (at < 0) return null;
      const [, ...parts] = TIMES.exec(lines[at]);
      return { start: seconds(...parts.slice(0, 4)), end: seconds(...parts.slice(4)), text: lines.slice(at + 1).join("\n").replace(/<[^<>]{1,40}>/g, "") };
    })
    .filter(Boolean);
}

export async function cuesOf(film) {
  const address = film.subtitles?.srt;
  if (!address) return [];
  const name = address.split("?")[0];
  if (!known.has(name)) known.set(name, fetch(address, { credentials: "same-origin" }).then(async (answer) => (answer.ok ? parseSrt(await answer.text()) : [])).catch(() => []));
  return known.get(name);
}

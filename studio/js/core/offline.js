// The service worker: its beginning, and what the page asks of it. Browsers have one in a secure context alone: HTTPS, or this machine.

const WORKER = "/studio/sw.js";
const SCOPE = "/studio";
const FILMS = "films";

export const canKeep = isSecureContext && "serviceWorker" in navigator && "caches" in globalThis;

/** Called once the page is there: what it is for can wait. */
export async function begin() {
  if (!canKeep) return;
  const policy = globalThis.trustedTypes?.createPolicy("studio-worker", { createScriptURL: () => WORKER });
  try {
    await navigator.serviceWorker.register(policy ? policy.createScriptURL("") : WORKER, { scope: SCOPE });
    await navigator.serviceWorker.ready;
    keepPictures([...document.images].map((image) => image.currentSrc).filter((url) => url.startsWith("http")));
  } catch { /* without it everything works but this */ }
}

/** Have these pictures kept; those that are there cost nothing. */
export async function keepPictures(urls) {
  const wanted = urls.filter(Boolean).map((url) => new URL(url, location.href).href);
  if (!canKeep || !wanted.length) return;
  const registration = await navigator.serviceWorker.getRegistration(SCOPE);
  registration?.active?.postMessage({ pictures: wanted });
}

const keyOf = (url) => new URL(url, location.href).origin + new URL(url, location.href).pathname;

/** Keep a film's file, and what plays beside it. `told` hears how far it is, 0 to 1. Throws where it cannot be fetched or there is no room. */
export async function keepFilm(urls, told = () => {}) {
  await navigator.storage?.persist?.();
  const films = await caches.open(FILMS);
  for (const [place, url] of urls.entries()) {
    const response = await fetch(url);
    if (!response.ok) throw new Error(String(response.status));
    const blob = await counted(response, (part) => told((place + part) / urls.length));
    await films.put(keyOf(url), new Response(blob, { headers: { "Content-Type": response.headers.get("Content-Type") ?? "video/mp4" } }));
  }
}

async function counted(response, told) {
  const whole = Number(response.headers.get("Content-Length"));
  const parts = [];
  let length = 0;
  for (const reader = response.body.getReader(); ; ) {
    const { done, value } = await reader.read();
    if (done) return new Blob(parts, { type: response.headers.get("Content-Type") ?? "" });
    parts.push(value);
    length += value.length;
    if (whole) told(length / whole);
  }
}

export async function forgetFilm(urls) {
  const films = await caches.open(FILMS);
  await Promise.all(urls.map((url) => films.delete(keyOf(url))));
}

export async function isFilmKept(url) {
  return canKeep && Boolean(await caches.match(keyOf(url), { cacheName: FILMS }));
}

/** Nothing of what was seen here stays: somebody else may sit down next. */
export async function forgetAll() {
  if (!canKeep) return;
  await Promise.all(["pictures", FILMS].map((name) => caches.delete(name)));
}

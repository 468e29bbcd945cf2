// The service worker. It keeps the page, the pictures that were seen and the films that were chosen, so that they are there without the
// server. The server puts `self.STUDIO` ({version, files}) in front of this.

const SHELL = `shell-${self.STUDIO.version}`;
const PICTURES = "pictures";
const FILMS = "films";
const HOME = "/studio";
const MOST_PICTURES = 1500;

addEventListener("install", (event) => {
  event.waitUntil(caches.open(SHELL).then((shell) => shell.addAll([HOME, ...self.STUDIO.files])).then(() => skipWaiting()));
});

addEventListener("activate", (event) => event.waitUntil(begin()));

async function begin() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith("shell-") && name !== SHELL).map((name) => caches.delete(name)));
  await clients.claim();
}

addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET") return;
  const address = new URL(request.url);
  const isOurs = address.origin === location.origin;
  if (request.mode === "navigate" && isOurs) event.respondWith(page(request));
  else if (isOurs && address.pathname.startsWith(`${HOME}/v/`)) event.respondWith(file(request));
  else if (request.destination === "image") event.respondWith(picture(request));
  else if (["video", "audio", "track"].includes(request.destination)) event.respondWith(film(request));
});

addEventListener("message", (event) => {
  if (event.data?.pictures) event.waitUntil(keepPictures(event.data.pictures));
});

async function page(request) {
  try {
    return await fetch(request);
  } catch {
    return (await caches.match(HOME)) ?? Response.error();
  }
}

async function file(request) {
  return (await caches.match(request.url)) ?? fetch(request);
}

/** The same picture has the same key, however its link is signed this hour. */
function keyOf(url) {
  const address = new URL(url);
  const kept = ["width", "v", "at"].map((name) => [name, address.searchParams.get(name)]).filter(([, value]) => value);
  const search = new URLSearchParams(kept).toString();
  return `${address.origin}${address.pathname}${search && `?${search}`}`;
}

async function picture(request) {
  const pictures = await caches.open(PICTURES);
  const key = keyOf(request.url);
  const isFixed = new URL(key).searchParams.has("v") || new URL(key).pathname.startsWith("/assets/");
  const found = isFixed && (await pictures.match(key));
  if (found) return found;
  try {
    const response = await fetch(request);
    if (response.status === 200 && response.type !== "opaque") put(pictures, key, response.clone());
    return response;
  } catch (error) {
    const near = (await pictures.match(key)) ?? (await pictures.match(key, { ignoreSearch: true })) ?? (await caches.match(key, { cacheName: FILMS }));
    if (near) return near;
    throw error;
  }
}

async function put(pictures, key, response) {
  try {
    await pictures.put(key, response);
    const keys = await pictures.keys();
    await Promise.all(keys.slice(0, Math.max(0, keys.length - MOST_PICTURES)).map((one) => pictures.delete(one)));
  } catch { /* no room: what is there stays */ }
}

async function keepPictures(urls) {
  const pictures = await caches.open(PICTURES);
  for (const url of urls) {
    const key = keyOf(url);
    if (await pictures.match(key)) continue;
    try {
      const response = await fetch(url, { credentials: "same-origin", headers: { Accept: "image/webp,image/*" } });
      if (response.status === 200) await put(pictures, key, response);
    } catch { /* it is kept when it is seen */ }
  }
}

/** A film that was chosen is played from here; players ask for parts of it. */
async function film(request) {
  const address = new URL(request.url);
  const found = await caches.match(address.origin + address.pathname, { cacheName: FILMS });
  if (!found) return fetch(request);
  const range = /^bytes=(\d*)-(\d*)$/.exec(request.headers.get("range") ?? "");
  if (!range) return found;
  const whole = await found.blob();
  const start = range[1] === "" ? whole.size - Number(range[2]) : Number(range[1]);
  const end = range[1] === "" || range[2] === "" ? whole.size - 1 : Math.min(Number(range[2]), whole.size - 1);
  if (start < 0 || start > end) return new Response(null, { status: 416, headers: { "Content-Range": `bytes */${whole.size}` } });
  return new Response(whole.slice(start, end + 1, whole.type), {
    status: 206,
    headers: {
      "Content-Type": found.headers.get("Content-Type") ?? "video/mp4",
      "Content-Range": `bytes ${start}-${end}/${whole.size}`,
      "Content-Length": String(end - start + 1),
      "Accept-Ranges": "bytes",
    },
  });
}

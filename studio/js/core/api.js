// The server's API. What goes wrong comes out as an ApiError with the server's own words.

import { currentLanguage, t } from "./i18n.js";
import { credentials, renew } from "./session.js";

const PREFIX = "/v1/api";
const TRIES = 3;
const AGAIN_AFTER_MS = [400, 1500];
const PASSING = new Set([502, 503, 504]);
const SAFE = new Set(["GET", "HEAD"]);
const ANSWERED_MS = 60_000; // longer than the server takes; after that a connection is one that leads nowhere any more

const etags = new Map(); // by path, of what was read or written last

export class ApiError extends Error {
  constructor(status, body, message) {
    super(message);
    this.status = status; // 0: the server was not reached
    this.code = body?.code ?? status;
    this.field = body?.field ?? "";
    this.requestId = body?.request_id ?? "";
    this.body = body ?? {};
  }

  /** The route is not there in this server: what needs it is hidden. */
  get isMissingRoute() {
    return this.status === 405 || (this.status === 404 && this.message === "没有这个地址");
  }
}

/**
 * One request. `json`, `form` or `file` (with its `type`) is its body; `query` its parameters; `key` makes a POST that may be sent twice; `match` sends what
 * was read last as If-Match, so that nothing of somebody else's is written over (412).
 */
export async function call(method, path, options = {}) {
  const request = prepare(method, path, options);
  const mayRepeat = SAFE.has(method) || Boolean(options.key);
  for (let tried = 1; ; tried += 1) {
    const last = tried >= TRIES || !mayRepeat;
    try {
      const response = await send(request);
      if (last || !PASSING.has(response.status)) return await read(path, method, response, options);
    } catch (error) {
      if (error instanceof ApiError || error.name === "AbortError") throw error;
      if (last || error.name === "TimeoutError") throw new ApiError(0, null, t("error.unreachable"));
    }
    await new Promise((done) => setTimeout(done, AGAIN_AFTER_MS[tried - 1]));
  }
}

function prepare(method, path, { json, form, file, type, query, key, match, signal }) {
  const headers = { Accept: "application/json", "Accept-Language": currentLanguage() };
  if (json !== undefined) headers["Content-Type"] = "application/json";
  if (file) headers["Content-Type"] = type;
  if (key) headers["Idempotency-Key"] = key;
  if (match && etags.has(path)) headers["If-Match"] = etags.get(path);
  const search = query ? `?${new URLSearchParams(Object.entries(query).filter(([, value]) => value !== "" && value !== undefined && value !== null))}` : "";
  const body = json !== undefined ? JSON.stringify(json) : (form ?? file);
  return { address: PREFIX + path + search, init: { method, headers, body, signal, credentials: "same-origin" } };
}

async function send({ address, init: given }) {
  const init = SAFE.has(given.method) && !given.signal ? { ...given, signal: AbortSignal.timeout(ANSWERED_MS) } : given;
  const own = credentials(init.method);
  const response = await fetch(address, { ...init, headers: { ...init.headers, ...own } });
  if (response.status !== 401 || address.includes("/auth/login")) return response;
  return (await renew(own)) ? fetch(address, { ...init, headers: { ...init.headers, ...credentials(init.method) } }) : response;
}

async function read(path, method, response, options) {
  if (options.raw && response.ok) return response;
  const text = await response.text();
  let body = null;
  try {
    body = text ? JSON.parse(text) : {};
  } catch { /* something between us and the server answered */ }
  if (!response.ok || body === null) throw new ApiError(response.status, body, body?.message || body?.error || t("error.status", { status: response.status }));
  const etag = response.headers.get("ETag");
  if (etag && method !== "DELETE") etags.set(path, etag);
  return body;
}

export const get = (path, query, options) => call("GET", path, { query, ...options });
export const post = (path, json = {}, options) => call("POST", path, { json, ...options });
export const put = (path, json = {}, options) => call("PUT", path, { json, ...options });
export const patchAt = (path, json = {}, options) => call("PATCH", path, { json, match: true, ...options });
export const remove = (path, query, options) => call("DELETE", path, { query, ...options });

/** A multipart upload: `upload("/music", file, {title})`. */
export function upload(path, file, fields = {}, options = {}) {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) if (value) form.append(name, value);
  form.append("file", file, file.name);
  return call(options.method ?? "POST", path, { form, ...options });
}

/** The answer, or `fallback` where this server has no such route yet. */
export async function whereThere(promise, fallback = null) {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof ApiError && error.isMissingRoute) return fallback;
    throw error;
  }
}

/** A key for a POST that may be sent twice. */
export function newKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The address of a WebSocket below the server, and the subprotocols that carry a login where no cookie does. */
export function socketAt(path) {
  const address = new URL(path, location.href);
  address.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  const token = credentials("GET").Authorization?.slice(7);
  return token ? new WebSocket(address, ["bearer", token]) : new WebSocket(address);
}

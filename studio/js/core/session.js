// Who is here. In a secure context the login is in cookies that no script reads; else a token in this tab alone. An open server asks nobody.

import { config } from "./config.js";
import { store } from "./store.js";

const KEPT = "s2v.token";
const SAFE = new Set(["GET", "HEAD"]);

let bearer = kept(); // {access, refresh} or {key}
let formToken = "";
let renewal = null;

function kept() {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT));
  } catch {
    return null;
  }
}

function keep(tokens) {
  bearer = tokens;
  try {
    if (tokens) sessionStorage.setItem(KEPT, JSON.stringify(tokens));
    else sessionStorage.removeItem(KEPT);
  } catch { /* as long as the page is open */ }
}

/** Headers of a request. */
export function credentials(method) {
  if (bearer) return { Authorization: `Bearer ${bearer.key ?? bearer.access}` };
  return formToken && !SAFE.has(method) ? { "X-CSRF-Token": formToken } : {};
}

/** Whether pictures can be asked for without a header: by a cookie, or because everybody may. */
export const hasCookies = () => !bearer;

/** Whether the page shows what an administrator may see. */
export function isAdmin(state = store.state) {
  return state.session.status === "open" || state.session.user?.role === "admin";
}

async function ask(path, body, headers = {}) {
  return fetch(`/v1/api/auth/${path}`, {
    method: body ? "POST" : "GET",
    headers: { "Content-Type": "application/json", ...headers },
    body: body && JSON.stringify(body),
    credentials: "same-origin",
  });
}

async function whoAmI() {
  const response = await ask("me", null, bearer ? credentials("GET") : {});
  if (!response.ok) return null;
  const user = await response.json();
  formToken = user.csrf_token ?? "";
  return user;
}

/** Find out who is here; called once, before the first page. */
export async function begin() {
  if (!config.login) {
    store.update({ session: { status: "open", user: null } });
    return;
  }
  let user = null;
  try {
    user = await whoAmI();
    if (!user && bearer?.refresh && (await refresh())) user = await whoAmI();
  } catch { // the server is away: what is kept here can be read
    store.update({ session: { status: "in", user: null } });
    return;
  }
  store.update({ session: { status: user ? "in" : "out", user } });
}

/** Log in; throws the server's answer where it refuses. */
export async function logIn(username, password) {
  if (isSecureContext) {
    await login({ username, password, cookie: true });
    keep(null);
    const user = await whoAmI();
    if (user) return store.update({ session: { status: "in", user } });
  }
  const tokens = await login({ username, password });
  keep({ access: tokens.access_token, refresh: tokens.refresh_token });
  store.update({ session: { status: "in", user: await whoAmI() } });
}

async function login(body) {
  const response = await ask("login", body);
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Error(answer.message || answer.error || String(response.status));
  if (answer.csrf_token) formToken = answer.csrf_token;
  return answer;
}

/** Come in by an API key; throws where it does not hold. */
export async function useKey(key) {
  keep({ key });
  const user = await whoAmI();
  if (!user) keep(null);
  if (!user) throw new Error("401");
  store.update({ session: { status: "in", user } });
}

export async function logOut() {
  try {
    await ask("logout", {}, credentials("POST"));
  } catch { /* forgotten here in any case */ }
  keep(null);
  formToken = "";
  store.update({ session: { status: "out", user: null }, project: {}, projects: { ...store.state.projects, items: [], total: 0, status: "idle" } });
}

/** After a 401 for `used`: whether there is a new credential to try again with. */
export async function renew(used) {
  if (!config.login) return false;
  if (bearer && used.Authorization !== credentials("GET").Authorization) return true; // somebody else has renewed it
  renewal ??= refresh().finally(() => (renewal = null));
  const renewed = await renewal;
  if (!renewed) {
    keep(null);
    store.update({ session: { status: "out", user: null } });
  }
  return renewed;
}

async function refresh() {
  if (bearer?.key) return false;
  const response = await ask("refresh", bearer ? { refresh_token: bearer.refresh } : {}, bearer ? {} : { "X-CSRF-Token": formToken });
  if (!response.ok) return false;
  const answer = await response.json();
  if (bearer) keep({ access: answer.access_token, refresh: answer.refresh_token });
  else formToken = answer.csrf_token ?? formToken;
  return true;
}

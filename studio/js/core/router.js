// The address says where one is; back and forward work, and every link can be sent to a colleague.

import { href, match } from "./routes.js";
import { store } from "./store.js";

const guards = new Set();
const scrolls = new Map();
let place = history.state?.place ?? 0;

export { href };

function current() {
  const found = match(location.pathname);
  return {
    name: found?.route.name ?? "missing",
    params: found?.params ?? {},
    query: Object.fromEntries(new URLSearchParams(location.search)),
    path: location.pathname + location.search,
  };
}

/** Begin to follow the address; called once. */
export function begin() {
  history.scrollRestoration = "manual";
  history.replaceState({ ...history.state, place }, "");
  addEventListener("popstate", (event) => {
    scrolls.set(place, scrollY);
    place = event.state?.place ?? 0;
    show(scrolls.get(place) ?? 0);
  });
  document.addEventListener("click", follow);
  show(0);
}

/** Go to an address of the studio. `replace`: the present one is not to come back to. */
export function go(address, { replace = false } = {}) {
  if (![...guards].every((mayLeave) => mayLeave(address))) return;
  scrolls.set(place, scrollY);
  if (replace) history.replaceState({ place }, "", address);
  else {
    place += 1;
    history.pushState({ place }, "", address);
  }
  show(0);
}

/** Change the query alone: what is searched, which version is seen. */
export function setQuery(values, { replace = true } = {}) {
  const { name, params, query } = store.state.route;
  const address = href(name, params, { ...query, ...values });
  if (address === location.pathname + location.search) return;
  if (replace) history.replaceState(history.state, "", address);
  else {
    place += 1;
    history.pushState({ place }, "", address);
  }
  store.update({ route: current() });
}

/** Ask before every other place; returns what ends it. */
export function guard(mayLeave) {
  guards.add(mayLeave);
  return () => guards.delete(mayLeave);
}

function show(scroll) {
  store.update({ route: { ...current(), scroll } });
}

function follow(event) {
  if (event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = event.target.closest?.("a[href]");
  if (!link || link.target || link.hasAttribute("download")) return;
  const address = new URL(link.href);
  if (address.origin !== location.origin || !match(address.pathname)) return;
  event.preventDefault();
  go(address.pathname + address.search);
}

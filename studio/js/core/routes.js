// Every place in the studio: its address, and what draws it. A page is loaded when somebody first goes there.

export const ROUTES = [
  { name: "assets", path: "/studio", element: "s2v-assets", load: () => import("../pages/assets.js") },
  { name: "create", path: "/studio/new", element: "s2v-create", load: () => import("../pages/create.js") },
  { name: "storyboard", path: "/studio/p/:project", element: "s2v-storyboard", load: () => import("../pages/storyboard.js") },
  { name: "shot", path: "/studio/p/:project/shots/:shot", element: "s2v-shot", load: () => import("../pages/shot.js") },
  { name: "film", path: "/studio/p/:project/film", element: "s2v-film", load: () => import("../pages/film.js") },
  { name: "cast", path: "/studio/p/:project/cast", element: "s2v-cast", load: () => import("../pages/cast.js") },
  { name: "options", path: "/studio/p/:project/options", element: "s2v-options", load: () => import("../pages/options.js") },
  { name: "music", path: "/studio/music", element: "s2v-music", load: () => import("../pages/music.js") },
  { name: "system", path: "/studio/system", element: "s2v-system", load: () => import("../pages/system.js") },
  { name: "login", path: "/studio/login", element: "s2v-login", load: () => import("../pages/login.js") },
];

/** The route of an address, with its parameters; null where there is none. */
export function match(pathname) {
  const asked = pathname.replace(/\/+$/, "").split("/");
  for (const route of ROUTES) {
    const parts = route.path.split("/");
    if (parts.length !== asked.length) continue;
    const params = {};
    const fits = parts.every((part, place) => {
      if (!part.startsWith(":")) return part === asked[place];
      params[part.slice(1)] = decode(asked[place]);
      return asked[place] !== "";
    });
    if (fits) return { route, params };
  }
  return null;
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** href("shot", {project, shot}, {v: 2}) */
export function href(name, params = {}, query = {}) {
  const route = ROUTES.find((one) => one.name === name);
  const path = route.path.replace(/:(\w+)/g, (_, key) => encodeURIComponent(params[key]));
  const search = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== "" && value !== undefined && value !== null)).toString();
  return search ? `${path}?${search}` : path;
}

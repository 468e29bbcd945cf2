// A tree of plain objects, and what brings the document to it. Text becomes text nodes and attributes, never markup.

const SVG = "http://www.w3.org/2000/svg";
const VNODE = Symbol("vnode");
const EVENTS = Symbol("events");
const PROPERTIES = new Set(["value", "checked", "disabled", "selected", "indeterminate", "muted", "volume", "playbackRate", "files", "hidden", "open"]);
const ADDRESSES = new Set(["href", "src", "poster", "action", "formaction", "xlink:href"]);

/** h("p", {class: "x", onclick: f, key: 1}, "text", [more]) */
export function h(tag, props, ...children) {
  return { tag, props: props ?? {}, key: props?.key, children: flat(children) };
}

function flat(children, into = []) {
  for (const child of children) {
    if (Array.isArray(child)) flat(child, into);
    else if (child === null || child === undefined || child === false || child === true || child === "") continue;
    else into.push(typeof child === "object" ? child : String(child));
  }
  return into;
}

/** Bring the children of `parent` to `vnodes`; nodes are kept where tag and key are the same. */
export function patch(parent, vnodes, svg = false) {
  const wanted = flat([vnodes]);
  const keyed = new Map();
  const unkeyed = [];
  for (const node of parent.childNodes) {
    const key = node[VNODE]?.key;
    if (key === undefined || key === null) unkeyed.push(node);
    else keyed.set(key, node);
  }
  const next = wanted.map((vnode) => {
    const found = take(vnode, keyed, unkeyed);
    if (found) {
      update(found, vnode, svg);
      return found;
    }
    return create(vnode, svg);
  });
  const kept = new Set(next);
  for (const node of [...parent.childNodes]) if (!kept.has(node)) node.remove();
  next.forEach((node, place) => {
    const there = parent.childNodes[place];
    if (there !== node) move(parent, node, there ?? null);
  });
}

function take(vnode, keyed, unkeyed) {
  if (vnode.key !== undefined && vnode.key !== null) {
    const node = keyed.get(vnode.key);
    if (!node || node[VNODE].tag !== vnode.tag) return null;
    keyed.delete(vnode.key);
    return node;
  }
  const place = unkeyed.findIndex((node) => (typeof vnode === "string" ? node.nodeType === 3 : node[VNODE]?.tag === vnode.tag));
  return place < 0 ? null : unkeyed.splice(place, 1)[0];
}

function move(parent, node, before) {
  if (parent.moveBefore && node.parentNode === parent) parent.moveBefore(node, before); // keeps focus, and a film that plays
  else parent.insertBefore(node, before);
}

function create(vnode, svg) {
  if (typeof vnode === "string") return document.createTextNode(vnode);
  const inSvg = svg || vnode.tag === "svg";
  const element = inSvg ? document.createElementNS(SVG, vnode.tag) : document.createElement(vnode.tag);
  element[VNODE] = { tag: vnode.tag, key: vnode.key, props: {} };
  if (vnode.tag === "select") patch(element, vnode.children); // before its value
  setProps(element, {}, vnode.props);
  if (vnode.tag !== "select") fill(element, vnode, inSvg);
  element[VNODE] = vnode;
  vnode.props.ref?.(element);
  return element;
}

function update(node, vnode, svg) {
  if (typeof vnode === "string") {
    if (node.data !== vnode) node.data = vnode;
    return;
  }
  const before = node[VNODE];
  if (before === vnode) return; // who draws much keeps what has not changed
  fill(node, vnode, svg || vnode.tag === "svg");
  setProps(node, before.props, vnode.props);
  node[VNODE] = vnode;
}

function fill(element, vnode, svg) {
  if (vnode.props.opaque || (isOwn(vnode.tag) && !vnode.children.length)) return; // it looks after its children itself
  patch(element, vnode.children, svg);
}

const isOwn = (tag) => tag.includes("-");

function setProps(element, before, props) {
  for (const name of Object.keys(before)) if (!(name in props)) setProp(element, name, undefined, before[name]);
  for (const [name, value] of Object.entries(props)) {
    if (value !== before[name] || name === "value" || name === "checked") setProp(element, name, value, before[name]);
  }
}

function setProp(element, name, value, before) {
  if (name === "key" || name === "ref" || name === "opaque") return;
  if (name.startsWith("on")) return listen(element, name.slice(2), value);
  if (name === "style") return setStyle(element, before ?? {}, value ?? {});
  if (name === "class") return setAttribute(element, "class", value || null);
  if (PROPERTIES.has(name) && name in element && element.localName !== "option") { // whose value is its text where it has no attribute
    const wanted = value ?? (name === "value" ? "" : false);
    if (element[name] !== wanted) element[name] = wanted;
    return;
  }
  const asAttribute = name.startsWith("aria-") || name.startsWith("data-") || name === "id" || name === "role" || name === "tabindex" || name === "slot";
  if (isOwn(element.localName) && !asAttribute) {
    element[name] = value;
    return;
  }
  setAttribute(element, name, value);
}

function setAttribute(element, name, value) {
  if (value === null || value === undefined || value === false) element.removeAttribute(name);
  else element.setAttribute(name, ADDRESSES.has(name) ? safeAddress(value) : value === true ? "" : String(value));
}

/** An address that runs nothing: ours, another place's over HTTP, or a blob of this page. */
export function safeAddress(value) {
  const text = String(value);
  let scheme;
  try {
    scheme = new URL(text, location.href).protocol;
  } catch {
    return "about:blank";
  }
  if (["http:", "https:", "blob:"].includes(scheme)) return text;
  return /^data:image\/(png|jpeg|webp|avif|gif);/i.test(text) ? text : "about:blank";
}

function setStyle(element, before, value) {
  for (const name of Object.keys(before)) if (!(name in value)) element.style.removeProperty(dashed(name));
  for (const [name, text] of Object.entries(value)) if (text !== before[name]) element.style.setProperty(dashed(name), text);
}

const dashed = (name) => (name.startsWith("--") ? name : name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`));

function listen(element, type, handler) {
  const handlers = (element[EVENTS] ??= {});
  if (!(type in handlers)) element.addEventListener(type, (event) => element[EVENTS][type]?.call(element, event));
  handlers[type] = handler;
}

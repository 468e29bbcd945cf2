// What the server told the page with its first byte.

export const config = JSON.parse(document.querySelector('meta[name="studio"]').content);

/** The address under which this edition's files lie. */
export const BASE = new URL("../../", import.meta.url).pathname.replace(/\/$/, "");

/** Whether this server has a route with this word in it, such as "feed" or "thumbnail". */
export const can = (word) => config.routes.includes(word);

// Dragging a card to another place, by mouse, pen or finger. Nothing moves before it is let go: the place where it would come is marked.

const EDGE = 60; // pixels from the board's edge where it scrolls
const STEP = 14;

/**
 * reorder(event, board, id, {over, done}): `over(target, side)` with where it would come ("before" or "after" the card `target`),
 * `done(target, side)` once it is let go, with nulls where it was called off (Escape, or let go elsewhere).
 */
export function reorder(event, board, id, { over, done }) {
  if (event.button) return;
  event.preventDefault();
  let place = { target: null, side: null };
  let pointer = { x: event.clientX, y: event.clientY };
  const timer = setInterval(() => scroll(board, pointer), 30);
  const moved = (one) => {
    pointer = { x: one.clientX, y: one.clientY };
    const found = nearest(board, id, pointer);
    if (found.target === place.target && found.side === place.side) return;
    place = found;
    over(place.target, place.side);
  };
  const end = (isDone) => {
    clearInterval(timer);
    removeEventListener("pointermove", moved);
    removeEventListener("pointerup", up);
    removeEventListener("pointercancel", off);
    removeEventListener("keydown", pressed, true);
    done(isDone ? place.target : null, isDone ? place.side : null);
  };
  const up = () => end(true);
  const off = () => end(false);
  const pressed = (one) => {
    if (one.key !== "Escape") return;
    one.preventDefault();
    one.stopPropagation();
    end(false);
  };
  addEventListener("pointermove", moved);
  addEventListener("pointerup", up);
  addEventListener("pointercancel", off);
  addEventListener("keydown", pressed, true);
}

function nearest(board, id, { x, y }) {
  let best = { target: null, side: null };
  let least = Infinity;
  for (const card of board.querySelectorAll("[data-shot]")) {
    const room = card.getBoundingClientRect();
    const [left, top] = [room.left + room.width / 2, room.top + room.height / 2];
    const far = Math.hypot(x - left, 2 * (y - top)); // rows part more than columns
    if (far >= least) continue;
    least = far;
    const ahead = getComputedStyle(board).direction === "rtl" ? x > left : x < left;
    best = { target: card.dataset.shot, side: ahead ? "before" : "after" };
  }
  return best.target === id ? { target: null, side: null } : best;
}

function scroll(board, { x, y }) {
  const room = board.getBoundingClientRect();
  if (x < room.left + EDGE) board.scrollBy(-STEP, 0);
  else if (x > room.right - EDGE) board.scrollBy(STEP, 0);
  if (y > innerHeight - EDGE) scrollBy(0, STEP);
  else if (y < EDGE * 2) scrollBy(0, -STEP);
}

/** `ids` with `id` taken out and put before or after `target`. */
export function placed(ids, id, target, side) {
  const others = ids.filter((one) => one !== id);
  const at = others.indexOf(target) + (side === "after" ? 1 : 0);
  return [...others.slice(0, at), id, ...others.slice(at)];
}

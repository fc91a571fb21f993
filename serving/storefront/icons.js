// An app's icon, drawn from its id: the same id always has the same colours and motif.

import { drawing } from "./dom.js";
import { titleOf } from "./words.js";

const MOTIFS = [
  () => [circle(78, 20, 38, 0.2), circle(20, 92, 30, 0.14)],
  () => [ring(50, 112, 44), ring(50, 112, 64), ring(50, 112, 84)],
  () => [path("M-10 70 50 10 110 -50 110 0 40 110-10 110z", 0.17)],
  () => [path("M0 68q25-22 50 0t50 0v40H0z", 0.2), path("M0 82q25-18 50 0t50 0v30H0z", 0.16)],
  () => [path("M0 0h50a50 50 0 0 1-50 50z", 0.2), path("M100 100H50a50 50 0 0 1 50-50z", 0.16)],
  () => [circle(50, 50, 36, 0.2)],
  () => [path("M100 0v100H50z", 0.17), path("M0 100h100V62z", 0.14)],
];

let drawn = 0;

export function icon(app) {
  const random = randomOf(app.app_id);
  const hue = Math.floor(random() * 360);
  const turn = 28 + random() * 44;
  const id = `paint-${drawn++}`;
  const motif = MOTIFS[Math.floor(random() * MOTIFS.length)]();
  return drawing(
    "svg",
    { class: "icon", viewBox: "0 0 100 100", "aria-hidden": "true" },
    drawing(
      "linearGradient",
      { id, x1: 0, y1: 0, x2: 1, y2: 1 },
      drawing("stop", { offset: 0, "stop-color": `oklch(0.74 0.12 ${hue})` }),
      drawing("stop", { offset: 1, "stop-color": `oklch(0.52 0.14 ${hue + turn})` }),
    ),
    drawing("rect", { width: 100, height: 100, fill: `url(#${id})` }),
    ...motif,
    drawing("text", { x: 50, y: 51 }, initials(app)),
  );
}

// A person's picture: two soft shapes.
export function portrait(userId) {
  const random = randomOf(userId);
  const hue = Math.floor(random() * 360);
  return drawing(
    "svg",
    { viewBox: "0 0 100 100" },
    drawing("rect", { width: 100, height: 100, fill: `oklch(0.88 0.06 ${hue})` }),
    drawing("circle", { cx: 50, cy: 41, r: 17, fill: `oklch(0.55 0.1 ${hue + 25})` }),
    drawing("ellipse", { cx: 50, cy: 95, rx: 34, ry: 32, fill: `oklch(0.55 0.1 ${hue + 25})` }),
  );
}

function initials(app) {
  const words = titleOf(app).split(/[^\p{L}\p{N}]+/u).filter(Boolean);
  const chosen = app.title ? words.slice(0, 2) : words.slice(-1);
  return chosen.map((word) => [...word][0].toUpperCase()).join("");
}

// FNV-1a, then Mulberry32: small, and the same in every browser.
function randomOf(text) {
  let state = 2166136261;
  for (const unit of new TextEncoder().encode(text)) state = Math.imul(state ^ unit, 16777619);
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

function circle(cx, cy, r, opacity) {
  return drawing("circle", { cx, cy, r, fill: "#fff", "fill-opacity": opacity });
}

function ring(cx, cy, r) {
  const line = { fill: "none", stroke: "#fff", "stroke-opacity": 0.2, "stroke-width": 9 };
  return drawing("circle", { cx, cy, r, ...line });
}

function path(d, opacity) {
  return drawing("path", { d, fill: "#fff", "fill-opacity": opacity });
}

// What the page does by itself: ages that grow, filters, and parts that the
// gateway sends anew. Everything works without it, but stands still.
"use strict";

const units = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];

function age(seconds) {
  for (const [size, unit] of units) {
    if (seconds >= size) return `${Math.floor(seconds / size)} ${unit}`;
  }
  return "0 s";
}

function grow(root) {
  const now = Date.now();
  for (const el of root.querySelectorAll("time[data-age]")) {
    const seconds = (now - Date.parse(el.dateTime)) / 1000;
    const text = (el.dataset.before || "") + age(Math.abs(seconds)) + (el.dataset.after || "");
    if (el.textContent !== text) el.textContent = text;
  }
  for (const el of root.querySelectorAll("time[data-clock]")) {
    const at = new Date(el.dateTime);
    const two = (n) => String(n).padStart(2, "0");
    const text = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, "0")}`;
    if (el.textContent !== text) { el.textContent = text; el.title = at.toLocaleString(); }
  }
}

// filterNow hides the rows that the field's words are not in.
function filterNow(field) {
  const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0, all = 0;
  for (const row of document.querySelectorAll(field.dataset.filter + " [data-text]")) {
    const text = row.dataset.text.toLowerCase();
    row.hidden = !words.every((w) => text.includes(w));
    all++;
    if (!row.hidden) shown++;
  }
  const output = document.getElementById("filtered");
  if (output) output.textContent = words.length ? `${shown} of ${all}` : "";
}

function filterAll() {
  for (const field of document.querySelectorAll("[data-filter]")) filterNow(field);
}

// put replaces a part of the page, and keeps the focus where it was.
function put(part) {
  const old = document.getElementById(part.id);
  if (!old) return;
  const holder = document.createElement("template");
  holder.innerHTML = part.html;
  const next = holder.content.firstElementChild;
  if (!next) return;
  grow(holder.content);
  if (old.isEqualNode(next)) return;
  const focused = old.contains(document.activeElement) ? path(document.activeElement, old) : null;
  const before = stateOf(old), after = stateOf(next);
  old.replaceWith(next);
  if (before !== after) next.classList.add("fresh");
  if (focused) follow(next, focused)?.focus({ preventScroll: true });
}

function stateOf(el) {
  return el.tagName === "TR" ? el.querySelector(".state")?.textContent : "";
}

function path(el, root) {
  const steps = [];
  for (; el !== root; el = el.parentElement) steps.unshift([...el.parentElement.children].indexOf(el));
  return steps;
}

function follow(el, steps) {
  for (const step of steps) el = el?.children[step];
  return el;
}

// append adds a line of the log, the newest first, and drops the oldest ones.
function append(part) {
  const list = document.getElementById(part.id);
  if (!list) return;
  const holder = document.createElement("template");
  holder.innerHTML = part.html;
  grow(holder.content);
  for (const line of [...holder.content.children]) list.prepend(line);
  while (list.children.length > 1000) list.lastElementChild.remove();
}

function live(url) {
  const shown = document.getElementById("live");
  const say = (text, lost) => {
    shown.hidden = false;
    shown.textContent = text;
    shown.classList.toggle("lost", lost);
  };
  let stream = null;
  const open = () => {
    stream = new EventSource(url);
    stream.onopen = () => say("live", false);
    stream.onerror = () => say("not connected", true);
    stream.addEventListener("part", (e) => { put(JSON.parse(e.data)); filterAll(); });
    stream.addEventListener("line", (e) => append(JSON.parse(e.data)));
    stream.addEventListener("away", () => { stream.close(); say("gone: reload the page", true); });
  };
  // A page that nobody looks at asks for nothing.
  const look = () => {
    if (document.hidden) {
      stream?.close();
      stream = null;
    } else if (!stream) {
      open();
    }
  };
  document.addEventListener("visibilitychange", look);
  addEventListener("pagehide", () => stream?.close());
  look();
}

grow(document);
setInterval(() => grow(document), 1000);
filterAll();
document.addEventListener("input", (e) => { if (e.target.dataset.filter) filterNow(e.target); });
document.addEventListener("click", async (e) => {
  const button = e.target.closest("[data-copy]");
  if (!button) return;
  const text = document.querySelector(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(text.value);
    button.textContent = "Copied";
  } catch {
    text.select();
    button.textContent = "Selected: copy it with Ctrl+C";
  }
});
if (document.body.dataset.live) live(document.body.dataset.live);

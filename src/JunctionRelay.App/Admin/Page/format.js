// How numbers and times read, and the few words that make elements. Text is always set as text: names are chosen by others.
const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

export function bytes(n) {
  let unit = 0;
  for (n = Math.max(0, n); n >= 1024 && unit < units.length - 1; unit++) n /= 1024;
  return `${n < 10 && unit > 0 ? n.toFixed(1) : Math.round(n)} ${units[unit]}`;
}

export const rate = n => `${bytes(n)}/s`;
export const count = n => n.toLocaleString("en-US");

export function age(seconds) {
  seconds = Math.max(0, Math.floor(seconds));
  const [d, h, m, s] = [Math.floor(seconds / 86400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60, seconds % 60];
  if (d) return `${d} d ${h} h`;
  if (h) return `${h} h ${m} min`;
  return m ? `${m} min ${s} s` : `${s} s`;
}

export function milliseconds(seconds) {
  const ms = seconds * 1000;
  return `${ms < 10 ? ms.toFixed(2) : ms < 100 ? ms.toFixed(1) : Math.round(ms)} ms`;
}

export const clock = iso => new Date(iso).toLocaleTimeString("en-GB");
export const day = iso => iso.slice(0, 10);

export function el(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children.filter(c => c !== null && c !== undefined));
  return element;
}

// Writes only what has changed: the browser lays out nothing else anew.
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

export function mark(element, className, on) {
  if (element.classList.contains(className) !== on) element.classList.toggle(className, on);
}

// A list of elements by key: kept, added, moved and removed as the data has it.
export function keyed(parent, items, keyOf, make, update) {
  const before = new Map([...parent.children].map(child => [child.dataset.key, child]));
  let at = parent.firstElementChild;
  for (const item of items) {
    const key = keyOf(item);
    let child = before.get(key);
    if (child) before.delete(key);
    else {
      child = make(item);
      child.dataset.key = key;
    }
    if (child === at) at = at.nextElementSibling;
    else parent.insertBefore(child, at);
    update(child, item);
  }
  for (const child of before.values()) child.remove();
}

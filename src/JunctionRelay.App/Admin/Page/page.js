import { age, bytes, clock, count, el, keyed, mark, rate, say } from "./format.js";
import { watch } from "./feed.js";
import { Table, words } from "./table.js";
import { colorOf, isDue, showCertificates, showLinks, showRelays, until } from "./lines.js";
import * as charts from "./charts.js";

const byId = id => document.getElementById(id);
let now = 0;

const who = c => c.user ? `${c.user}${c.vendor ? ` (${c.vendor})` : ""}` : c.peer && c.peer !== "-" ? c.peer : "–";
const node = c => c.host ? `${c.host} ${c.client}` : c.client;
const short = relay => relay.replace(/^service\//, "");

const connections = new Table(byId("connections"), {
  className: "connections", rowHeight: 34, narrowHeight: 62, sort: 0, ascending: true, empty: "No connection is being relayed.",
  columns: [
    { title: "For", className: "num since", by: c => c.sinceSeconds, of: c => age(now - c.sinceSeconds) },
    { title: "Who", className: "who", by: c => who(c), of: who },
    { title: "Node", className: "mono client", by: c => node(c), of: node },
    { title: "Relay", className: "relay", by: c => c.relay, of: c => short(c.relay) },
    { title: "Target", className: "mono target", by: c => c.target ?? "", of: c => c.target ?? "opening …" },
    { title: "To target", className: "num up", by: c => -c.bytesToTarget, of: c => bytes(c.bytesToTarget) },
    { title: "To client", className: "num down", by: c => -c.bytesToClient, of: c => bytes(c.bytesToClient) },
  ],
  decorate: (element, c) => paint(element, c.relay),
});

const ends = new Table(byId("ends"), {
  className: "ends", rowHeight: 34, narrowHeight: 62, empty: "No connection has ended yet.",
  columns: [
    { title: "At", className: "num at", of: e => clock(e.at) },
    { title: "Reason", className: "reason", of: e => e.reason },
    { title: "Who", className: "who", of: who },
    { title: "Node", className: "mono client", of: node },
    { title: "Relay", className: "relay", of: e => short(e.relay) },
    { title: "After", className: "num after", of: e => age(e.seconds) },
    { title: "Passed on", className: "num bytes", of: e => bytes(e.bytesToTarget + e.bytesToClient) },
    { title: "Detail", className: "detail", of: e => e.detail ?? "" },
  ],
  decorate: (element, e) => {
    paint(element, e.relay);
    mark(element, "is-clean", isClean(e.reason));
  },
});

const isClean = reason => reason === "client-closed" || reason === "target-closed";

function paint(element, relay) {
  const color = colorOf(relay);
  if (element.dataset.color === color) return;
  element.classList.remove(element.dataset.color);
  element.classList.add(color);
  element.dataset.color = color;
}

// Filters.
const picked = new Set();

function filterEnds() {
  const typed = words(byId("ended-filter").value, e => `${e.reason} ${who(e)} ${node(e)} ${e.relay} ${e.peer} ${e.target} ${e.id} ${e.detail ?? ""}`);
  ends.filter(e => (picked.size === 0 || picked.has(e.reason)) && typed(e));
}

byId("ended-filter").addEventListener("input", filterEnds);
byId("holds-filter").addEventListener("input", event => {
  connections.filter(words(event.target.value, c => `${who(c)} ${node(c)} ${c.relay} ${c.target ?? ""} ${c.peer ?? ""} ${c.id} ${c.stage}`));
  countConnections();
});

function showReasons(byReason) {
  keyed(byId("reasons"), Object.entries(byReason).sort((a, b) => b[1] - a[1]), ([reason]) => reason, ([reason]) => {
    const chip = el("button", isClean(reason) ? "chip is-clean" : "chip", el("span", "", reason), el("b"));
    chip.type = "button";
    chip.setAttribute("aria-pressed", "false");
    chip.addEventListener("click", () => {
      if (!picked.delete(reason)) picked.add(reason);
      chip.setAttribute("aria-pressed", String(picked.has(reason)));
      filterEnds();
    });
    return chip;
  }, (chip, [, n]) => say(chip.children[1], count(n)));
}

// The frame.
let total = 0;

function countConnections() {
  const shown = connections.shown;
  say(byId("holds-count"), total === 0 ? "" : shown === total ? total === 1 ? "1 connection" : `${count(total)} connections` : `${count(shown)} of ${count(total)} connections`);
}

function showFigures(status, rates) {
  say(byId("f-connections"), count(status.connectionCount));
  say(byId("f-connections-more"), status.mostConnections ? `room for ${count(status.mostConnections)}` : "");
  say(byId("f-up"), rates ? rate(rates[0]) : "–");
  say(byId("f-up-more"), `${bytes(status.bytesToTarget)} since the start`);
  say(byId("f-down"), rates ? rate(rates[1]) : "–");
  say(byId("f-down-more"), `${bytes(status.bytesToClient)} since the start`);
  const up = status.links.filter(l => l.up).length;
  say(byId("f-links"), status.links.length ? `${up} of ${status.links.length}` : "none");
  say(byId("f-links-more"), status.links.length ? `${count(status.links.reduce((n, l) => n + l.resumes, 0))} resumes` : "not configured");
  mark(byId("f-links").parentElement, "is-down", up < status.links.length);
  // The one that needs somebody most; else the next to expire.
  const first = status.certificates.find(isDue) ?? status.certificates.find(c => c.state === "near") ?? status.certificates[0];
  say(byId("f-certificate"), first ? until(first.daysLeft) : "none");
  say(byId("f-certificate-more"), first ? first.name : "not configured");
  mark(byId("f-certificate").parentElement, "is-down", Boolean(first) && isDue(first));
  mark(byId("f-certificate").parentElement, "is-near", first?.state === "near");
}

function showState(status) {
  say(byId("name"), status.name);
  document.title = `${status.connectionCount} · ${status.name}`;
  const [text, kind] = status.state !== "running" ? [status.state, "is-near"] : status.ready ? ["running", "is-up"] : ["not ready", "is-down"];
  const state = byId("state");
  say(state, text);
  for (const each of ["is-up", "is-near", "is-down"]) mark(state, each, each === kind);
  const notices = [];
  if (!status.configuration.succeeded) notices.push({ key: "configuration", text: `The configuration read at ${clock(status.configuration.readAt)} was not taken, the one before still runs: ${status.configuration.problems.join("; ")}` });
  if (status.log?.failing) notices.push({ key: "log", text: `The log cannot be written (${status.log.failing}): ${count(status.log.dropped)} lines are missing` });
  for (const u of status.unwritten ?? []) notices.push({ key: `unwritten ${u.kind}`, text: `${u.path} cannot be written: ${u.failing}` });
  if (status.state === "running" && !status.ready) notices.push({ key: "path", text: `New connections get nowhere: ${status.notReady}` });
  if (status.state === "draining") notices.push({ key: "draining", near: true, text: `Draining: no new connections; ${count(status.connectionCount)} left` });
  for (const c of status.certificates.filter(isDue)) {
    notices.push({ key: `certificate ${c.kind}`, near: c.state !== "expired", text: `The certificate of ${c.name} (${c.kind}) ${c.state === "expired" ? "has expired" : `expires ${until(c.daysLeft)}`}` });
  }
  keyed(byId("notices"), notices, n => n.key, () => el("li"), (item, notice) => {
    say(item, notice.text);
    mark(item, "is-near", Boolean(notice.near));
  });
  say(byId("about"), `junction ${status.version}, process ${status.process}, up ${age((Date.parse(status.now) - Date.parse(status.started)) / 1000)}`);
}

function onFrame(frame) {
  now = frame.now;
  byId("main").classList.remove("is-stale");
  say(byId("live"), "live");
  mark(byId("live"), "is-live", true);
  const rates = charts.show(frame);
  // A page that nobody sees keeps up, and paints when it is seen again.
  if (document.hidden) return;
  showState(frame.status);
  showFigures(frame.status, rates);
  showRelays(byId("lines"), frame.status.relays, now);
  showLinks(byId("links"), frame.status.links);
  showCertificates(byId("certificates"), frame.status.certificates);
  total = frame.status.connectionCount;
  connections.rows = [...frame.rows.values()];
  countConnections();
  ends.rows = frame.ends;
  showReasons(frame.status.ends.byReason);
  const all = Object.values(frame.status.ends.byReason).reduce((n, m) => n + m, 0);
  say(byId("ended-count"), all > frame.ends.length ? `the last ${count(frame.ends.length)} of ${count(all)}` : "");
}

function onTrouble() {
  byId("main").classList.add("is-stale");
  say(byId("live"), "no answer, trying again");
  mark(byId("live"), "is-live", false);
}

function nameTheme() {
  say(byId("theme"), { auto: "Theme: auto", light: "Theme: light", dark: "Theme: dark" }[window.theme.name]);
}

byId("theme").addEventListener("click", () => window.theme.next());
addEventListener("themechange", nameTheme);
nameTheme();
charts.start();
watch(onFrame, onTrouble);

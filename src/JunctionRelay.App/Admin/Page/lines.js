import { age, bytes, count, day, el, keyed, mark, milliseconds, rate, say } from "./format.js";

const colors = 8;
const before = new Map();
const places = new Map();

// Each relay is a line of its own color, here and in the tables.
export const colorOf = relay => `l${(places.get(relay) ?? 0) % colors}`;

export function showRelays(list, relays, now) {
  relays.forEach((relay, i) => places.set(relay.name, i));
  keyed(list, relays, r => r.name, makeLine, (line, relay) => updateLine(line, relay, now));
}

function makeLine(relay) {
  const line = el("li", `line ${colorOf(relay.name)}`,
    el("div", "from", el("strong"), el("span", "mono listen")),
    el("div", "track", el("i", "rail"), el("span", "load"), el("span", "pace")),
    el("ul", "to"),
    el("p", "totals"));
  return line;
}

function updateLine(line, relay, now) {
  const [from, track, to, totals] = line.children;
  say(from.children[0], relay.name.replace(/^service\//, ""));
  say(from.children[1], relay.listen.length ? relay.listen.join("  ") : "for peers");
  const was = before.get(relay.name);
  const moved = relay.bytesToTarget + relay.bytesToClient;
  const pace = was && now > was.now ? Math.max(0, (moved - was.moved) / (now - was.now)) : 0;
  before.set(relay.name, { now, moved });
  mark(line, "is-down", !relay.hasPath || relay.paused);
  mark(line, "is-busy", pace > 0);
  mark(line, "is-idle", relay.connections === 0);
  say(track.children[1], relay.mostConnections ? `${count(relay.connections)} of ${count(relay.mostConnections)}` : count(relay.connections));
  say(track.children[2], relay.paused ? "paused" : relay.hasPath ? pace > 0 ? rate(pace) : "" : "no path");
  keyed(to, relay.targets, t => t.name, () => el("li", "target", el("i", "dot"), el("span", "mono"), el("small")), updateTarget);
  const refused = Object.entries(relay.denied).map(([rule, n]) => `${count(n)} refused by ${rule}`);
  say(totals, [`${count(relay.ended)} ended`, `${bytes(moved)} passed on`, ...refused].join(" · "));
}

function updateTarget(item, target) {
  mark(item, "is-down", !target.up);
  mark(item, "is-unasked", target.up && !target.probed);
  item.title = target.probed ? "" : "not probed: nobody knows until a client comes";
  say(item.children[1], target.name);
  const why = target.detail?.startsWith(`${target.name}: `) ? target.detail.slice(target.name.length + 2) : target.detail;
  const failures = target.dialFailures ? `${count(target.dialFailures)} failed ${target.dialFailures === 1 ? "dial" : "dials"}` : "";
  say(item.children[2], target.up ? failures : why ?? "down");
}

export function showLinks(list, links) {
  if (empty(list, links, "This junction has no links.")) return;
  keyed(list, links, l => `${l.name} ${l.session ?? ""}`, () => el("li", "card", el("i", "dot"), el("div", "who", el("strong"), el("span", "mono")), el("dl", "facts")), (card, link) => {
    mark(card, "is-down", !link.up);
    say(card.children[1].children[0], link.name === link.peer ? link.peer : `${link.peer} (${link.name})`);
    say(card.children[1].children[1], link.up ? `${link.direction === "out" ? "dialled at" : "dialled in from"} ${link.address}` : link.detail ?? "down");
    facts(card.children[2], [
      ["round trip", link.roundTripSeconds ? milliseconds(link.roundTripSeconds) : "–"], ["streams", count(link.streams)], ["resumes", count(link.resumes)],
      ...(link.peerDraining ? [["peer", "drains"]] : []), ...(link.downSeconds ? [["down for", age(link.downSeconds)]] : []),
    ]);
  });
}

export function showCertificates(list, certificates) {
  if (empty(list, certificates, "This junction uses no certificates.")) return;
  keyed(list, certificates, c => `${c.kind} ${c.name} ${c.notAfter}`, () => el("li", "card", el("i", "dot"), el("div", "who", el("strong"), el("span", "mono")), el("dl", "facts")), (card, certificate) => {
    mark(card, "is-down", isDue(certificate));
    mark(card, "is-near", certificate.state === "near");
    say(card.children[1].children[0], certificate.name);
    say(card.children[1].children[1], certificate.kind);
    facts(card.children[2], [[day(certificate.notAfter), until(certificate.daysLeft)]]);
  });
}

// One that should have been renewed long ago, for a certificate of its life.
export const isDue = certificate => certificate.state === "urgent" || certificate.state === "expired";

export const until = days => days < 0 ? "expired" : days < 2 ? `in ${Math.floor(days * 24)} h` : `in ${Math.floor(days)} days`;

function facts(list, pairs) {
  keyed(list, pairs, p => p[0], ([name]) => el("div", "", el("dt", "", name), el("dd")), (pair, [, value]) => say(pair.children[1], value));
}

function empty(list, items, text) {
  if (items.length) {
    list.querySelector(".empty")?.remove();
    return false;
  }
  if (!list.querySelector(".empty")) list.replaceChildren(el("li", "empty", text));
  return true;
}

import { bytes, count, rate, say } from "./format.js";

const hour = 3600;

// The last hour in columns, as uPlot wants them: time, to targets, to clients, connections.
const columns = [[], [], [], []];
const plots = [];
let minutes = 15;
let last = null;

const color = name => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const byId = id => document.getElementById(id);

function axes(format) {
  const common = { stroke: color("--muted"), font: "11px Plex Mono, ui-monospace, monospace", ticks: { show: false }, grid: { stroke: color("--hair"), width: 1 } };
  return [
    { ...common, grid: { show: false }, space: 90, size: 26, values: (_, ticks) => ticks.map(t => new Date(t * 1000).toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", ...(ticks[1] - ticks[0] < 60 ? { second: "2-digit" } : {}) })) },
    { ...common, size: 66, space: 34, values: (_, ticks) => ticks.map(format) },
  ];
}

function series(name) {
  return { stroke: color(name), width: 1.75, fill: color(`${name}-wash`), points: { show: false } };
}

// From zero, with room above, and in steps that are round for people.
const bytesScale = (_, __, max) => [0, Math.max(1024, (max || 0) * 1.15)];
const countScale = (_, __, max) => [0, Math.max(4, Math.ceil((max || 0) * 1.2))];

function byteSteps(_, __, ___, max) {
  const power = 1024 ** Math.floor(Math.log(max) / Math.log(1024));
  const step = [0.25, 0.5, 1, 2, 5, 10, 25, 50, 100, 200, 500].map(s => s * power).find(s => max / s <= 4) ?? max / 4;
  return Array.from({ length: Math.floor(max / step) + 1 }, (_, i) => i * step);
}

function build() {
  for (const { plot } of plots.splice(0)) plot.destroy();
  if (!window.uPlot) return;
  add("c-bytes", [0, 1, 2], { scales: { x: { time: true }, y: { range: bytesScale } }, axes: withSplits(axes(bytes), byteSteps), series: [{}, series("--up"), series("--down")] });
  add("c-connections", [0, 3], { scales: { x: { time: true }, y: { range: countScale } }, axes: withIncrements(axes(count)), series: [{}, { ...series("--now"), paths: window.uPlot.paths.stepped({ align: 1 }) }] });
  draw();
}

const withSplits = ([x, y], splits) => [x, { ...y, splits }];
const withIncrements = ([x, y]) => [x, { ...y, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000] }];

function add(id, which, options) {
  const box = byId(id);
  const cursor = { y: false, points: { size: 7 }, drag: { x: false, y: false }, sync: { key: "hour" } };
  const plot = new window.uPlot({ ...options, ...size(box), legend: { show: false }, cursor, padding: [8, 28, 0, 0], hooks: { setCursor: [showKey] } }, which.map(i => columns[i]), box);
  plots.push({ plot, which, box });
}

const size = box => ({ width: Math.max(200, box.clientWidth), height: box.clientHeight });

function draw() {
  const now = columns[0].at(-1);
  if (now === undefined) return;
  for (const { plot, which } of plots) {
    plot.batch(() => {
      plot.setData(which.map(i => columns[i]), false);
      // A junction that was started a moment ago fills the picture from the first minute on.
      plot.setScale("x", { min: Math.max(now - minutes * 60, Math.min(columns[0][0], now - 60)), max: now });
    });
  }
  showKey();
}

// The values beside the titles: where the cursor is, else now.
function showKey(plot) {
  const at = plot?.cursor.idx ?? columns[0].length - 1;
  say(byId("k-up"), columns[1][at] === undefined ? "" : rate(columns[1][at]));
  say(byId("k-down"), columns[2][at] === undefined ? "" : rate(columns[2][at]));
  say(byId("k-now"), columns[3][at] === undefined ? "" : count(columns[3][at]));
}

export function start() {
  const buttons = [...document.querySelectorAll(".ranges button")];
  for (const button of buttons) {
    button.addEventListener("click", () => {
      minutes = Number(button.dataset.minutes);
      for (const other of buttons) other.setAttribute("aria-pressed", String(other === button));
      build();
    });
  }
  addEventListener("themechange", build);
  new ResizeObserver(() => { for (const { plot, box } of plots) plot.setSize(size(box)); }).observe(byId("c-bytes"));
  build();
}

// A frame came: its history, if it has one, and the point that it makes with the frame before.
export function show({ status, now, history }) {
  if (history) {
    [columns[0], columns[1], columns[2], columns[3]] = [[...history.at], [...history.toTarget], [...history.toClient], [...history.connections]];
    last = null;
  }
  const rates = last && now > last.now ? [(status.bytesToTarget - last.up) / (now - last.now), (status.bytesToClient - last.down) / (now - last.now)] : null;
  // A clock that was set back: begin anew. A point of the history that is newer than the frame it came with: left out.
  if (columns[0].at(-1) > now + 60) for (const column of columns) column.length = 0;
  while (columns[0].at(-1) >= now) for (const column of columns) column.pop();
  if (rates) {
    [now, Math.max(0, rates[0]), Math.max(0, rates[1]), status.connectionCount].forEach((value, i) => columns[i].push(value));
    const old = columns[0].findIndex(t => t >= now - hour);
    if (old > 0) for (const column of columns) column.splice(0, old);
  }
  last = { now, up: status.bytesToTarget, down: status.bytesToClient };
  if (!document.hidden) draw();
  return rates;
}

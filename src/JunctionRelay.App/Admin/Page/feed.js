// The junction as a film: a full frame first, then what changes each second. What is kept here is all that the page shows.
export function watch(onFrame, onTrouble) {
  const rows = new Map();
  let ends = [];
  let lastSeen = 0;
  const source = new EventSource("/events");

  function apply(frame, isFull) {
    if (isFull) {
      rows.clear();
      ends = frame.status.ends.recent;
    } else {
      ends = frame.status.ends.recent.concat(ends).slice(0, 200);
      for (const gone of frame.gone) rows.delete(gone);
      for (const [row, up, down] of frame.moved) {
        const known = rows.get(row);
        if (known) [known.bytesToTarget, known.bytesToClient] = [up, down];
      }
    }
    for (const { row, connection } of frame.rows) rows.set(row, { ...connection, row, sinceSeconds: Date.parse(connection.since) / 1000 });
    lastSeen = performance.now();
    onFrame({ status: frame.status, now: Date.parse(frame.status.now) / 1000, rows, ends, history: frame.history });
  }

  source.addEventListener("full", event => apply(JSON.parse(event.data), true));
  source.addEventListener("delta", event => apply(JSON.parse(event.data), false));
  // The browser connects again by itself, except where the answer was no stream at all.
  source.addEventListener("error", () => {
    onTrouble();
    if (source.readyState === EventSource.CLOSED) setTimeout(() => location.reload(), 5000);
  });
  setInterval(() => { if (lastSeen && performance.now() - lastSeen > 4000) onTrouble(); }, 1000);
}

"use strict";
// What the charts are drawn from: unpacking (see packing.py), finding, thinning to the width, and figures as words.

function unpack(packed) {
  const text = atob(packed.d), n = packed.n;
  const at = new Float64Array(n), low = new Float64Array(n), high = new Float64Array(n);
  let position = 0, place = 0, value = 0;
  const next = () => {
    let number = 0, scale = 1, byte;
    do {
      byte = text.charCodeAt(position++);
      number += (byte & 127) * scale;
      scale *= 128;
    } while (byte > 127);
    return number;
  };
  const signed = (number) => (number % 2 ? -(number + 1) / 2 : number / 2);
  for (let i = 0; i < n; i++) {
    const step = next();
    place += i === 0 ? signed(step) : step;
    value += signed(next());
    at[i] = place * packed.s;
    low[i] = value * packed.q;
    high[i] = (value + next()) * packed.q;
  }
  return { at, low, high, n };
}

// The first index whose place lies beyond x.
function after(at, x) {
  let from = 0, to = at.length;
  while (from < to) {
    const middle = (from + to) >> 1;
    if (at[middle] > x) to = middle;
    else from = middle + 1;
  }
  return from;
}

// The line between two places in at most one point per column: {xs, lows, highs}. No peak is lost.
function polyline(line, x0, x1, columns) {
  const from = Math.max(after(line.at, x0) - 2, 0), to = Math.min(after(line.at, x1) + 1, line.n);
  const xs = [], lows = [], highs = [];
  const put = (x, low, high) => {
    const last = xs.length - 1;
    if (last < 0 || x > xs[last]) { xs.push(x); lows.push(low); highs.push(high); return; }
    lows[last] = Math.min(lows[last], low);
    highs[last] = Math.max(highs[last], high);
  };
  if (to - from <= columns * 1.5) {
    for (let i = from; i < to; i++) put(line.at[i], line.low[i], line.high[i]);
    return { xs, lows, highs };
  }
  const width = (x1 - x0) / columns;
  for (let i = from; i < to; i++) put(x0 + (Math.floor((line.at[i] - x0) / width) + 0.5) * width, line.low[i], line.high[i]);
  return { xs, lows, highs };
}

function formatBytes(bytes) {
  if (bytes == null || !isFinite(bytes)) return "—";
  const sign = bytes < 0 ? "-" : "", size = Math.abs(bytes), G = 2 ** 30;
  if (size >= 100 * G) return sign + Math.round(size / G).toLocaleString("en") + " GiB";
  if (size >= G) return sign + (size / G).toFixed(2) + " GiB";
  if (size >= 2 ** 20) return sign + Math.round(size / 2 ** 20) + " MiB";
  return sign + (size >= 1024 ? Math.round(size / 1024) + " KiB" : Math.round(size) + " B");
}

// A tick of the axis: as many decimals as the distance of the ticks needs.
function tickBytes(bytes, step) {
  if (bytes === 0) return "0";
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0, size = Math.abs(bytes);
  while (size >= 1024 && unit < 4) { size /= 1024; step /= 1024; unit++; }
  let decimals = 0;
  while (decimals < 4 && Math.abs(step * 10 ** decimals - Math.round(step * 10 ** decimals)) > 1e-9) decimals++;
  return (bytes < 0 ? "-" : "") + String(Number(size.toFixed(decimals))) + " " + units[unit];
}

// A moment as the axis and the read-out write it: "2.5 s", "4:59.5", "1:05:00", "2d 04:30".
function clock(seconds, step) {
  const decimals = step < 1 ? Math.min(4, Math.ceil(-Math.log10(step))) : 0;
  if (decimals && seconds < 60) return Number(seconds.toFixed(decimals)) + " s";
  const total = Number(seconds.toFixed(decimals)), whole = Math.floor(total + 1e-9), pad = (n) => String(n).padStart(2, "0");
  const part = decimals ? (total - whole).toFixed(decimals).slice(1) : "";
  const days = Math.floor(whole / 86400), hours = Math.floor((whole % 86400) / 3600), minutes = Math.floor((whole % 3600) / 60);
  if (days) return days + "d " + pad(hours) + ":" + pad(minutes) + (step < 60 ? ":" + pad(whole % 60) + part : "");
  const rest = pad(minutes) + ":" + pad(whole % 60) + part;
  return hours ? hours + ":" + rest : minutes + rest.slice(2);
}

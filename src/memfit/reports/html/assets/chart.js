"use strict";
// One chart: curves or a stack, with limits, predictions, phases and iterations; zoom, pan, cursor, keys, touch.

const COLOURS = 8;
const DASHES = [[], [7, 4], [2, 3], [10, 3, 2, 3], [4, 4], [12, 4], [6, 2, 2, 2, 2, 2], [3, 6]];
const LOOKS = {
  held: 0, used: 0, rss: 1, reserved: 1, pss: 2, allocated: 2, uss: 3, swap: 4,
  anonymous: 0, file: 2, shared: 3,
  parameters: 0, gradients: 2, optimizer_state: 1, activations: 3, buffers: 5, graph: 4,
};
const TIME_STEPS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800, 604800];
const BYTE_STEPS = Array.from({ length: 53 }, (_, i) => 2 ** i);

// Colours and hatchings are asked for thousands of times a second: kept until the page turns dark or light.
const inks = new Map(), tiles = new Map();

function colour(name) {
  if (!inks.has(name)) inks.set(name, getComputedStyle(document.documentElement).getPropertyValue("--" + name).trim() || "#888");
  return inks.get(name);
}

// Hatching, so that areas differ in more than colour.
function hatch(context, index, ink, paper, ratio) {
  const key = [index % 6, ink, paper, ratio].join();
  if (!tiles.has(key)) tiles.set(key, hatching(index, ink, paper, ratio));
  return context.createPattern(tiles.get(key), "repeat");
}

function hatching(index, ink, paper, ratio) {
  const size = 8 * ratio, tile = document.createElement("canvas");
  tile.width = tile.height = size;
  const draw = tile.getContext("2d");
  draw.fillStyle = ink;
  draw.fillRect(0, 0, size, size);
  draw.strokeStyle = draw.fillStyle = paper;
  draw.globalAlpha = 0.55;
  draw.lineWidth = ratio;
  const line = (x0, y0, x1, y1) => { draw.beginPath(); draw.moveTo(x0 * size, y0 * size); draw.lineTo(x1 * size, y1 * size); draw.stroke(); };
  const kind = index % 6;
  if (kind === 1 || kind === 5) { line(0, 1, 1, 0); line(-0.5, 0.5, 0.5, -0.5); line(0.5, 1.5, 1.5, 0.5); }
  if (kind === 2 || kind === 5) { line(0, 0, 1, 1); line(-0.5, 0.5, 0.5, 1.5); line(0.5, -0.5, 1.5, 0.5); }
  if (kind === 3) { draw.beginPath(); draw.arc(size / 2, size / 2, size / 6, 0, 7); draw.fill(); }
  if (kind === 4) line(0, 0.5, 1, 0.5);
  return tile;
}

// The x range that several charts share.
class Range {
  constructor(min, max) {
    this.full = [min, max > min ? max : min + 1];
    this.now = this.full.slice();
    this.charts = [];
  }
  set(min, max) {
    const [first, last] = this.full, least = (last - first) / 200000;
    let width = Math.min(Math.max(max - min, least), last - first);
    let start = Math.min(Math.max(min + (max - min - width) / 2, first), last - width);
    this.now = [start, start + width];
    this.charts.forEach((chart) => chart.refresh());
  }
  zoom(factor, around) {
    const [min, max] = this.now, x = around === undefined ? (min + max) / 2 : around;
    this.set(x - (x - min) * factor, x + (max - x) * factor);
  }
  pan(share) {
    const [min, max] = this.now, by = (max - min) * share, [first, last] = this.full;
    const moved = Math.min(Math.max(by, first - min), last - max);
    this.set(min + moved, max + moved);
  }
}

class Chart {
  constructor(data, timeline, range) {
    this.data = data;
    this.timeline = data.x === "time" ? timeline : null;
    this.range = range;
    this.figure = document.getElementById(data.name);
    this.place = this.figure.querySelector(".plot");
    this.readout = this.figure.querySelector(".readout");
    const looks = this.looks(data.lines);
    this.lines = data.lines.map((line, i) => ({ ...unpack(line.points), label: line.label, look: looks.get(i), shown: line.shown }));
    this.fromZero = true;
    this.levels = this.nearLevels();
    this.toLimit = this.levels.near.length > 0;
    this.x = null;
    this.build();
    this.legend();
    this.buttons();
    this.listen();
    range.charts.push(this);
  }

  // Each line has the look of its role; where two want the same, the later one takes a free look.
  looks(lines) {
    const taken = new Set(), looks = new Map();
    for (const wanted of [true, false]) lines.forEach((line, i) => {
      const own = LOOKS[line.role], free = [...Array(COLOURS).keys()].find((look) => !taken.has(look));
      if (looks.has(i) || (wanted && (own === undefined || taken.has(own)))) return;
      const look = wanted ? own : free === undefined ? i % COLOURS : free;
      taken.add(look);
      looks.set(i, look);
    });
    return looks;
  }

  top(lines) {
    return lines.reduce((most, line) => { for (let i = 0; i < line.n; i++) if (line.high[i] > most) most = line.high[i]; return most; }, 0);
  }

  // What the axis goes up to when it shows the limit: the nearest of all, and what else is not far away.
  nearLevels() {
    const top = this.top(this.lines.filter((line) => line.shown)), levels = this.data.levels.map((level) => level.high);
    return { near: levels.filter((high) => high <= 2.5 * top), least: Math.min(...levels) };
  }

  // The data of the visible window, for uPlot, the last line first: [xs, ys, ys, …].
  window() {
    const [x0, x1] = this.range.now, columns = Math.max(this.place.clientWidth - 92, 100);
    this.drawn = new Map(this.lines.filter((line) => line.shown).map((line) => [line, polyline(line, x0, x1, columns)]));
    const xs = Float64Array.from(new Set([...this.drawn.values()].flatMap((part) => part.xs))).sort();
    const rows = this.data.stacked ? this.stack(xs) : this.spread(xs);
    return [Array.from(xs), ...this.lines.map((line) => rows.get(line) || new Array(xs.length).fill(null)).reverse()];
  }

  spread(xs) {
    return new Map([...this.drawn].map(([line, part]) => {
      const ys = new Array(xs.length).fill(null);
      for (let j = 0, k = 0; j < part.xs.length; j++) { while (xs[k] < part.xs[j]) k++; ys[k] = part.highs[j]; }
      return [line, ys];
    }));
  }

  stack(xs) {
    const sums = new Float64Array(xs.length);
    return new Map([...this.drawn.keys()].map((line) => {
      for (let j = 0, k = 0; j < xs.length; j++) {
        while (k + 1 < line.n && line.at[k + 1] <= xs[j]) k++;
        sums[j] += this.valueAt(line, k, xs[j]);
      }
      return [line, Array.from(sums)];
    }));
  }

  valueAt(line, k, x) {
    if (!line.n) return 0;
    if (k + 1 >= line.n || x <= line.at[k]) return line.high[k];
    const share = (x - line.at[k]) / (line.at[k + 1] - line.at[k]);
    return line.high[k] + (line.high[k + 1] - line.high[k]) * share;
  }

  yRange(min, max) {
    let top = max == null ? 1 : max, bottom = min == null ? 0 : min;
    if (!this.data.stacked) for (const part of this.drawn.values()) bottom = part.lows.reduce((least, low) => Math.min(least, low), bottom);
    if (this.toLimit) top = Math.max(top, this.levels.least, ...this.levels.near);
    const room = Math.max((top - (this.fromZero ? 0 : bottom)) * 0.07, 1);
    return [this.fromZero ? 0 : Math.max(0, bottom - room), top + room];
  }

  build() {
    const stacked = this.data.stacked, time = this.data.x === "time";
    const order = this.lines.slice().reverse();
    const ink = () => colour("ink-soft"), grid = { stroke: () => colour("grid"), width: 1 };
    const series = order.map((line) => ({
      label: line.label,
      stroke: () => colour("c" + line.look),
      width: line === this.lines[0] && !stacked ? 2.25 : 1.5,
      dash: stacked ? [] : DASHES[line.look],
      fill: stacked ? (u) => hatch(u.ctx, this.lines.indexOf(line), colour("c" + line.look), colour("paper"), devicePixelRatio) : undefined,
      spanGaps: true,
      points: { show: (u, si, from, to) => to - from < 40 && !stacked, size: 5 },
    }));
    this.plot = new uPlot({
      width: this.width(), height: this.height(), padding: [this.lane() + 8, this.width() < 520 ? 16 : 32, 0, 0],
      legend: { show: false },
      scales: { x: { time: false, auto: false, range: () => this.range.now }, y: { range: (u, min, max) => this.yRange(min, max) } },
      axes: [
        { stroke: ink, grid, ticks: grid, space: 70, incrs: time ? TIME_STEPS : undefined,
          values: (u, ticks) => ticks.map((tick) => (time ? clock(tick, (ticks[1] - ticks[0]) || 1) : tick.toLocaleString("en"))) },
        { stroke: ink, grid, ticks: grid, size: this.width() < 520 ? 64 : 78, incrs: BYTE_STEPS,
          values: (u, ticks) => ticks.map((tick) => tickBytes(tick, (ticks[1] - ticks[0]) || tick)) },
      ],
      series: [{}, ...series],
      cursor: {
        y: false, drag: { x: true, y: false, setScale: false, dist: 6 }, points: { show: !stacked },
        sync: time ? { key: "time", setSeries: false, scales: ["x", null], filters: { pub: (kind) => kind === "mousemove" || kind === "mouseleave" } } : undefined,
        bind: { mousedown: (u, target, handler) => (event) => (event.shiftKey ? null : handler(event)), dblclick: () => () => { this.range.set(...this.range.full); return null; } },
      },
      hooks: {
        drawClear: [(u) => this.behind(u)], draw: [(u) => this.before(u)],
        setCursor: [(u) => { if (u.cursor.left >= 0) this.read(u.posToVal(u.cursor.left, "x")); }],
        setSelect: [(u) => {
          if (u.select.width < 6) return;
          const from = u.posToVal(u.select.left, "x"), to = u.posToVal(u.select.left + u.select.width, "x");
          u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
          this.range.set(from, to);
        }],
      },
    }, this.window(), this.place);
  }

  width() { return Math.max(this.place.clientWidth, 240); }
  height() { return this.width() < 520 ? 240 : this.data.stacked ? 240 : 320; }
  lane() { return this.timeline && this.timeline.phases.length ? 18 : 0; }

  refresh() {
    this.plot.setData(this.window(), false);
    this.plot.batch(() => {
      this.plot.setScale("x", { min: this.range.now[0], max: this.range.now[1] });
      this.plot.redraw(true, true);
    });
    if (this.x !== null) this.pointAt(this.x);
  }

  resize() {
    this.plot.setSize({ width: this.width(), height: this.height() });
    this.refresh();
  }

  // Behind the curves: phases as shaded bands with a lane of names, and the predicted range.
  behind(u) {
    const { ctx, bbox } = u, ratio = devicePixelRatio;
    ctx.save();
    for (const level of this.data.levels) if (level.kind === "predicted") this.band(u, level);
    if (this.timeline) this.phases(u, ratio);
    ctx.beginPath();
    ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
    ctx.clip();
    if (!this.data.stacked) for (const [line, part] of this.drawn) this.between(u, line, part);
    ctx.restore();
  }

  // Where many readings became one point: from their lowest up to the curve, which is their highest.
  between(u, line, part) {
    if (part.lows.every((low, i) => low === part.highs[i])) return;
    const { ctx } = u, draw = (i, value) => ctx.lineTo(u.valToPos(part.xs[i], "x", true), u.valToPos(value, "y", true));
    ctx.beginPath();
    for (let i = 0; i < part.xs.length; i++) draw(i, part.highs[i]);
    for (let i = part.xs.length - 1; i >= 0; i--) draw(i, part.lows[i]);
    ctx.globalAlpha = 0.25;
    ctx.fillStyle = colour("c" + line.look);
    ctx.fill();
    ctx.globalAlpha = 1;
  }

  phases(u, ratio) {
    const { ctx, bbox } = u, [x0, x1] = this.range.now, lane = this.lane() * ratio;
    ctx.font = 11 * ratio + "px system-ui, sans-serif";
    ctx.textBaseline = "middle";
    this.timeline.phases.forEach(([name, spans], index) => {
      const ink = colour("c" + (index % COLOURS)), inside = spans.filter(([start, end]) => end >= x0 && start <= x1);
      const pattern = hatch(ctx, index, ink, colour("paper"), ratio);
      for (const [start, end] of inside) {
        const left = Math.max(u.valToPos(start, "x", true), bbox.left), right = Math.min(u.valToPos(end, "x", true), bbox.left + bbox.width);
        const wide = right - left;
        if (wide < ratio && inside.length > 300) continue;
        ctx.globalAlpha = 0.1;
        ctx.fillStyle = ink;
        ctx.fillRect(left, bbox.top, Math.max(wide, ratio), bbox.height);
        ctx.globalAlpha = 0.75;
        ctx.fillStyle = pattern;
        ctx.fillRect(left, bbox.top - lane, Math.max(wide, ratio), lane - 4 * ratio);
        if (ctx.measureText(name).width + 8 * ratio < wide) this.tag(ctx, name, (left + right) / 2, bbox.top - lane / 2 - 2 * ratio, ratio, "center");
      }
    });
  }

  // A text on a plate of the page's colour, so that it can be read on anything.
  tag(ctx, text, x, y, ratio, align) {
    const wide = ctx.measureText(text).width, left = align === "center" ? x - wide / 2 : align === "right" ? x - wide : x;
    ctx.globalAlpha = 0.88;
    ctx.fillStyle = colour("paper");
    ctx.fillRect(left - 3 * ratio, y - 7 * ratio, wide + 6 * ratio, 14 * ratio);
    ctx.globalAlpha = 1;
    ctx.fillStyle = colour("ink");
    ctx.textAlign = "left";
    ctx.textBaseline = "middle";
    ctx.fillText(text, left, y);
  }

  band(u, level) {
    const { ctx, bbox } = u, top = Math.max(u.valToPos(level.high, "y", true), bbox.top), bottom = Math.min(u.valToPos(level.low, "y", true), bbox.top + bbox.height);
    if (bottom <= top) return;
    ctx.globalAlpha = 0.22;
    ctx.fillStyle = hatch(ctx, 1, colour("predicted"), colour("paper"), devicePixelRatio);
    ctx.fillRect(bbox.left, top, bbox.width, bottom - top);
    ctx.globalAlpha = 1;
  }

  // Before the curves: limits and the expected peak with their names, iterations, the highest point.
  before(u) {
    const { ctx, bbox } = u, ratio = devicePixelRatio, taken = [];
    ctx.save();
    ctx.font = 11 * ratio + "px system-ui, sans-serif";
    if (this.timeline) this.marks(u, ratio);
    for (const level of this.data.levels) {
      const predicted = level.kind === "predicted", value = predicted ? level.expected : level.low;
      const y = u.valToPos(value, "y", true);
      if (y < bbox.top || y > bbox.top + bbox.height) {
        if (this.width() >= 520) this.name(u, "↑ " + level.label, bbox.top + 2 * ratio, taken, ratio);
        continue;
      }
      ctx.strokeStyle = colour(predicted ? "predicted" : "limit");
      ctx.lineWidth = 1.5 * ratio;
      ctx.setLineDash(predicted ? [2 * ratio, 3 * ratio] : [9 * ratio, 4 * ratio]);
      ctx.beginPath();
      ctx.moveTo(bbox.left, y);
      ctx.lineTo(bbox.left + bbox.width, y);
      ctx.stroke();
      ctx.setLineDash([]);
      const words = predicted ? level.label + " " + formatBytes(level.low) + " to " + formatBytes(level.high) : level.label;
      this.name(u, words, y + 9 * ratio, taken, ratio);
    }
    this.highest(u, ratio, taken);
    ctx.restore();
  }

  name(u, text, y, taken, ratio) {
    const { ctx, bbox } = u;
    let at = Math.max(y, bbox.top + 9 * ratio);
    while (taken.some((other) => Math.abs(other - at) < 15 * ratio)) at += 15 * ratio;
    taken.push(at);
    this.tag(ctx, text, bbox.left + bbox.width - 6 * ratio, at, ratio, "right");
  }

  highest(u, ratio, taken) {
    if (!this.data.peak) return;
    const [at, bytes] = this.data.peak, { ctx, bbox } = u;
    const x = u.valToPos(at, "x", true), y = u.valToPos(bytes, "y", true);
    if (x < bbox.left || x > bbox.left + bbox.width || y < bbox.top) return;
    ctx.strokeStyle = colour("ink");
    ctx.lineWidth = 1.5 * ratio;
    ctx.beginPath();
    ctx.arc(x, y, 5 * ratio, 0, 7);
    ctx.stroke();
    const right = x > bbox.left + bbox.width * 0.7;
    let height = Math.max(y - 2 * ratio, bbox.top + 9 * ratio);
    while (x > bbox.left + bbox.width / 2 && taken.some((other) => Math.abs(other - height) < 15 * ratio)) height += 15 * ratio;
    this.tag(ctx, "peak " + formatBytes(bytes), x + (right ? -10 : 10) * ratio, height, ratio, right ? "right" : "left");
  }

  marks(u, ratio) {
    const marks = this.timeline.iterations, [x0, x1] = this.range.now, { ctx, bbox } = u;
    if (!marks || !marks.n) return;
    const from = Math.max(after(marks.at, x0) - 1, 0), to = after(marks.at, x1), bottom = bbox.top + bbox.height;
    const wanted = Math.max(1, (marks.high[Math.max(to - 1, from)] - marks.high[from]) / (bbox.width / (9 * ratio)));
    const unit = 10 ** Math.ceil(Math.log10(wanted));
    ctx.strokeStyle = colour("ink-soft");
    ctx.lineWidth = ratio;
    ctx.beginPath();
    for (let i = from, last = null; i < to; i++) {
      const group = Math.floor(marks.high[i] / unit);
      if (group === last || marks.at[i] < x0) { last = group; continue; }
      last = group;
      const x = u.valToPos(marks.at[i], "x", true), long = group % 10 === 0;
      ctx.moveTo(x, bottom);
      ctx.lineTo(x, bottom - (long ? 9 : 5) * ratio);
    }
    ctx.stroke();
    const words = unit === 1 ? "| = one " + this.timeline.unit : "| = " + unit.toLocaleString("en") + " " + this.timeline.unit + "s";
    this.tag(ctx, words, bbox.left + 6 * ratio, bottom - 18 * ratio, ratio, "left");
  }

  // The figures at a place, in the legend's table and in words above it.
  read(x) {
    this.x = x;
    const time = this.data.x === "time", words = [time ? "at " + clock(x, (this.range.now[1] - this.range.now[0]) / 500) : this.data.unit + " " + Math.round(x).toLocaleString("en")];
    this.lines.forEach((line, i) => {
      const k = after(line.at, x) - 1, cell = this.cells[i];
      if (k < 0) { cell.textContent = "—"; return; }
      const next = k + 1 < line.n && line.low[k + 1] !== line.high[k + 1] ? k + 1 : k, low = formatBytes(line.low[next]), high = formatBytes(line.high[next]);
      cell.textContent = low === high ? low : low + " to " + high;
      if (line.shown && words.length < 5) words.push(line.label + " " + cell.textContent);
    });
    if (this.timeline) {
      const marks = this.timeline.iterations, k = marks && marks.n ? after(marks.at, x) - 1 : -1;
      if (k >= 0) words.push(this.timeline.unit + " " + marks.high[k].toLocaleString("en"));
      for (const [name, spans] of this.timeline.phases) if (spans.some(([start, end]) => start <= x && x <= end)) words.push("phase " + name);
    }
    this.readout.textContent = words.join(" · ");
  }

  pointAt(x) {
    const [min, max] = this.range.now;
    this.x = Math.min(Math.max(x, min), max);
    this.plot.setCursor({ left: this.plot.valToPos(this.x, "x"), top: 10 });
  }

  legend() {
    const rows = this.figure.querySelectorAll("tr[data-line]");
    this.cells = [];
    rows.forEach((row, i) => {
      const line = this.lines[i], box = row.querySelector("input");
      this.cells.push(row.querySelector(".at"));
      box.addEventListener("change", () => { line.shown = box.checked; this.refresh(); });
      const swatch = document.createElement("canvas");
      swatch.width = 48; swatch.height = 20;
      row.querySelector(".swatch").append(swatch);
    });
    this.swatches();
  }

  swatches() {
    this.figure.querySelectorAll(".swatch canvas").forEach((canvas, i) => {
      const draw = canvas.getContext("2d"), line = this.lines[i];
      draw.clearRect(0, 0, 48, 20);
      if (this.data.stacked) {
        draw.fillStyle = hatch(draw, i, colour("c" + line.look), colour("paper"), 2);
        draw.fillRect(0, 2, 48, 16);
        return;
      }
      draw.strokeStyle = colour("c" + line.look);
      draw.lineWidth = i === 0 ? 5 : 3.5;
      draw.setLineDash(DASHES[line.look].map((length) => length * 2));
      draw.beginPath(); draw.moveTo(0, 10); draw.lineTo(48, 10); draw.stroke();
    });
  }

  buttons() {
    const bar = document.createElement("div");
    bar.className = "buttons";
    const add = (text, label, act) => {
      const button = document.createElement("button");
      button.type = "button"; button.textContent = text; button.setAttribute("aria-label", label); button.title = label;
      button.addEventListener("click", act);
      bar.append(button);
      return button;
    };
    add("+", "Zoom in", () => this.range.zoom(0.5, this.x === null ? undefined : this.x));
    add("−", "Zoom out", () => this.range.zoom(2, this.x === null ? undefined : this.x));
    add("←", "Move to the left", () => this.range.pan(-0.3));
    add("→", "Move to the right", () => this.range.pan(0.3));
    add("All", "Show all of it", () => this.range.set(...this.range.full));
    const toggle = (text, value, act) => {
      const button = add(text, text, () => { const on = button.getAttribute("aria-pressed") !== "true"; button.setAttribute("aria-pressed", on); act(on); this.refresh(); });
      button.setAttribute("aria-pressed", value);
    };
    toggle("From zero", this.fromZero, (on) => { this.fromZero = on; });
    if (this.data.levels.length) toggle("Up to the limit", this.toLimit, (on) => { this.toLimit = on; });
    this.place.before(bar);
  }

  listen() {
    const over = this.plot.over, touches = new Map();
    let last = null;
    this.place.addEventListener("keydown", (event) => this.key(event));
    over.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      this.range.zoom(event.deltaY > 0 ? 1.25 : 0.8, this.plot.posToVal(event.offsetX, "x"));
    }, { passive: false });
    over.addEventListener("pointerdown", (event) => {
      if (event.pointerType === "mouse" && !event.shiftKey) return;
      over.setPointerCapture(event.pointerId);
      touches.set(event.pointerId, event.clientX);
      last = this.hold(touches);
    });
    over.addEventListener("pointermove", (event) => {
      if (!touches.has(event.pointerId)) return;
      touches.set(event.pointerId, event.clientX);
      const now = this.hold(touches), left = over.getBoundingClientRect().left;
      const width = over.clientWidth, middle = this.plot.posToVal(last.middle - left, "x");
      if (touches.size > 1 && now.apart > 10 && last.apart > 10) this.range.zoom(last.apart / now.apart, middle);
      this.range.pan((last.middle - now.middle) / width);
      last = now;
    });
    for (const name of ["pointerup", "pointercancel"]) over.addEventListener(name, (event) => {
      if (!touches.delete(event.pointerId)) return;
      if (event.pointerType !== "mouse") this.pointAt(this.plot.posToVal(event.clientX - over.getBoundingClientRect().left, "x"));
      last = touches.size ? this.hold(touches) : null;
    });
  }

  hold(touches) {
    const places = [...touches.values()];
    return { middle: places.reduce((sum, x) => sum + x, 0) / places.length, apart: Math.max(...places) - Math.min(...places) };
  }

  key(event) {
    const [min, max] = this.range.now, step = this.data.x === "time" ? (max - min) / 100 : Math.max(1, Math.round((max - min) / 100));
    const x = this.x === null ? min : this.x;
    const acts = {
      ArrowLeft: () => (event.shiftKey ? this.range.pan(-0.2) : this.pointAt(x - step)),
      ArrowRight: () => (event.shiftKey ? this.range.pan(0.2) : this.pointAt(x + step)),
      "+": () => this.range.zoom(0.5, x), "=": () => this.range.zoom(0.5, x), "-": () => this.range.zoom(2, x),
      0: () => this.range.set(...this.range.full), Home: () => this.pointAt(min), End: () => this.pointAt(max),
    };
    const act = event.ctrlKey || event.metaKey || event.altKey ? undefined : acts[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }
}

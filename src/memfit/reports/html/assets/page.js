"use strict";
// Starts the page: the charts, the switch between light and dark, printing. Text goes in as text, never as HTML.

(() => {
  const root = document.documentElement, charts = [];
  const data = JSON.parse(document.getElementById("data").textContent);
  const timeline = data.timeline || null;
  if (timeline) timeline.iterations = timeline.marks && timeline.marks.n ? unpack(timeline.marks) : null;

  const dark = () => (root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches);
  const button = document.getElementById("theme");
  const redraw = () => { inks.clear(); charts.forEach((chart) => { chart.plot.redraw(false, true); chart.swatches(); }); button.textContent = dark() ? "Light" : "Dark"; };
  button.hidden = false;
  button.addEventListener("click", () => { root.dataset.theme = dark() ? "light" : "dark"; redraw(); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);

  const ends = (chart) => [Math.min(...chart.lines.map((line) => line.points.a)), Math.max(...chart.lines.map((line) => line.points.z))];
  const timed = data.charts.filter((chart) => chart.x === "time");
  const shared = new Range(0, Math.max(timeline ? timeline.seconds : 0, ...timed.map((chart) => ends(chart)[1])));
  const waiting = data.charts.slice();
  const build = () => {
    const chart = waiting.shift();
    charts.push(new Chart(chart, timeline, chart.x === "time" ? shared : new Range(...ends(chart))));
  };
  const buildAll = () => { while (waiting.length) build(); };
  // What is seen first is drawn at once, the rest one by one, so that a page with many charts can be used meanwhile.
  const buildOn = () => {
    if (waiting.length) { build(); setTimeout(buildOn, 0); } else root.dataset.complete = String(Math.round(performance.now()));
  };
  for (let i = 0; i < 2 && waiting.length; i++) build();
  button.textContent = dark() ? "Light" : "Dark";

  if (timeline && timeline.phases.length) {
    const first = document.querySelector("figure.chart .readout");
    const list = document.createElement("ul");
    list.className = "phases";
    list.setAttribute("aria-label", "Phases");
    timeline.phases.forEach(([name, spans], index) => {
      const item = document.createElement("li"), box = document.createElement("canvas");
      box.width = 32; box.height = 20;
      const draw = box.getContext("2d");
      const fill = () => { draw.fillStyle = hatch(draw, index, colour("c" + (index % COLOURS)), colour("paper"), 2); draw.fillRect(0, 0, 32, 20); };
      fill();
      button.addEventListener("click", fill);
      item.append(box, name + " (" + spans.length.toLocaleString("en") + ")");
      list.append(item);
    });
    if (timeline.note) { const item = document.createElement("li"); item.textContent = timeline.note; list.append(item); }
    first.before(list);
  }

  let frame = 0;
  addEventListener("resize", () => { cancelAnimationFrame(frame); frame = requestAnimationFrame(() => charts.forEach((chart) => chart.resize())); });

  let before = null;
  addEventListener("beforeprint", () => {
    before = { theme: root.dataset.theme, open: [...document.querySelectorAll("details:not([open])")] };
    root.dataset.theme = "light";
    buildAll();
    before.open.forEach((details) => { details.open = true; });
    charts.forEach((chart) => chart.plot.setSize({ width: Math.min(chart.width(), 680), height: 260 }));
    redraw();
  });
  addEventListener("afterprint", () => {
    if (!before) return;
    if (before.theme) root.dataset.theme = before.theme;
    else delete root.dataset.theme;
    before.open.forEach((details) => { details.open = false; });
    before = null;
    charts.forEach((chart) => chart.resize());
    redraw();
  });
  root.dataset.ready = String(Math.round(performance.now()));
  setTimeout(buildOn, 0);
})();

// What pages do by themselves: count down between two renewals, draw charts, pause, and say when nobody answers.
"use strict";

(() => {
  const charts = new Map(); // by element
  const dark = matchMedia("(prefers-color-scheme: dark)");
  let clock, readAt, paused = false;

  const two = (number) => String(number).padStart(2, "0");

  // The words of `offchain.dashboard.shown.span`.
  function span(seconds) {
    if (seconds <= 0) return "due";
    if (seconds < 60) return `${seconds} s`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${two(seconds % 60)} s`;
    if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ${two(Math.floor((seconds % 3600) / 60))} min`;
    const days = Math.floor(seconds / 86400);
    return days < 10000 ? `${days} d ${two(Math.floor((seconds % 86400) / 3600))} h` : "over 9999 d";
  }

  function readClock() {
    clock = Number(document.getElementById("live").dataset.clock);
    readAt = performance.now();
  }

  function countDown() {
    const now = clock + Math.floor((performance.now() - readAt) / 1000);
    for (const each of document.querySelectorAll("[data-ends]")) {
      const words = span(Number(each.dataset.ends) - now);
      if (each.textContent !== words) each.textContent = words;
    }
  }

  function colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  }

  const short = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });

  // Days, or times where ticks are closer.
  function when(seconds, step) {
    const iso = new Date(seconds * 1000).toISOString();
    return step >= 86400 ? iso.slice(5, 10) : iso.slice(11, step < 60 ? 19 : 16);
  }

  function options(element, names) {
    const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false } };
    const strokes = names.length > 1 ? [colour("--soft"), colour("--accent")] : [colour("--accent")];
    const read = element.closest("figure").querySelector(".read");
    return {
      width: element.clientWidth,
      height: 170,
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false } },
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
      scales: { y: { range: (_, least, most) => [Math.min(0, least), most > 0 ? most * 1.1 : 1] } },
      axes: [
        { ...axis, space: 70, size: 30, values: (_, ticks, place, space, step) => ticks.map((tick) => when(tick, step)) },
        { ...axis, size: 56, space: 36, values: (_, ticks) => ticks.map((tick) => short.format(tick)) },
      ],
      series: [
        {},
        ...names.map((name, place) => ({
          label: name, stroke: strokes[place], width: 2, points: { show: true, size: 5, fill: strokes[place] },
        })),
      ],
      hooks: {
        setCursor: [(plot) => {
          const at = plot.cursor.idx;
          read.textContent = at == null ? "" : names
            .map((name, place) => `${names.length > 1 ? `${name} ` : ""}${short.format(plot.data[place + 1][at])}`)
            .join(", ");
        }],
      },
    };
  }

  function draw() {
    for (const [element, kept] of charts) {
      if (element.isConnected) continue;
      kept.plot.destroy();
      charts.delete(element);
    }
    for (const element of document.querySelectorAll(".chart")) {
      const kept = charts.get(element), values = element.dataset.values;
      if (kept && kept.values === values) continue;
      if (kept) {
        kept.plot.setData(JSON.parse(values));
        kept.values = values;
      } else {
        const plot = new uPlot(options(element, element.dataset.lines.split(",")), JSON.parse(values), element);
        charts.set(element, { plot, values });
        sizes.observe(element);
      }
    }
  }

  const sizes = new ResizeObserver((changed) => {
    for (const { target } of changed) {
      charts.get(target)?.plot.setSize({ width: target.clientWidth, height: 170 });
    }
  });

  dark.addEventListener("change", () => {
    for (const { plot } of charts.values()) plot.destroy();
    charts.clear();
    draw();
  });

  function isLost(lost) {
    document.getElementById("lost").hidden = !lost;
  }

  document.addEventListener("htmx:before:request", (event) => {
    if (paused || document.hidden) event.preventDefault();
  });
  document.addEventListener("htmx:error", () => isLost(true));
  document.addEventListener("htmx:after:swap", () => {
    isLost(false);
    readClock();
    countDown();
    draw();
  });

  const pause = document.getElementById("pause");
  if (pause) { // a page that says what went wrong has none
    pause.hidden = false;
    pause.addEventListener("click", () => {
      paused = !paused;
      pause.setAttribute("aria-pressed", String(paused));
    });
  }

  readClock();
  countDown();
  draw();
  setInterval(countDown, 1000);
})();

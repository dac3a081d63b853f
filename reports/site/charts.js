"use strict";
// Quality against cost, and how often one row beats another.
facebench.charts = (function () {
  const { make } = facebench;
  // Okabe and Ito's colours; the last is that of the text, so that it shows on dark, too.
  const colours = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "currentColor"];
  const costs = {
    macs: ["multiply-adds a face, G", 1e9],
    parameters: ["parameters, M", 1e6],
    milliseconds: ["time of one face as measured, ms", 1],
  };
  const edge = { left: 48, right: 12, top: 12, bottom: 40 };
  const height = 300;

  function markerStyles(leaderboard) {
    const methods = [...new Set(leaderboard.rows.map((row) => row.method))].filter((name) => name !== "bicubic").sort();
    return (row) => ({
      colour: row.method === "bicubic" ? "#888888" : colours[methods.indexOf(row.method) % colours.length],
      shape: row.list || "none",
    });
  }

  function marker(style, x, y, name) {
    const fill = { fill: style.colour };
    const label = name ? [make("title", {}, name)] : [];
    if (style.shape === "refs_lr") return make("rect", { x: x - 5, y: y - 5, width: 10, height: 10, ...fill }, ...label);
    if (style.shape === "refs_hr") return make("path", { d: `M${x} ${y - 6}l6 11h-12z`, ...fill }, ...label);
    return make("circle", { cx: x, cy: y, r: 5, ...fill }, ...label);
  }

  // Powers of ten that the axis crosses.
  function decades(low, high) {
    const found = [];
    for (let power = Math.ceil(low); power <= Math.floor(high); power++) found.push(power);
    return found;
  }

  // The next of 1, 2 and 5 times a power of ten.
  function roundStep(size) {
    const power = 10 ** Math.floor(Math.log10(size));
    return [1, 2, 5, 10].find((times) => times * power >= size) * power;
  }

  function spread(values, part) {
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const room = (high - low || 1) * part;
    return [low - room, high + room];
  }

  function draw(svg, leaderboard, rows, cost) {
    const metric = leaderboard.metrics[0];
    const [name, unit] = costs[cost];
    const styleOf = markerStyles(leaderboard);
    const base = leaderboard.rows.find((row) => row.method === "bicubic")?.values[metric.name]?.mean ?? -Infinity;
    const known = rows.filter((row) => row[cost] !== null && row.values[metric.name]?.low != null);
    const shown = known.filter((row) => row.values[metric.name].mean >= base - facebench.farBelow);
    const paid = shown.filter((row) => row[cost] > 0);
    svg.replaceChildren();
    const width = Math.max(svg.clientWidth || 0, 260);
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("aria-label", `${metric.heading} against ${name}; the numbers are in the leaderboard`);
    if (!paid.length) {
      svg.append(make("text", { x: 12, y: 30 }, "No row with a known cost is shown."));
      return shown;
    }
    const [left, right] = spread(paid.map((row) => Math.log10(row[cost] / unit)), 0.12);
    const ends = shown.flatMap((row) => [row.values[metric.name].low, row.values[metric.name].high]);
    const [bottom, top] = spread(ends, 0.08);
    const x = (power) => edge.left + ((width - edge.left - edge.right) * (power - left)) / (right - left);
    const y = (value) => height - edge.bottom - ((height - edge.top - edge.bottom) * (value - bottom)) / (top - bottom);
    axes(svg, { x, y, left, right, bottom, top, width, name, metric });
    for (const row of shown) {
      const value = row.values[metric.name];
      const { colour } = styleOf(row);
      const text = `${row.name}: ${value.mean.toFixed(metric.digits)} ${metric.unit}`;
      if (row[cost] === 0) {
        svg.append(make("line", { x1: edge.left, x2: width - edge.right, y1: y(value.mean), y2: y(value.mean), stroke: colour, "stroke-dasharray": "5 4" }, make("title", {}, text)));
        continue;
      }
      const at = x(Math.log10(row[cost] / unit));
      svg.append(make("line", { x1: at, x2: at, y1: y(value.low), y2: y(value.high), stroke: colour }));
      svg.append(marker(styleOf(row), at, y(value.mean), text));
    }
    return shown;
  }

  function axes(svg, box) {
    const { x, y, width } = box;
    const low = height - edge.bottom;
    svg.append(make("line", { class: "axis", x1: edge.left, x2: width - edge.right, y1: low, y2: low }));
    for (const power of decades(box.left, box.right)) {
      svg.append(make("line", { class: "axis", x1: x(power), x2: x(power), y1: low, y2: low + 5 }));
      const text = power < -3 || power > 3 ? `1e${power}` : String(Number((10 ** power).toPrecision(1)));
      svg.append(make("text", { x: x(power), y: low + 18, "text-anchor": "middle" }, text));
    }
    const step = roundStep((box.top - box.bottom) / 5);
    const digits = Math.max(0, -Math.floor(Math.log10(step)));
    for (let value = Math.ceil(box.bottom / step) * step; value <= box.top; value += step) {
      svg.append(make("line", { class: "axis", x1: edge.left, x2: width - edge.right, y1: y(value), y2: y(value), "stroke-opacity": 0.5 }));
      svg.append(make("text", { x: edge.left - 6, y: y(value) + 4, "text-anchor": "end" }, value.toFixed(digits)));
    }
    svg.append(make("text", { x: width - edge.right, y: height - 4, "text-anchor": "end" }, box.name));
  }

  // A chart, open on the first leaderboard, with a choice of cost; `rows()` gives what the filters leave.
  function cost(leaderboard, rows) {
    const choice = make("select", {}, ...Object.entries(costs).map(([key, [name]]) => make("option", { value: key }, name)));
    const svg = make("svg", { role: "img" });
    const legend = make("ul", { class: "legend" });
    const note = make("p", { class: "about" });
    choice.setAttribute("aria-label", `What ${leaderboard.metrics[0].title} is drawn against: ${leaderboard.title}`);
    const label = make("p", {}, `${leaderboard.metrics[0].heading} against `, choice);
    const node = make("details", { class: "chart" }, make("summary", {}, "Quality against cost"), label, svg, legend, note);
    node.open = leaderboard === facebench.leaderboards[0];
    const redraw = () => {
      if (!node.open) return;
      const shown = draw(svg, leaderboard, rows(), choice.value);
      const styleOf = markerStyles(leaderboard);
      const missing = rows().filter((row) => !shown.includes(row)).map((row) => row.name);
      note.textContent = missing.length ? `Not drawn, far below or of unknown cost: ${missing.join("; ")}.` : "";
      legend.replaceChildren(...shown.map((row) => make("li", {}, make("svg", { "aria-hidden": "true", viewBox: "0 0 14 14" }, marker(styleOf(row), 7, 7)), row.name)));
    };
    choice.addEventListener("change", redraw);
    node.addEventListener("toggle", redraw);
    addEventListener("resize", redraw);
    return { node, draw: redraw };
  }

  // On how many faces, in percent, the row beats the column.
  function wins(leaderboard, rows) {
    const body = make("div", { class: "wide", tabindex: 0, role: "region", "aria-label": `Wins: ${leaderboard.title}` });
    const words = `Faces on which the row has the better ${leaderboard.metrics[0].title} than the column, in percent.`;
    const node = make("details", { class: "wins" }, make("summary", {}, "Wins, face by face"), make("p", {}, words), body);
    const redraw = () => {
      const shown = leaderboard.rows.map((row, place) => [row, place]).filter(([row]) => rows().includes(row));
      const head = make("tr", {}, make("th", { scope: "col" }, "row against column"), ...shown.map(([row]) => make("th", { scope: "col" }, row.name)));
      const lines = shown.map(([row, place]) => make("tr", {}, make("th", { scope: "row" }, row.name), ...shown.map(([, other]) => cell(leaderboard.wins[place][other], place === other))));
      body.replaceChildren(make("table", {}, make("thead", {}, head), make("tbody", {}, ...lines)));
    };
    redraw();
    return { node, draw: redraw };
  }

  function cell(share, same) {
    const node = make("td", {}, same ? "" : share.toFixed(0));
    node.style.setProperty("--side", share > 50 ? "var(--high)" : "var(--low)");
    node.style.setProperty("--share", `${same ? 0 : Math.abs(share - 50) * 2}%`);
    return node;
  }

  return { cost, wins };
})();

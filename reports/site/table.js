"use strict";
window.facebench = window.facebench || {};

// Makes an element: attributes as given, children as nodes or text, never as markup.
facebench.make = function (name, attributes = {}, ...children) {
  const space = ["svg", "line", "circle", "path", "text", "title", "g", "rect"].includes(name);
  const node = space
    ? document.createElementNS("http://www.w3.org/2000/svg", name)
    : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
};

// The sortable table of one leaderboard.
facebench.table = (function () {
  const { make } = facebench;

  const costs = [
    { key: "parameters", heading: "parameters, million", scale: 1e6, digits: 2, about: "Numbers that the network learns." },
    { key: "macs", heading: "multiply-adds, billion", scale: 1e9, digits: 2, about: "Arithmetic for one face." },
    { key: "seeds", heading: "trainings", scale: 1, digits: 0, about: "How many trainings, alike but for chance, the row is the mean of." },
    { key: "training_seconds", heading: "training, minutes", scale: 60, digits: 1, about: "How long one training took, on the computer of that row." },
    { key: "milliseconds", heading: "time a face, ms", scale: 1, digits: 1, about: "How long one face took, on the computer of that row." },
  ];

  function columnsOf(leaderboard) {
    const first = leaderboard.metrics[0];
    const columns = [
      { heading: "method", value: (row) => row.name, rising: true, about: "In brackets: how many references it was given." },
      { heading: "rank", value: (row) => row.values[first.name]?.rank, rising: true, about: `1 and the number of rows whose ${first.title} is better beyond chance, so rows may share a rank.` },
    ];
    leaderboard.metrics.forEach((metric, place) => {
      columns.push(metricColumn(leaderboard, metric, place === 0));
      if (place === 0) columns.push(gainColumn(metric));
    });
    return columns.concat(costs.map(costColumn));
  }

  function metricColumn(leaderboard, metric, drawn) {
    return {
      heading: `${metric.heading}\u00a0${metric.higher ? "↑" : "↓"}`,
      about: `${metric.about} ${metric.higher ? "Higher" : "Lower"} is better.`,
      rising: !metric.higher,
      value: (row) => row.values[metric.name]?.mean,
      fill(cell, row, shown) {
        const value = row.values[metric.name];
        if (!value) return void cell.append("-");
        const name = marks(shown, metric).get(value.rank) || "";
        cell.append(make("span", { class: name }, value.mean.toFixed(metric.digits)));
        interval(cell, value, metric.digits, "");
        if (drawn) cell.append(whisker(leaderboard, metric, value));
      },
    };
  }

  function gainColumn(metric) {
    return {
      heading: `over bicubic, ${metric.unit}`,
      about: `How much higher the ${metric.title} is than that of bicubic upsampling, face by face.`,
      rising: false,
      value: (row) => row.gain?.mean,
      fill(cell, row) {
        if (!row.gain) return void cell.append("-");
        cell.append(signed(row.gain.mean, metric.digits));
        interval(cell, row.gain, metric.digits, "+");
      },
    };
  }

  function costColumn(cost) {
    return {
      heading: cost.heading,
      about: cost.about,
      rising: true,
      value: (row) => row[cost.key],
      fill(cell, row) {
        const value = row[cost.key];
        cell.append(value === null ? "-" : (value / cost.scale).toFixed(cost.digits));
      },
    };
  }

  function signed(number, digits) {
    return (number < 0 ? "" : "+") + number.toFixed(digits);
  }

  function interval(cell, value, digits, sign) {
    if (value.low === null) return;
    const text = [value.low, value.high]
      .map((end) => (sign ? signed(end, digits) : end.toFixed(digits)))
      .join(", ");
    cell.append(" ", make("span", { class: "interval" }, `[${text}]`));
  }

  // Ranks of the best and of the second of these rows, as classes.
  function marks(rows, metric) {
    const ranks = rows.map((row) => row.values[metric.name]?.rank).filter(Number.isFinite);
    const order = [...new Set(ranks)].sort((one, other) => one - other);
    return new Map([[order[0], "best"], [order[1], "second"]]);
  }

  // The interval on the scale of the leaderboard; rows far below bicubic would hide all others.
  function whisker(leaderboard, metric, value) {
    const all = leaderboard.rows.map((row) => row.values[metric.name]).filter((one) => one && one.low !== null);
    const base = leaderboard.rows.find((row) => row.method === "bicubic")?.values[metric.name];
    const floor = base ? base.mean - facebench.farBelow : -Infinity;
    const near = all.filter((one) => one.mean >= floor);
    const low = Math.min(...near.map((one) => one.low));
    const high = Math.max(...near.map((one) => one.high));
    const at = (number) => 4 + (92 * (number - low)) / (high - low || 1);
    const svg = make("svg", { class: "whisker", viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" });
    if (value.low === null || value.mean < floor) return svg;
    svg.append(make("line", { class: "track", x1: 4, x2: 96, y1: 4, y2: 4 }));
    svg.append(make("line", { x1: at(value.low), x2: at(value.high), y1: 4, y2: 4 }));
    svg.append(make("line", { x1: at(value.mean), x2: at(value.mean), y1: 0, y2: 8 }));
    return svg;
  }

  function compare(column, rising) {
    return (one, other) => {
      const [a, b] = [column.value(one), column.value(other)];
      const [lacks, otherLacks] = [a === undefined || a === null, b === undefined || b === null];
      if (lacks || otherLacks) return lacks - otherLacks;
      const order = typeof a === "string" ? a.localeCompare(b) : a - b;
      return rising ? order : -order;
    };
  }

  // Builds the table; `rows()` gives what the filters leave.
  function build(leaderboard, rows) {
    const columns = columnsOf(leaderboard);
    const state = { column: 2, rising: columns[2].rising };
    const body = make("tbody");
    const heads = columns.map((column, place) => {
      const button = make("button", { type: "button", title: column.about }, column.heading);
      button.addEventListener("click", () => {
        state.rising = state.column === place ? !state.rising : column.rising;
        state.column = place;
        draw();
      });
      return make("th", { scope: "col" }, button);
    });

    function draw() {
      heads.forEach((head, place) => {
        if (place !== state.column) return head.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", state.rising ? "ascending" : "descending");
      });
      const shown = [...rows()].sort(compare(columns[state.column], state.rising));
      body.replaceChildren(...shown.map((row) => lineOf(columns, row, shown)));
    }

    const table = make("table", {}, make("thead", {}, make("tr", {}, ...heads)), body);
    const wide = make("div", { class: "wide", tabindex: 0, role: "region", "aria-label": `Leaderboard: ${leaderboard.title}` }, table);
    const explained = make("details", {}, make("summary", {}, "What the columns mean"),
      make("dl", {}, ...columns.flatMap((column) => [make("dt", {}, column.heading), make("dd", {}, column.about)])));
    draw();
    return { node: make("div", {}, wide, explained), draw };
  }

  function lineOf(columns, row, shown) {
    return make("tr", { "data-method": row.method }, ...columns.map((column, place) => {
      if (place === 0) return make("th", { scope: "row" }, row.name);
      const cell = make("td");
      if (column.fill) column.fill(cell, row, shown);
      else cell.append(String(column.value(row) ?? "-"));
      return cell;
    }));
  }

  return build;
})();

// Do other people's faces help? The answer in words, and each method with and without, as a table.
facebench.help = function (leaderboard) {
  const { make } = facebench;
  const { answer, metrics: [metric] } = leaderboard;
  const node = make("div", { class: "help" });
  if (!answer) return { node, draw() {} };
  const signed = (number) => (number < 0 ? "" : "+") + number.toFixed(metric.digits + 1);
  const heads = ["method", `with references, ${metric.unit}`, `with none, ${metric.unit}`, `gain [95 %], ${metric.unit}`];
  const lines = answer.rows.map(({ name, given, alone, gain }) => {
    const cells = [given.toFixed(metric.digits), alone.toFixed(metric.digits), `${signed(gain.mean)} [${signed(gain.low)}, ${signed(gain.high)}]`];
    return make("tr", {}, make("th", { scope: "row" }, name), ...cells.map((text) => make("td", {}, text)));
  });
  node.append(make("h4", {}, "Do other people's faces help?"), make("p", { class: "answer" }, answer.words),
    make("div", { class: "wide narrow", tabindex: 0, role: "region", "aria-label": `Do other people's faces help? ${leaderboard.title}` },
      make("table", {}, make("thead", {}, make("tr", {}, ...heads.map((head) => make("th", { scope: "col" }, head)))), make("tbody", {}, ...lines))));
  return { node, draw() {} };
};

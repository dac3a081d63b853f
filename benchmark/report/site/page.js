"use strict";
// Filters above the leaderboards; then everything is drawn from the data files.
(function () {
  const { make } = facebench;
  const by = (id) => document.getElementById(id);
  const leaderboards = facebench.leaderboards;

  function wanted(row) {
    const list = by("list-filter").value;
    const box = document.querySelector(`#method-filter input[value="${CSS.escape(row.method)}"]`);
    return box.checked && (!list || (row.list || "none") === list);
  }

  function section(leaderboard, place) {
    const rows = () => leaderboard.rows.filter(wanted);
    const parts = [facebench.table(leaderboard, rows), facebench.help(leaderboard), facebench.charts.cost(leaderboard, rows), facebench.charts.wins(leaderboard, rows)];
    const title = make("h3", { id: `leaderboard-${place}` }, leaderboard.title);
    const about = `${leaderboard.faces}, Face_Ref ${leaderboard.revision.slice(0, 12)}.`;
    const words = make("details", {}, make("summary", {}, "How it was measured: the protocol in words"), make("div", { class: "words" }, leaderboard.protocol));
    const node = make("article", { class: "leaderboard", "aria-labelledby": `leaderboard-${place}` }, title,
      make("p", { class: "about" }, about), ...parts.map((part) => part.node), words);
    return { leaderboard, node, rows, draw: () => parts.forEach((part) => part.draw()) };
  }

  function addMethods() {
    const methods = new Map(leaderboards.flatMap((leaderboard) => leaderboard.rows.map((row) => [row.method, row])));
    const listed = [...methods].sort();
    // Variants are many, so they are shown only when ticked.
    by("method-filter").append(...listed.map(([method, row]) => {
      const box = make("input", { type: "checkbox", value: method });
      box.checked = !row.variant;
      return make("label", {}, box, ` ${row.title}`);
    }));
  }

  addMethods();
  by("leaderboard-filter").append(...leaderboards.map((leaderboard, place) => make("option", { value: place }, leaderboard.title)));
  const sections = leaderboards.map(section);
  by("leaderboards").append(...sections.map((one) => one.node));

  function apply() {
    const chosen = by("leaderboard-filter").value;
    const open = sections.filter((one, place) => chosen === "" || Number(chosen) === place);
    sections.forEach((one) => (one.node.hidden = !open.includes(one)));
    open.forEach((one) => one.draw());
    const shown = open.reduce((sum, one) => sum + one.rows().length, 0);
    const all = leaderboards.reduce((sum, leaderboard) => sum + leaderboard.rows.length, 0);
    by("shown").textContent = `${shown} of ${all} rows are shown; ranks count the hidden ones, too.`;
  }

  by("filters").hidden = false;
  by("filters").addEventListener("change", apply);
  by("filters").addEventListener("submit", (event) => event.preventDefault());
  apply();
  if (facebench.images && facebench.images.faces.length) facebench.gallery(facebench.images);
})();

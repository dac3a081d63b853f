"use strict";
// Filters above the boards; then everything is drawn from the data files.
(function () {
  const { make } = facebench;
  const by = (id) => document.getElementById(id);
  const boards = facebench.boards;

  function wanted(row) {
    const list = by("list-filter").value;
    const box = document.querySelector(`#method-filter input[value="${CSS.escape(row.method)}"]`);
    return box.checked && (!list || (row.list || "none") === list);
  }

  function section(board, place) {
    const rows = () => board.rows.filter(wanted);
    const parts = [facebench.table(board, rows), facebench.charts.cost(board, rows), facebench.charts.wins(board, rows)];
    const title = make("h3", { id: `board-${place}` }, board.title);
    const about = `${board.images.toLocaleString("en")} faces, Face_Ref ${board.revision.slice(0, 12)}.`;
    const words = make("details", {}, make("summary", {}, "Protocol in words"), make("div", { class: "words" }, board.protocol));
    const node = make("article", { class: "board", "aria-labelledby": `board-${place}` }, title,
      make("p", { class: "about" }, about), ...parts.map((part) => part.node), words);
    return { board, node, rows, draw: () => parts.forEach((part) => part.draw()) };
  }

  function addMethods() {
    const methods = new Map(boards.flatMap((board) => board.rows.map((row) => [row.method, row])));
    const listed = [...methods].sort();
    // Methods with a part changed are many, and wait to be chosen.
    by("method-filter").append(...listed.map(([method, row]) => {
      const box = make("input", { type: "checkbox", value: method });
      box.checked = !row.variant;
      return make("label", {}, box, ` ${row.title}`);
    }));
  }

  addMethods();
  by("board-filter").append(...boards.map((board, place) => make("option", { value: place }, board.title)));
  const sections = boards.map(section);
  by("boards").append(...sections.map((one) => one.node));

  function apply() {
    const chosen = by("board-filter").value;
    const open = sections.filter((one, place) => chosen === "" || Number(chosen) === place);
    sections.forEach((one) => (one.node.hidden = !open.includes(one)));
    open.forEach((one) => one.draw());
    const shown = open.reduce((sum, one) => sum + one.rows().length, 0);
    const all = boards.reduce((sum, board) => sum + board.rows.length, 0);
    by("shown").textContent = `${shown} of ${all} rows. Ranks are those among all rows of a board.`;
  }

  by("filters").hidden = false;
  by("filters").addEventListener("change", apply);
  by("filters").addEventListener("submit", (event) => event.preventDefault());
  apply();
  if (facebench.pictures && facebench.pictures.faces.length) facebench.gallery(facebench.pictures);
})();

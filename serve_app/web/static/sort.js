// A table of class "sortable" is sorted by the column whose head is chosen; a second choice turns the order around.
"use strict";

(() => {
  const value = (row, column) => {
    const text = row.cells[column]?.textContent.trim() ?? "";
    const number = Number.parseFloat(text.replace(",", "."));
    return Number.isNaN(number) ? text : number;
  };

  function compare(one, other) {
    if (typeof one === "number" && typeof other === "number") return one - other;
    // Numbers before words and what is missing.
    if (typeof one !== typeof other) return typeof one === "number" ? -1 : 1;
    return one.localeCompare(other, document.documentElement.lang, { numeric: true });
  }

  function sort(head) {
    const down = head.getAttribute("aria-sort") === "ascending";
    for (const one of head.parentElement.cells) one.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const body = head.closest("table").tBodies[0];
    const rows = [...body.rows];
    rows.sort((one, other) => compare(value(one, head.cellIndex), value(other, head.cellIndex)));
    body.append(...(down ? rows.reverse() : rows));
  }

  for (const head of document.querySelectorAll("table.sortable thead th")) {
    if (!head.textContent.trim()) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sort";
    button.append(...head.childNodes);
    button.addEventListener("click", () => sort(head));
    head.append(button);
  }
})();

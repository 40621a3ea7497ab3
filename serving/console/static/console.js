// Keys for the worklist (j, k, Enter, /), the cut of the threshold chart, and choices that send their form at once.
"use strict";
(() => {
  const rows = () => [...document.querySelectorAll("table.list tbody tr a.open")];
  const move = (by) => {
    const all = rows();
    if (!all.length) return;
    const at = all.indexOf(document.activeElement);
    all[Math.min(Math.max(at + by, 0), all.length - 1)].focus();
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (/^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName)) return;
    if (event.key === "j") move(1);
    else if (event.key === "k") move(-1);
    else if (event.key === "/") {
      const search = document.querySelector("input[type=search]");
      if (search) { search.focus(); event.preventDefault(); }
    }
  });
  document.addEventListener("change", (event) => {
    if (event.target.matches("select.now")) event.target.form.requestSubmit();
  });
  for (const cut of document.querySelectorAll("input.cut")) {
    const points = JSON.parse(cut.dataset.points);
    const line = document.getElementById(cut.dataset.line);
    const said = document.getElementById(cut.dataset.says);
    const show = () => {
      const point = points[Number(cut.value)];
      line.setAttribute("x1", point.x);
      line.setAttribute("x2", point.x);
      said.textContent = point.says;
      cut.setAttribute("aria-valuetext", point.says);
    };
    cut.addEventListener("input", show);
    show();
  }
})();

// What a page of Recurra does besides being read: its tables sort, its coloured texts answer to the pointer.
// Nothing on the page needs this; the page's policy allows this text alone, by its hash.
(() => {
  "use strict";

  const number = text => {
    const found = text.trim().replace(/[,\s\u00a0%]/g, "").replace("\u2212", "-");
    return found === "" || isNaN(found) ? null : Number(found);
  };

  const compare = (a, b) => {
    const x = number(a), y = number(b);
    if (x !== null && y !== null) return x - y;
    if (x !== null || y !== null) return x !== null ? -1 : 1;
    return a.localeCompare(b);
  };

  const sort = (table, head, place) => {
    const body = table.tBodies[0], rows = [...body.rows];
    const falling = head.getAttribute("aria-sort") === "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", falling ? "descending" : "ascending");
    rows.sort((a, b) => compare(a.cells[place].textContent, b.cells[place].textContent) * (falling ? -1 : 1));
    body.append(...rows);
  };

  for (const table of document.querySelectorAll(".wide > table")) {
    const body = table.tBodies[0];
    if (!table.tHead || !body || body.rows.length < 3) continue;
    [...table.tHead.rows[0].cells].forEach((head, place) => {
      if (!head.textContent.trim()) return;
      head.classList.add("sorts");
      head.tabIndex = 0;
      head.title = "sort by " + head.textContent.trim();
      head.addEventListener("click", () => sort(table, head, place));
      head.addEventListener("keydown", event => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        sort(table, head, place);
      });
    });
  }

  for (const text of document.querySelectorAll(".coloured")) {
    const said = document.createElement("output");
    said.className = "said";
    said.textContent = "Point at a token.";
    text.append(said);
    const blocks = [...text.querySelectorAll(".shades")];
    const show = token => {
      const place = [...token.parentNode.children].indexOf(token);
      for (const old of text.querySelectorAll(".shades .here")) old.classList.remove("here");
      for (const block of blocks) block.children[place].classList.add("here");
      const told = blocks.map(block => block.dataset.name + " " + block.children[place].title);
      said.textContent = token.textContent.trim() + " \u00b7 " + told.join(" \u00b7 ");
    };
    text.addEventListener("pointerover", event => {
      if (event.target.matches(".shades > i")) show(event.target);
    });
  }
})();

// What pages can do beyond being read; all of them are whole without it.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  // The theme marks the section that is read in the contents of its page.  Where there are none, as beside a search, it
  // would take all links for contents, and stop at the first with a dot in its name.
  if (!document.querySelector(".bd-toc-nav")) document.body.removeAttribute("data-bs-spy");
  for (const name of document.querySelectorAll(".bd-sidebar-secondary code .pre, article :is(h1, h2, h3) code .pre")) {
    name.innerHTML = name.innerHTML.replace(/[._](?=\w)/g, "$&<wbr>");  // where a name may break
  }
  const ledgers = [...document.querySelectorAll("table.ledger-table")].map(table => {
    addSorting(table);
    return addFilters(table);
  });
  if (ledgers.length) followLinks(ledgers);
  Promise.resolve(window.MathJax?.startup?.promise).then(() => {  // pages without formulas have no MathJax
    unfoldWideFormulas();
    reachWideParts("mjx-container:is([display=true], .wide), div.math, .companion-table-wrap, .cell_output .text_html, "
      + ".pst-scrollable-table-container");
  });
});

// A formula of a line that is wider than the line stands on one of its own, and scrolls there.
function unfoldWideFormulas() {
  for (const formula of document.querySelectorAll("article mjx-container:not([display])")) {
    const around = formula.closest("p, li, dd, td");
    if (around && formula.offsetWidth > around.clientWidth) formula.classList.add("wide");
  }
}

// Formulas and tables that are wider than a screen scroll in their own box: the keyboard has to reach it.
function reachWideParts(parts) {
  for (const box of document.querySelectorAll(parts)) {
    if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
  }
}

// Links such as ledger.html#verdict=differs&chapter=3.5 open the ledgers filtered, at the first that has such claims.
function followLinks(ledgers) {
  const choose = () => ledgers.map(ledger => ledger.chooseLinked());
  const follow = () => {
    const shown = choose();
    if (shown.every(count => count === null)) return;
    const { bar } = ledgers[Math.max(0, shown.findIndex(count => count > 0))];
    bar.scrollIntoView();
    const top = window.scrollY;
    Promise.resolve(window.MathJax?.startup?.promise).then(() => {  // formulas above may have moved it
      if (window.scrollY === top) bar.scrollIntoView();
    });
  };
  choose();
  window.addEventListener("load", () => setTimeout(follow));  // after the browser's own way to an anchor
  window.addEventListener("hashchange", follow);
  for (const link of document.querySelectorAll('a[href^="#verdict="]')) {
    link.addEventListener("click", () => setTimeout(follow));  // the same one again changes no address
  }
}

// Filters above a ledger: what they know, they read from the cells of its table.  Returns the form, and what sets it as
// the address of the page says and tells how many claims are left, or null where the address asks for none.
function addFilters(table) {
  const said = (row, name) => [...row.querySelectorAll(".claim-details li")].map(item => item.textContent)
    .find(text => text.startsWith(`${name}: `))?.slice(name.length + 2) || "";
  const rows = [...table.tBodies[0].rows].map(row => {
    const page = row.querySelector("a").getAttribute("href").slice(0, 2).replace(/^0/, "");
    const scale = said(row, "scale");
    return {
      row, words: row.textContent.toLowerCase(), chapter: [...page].join("."),
      verdict: row.querySelector(".verdict").textContent.replace(/^\S+\s/, ""),
      source: said(row, "source").split(",")[0], scale: scale === "full" ? "full" : "reduced",
    };
  });

  const bar = document.createElement("form");
  bar.className = "ledger-filters";
  const heading = table.closest("section").querySelector("h1, h2").firstChild.textContent;
  bar.setAttribute("aria-label", `Filters: ${heading}`);
  const field = (name, control) => {
    const label = document.createElement("label");
    label.append(name, control);
    bar.append(label);
    control.addEventListener("input", show);
    return control;
  };
  const choose = name => {
    const select = document.createElement("select");
    const values = [...new Set(rows.map(entry => entry[name]).filter(Boolean))].sort();
    for (const value of ["all", ...values]) select.add(new Option(value, value === "all" ? "" : value));
    return field(name, select);
  };
  const selects = ["chapter", "verdict", "source", "scale"].map(name => [name, choose(name)]);
  const search = field("words", Object.assign(document.createElement("input"), { type: "search" }));
  const count = document.createElement("output");
  bar.append(count);
  bar.addEventListener("submit", event => event.preventDefault());

  function show() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let n = 0;
    for (const entry of rows) {
      const fits = selects.every(([name, select]) => !select.value || entry[name] === select.value)
        && words.every(word => entry.words.includes(word));
      entry.row.hidden = !fits;
      n += fits;
    }
    count.textContent = `${n} of ${rows.length} claims`;
    return n;
  }

  function chooseLinked() {  // all that it is filtered by, not only what is named
    const linked = new URLSearchParams(window.location.hash.slice(1));
    const controls = [...selects, ["words", search]];
    if (!controls.some(([name]) => linked.has(name))) return null;
    for (const [name, control] of controls) {
      const value = linked.get(name) ?? "";
      if (control !== search && ![...control.options].some(option => option.value === value)) control.add(new Option(value));
      control.value = value;
    }
    return show();
  }

  table.parentElement.before(bar);
  show();
  return { bar, chooseLinked };
}

// Buttons in the head of a ledger: a column up, down, and back to the order of the book.  Verdicts go from the best to
// the worst; numbers by their size, and before words.
function addSorting(table) {
  const body = table.tBodies[0], order = [...body.rows], heads = [...table.tHead.rows[0].cells];
  const ranks = ["reproduced", "reproduced at reduced scale", "undecided", "differs", "not run"];
  const key = (row, column) => {
    const cell = row.cells[column], verdict = cell.querySelector(".verdict");
    if (verdict) return `${ranks.indexOf(verdict.textContent.replace(/^\S+\s/, ""))}`;
    return cell.textContent.trim().normalize("NFKD").replaceAll("−", "-").replace(/ × 10/g, "e");  // powers of ten, too
  };
  const size = text => /^[-+]?\d/.test(text) ? parseFloat(text) : NaN;
  const compare = (a, b) => {
    const [x, y] = [size(a), size(b)];
    if (isNaN(x) !== isNaN(y)) return isNaN(x) ? 1 : -1;
    return (isNaN(x) ? 0 : x - y) || a.localeCompare(b, "en", { numeric: true });
  };
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const next = { ascending: "descending", descending: "" }[head.getAttribute("aria-sort")] ?? "ascending";
      heads.forEach(other => other.removeAttribute("aria-sort"));
      if (next) head.setAttribute("aria-sort", next);
      const keys = new Map(order.map(row => [row, key(row, column)]));
      const sign = next === "descending" ? -1 : 1;
      body.append(...next ? [...order].sort((a, b) => sign * compare(keys.get(a), keys.get(b))) : order);
    });
  });
}

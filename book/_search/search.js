/* The search of the site, in the reader's browser and from the disk.  MiniSearch (minisearch.js) indexes the places that
   the build has written (places.js) and ranks them; here stands what a word is, and how a hit is shown. */
"use strict";

(() => {
  const SHOWN = 40, BEFORE = 70, LENGTH = 260;
  // Words with what joins them, so that 3.29, h/J, ResNet-18 and water-filling are words, and thousands as one number.
  const WORD = /[\p{L}\p{N}]+(?:[.,'’/_-][\p{L}\p{N}]+)*/gu;
  const plain = (word) => word.normalize("NFKD").replace(/\p{M}/gu, "").replace(/[’]/g, "'").toLowerCase()
    .replace(/^\d{1,3}(,\d{3})+(?=$|\.)/, (number) => number.replaceAll(",", ""));
  const parts = (word) => (/^[\d.]+$/.test(word) ? [] : word.split(/[.,'/_-]/)).filter((part) => part.length > 1);
  const terms = (word) => [plain(word), ...(parts(plain(word)).length > 1 ? parts(plain(word)) : [])];
  const words = (text) => text.match(WORD) ?? [];
  // Docstrings are short and full of names, and would stand above the chapters: what only they have is found all the same.
  const prose = (id, term, { page }) => (page.startsWith("api") ? 0.2 : 1);

  const index = new MiniSearch({
    fields: ["heading", "asked", "text", "code"], storeFields: ["page", "title", "heading", "anchor", "asked", "text", "code"],
    tokenize: (text) => words(text).flatMap(terms), processTerm: (term) => term,
    searchOptions: { tokenize: (text) => words(text).map(plain), boost: { heading: 2, code: 0.5 }, boostDocument: prose },
  });
  index.addAll(window.companionPlaces.map((place, id) => ({ id, ...place })));

  // A word, or, where it has several parts, these beside each other in one place.
  const asked = (word) => {
    const all = parts(plain(word));
    return !all.length || all[0] === plain(word) ? plain(word)
      : { combineWith: "OR", queries: [plain(word), { combineWith: "AND", queries: all }] };
  };

  // Questions have words that most places have; they count only where there are no others.
  const SMALL = new Set("a an and are can do does for how i in is it my of on or the there this to was what where which who with".split(" "));
  const telling = (all) => (all.some((word) => !SMALL.has(plain(word))) ? all.filter((word) => !SMALL.has(plain(word))) : all);

  // Places that say of themselves that they are asked for in these words come first.
  const ANSWERS = 10;
  const answered = (told, said) => said.split(";").some((phrase) => {
    const held = words(phrase).map(plain);
    return told.every((word) => held.some((one) => one === word || (begins(word) && one.startsWith(word))));
  });
  const begins = (term) => term.length > 2 && !/^\d/.test(term);
  const answersFirst = (hits, told) => hits
    .map((hit) => ({ ...hit, score: hit.score * (hit.asked && answered(told, hit.asked) ? ANSWERS : 1) }))
    .sort((one, other) => other.score - one.score);

  const find = (text) => {
    const told = telling(words(text)), queries = told.map(asked);
    const ask = (combineWith, fuzzy) => (queries.length ? index.search({ combineWith, queries },
      { prefix: begins, fuzzy: (term) => fuzzy && /^\p{L}{4}/u.test(term) ? 0.25 : false }) : []);
    return [["AND", false, ""], ["AND", true, "Nothing has just these words; what is close:"],
      ["OR", true, "No place has all of these words; some have a part:"]]
      .map(([combine, fuzzy, note]) => ({ note, hits: answersFirst(ask(combine, fuzzy), told.map(plain)) })).find(({ hits }) => hits.length)
      ?? { note: "", hits: [] };
  };

  // The words of a text around the first of those found, which are marked.
  const excerpt = ({ text: prose, code, terms: hits }) => {
    const found = new Set(hits);
    const marked = (words) => [...words.matchAll(WORD)].filter((match) => terms(match[0]).some((term) => found.has(term)));
    const text = marked(prose).length || !marked(code).length ? prose : code, marks = marked(text);
    let start = Math.max(0, (marks[0]?.index ?? 0) - BEFORE);
    if (start) {
      const sentence = text.slice(0, start + BEFORE).lastIndexOf(". ") + 2;
      start = sentence > start - BEFORE ? sentence : text.indexOf(" ", start) + 1;
    }
    const end = start + LENGTH < text.length ? text.lastIndexOf(" ", start + LENGTH) : text.length;
    const paragraph = document.createElement("p");
    let at = start;
    for (const { index: place, 0: word } of marks.filter((mark) => mark.index >= start && mark.index + mark[0].length <= end)) {
      paragraph.append(text.slice(at, place));
      paragraph.append(Object.assign(document.createElement("mark"), { textContent: word }));
      at = place + word.length;
    }
    paragraph.append(text.slice(at, end));
    if (start) paragraph.prepend("… ");
    if (end < text.length) paragraph.append(" …");
    return paragraph;
  };

  const line = (hit) => {
    const item = document.createElement("li"), link = document.createElement("a"), where = document.createElement("span");
    link.href = `${hit.page}.html${hit.anchor ? `#${encodeURIComponent(hit.anchor)}` : ""}`;
    link.textContent = hit.heading;
    where.className = "search-where";
    where.textContent = hit.heading === hit.title ? "" : hit.title;
    item.append(link, " ", where, excerpt(hit));
    return item;
  };

  const show = (text) => {
    const { note, hits } = find(text);
    const list = document.createElement("ul");
    list.className = "search";
    list.append(...hits.slice(0, SHOWN).map(line));
    document.getElementById("search-results").replaceChildren(list);
    const count = hits.length === 1 ? "1 place." : `${hits.length} places${hits.length > SHOWN ? `; the first ${SHOWN}` : ""}.`;
    document.getElementById("search-summary").textContent = !words(text).length ? ""
      : hits.length ? [note, count].filter(Boolean).join(" ") : "No place has these words; try fewer, or other ones.";
  };

  const field = document.querySelector(".bd-search-container input[name=q]");
  field.value = new URLSearchParams(window.location.search).get("q") ?? "";
  field.addEventListener("input", () => show(field.value));
  field.focus();
  show(field.value);
})();

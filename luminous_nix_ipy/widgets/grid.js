// A real table, of which only the rows near those in view are drawn. Text is only ever set as text.
//
// Focus is on a row, and one row alone is reached by Tab (a roving tabindex); so are the buttons of
// the header, one alone. JupyterLab must not take the keys for shortcuts of its own: newer ones are
// stopped below, older ones listen first and look for data-lm-suppress-shortcuts.

const BEYOND = 20; // rows drawn above and below those in view
const PAGE = 10; // rows that Page Up and Page Down walk
const collator = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

function make(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

// What is unknown is last either way: it is neither the least nor the greatest.
function compare(a, b, sign) {
  if (a === null || b === null) return (a === null) - (b === null);
  const difference = typeof a === "number" && typeof b === "number" ? a - b : collator.compare(a, b);
  return sign * difference;
}

// The rows that have all words of the filter, in the order of the sort.
function wanted(model) {
  const words = model.get("filter").toLowerCase().split(/\s+/).filter(Boolean);
  const rows = model.get("rows").filter((row) => {
    const text = row.cells.join("\n").toLowerCase();
    return words.every((word) => text.includes(word));
  });
  const [column, direction] = model.get("sort");
  if (column === undefined) return rows;
  const sign = direction === "descending" ? -1 : 1;
  const key = (row) => (row.keys.length ? row.keys : row.cells)[column];
  return rows.sort((a, b) => compare(key(a), key(b), sign));
}

function render({ model, el }) {
  const columns = model.get("columns");
  const selectable = model.get("most") !== 0;
  let shown = []; // what is wanted, of which rows `first` up to `last` are drawn
  let first = 0;
  let last = 0;
  let height = 28; // of a row, until one was seen

  const filter = make("input", { type: "search", class: "lx-filter", "aria-label": `Filter ${model.get("things")}`, autocomplete: "off", "data-lm-suppress-shortcuts": "" });
  const count = make("span", { class: "lx-count", role: "status" });
  const head = make("div", { class: "lx-grid-head" });
  if (model.get("filterable")) head.append(make("label", {}, "Filter", filter));
  head.append(count);
  const titles = make("tr", { role: "row", "aria-rowindex": 1 });
  if (selectable) titles.append(make("th", { role: "columnheader", scope: "col", class: "lx-mark" }, make("i", { class: "lx-unseen" }, "Chosen")));
  const buttons = columns.map(({ title, number }, column) => {
    const button = make("button", { type: "button", "data-lm-suppress-shortcuts": "" }, title, make("span", { "aria-hidden": "true" }));
    button.addEventListener("click", () => sortBy(column));
    titles.append(make("th", { role: "columnheader", scope: "col", class: number ? "lx-number" : "" }, button));
    return button;
  });
  const body = make("tbody", { role: "rowgroup" });
  const table = make("table", { role: "grid" }, make("caption", {}, model.get("caption")), make("thead", { role: "rowgroup" }, titles), body);
  if (selectable) table.setAttribute("aria-multiselectable", String(model.get("most") !== 1));
  const room = make("div", {}, table); // its padding stands for the rows that are not drawn
  const none = make("p", { class: "lx-none" });
  const scroller = make("div", { class: "lx-scroll", tabindex: "-1", "data-lm-suppress-shortcuts": "" }, room, none);
  el.append(head, scroller);

  function set(name, value) {
    model.set(name, value);
    model.save_changes();
  }

  function sortBy(column) {
    const [before, direction] = model.get("sort");
    const other = direction === "ascending" ? "descending" : "ascending";
    set("sort", [column, column === before ? other : columns[column].number ? "descending" : "ascending"]);
  }

  function toggle(id) {
    if (!selectable) return;
    const rest = model.get("selected").filter((other) => other !== id);
    const chosen = rest.length < model.get("selected").length ? rest : [...rest, id];
    set("selected", chosen.slice(Math.max(0, chosen.length - (model.get("most") ?? chosen.length))));
  }

  function drawRow(row, index) {
    const drawn = make("tr", { role: "row", "data-id": row.id, "aria-rowindex": index + 2, "data-lm-suppress-shortcuts": "" });
    if (row.strong) drawn.classList.add("lx-strong");
    if (selectable) drawn.append(make("td", { role: "gridcell", class: "lx-mark" }, make("span", { "aria-hidden": "true" })));
    row.cells.forEach((cell, column) => {
      const names = column === 0 ? { role: "rowheader", scope: "row" } : { role: "gridcell" };
      drawn.append(make(column === 0 ? "th" : "td", { ...names, class: columns[column].number ? "lx-number" : "" }, cell));
    });
    return drawn;
  }

  function fill() {
    first = Math.max(0, Math.floor(scroller.scrollTop / height) - BEYOND);
    last = Math.min(shown.length, Math.ceil((scroller.scrollTop + scroller.clientHeight) / height) + BEYOND);
    body.replaceChildren(...shown.slice(first, last).map((row, i) => drawRow(row, first + i)));
  }

  // Draw the rows around those in view; focus stays on its row, or waits on the whole for its keys.
  function draw() {
    const focused = scroller.contains(document.activeElement) && !titles.contains(document.activeElement);
    fill();
    const drawn = body.firstChild?.offsetHeight || height;
    if (drawn !== height) {
      height = drawn;
      fill();
    }
    room.style.padding = `${first * height}px 0 ${(shown.length - last) * height}px`;
    // Columns never get narrower, so that they don't jump when other rows come into view.
    for (const title of [...titles.children].slice(0, -1)) title.style.minWidth = `${title.offsetWidth}px`;
    mark();
    if (focused) (activeRow() ?? scroller).focus({ preventScroll: true });
  }

  const place = () => shown.findIndex((row) => row.id === model.get("active"));
  const activeRow = () => [...body.children].find((row) => row.dataset.id === model.get("active"));

  // Say on the rows that are drawn which is active and which are chosen.
  function mark() {
    const chosen = new Set(model.get("selected"));
    const reached = activeRow() ?? body.firstChild;
    for (const row of body.children) {
      const active = row.dataset.id === model.get("active");
      row.tabIndex = row === reached ? 0 : -1;
      row.classList.toggle("lx-active", active);
      if (active) row.setAttribute("aria-current", "true");
      else row.removeAttribute("aria-current");
      if (!selectable) continue;
      row.setAttribute("aria-selected", String(chosen.has(row.dataset.id)));
      row.querySelector(".lx-mark span").textContent = chosen.has(row.dataset.id) ? "✓" : "";
    }
    const all = model.get("rows").length;
    const some = shown.length < all ? `${shown.length.toLocaleString("en")} of ` : "";
    count.textContent = `${some}${all.toLocaleString("en")} ${model.get("things")}` + (chosen.size ? `, ${chosen.size} chosen` : "");
  }

  function redraw() {
    shown = wanted(model);
    const [sorted, direction] = model.get("sort");
    buttons.forEach((button, column) => {
      button.tabIndex = column === (sorted ?? 0) ? 0 : -1;
      button.parentElement.setAttribute("aria-sort", column === sorted ? direction : "none");
      button.lastChild.textContent = column !== sorted ? "" : direction === "ascending" ? "▲" : "▼";
    });
    table.setAttribute("aria-rowcount", shown.length + 1);
    none.hidden = shown.length > 0;
    none.textContent = model.get("rows").length ? `No ${model.get("things")} have these words.` : `No ${model.get("things")}.`;
    draw();
  }

  function walk(index) {
    const row = shown[Math.max(0, Math.min(shown.length - 1, index))];
    if (row === undefined) return;
    set("active", row.id);
    if (activeRow() === undefined) {
      scroller.scrollTop = place() * height;
      draw();
    }
    activeRow().focus();
  }

  body.addEventListener("click", (event) => {
    const row = event.target.closest("tr");
    if (event.target.closest(".lx-mark") || event.ctrlKey || event.metaKey) toggle(row.dataset.id);
    else set("active", row.dataset.id);
  });

  scroller.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.key === "Tab") return;
    event.stopPropagation();
    const at = place();
    const inHeader = buttons.indexOf(document.activeElement);
    const keys = inHeader >= 0
      ? {
          ArrowLeft: () => buttons[Math.max(0, inHeader - 1)].focus(),
          ArrowRight: () => buttons[Math.min(buttons.length - 1, inHeader + 1)].focus(),
          ArrowDown: () => walk(Math.max(0, at)),
        }
      : {
          ArrowDown: () => walk(at + 1),
          ArrowUp: () => (at > 0 ? walk(at - 1) : buttons.find((button) => button.tabIndex === 0)?.focus()),
          PageDown: () => walk(at + PAGE),
          PageUp: () => walk(at - PAGE),
          Home: () => walk(0),
          End: () => walk(shown.length - 1),
          " ": () => toggle(document.activeElement.dataset.id ?? model.get("active")),
          Enter: () => model.send({ activated: document.activeElement.dataset.id ?? model.get("active") }),
        };
    if (!(event.key in keys)) return;
    event.preventDefault();
    keys[event.key]();
  });

  body.addEventListener("focusin", (event) => {
    const row = event.target.closest("tr");
    if (row && model.get("active") === null) set("active", row.dataset.id);
  });

  scroller.addEventListener("scroll", () => {
    const above = first > 0 && scroller.scrollTop < (first + BEYOND / 2) * height;
    const below = last < shown.length && scroller.scrollTop + scroller.clientHeight > (last - BEYOND / 2) * height;
    if (above || below) draw();
  });

  filter.addEventListener("input", () => {
    scroller.scrollTop = 0;
    set("filter", filter.value);
  });
  filter.addEventListener("keydown", (event) => {
    event.stopPropagation();
    if (event.key !== "ArrowDown") return;
    event.preventDefault();
    walk(0);
  });

  function refilter() {
    if (filter.value !== model.get("filter")) filter.value = model.get("filter");
    redraw();
  }
  function catchFocus({ catch_focus }) {
    if (catch_focus && document.activeElement === document.body) (activeRow() ?? scroller).focus({ preventScroll: true });
  }
  const heard = [["msg:custom", catchFocus], ["change:rows", redraw], ["change:sort", redraw], ["change:filter", refilter], ["change:active", mark], ["change:selected", mark]];
  for (const [event, act] of heard) model.on(event, act);
  refilter();
  // Only what is on the page has a height: it comes there after this, and its size may change.
  const sized = new ResizeObserver(() => draw());
  sized.observe(scroller);
  return () => {
    sized.disconnect();
    for (const [event, act] of heard) model.off(event, act);
  };
}

export default { render };

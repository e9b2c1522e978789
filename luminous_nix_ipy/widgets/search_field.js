// A search field. JupyterLab listens for its shortcuts before the page does, but leaves alone what is
// typed into a field; keys of what surrounds it are heard here before others stop them.

function make(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function render({ model, el }) {
  const input = make("input", {
    type: "search",
    class: "lx-words",
    placeholder: model.get("placeholder"),
    autocomplete: "off",
    autocapitalize: "none",
    spellcheck: "false",
    "data-lm-suppress-shortcuts": "",
  });
  const name = make("span", {}, model.get("label"));
  el.append(make("label", {}, name, input));

  const follow = () => {
    if (input.value !== model.get("value")) input.value = model.get("value");
  };
  const describe = () => {
    name.textContent = model.get("label");
    input.placeholder = model.get("placeholder");
  };
  input.addEventListener("input", () => {
    model.set("value", input.value);
    model.save_changes();
  });

  const around = () => el.closest(".lx-search");
  const within = (selector) => around()?.querySelector(selector);
  const plain = (event) => !(event.ctrlKey || event.altKey || event.metaKey || event.isComposing);

  function lead(event) {
    if (!plain(event) || !around()?.contains(event.target)) return;
    const inResults = within(".lx-results")?.contains(event.target);
    const to =
      event.key === "Escape" && event.target !== input ? input
      : event.key === "ArrowDown" && event.target === input ? within(".lx-results tbody [tabindex='0']")
      : event.key === "Enter" && event.target.closest("tbody tr") && inResults ? within(".lx-details")
      : null;
    if (!to) return;
    event.preventDefault();
    to.focus();
    if (to === input) input.select();
  }

  const heard = [["change:value", follow], ["change:label", describe], ["change:placeholder", describe]];
  for (const [event, act] of heard) model.on(event, act);
  document.addEventListener("keydown", lead, true);
  follow();
  // What surrounds it is there only once all of it is on the page.
  const named = requestAnimationFrame(() => {
    const details = within(".lx-details");
    if (!details) return;
    details.tabIndex = -1;
    details.setAttribute("role", "region");
    details.setAttribute("aria-label", "Details");
    details.setAttribute("data-lm-suppress-shortcuts", "");
  });
  return () => {
    cancelAnimationFrame(named);
    document.removeEventListener("keydown", lead, true);
    heard.forEach(([event, act]) => model.off(event, act));
  };
}

export default { render };

// Text that is selected or copied as a whole. The field cannot be written in, so JupyterLab would
// take keys in it for shortcuts.

const MOST_LINES = 12;

function render({ model, el }) {
  const field = document.createElement("textarea");
  field.readOnly = true;
  field.spellcheck = false;
  field.wrap = "off";
  field.className = "lx-copied";
  field.dataset.lmSuppressShortcuts = "";
  const name = document.createElement("span");
  const label = document.createElement("label");
  label.append(name, field);
  const button = document.createElement("button");
  button.type = "button";
  button.className = "lx-copy";
  button.textContent = "Copy";
  button.dataset.lmSuppressShortcuts = "";
  el.append(label, button);

  function draw() {
    name.textContent = model.get("label");
    button.setAttribute("aria-label", `Copy: ${model.get("label")}`);
    field.value = model.get("text");
    field.rows = Math.min(MOST_LINES, field.value.split("\n").length);
  }

  async function copy() {
    let copied = true;
    try {
      await navigator.clipboard.writeText(field.value);
    } catch {
      field.select(); // the page may not use the clipboard: an older way, which needs a selection
      copied = document.execCommand("copy");
    }
    model.send({ copied });
  }

  button.addEventListener("click", copy);
  field.addEventListener("focus", () => field.select());
  const heard = ["change:label", "change:text"];
  for (const event of heard) model.on(event, draw);
  draw();
  return () => heard.forEach((event) => model.off(event, draw));
}

export default { render };

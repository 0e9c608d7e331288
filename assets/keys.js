// Keys: what a page does at the press of one, and the list of them; and the lecture view, which leaves only what is to be seen.

const REPEATED = [",", "."];
const LECTURE = "vitrine-lecture"; // a class of the whole page

// Whether keys mean something where they are pressed: a text, a list, a slider, a button.
const busy = (event, also) => {
  const at = event.composedPath()[0];
  return document.querySelector("dialog[open], [role=dialog]:not([data-testid=closely])") || at.closest?.(`input, textarea, select, [contenteditable], [role=combobox], [role=listbox]${also}`);
};

export class Keys {
  // `keys` are lists: the key, what it does in words, and how; of what is done elsewhere only the words.
  constructor(keys, tag) {
    Object.assign(this, { keys, tag });
    this.heard = (event) => this.hear(event);
    document.addEventListener("keydown", this.heard);
  }

  hear(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || !event.key) return;
    const pressed = event.key === " " ? "space" : event.key.toLowerCase();
    const found = pressed === "?" ? () => this.list() : this.keys.find(([key]) => key.toLowerCase() === pressed)?.[2];
    if (!found || busy(event, pressed === "space" ? ", button, a, summary, [role=button]" : "")) return;
    if (event.repeat && !REPEATED.includes(pressed)) return; // held down, it would go to and fro
    event.preventDefault();
    found();
  }

  // All keys, in words.
  list() {
    const { tag } = this;
    const rows = [...this.keys, ["?", "This list"]].map(([key, words]) => tag("tr", {}, tag("td", {}, tag("kbd", {}, key)), tag("td", {}, words)));
    const close = tag("button", { type: "button" }, "Close");
    const dialog = tag("dialog", { class: "vitrine-keys", "aria-label": "Keys" }, tag("h2", {}, "Keys"), tag("table", {}, ...rows), close);
    close.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  }

  close() {
    document.removeEventListener("keydown", this.heard);
    document.querySelector("dialog.vitrine-keys")?.remove();
  }
}

// The lecture view fills the screen with transport, sample and panels, and writes larger.
export class Lecture {
  constructor(told) {
    this.told = told;
    this.left = () => document.fullscreenElement || this.turn(false);
    this.escape = (event) => event.key === "Escape" && this.on && !document.fullscreenElement && this.turn(false);
    document.addEventListener("fullscreenchange", this.left);
    document.addEventListener("keydown", this.escape);
  }

  get on() {
    return document.documentElement.classList.contains(LECTURE);
  }

  async turn(on = !this.on) {
    document.documentElement.classList.toggle(LECTURE, on);
    if (on) await document.documentElement.requestFullscreen?.().catch(() => {}); // where that is not allowed, the window is filled
    if (!this.on && document.fullscreenElement === document.documentElement) await document.exitFullscreen().catch(() => {});
    window.dispatchEvent(new Event("resize"));
    this.told(this.on);
  }

  close() {
    document.removeEventListener("fullscreenchange", this.left);
    document.removeEventListener("keydown", this.escape);
    if (this.on) this.turn(false);
  }
}

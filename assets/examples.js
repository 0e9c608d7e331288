// Examples of a dataset side by side; a click picks one.

const walls = new WeakMap();

class Wall {
  constructor(parent, { text, small }) {
    [this.text, this.small] = [text, small];
    this.host = text("div", "", "wall");
    this.host.dataset.testid = "examples";
    this.host.setAttribute("role", "group");
    this.host.setAttribute("aria-label", "Examples");
    parent.append(this.host);
  }

  take({ examples, chosen }, tell) {
    this.picks = chosen !== undefined;
    const drawn = JSON.stringify(examples);
    if (drawn !== this.drawn) {
      this.drawn = drawn;
      this.host.replaceChildren(...examples.map((one) => this.one(one)));
    }
    this.tell = tell;
    if (this.picks) for (const button of this.host.children) button.setAttribute("aria-pressed", String(Number(button.dataset.place) === chosen));
  }

  one({ place, shown, label }) {
    const one = this.text(this.picks ? "button" : "div", "", "one");
    one.append(this.small(shown), this.text("span", label, "caption"));
    if (!this.picks) return one;
    one.dataset.place = place;
    one.setAttribute("aria-label", `Example ${place}${label ? `: ${label}` : ""}`);
    one.addEventListener("click", () => this.tell(place));
    return one;
  }
}

export default function ({ parentElement, data, setTriggerValue }) {
  let closed = false;
  const begin = import(/* @vite-ignore */ new URL("live/small.js", document.baseURI).href).then((shared) => {
    if (closed) return;
    if (!walls.has(parentElement)) walls.set(parentElement, new Wall(parentElement, shared));
    walls.get(parentElement).take(data, (place) => setTriggerValue("pick", place));
  });
  return () => {
    closed = true;
    begin.then(() => {
      walls.get(parentElement)?.host.remove();
      walls.delete(parentElement);
    });
  };
}

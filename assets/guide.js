// First steps in a lab: each points at a thing, and ticks itself off once it was done.

const OFTEN = 800; // milliseconds between two looks at what was done
const guides = new WeakMap();

// What each step waits for, of what the page knows.
const DONE = {
  learned: ({ state }, steps) => (state?.step ?? 0) >= steps,
  drawn: ({ looks }) => String(looks.sample ?? "").startsWith("drawing"),
  sample: ({ looks, first }) => looks.sample !== undefined && looks.sample !== first.sample,
  place: ({ looks, first }) => ["row", "column", "unit", "node"].some((name) => looks[name] !== undefined && looks[name] !== first[name]),
  past: ({ moment, now }) => moment !== now,
  pointed: ({ pointed }) => Boolean(pointed),
  layer: ({ data }) => data.layer,
  changed: ({ data }) => data.changed,
};

class Guide {
  constructor(parent, { live, tag, NOW }) {
    [this.live, this.tag, this.NOW] = [live, tag, NOW];
    this.id = `guide-${crypto.randomUUID?.() ?? Math.random().toString(36).slice(2)}`;
    this.host = tag("div", { class: "guide", "data-testid": "guide", role: "region", "aria-label": "First steps" });
    parent.append(this.host);
    this.quiet = live.listen(() => this.look());
    this.timer = setInterval(() => this.look(), OFTEN);
  }

  get name() {
    return `vitrine-guide-${this.data.board}`;
  }

  take(data) {
    const before = this.data;
    this.data = data;
    if (before?.board !== data.board) {
      this.kept = { done: [], closed: false, ...this.remembered() };
      this.first = { ...this.live.shared(data.board) };
    }
    if (before?.source !== data.source) {
      this.live.drop(this.id);
      this.state = undefined;
      if (data.source) this.live.state(this.id, data.source, ({ state }) => ((this.state = state), this.look()));
    }
    this.look(true);
  }

  // What the browser knows of these steps; anything else than that is as good as nothing.
  remembered() {
    try {
      const { done, closed } = JSON.parse(localStorage.getItem(this.name) ?? "{}");
      return { done: Array.isArray(done) ? done.map(String) : [], closed: Boolean(closed) };
    } catch {
      return {};
    }
  }

  keep(changes) {
    Object.assign(this.kept, changes);
    localStorage.setItem(this.name, JSON.stringify(this.kept));
    this.draw();
  }

  get step() {
    return this.data.steps.find(({ words }) => !this.kept.done.includes(words));
  }

  look(anew = false) {
    if (!this.data) return;
    const { step } = this;
    if (anew) this.draw();
    this.point(this.kept.closed ? undefined : step?.at);
    if (!step || this.kept.closed) return;
    const known = {
      state: this.state,
      looks: this.live.shared(this.data.board),
      first: this.first,
      moment: this.live.moment(this.data.board),
      now: this.NOW,
      pointed: this.live.pointed(this.data.board),
      data: this.data,
    };
    const [what, much] = step.when.split(" ");
    if (!DONE[what](known, Number(much))) return;
    this.first = { ...known.looks };
    this.keep({ done: [...this.kept.done, step.words] });
  }

  // Mark what a step is about.
  point(selector) {
    const target = selector ? document.querySelector(selector) : undefined;
    if (this.target !== target) this.target?.removeAttribute("data-guided");
    this.target = target ?? undefined;
    target?.setAttribute("data-guided", "");
  }

  draw() {
    const { tag, step } = this;
    const { steps } = this.data;
    const button = (words, act, more = {}) => {
      const made = tag("button", { type: "button", ...more }, words);
      made.addEventListener("click", act);
      return made;
    };
    if (this.kept.closed) {
      this.host.replaceChildren(button("First steps", () => this.keep({ closed: false, done: step ? this.kept.done : [] }), { class: "again" }));
      this.point();
      return;
    }
    const ticked = steps.length - steps.filter(({ words }) => !this.kept.done.includes(words)).length;
    const dots = tag("span", { class: "dots", role: "img", "aria-label": `${ticked} of ${steps.length} done` }, ...steps.map(({ words }) => tag("i", { class: this.kept.done.includes(words) ? "done" : "" })));
    this.host.replaceChildren(
      tag("div", { class: "line" }, tag("b", {}, step ? "First steps" : "Well done"), dots, button("×", () => this.keep({ closed: true }), { class: "bare", "aria-label": "Leave the first steps", title: "Leave; you can take them up again" })),
      tag("div", { class: "words", role: "status" }, step ? step.words : "You know this lab now. Try your own data, or another network."),
      step ? button("Skip", () => this.keep({ done: [...this.kept.done, step.words] }), { class: "skip" }) : button("Close", () => this.keep({ closed: true }), { class: "skip" }),
    );
  }

  close() {
    clearInterval(this.timer);
    this.quiet();
    this.live.drop(this.id);
    this.point();
    this.host.remove();
  }
}

export default function ({ parentElement, data }) {
  let closed = false;
  const begin = import(/* @vite-ignore */ new URL("live/live.js", document.baseURI).href).then((shared) => {
    if (closed) return;
    if (!guides.has(parentElement)) guides.set(parentElement, new Guide(parentElement, shared));
    guides.get(parentElement).take(data);
  });
  return () => {
    closed = true;
    begin.then(() => {
      guides.get(parentElement)?.close();
      guides.delete(parentElement);
    });
  };
}

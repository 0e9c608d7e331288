// Draws a network neuron by neuron: each a small surface, each weight a line. Pointing at a neuron shows it large
// on the board's surface, a click keeps it there; a click on a line or a dot lets one type another number.

const SVG = "http://www.w3.org/2000/svg";
const BOX = { most: 46, least: 16, gap: 7 };
const EDGE = { left: 62, right: 14, top: 22, bottom: 18 };
const short = (value) => Number(Number(value).toPrecision(4)).toString().replace("-", "−");

const make = (name, attributes = {}, ...children) => {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
};

class Neurons {
  constructor(parent, live, colours) {
    Object.assign(this, { live, colours, id: `neurons-${Math.random().toString(36).slice(2)}` });
    this.host = document.createElement("div");
    this.host.className = "neurons";
    this.host.dataset.testid = "neurons";
    this.host.innerHTML =
      '<svg class="net" role="group" aria-label="Neurons and weights"></svg><div class="tip" hidden></div>' +
      '<form class="typing" hidden><label></label><input inputmode="decimal" aria-label="New value"></form>' +
      '<div class="features" role="group" aria-label="What the network is given"></div>' +
      '<div class="says" role="status"></div><div class="hint"></div>';
    [this.svg, this.tip, this.form, this.features, this.says, this.hint] = this.host.children;
    parent.append(this.host);
    this.sizing = new ResizeObserver(() => this.lay());
    this.sizing.observe(this.host);
    this.seeing = new IntersectionObserver(([entry]) => {
      this.seen = entry.isIntersecting;
      this.draw();
    });
    this.seeing.observe(this.host);
    this.quiet = live.listen(() => this.look());
    this.changing = setInterval(() => this.parts && this.colours.theme(this.host).dark !== this.dark && this.paint(), 700);
    this.form.addEventListener("submit", (event) => this.typed(event));
    this.form.addEventListener("keydown", (event) => event.key === "Escape" && this.untype());
    this.form.firstChild.nextSibling.addEventListener("blur", () => setTimeout(() => this.form.contains(this.host.getRootNode().activeElement) || this.untype(), 150));
  }

  get source() {
    return this.live.source(this.data.board, this.data.source);
  }

  // Whose surface shows what is pointed at: that of the same board and run.
  get place() {
    return `${this.data.board} ${this.source}`;
  }

  take(data, tell) {
    this.data = data;
    this.tell = tell;
    this.hint.textContent = data.hint;
    this.offer(data);
    if (this.columns) this.lay();
    this.look();
  }

  // What of a point the network is given: each may be ticked.
  offer({ shapes, features = [], given = [] }) {
    const told = JSON.stringify([features, given]);
    if (told === this.offered) return;
    this.offered = told;
    this.features.hidden = !shapes || !features.length;
    this.features.replaceChildren(
      "Given: ",
      ...features.map((name) => {
        const button = document.createElement("button");
        button.textContent = name;
        button.title = given.includes(name) ? `Do not give ${name} any more` : `Give the network ${name} too`;
        button.setAttribute("aria-pressed", String(given.includes(name)));
        button.addEventListener("click", () => this.tell("shape", { feature: name }));
        return button;
      }),
    );
  }

  // A small button in the drawing.
  sign(parent, words, x, y, title, told) {
    const group = make("g", { class: "sign", tabindex: 0, role: "button", "aria-label": title });
    group.append(make("title", {}, title), make("circle", { cx: x, cy: y, r: 8 }), make("text", { x, y: y + 4 }, words));
    const act = () => this.tell("shape", told);
    group.addEventListener("click", act);
    group.addEventListener("keydown", (event) => ["Enter", " "].includes(event.key) && (event.preventDefault(), act()));
    parent.append(group);
  }

  look() {
    const { view, board } = this.data;
    const { source } = this;
    const at = this.live.moment(board);
    const asked = JSON.stringify([source, view, at]);
    if (asked !== this.asked) {
      this.asked = asked;
      this.live.watch(this.id, source, view, at, (message, drawn) => {
        this.done?.();
        [this.waiting, this.done] = [message, drawn];
        this.draw();
      });
    }
    this.host.classList.toggle("lost", !this.live.connected);
  }

  draw() {
    if (this.drawing || !this.seen || !this.waiting) return;
    this.drawing = true;
    requestAnimationFrame(() => {
      const { waiting, done } = this;
      this.waiting = this.done = undefined;
      this.drawing = false;
      this.says.textContent = waiting.problem ?? "";
      if (waiting.figure) {
        this.columns = waiting.figure.neurons;
        this.detail = waiting.figure.detail;
        this.step = waiting.step;
        this.lay();
        this.paint();
      }
      done?.();
      if (waiting.made) this.host.dataset.late = Math.round(Date.now() - 1000 * waiting.made);
      this.host.dataset.step = this.step ?? "";
      this.host.dataset.drawn = Number(this.host.dataset.drawn ?? 0) + 1;
      this.draw();
    });
  }

  // Make the elements anew where the network or the room has changed.
  lay() {
    const width = this.host.clientWidth;
    if (!this.columns || !width) return;
    const height = this.live.fitting(this.host, this.svg) ?? this.data.height;
    const form = JSON.stringify([width, height, this.data.shapes, this.detail, this.columns.map((c) => [c.gives, c.surfaces.length, c.units, c.weights])]);
    if (form === this.form_) return;
    this.form_ = form;
    this.untype();
    this.untold();
    this.live.point(this.place, undefined);
    const most = Math.max(...this.columns.map((column) => column.surfaces.length));
    const room = (height - EDGE.top - EDGE.bottom) / most;
    const step = (width - EDGE.left - EDGE.right) / this.columns.length;
    const box = Math.max(BOX.least, Math.min(BOX.most, room - BOX.gap, step * 0.55));
    const focused = this.svg.querySelector(":focus")?.getAttribute("aria-label");
    this.svg.replaceChildren();
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.svg.setAttribute("height", height);
    const at = (place, unit) => {
      const number = this.columns[place].surfaces.length;
      const gap = Math.min(room, box + 16);
      return { x: EDGE.left + place * step, y: EDGE.top + (height - EDGE.top - EDGE.bottom - number * gap) / 2 + unit * gap };
    };
    const lines = make("g");
    const boxes = make("g");
    this.parts = this.columns.map((column, place) => {
      const units = column.surfaces.map((_, unit) => this.neuron(boxes, column, place, unit, at(place, unit), box));
      const links = (column.weight ?? []).map((row, unit) =>
        row.map((_, from) => this.link(lines, column, unit, from, at(place - 1, from), at(place, unit), box)),
      );
      const middle = at(place, 0).x + box / 2;
      const hidden = this.data.shapes && column.weights && place < this.columns.length - 1;
      boxes.append(make("text", { class: "title", x: middle, y: 12 }, hidden ? `${column.units}` : column.weights || "input"));
      if (hidden) {
        const last = column.units === 1 ? "Take this layer out" : `One neuron fewer in ${column.weights}`;
        this.sign(boxes, "−", middle - 20, 8, last, { wider: column.weights, by: -1 });
        this.sign(boxes, "+", middle + 20, 8, `One neuron more in ${column.weights}`, { wider: column.weights, by: 1 });
      }
      if (this.data.shapes && place < this.columns.length - 1) {
        const title = `One layer more behind ${column.weights || "the input"}`;
        this.sign(boxes, "+", middle + step / 2, height - 10, title, { deeper: column.gives });
      }
      if (column.units > column.surfaces.length) {
        const left = column.units - column.surfaces.length;
        boxes.append(make("text", { class: "more", x: middle, y: height - 4 }, `${left} more`));
      }
      return { units, links };
    });
    this.svg.append(lines, boxes);
    if (focused) this.svg.querySelector(`[aria-label="${CSS.escape(focused)}"]`)?.focus(); // what was pressed by key stays at hand
    this.shade = undefined;
    this.paint();
  }

  neuron(parent, column, place, unit, { x, y }, box) {
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = this.detail;
    canvas.style.cssText = "width:100%;height:100%;display:block;border-radius:5px";
    const inside = make("foreignObject", { x, y, width: box, height: box });
    inside.append(canvas);
    const title = `${column.weights || "input"}, ${this.columns[place].names[unit] ?? `neuron ${unit}`}`;
    const group = make("g", { class: "neuron", tabindex: 0, role: "button", "aria-label": title });
    group.append(inside, make("rect", { class: "frame", x, y, width: box, height: box, rx: 5 }));
    if (this.columns[place].names[unit]) {
      group.append(make("text", { class: "name", x: x - 7, y: y + box / 2 + 4 }, this.columns[place].names[unit]));
    }
    const words = () => {
      const { surfaces, reach, marks } = this.columns[place];
      this.live.point(this.place, { title, surface: surfaces[unit], reach: reach[unit] });
      return `${title}: up to ${short(reach[unit])}${marks[unit] ? `, ${marks[unit]}` : ""}`;
    };
    const point = () => this.told(words, x + box / 2, y - 6);
    const leave = () => {
      this.live.point(this.place, undefined);
      this.walked?.dispatchEvent(new Event("pointerleave"));
      this.walked = undefined;
      this.untold();
    };
    group.addEventListener("pointerenter", point);
    group.addEventListener("pointerleave", leave);
    group.addEventListener("focus", point);
    group.addEventListener("blur", leave);
    const keep = () => this.tell("single", { node: column.gives, unit });
    group.addEventListener("click", keep);
    group.addEventListener("keydown", (event) => {
      const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (by) {
        event.preventDefault();
        this.walk(column, unit, by);
      } else if (event.key === "Enter") {
        event.preventDefault(); // the field that opens is not to hear of it
        if (this.walked) this.walked.dispatchEvent(new Event("click"));
        else keep();
      }
    });
    parent.append(group);
    let dot;
    if (column.bias?.length) {
      const name = `${column.weights}.bias[${unit}]`;
      const label = `Type another number for ${name}`;
      dot = make("circle", { class: "bias", cx: x + 1, cy: y + box - 1, r: 4.5, role: "button", tabindex: 0, "aria-label": label });
      const value = () => this.columns[place].bias[unit];
      dot.addEventListener("pointerenter", () => this.told(() => `bias ${short(value())}`, x, y + box - 10));
      dot.addEventListener("pointerleave", () => this.untold());
      dot.addEventListener("click", () => this.type(name, value(), x, y + box));
      dot.addEventListener("keydown", (event) => event.key === "Enter" && this.type(name, value(), x, y + box));
      parent.append(dot);
    }
    return { group, canvas, dot };
  }

  // By keys, from weight to weight of those that come into a neuron; the one that is chosen can be typed.
  walk(column, unit, by) {
    const mine = `${column.weights}.weight[${unit},`;
    const every = [...this.svg.querySelectorAll(".wide")].filter((one) => one.dataset.weight.startsWith(mine));
    if (!every.length) return;
    const before = every.indexOf(this.walked);
    this.walked?.dispatchEvent(new Event("pointerleave"));
    const next = before < 0 && by < 0 ? every.length - 1 : before + by;
    this.walked = every[(next + every.length) % every.length];
    this.walked.dispatchEvent(new Event("pointerenter"));
  }

  link(parent, column, unit, from, a, b, box) {
    const [x1, y1, x2, y2] = [a.x + box, a.y + box / 2, b.x, b.y + box / 2];
    const bend = (x2 - x1) / 2;
    const d = `M${x1},${y1} C${x1 + bend},${y1} ${x2 - bend},${y2} ${x2},${y2}`;
    const line = make("path", { class: "link", d });
    const wide = make("path", { class: "wide", d, "data-weight": `${column.weights}.weight[${unit},${from}]` });
    const place = this.columns.indexOf(column);
    const value = () => this.columns[place].weight[unit][from];
    const [x, y] = [(x1 + x2) / 2, (y1 + y2) / 2];
    wide.addEventListener("pointerenter", () => {
      line.classList.add("chosen");
      this.told(() => `${column.weights}: ${from} → ${unit}, weight ${short(value())}`, x, y - 8);
    });
    wide.addEventListener("pointerleave", () => {
      line.classList.remove("chosen");
      this.untold();
    });
    wide.addEventListener("click", () => this.type(wide.dataset.weight, value(), x, y));
    parent.append(line, wide);
    return line;
  }

  // Bring colours and widths up to date; the elements stay.
  paint() {
    if (!this.parts) return;
    const { dark } = this.colours.theme(this.host);
    if (dark !== this.dark) [this.dark, this.shades] = [dark, this.colours.signed(dark)];
    const { less, more } = this.colours.SIGNED;
    this.parts.forEach(({ units, links }, place) => {
      const { surfaces, marks, weight, bias } = this.columns[place];
      const strongest = Math.max(0.5, ...(weight ?? []).flat().map(Math.abs));
      units.forEach(({ group, canvas, dot }, unit) => {
        this.picture(canvas, surfaces[unit]);
        group.classList.toggle("unwell", Boolean(marks[unit]));
        if (!dot) return;
        dot.setAttribute("fill", bias[unit] < 0 ? less : more);
        dot.setAttribute("fill-opacity", Math.min(1, 0.2 + Math.abs(bias[unit]) / strongest));
      });
      links.forEach((row, unit) =>
        row.forEach((line, from) => {
          const value = weight[unit][from];
          const share = Math.min(1, Math.abs(value) / strongest);
          line.setAttribute("stroke", value < 0 ? less : more);
          line.setAttribute("stroke-width", (0.6 + 5.4 * share).toFixed(2));
          line.setAttribute("stroke-opacity", (0.25 + 0.55 * share).toFixed(2));
        }),
      );
    });
    if (this.words) this.tip.textContent = this.words();
  }

  picture(canvas, surface) {
    const context = canvas.getContext("2d");
    const image = context.createImageData(this.detail, this.detail);
    for (let row = 0; row < this.detail; row++) {
      for (let column = 0; column < this.detail; column++) {
        const [r, g, b] = this.shades[surface[(this.detail - 1 - row) * this.detail + column] + 127];
        image.data.set([r, g, b, 255], 4 * (row * this.detail + column));
      }
    }
    context.putImageData(image, 0, 0);
  }

  // Show a tip; its words are asked for again with every frame.
  told(words, x, y) {
    this.words = words;
    this.tip.textContent = words();
    this.tip.hidden = false;
    const most = this.host.clientWidth - this.tip.offsetWidth - 4;
    this.tip.style.left = `${Math.max(0, Math.min(most, x - this.tip.offsetWidth / 2))}px`;
    this.tip.style.top = `${Math.max(0, y - 26)}px`;
  }

  untold() {
    this.words = undefined;
    this.tip.hidden = true;
  }

  type(name, value, x, y) {
    this.from = this.host.getRootNode().activeElement;
    this.untold();
    this.name = name;
    const [label, input] = this.form.children;
    label.textContent = name;
    input.value = Number(value.toPrecision(4));
    this.form.hidden = false;
    const most = this.host.clientWidth - this.form.offsetWidth - 4;
    this.form.style.left = `${Math.max(0, Math.min(most, x - 60))}px`;
    this.form.style.top = `${y - 14}px`;
    input.focus();
    input.select();
  }

  untype() {
    if (this.form.contains(this.host.getRootNode().activeElement)) this.from?.focus();
    this.form.hidden = true;
  }

  async typed(event) {
    event.preventDefault();
    const text = this.form.children[1].value.trim().replace(",", ".").replace("−", "-");
    const value = Number(text);
    if (!text || !Number.isFinite(value)) {
      this.says.textContent = `${this.name} must be a number; received '${text}'.`;
      return;
    }
    this.untype();
    const { board } = this.data;
    const { source } = this;
    const past = this.live.moment(board) >= 0;
    if (this.data.learns && !past) {
      try {
        await this.live.order(source, "set", { [this.name]: value });
        this.says.textContent = "";
        return;
      } catch (error) {
        if (!error.message.includes("takes no orders")) { // it has ended, and the page does not know it yet
          this.says.textContent = error.message;
          return;
        }
      }
    }
    this.tell("typed", { name: this.name, value, step: this.step ?? 0, past });
  }

  close() {
    this.live.drop(this.id);
    this.live.point(this.place, undefined);
    this.sizing.disconnect();
    this.seeing.disconnect();
    this.quiet();
    clearInterval(this.changing);
    this.host.remove();
  }
}

const drawings = new WeakMap();

export default function ({ parentElement, data, setTriggerValue }) {
  let closed = false;
  const shared = (name) => import(/* @vite-ignore */ new URL(`live/${name}.js`, document.baseURI).href);
  const begin = Promise.all([shared("live"), shared("colours")]).then(([{ live }, colours]) => {
    if (closed) return;
    if (!drawings.has(parentElement)) drawings.set(parentElement, new Neurons(parentElement, live, colours));
    drawings.get(parentElement).take(data, setTriggerValue);
  });
  return () => {
    closed = true;
    begin.then(() => {
      drawings.get(parentElement)?.close();
      drawings.delete(parentElement);
    });
  };
}

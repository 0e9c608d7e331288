// A plane to draw points in: a click puts one, a drag sprays many, the eraser takes them away.

const REACH = 6; // the plane goes from -6 to 6 both ways, or as far as there are points
const COLOURS = ["#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00"];
const HEIGHTS = [-1, -0.5, 0, 0.5, 1];
const MOST = 2000;

class Pad {
  constructor(parent) {
    this.host = document.createElement("div");
    this.host.className = "pad";
    this.host.dataset.testid = "pad";
    this.host.innerHTML = '<canvas aria-label="Plane to draw points in"></canvas><div class="tools" role="group" aria-label="What is drawn"></div>';
    [this.canvas, this.tools] = this.host.children;
    parent.append(this.host);
    this.rows = [];
    this.tool = 0;
    const down = (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      this.last = undefined;
      this.stroke(event);
    };
    this.canvas.addEventListener("pointerdown", down);
    this.canvas.addEventListener("pointermove", (event) => event.buttons && this.stroke(event));
    this.canvas.addEventListener("pointerup", () => this.finish());
    this.sizing = new ResizeObserver(() => this.draw());
    this.sizing.observe(this.canvas);
  }

  take(data, tell) {
    this.tell = tell;
    if (!this.drawn || JSON.stringify(data.rows) !== this.sent) this.rows = data.rows.map((row) => [...row]);
    this.drawn = true;
    this.reach = Math.max(data.reach ?? REACH, ...this.rows.map(([x, y]) => Math.ceil(1.1 * Math.max(Math.abs(x), Math.abs(y)))));
    if (JSON.stringify(data.classes) !== JSON.stringify(this.classes)) {
      this.classes = data.classes;
      this.tool = 0;
      this.choose();
    }
    this.draw();
  }

  choose() {
    const kinds = this.classes.length ? this.classes : HEIGHTS.map((height) => String(height).replace("-", "−"));
    const names = [...kinds, "Erase", "Clear"];
    this.tools.replaceChildren(
      ...names.map((name, place) => {
        const button = document.createElement("button");
        button.type = "button";
        button.textContent = name;
        if (place < kinds.length) {
          const dot = document.createElement("i");
          dot.style.setProperty("--dot", this.colour(this.value(place)));
          button.prepend(dot);
        }
        button.addEventListener("click", () => (place > kinds.length ? this.clear() : this.pick(place)));
        return button;
      }),
    );
    const count = document.createElement("span");
    count.className = "count";
    this.tools.append(count);
    this.pick(this.tool);
  }

  pick(place) {
    this.tool = place;
    [...this.tools.querySelectorAll("button")].forEach((button, i) => button.setAttribute("aria-pressed", String(i === place)));
  }

  get erases() {
    return this.tool === (this.classes.length || HEIGHTS.length);
  }

  value(place) {
    return this.classes.length ? place : HEIGHTS[place];
  }

  colour(value) {
    if (this.classes.length) return COLOURS[value % COLOURS.length];
    const share = Math.min(1, Math.abs(value));
    return `color-mix(in oklab, ${value < 0 ? COLOURS[0] : COLOURS[1]} ${Math.round(25 + 75 * share)}%, #bbb)`;
  }

  place(event) {
    const { left, top, width, height } = this.canvas.getBoundingClientRect();
    const along = (at, size) => (at / size) * 2 * this.reach - this.reach;
    return [along(event.clientX - left, width), -along(event.clientY - top, height)];
  }

  stroke(event) {
    const [x, y] = this.place(event);
    if (this.erases) {
      this.rows = this.rows.filter(([a, b]) => Math.hypot(a - x, b - y) > 0.08 * this.reach);
    } else if (this.rows.length < MOST) {
      const first = !this.last;
      if (!first && Math.hypot(this.last[0] - x, this.last[1] - y) < 0.04 * this.reach) return;
      const spray = first ? 0 : 0.06 * this.reach; // a single click is exact, a brush scatters
      const put = (value) => Number((value + spray * (Math.random() + Math.random() - 1)).toFixed(2));
      this.rows.push([put(x), put(y), this.value(this.tool)]);
    }
    this.last = [x, y];
    this.draw();
  }

  clear() {
    this.rows = [];
    this.finish();
  }

  finish() {
    this.draw();
    this.sent = JSON.stringify(this.rows);
    this.tell("rows", this.rows);
  }

  draw() {
    const size = this.canvas.clientWidth * devicePixelRatio;
    if (!size || !this.classes) return;
    if (this.canvas.width !== size) this.canvas.width = this.canvas.height = size;
    const context = this.canvas.getContext("2d");
    const style = getComputedStyle(this.host);
    context.clearRect(0, 0, size, size);
    context.strokeStyle = style.color;
    context.globalAlpha = 0.15;
    const apart = this.reach / 3;
    for (let line = -2 * apart; line <= 2 * apart; line += apart) {
      const at = ((line + this.reach) / (2 * this.reach)) * size;
      context.lineWidth = line ? 1 : 2;
      context.beginPath();
      context.moveTo(at, 0);
      context.lineTo(at, size);
      context.moveTo(0, at);
      context.lineTo(size, at);
      context.stroke();
    }
    context.globalAlpha = 1;
    for (const [x, y, value] of this.rows) {
      context.fillStyle = this.mixed(value);
      context.beginPath();
      context.arc(((x + this.reach) / (2 * this.reach)) * size, ((this.reach - y) / (2 * this.reach)) * size, 3.4 * devicePixelRatio, 0, 7);
      context.fill();
    }
    const count = this.tools.querySelector(".count");
    if (count) count.textContent = `${this.rows.length.toLocaleString("en")} points`;
  }

  // A canvas takes no mixed colours, so they are read off an element once.
  mixed(value) {
    this.known ??= new Map();
    const colour = this.colour(value);
    if (!this.known.has(colour)) {
      this.host.style.setProperty("outline-color", colour);
      this.known.set(colour, getComputedStyle(this.host).outlineColor);
      this.host.style.removeProperty("outline-color");
    }
    return this.known.get(colour);
  }

  close() {
    this.sizing.disconnect();
    this.host.remove();
  }
}

const pads = new WeakMap();

export default function ({ parentElement, data, setTriggerValue }) {
  if (!pads.has(parentElement)) pads.set(parentElement, new Pad(parentElement));
  pads.get(parentElement).take(data, setTriggerValue);
  return () => {
    pads.get(parentElement)?.close();
    pads.delete(parentElement);
  };
}

// What layers give for the example, small within their boxes in the drawing; a click shows one map closely, with its
// numbers.

const SIDE = 28; // pixels of a small map,
const GAP = 1; // and between two
const [CELL, LARGEST] = [6, 14]; // of one number of a row
const CLOSE = 216; // pixels of a map that is looked at closely
const SHARED = ["sample", "off"]; // what it follows of the board

const bytes = (text) => new Int8Array(Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0)).buffer);

const told = (value) => (Number.isFinite(value) ? Number(value.toPrecision(4)) : "no number");

export class Inside {
  // `place` is the element in which the drawing stands, `host` that in which something may lie over it.
  constructor(host, place, { live, tag, numbers }, colours) {
    Object.assign(this, { host, place, live, tag, numbers, colours });
    this.name = `inside-${Math.random().toString(36).slice(2)}`;
    this.quiet = live.listen(() => this.look());
  }

  // Look at what stands in these boxes, or at nothing any more.
  take(data, board) {
    [this.data, this.board] = [data, board];
    if (this.dark !== undefined && this.dark !== this.colours.theme(this.host).dark) this.paint();
    this.look();
  }

  get source() {
    return this.live.source(this.board, this.data.source);
  }

  look() {
    const at = this.live.moment(this.board);
    const looks = this.live.shared(this.board);
    const shared = Object.fromEntries(SHARED.filter((name) => name in looks).map((name) => [name, looks[name]]));
    const asked = this.data ? JSON.stringify([this.source, this.data.view, shared, at]) : "";
    if (asked === (this.asked ?? "")) return;
    this.asked = asked;
    if (!asked) {
      this.live.drop(this.name);
      this.message = undefined;
      this.shut();
      return;
    }
    const { view } = this.data;
    this.live.watch(this.name, this.source, { ...view, ...shared }, at, (message, drawn) => {
      if (message.figure || message.problem) this.message = message;
      this.paint();
      drawn();
    });
    this.closely(shared, at);
  }

  // The one map that is looked at closely is asked for by itself, in full.
  closely(shared, at) {
    if (!this.open) return;
    const { node, unit } = this.open;
    this.live.watch(`${this.name}-close`, this.source, { kind: "inside", nodes: [node], unit, ...shared }, at, (message, drawn) => {
      if (message.figure || message.problem) this.close = message.figure?.nodes[node];
      if (this.close) this.show();
      else if (this.box && (message.figure || message.problem)) this.shut(); // it is no longer there
      drawn();
    });
  }

  // Fill the boxes; what a box gives is kept, so that a drawing that is made anew has it at once.
  paint() {
    const nodes = this.message?.figure?.nodes ?? {};
    this.dark = this.colours.theme(this.host).dark;
    for (const box of this.place.querySelectorAll(".box[data-path]")) {
      const room = box.querySelector(".inside");
      const node = nodes[box.dataset.path];
      if (!room) continue;
      room.replaceChildren();
      if (node?.best) this.best(room, node.best);
      else if (node) this.maps(room, box.dataset.path, node);
    }
  }

  svg(name, attributes, ...inside) {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    made.append(...inside);
    return made;
  }

  // The classes that are the most probable, each with a bar.
  best(room, best) {
    const wide = Number(room.dataset.wide);
    best.forEach(([name, chance], row) => {
      const y = 11.5 * row;
      room.append(
        this.svg("rect", { x: 0, y: y + 1, width: Math.max(1, wide * chance), height: 10, rx: 2, class: "chance" }),
        this.svg("text", { x: 3, y: y + 10, class: "best" }, name.length > 12 ? `${name.slice(0, 11)}…` : name),
        this.svg("text", { x: wide - 2, y: y + 10, class: "best share" }, `${(100 * chance).toFixed(chance > 0.995 || chance < 0.005 ? 0 : 1)} %`),
      );
    });
  }

  maps(room, path, node) {
    const [wide, high] = [Number(room.dataset.wide), Number(room.dataset.high)];
    if (node.picture) {
      const picture = this.svg("image", { href: node.picture, width: high, height: high, x: (wide - high) / 2, class: "dots" });
      room.append(picture);
      return;
    }
    const [number, h, w] = node.shape;
    const values = bytes(node.maps);
    if (h === 1 && number === 1) return this.row(room, path, node, values, w, wide, high);
    const single = number === 1;
    const [tall, broad] = single ? [high, wide] : [SIDE, SIDE];
    const across = Math.max(1, Math.floor((wide + GAP) / (broad + GAP)));
    const shown = Math.min(number, across * Math.max(1, Math.floor((high + GAP) / (tall + GAP))));
    for (let map = 0; map < shown; map++) {
      const x = (map % across) * (broad + GAP);
      const y = Math.floor(map / across) * (tall + GAP);
      const sheet = this.sheet(values.subarray(map * h * w, (map + 1) * h * w), h, w);
      const size = { width: broad, height: tall, x, y, preserveAspectRatio: node.rank === 2 ? "none" : "xMidYMid" };
      this.add(room, path, map, this.svg("image", { href: sheet, ...size, class: "dots map" }), single ? path : `${path}, map ${map} of ${node.of}`);
    }
  }

  // A row of numbers, as cells.
  row(room, path, node, values, many, wide, high) {
    const held = (size) => Math.floor(wide / size) * Math.floor(high / size);
    let size = LARGEST;
    while (size > CELL && held(size) < many) size -= 1;
    const across = Math.floor(wide / size);
    const shown = Math.min(many, held(size));
    const shades = this.colours.signed(this.dark);
    for (let unit = 0; unit < shown; unit++) {
      const [r, g, b] = shades[values[unit] + 127];
      const cell = { x: (unit % across) * size, y: Math.floor(unit / across) * size, width: size - 1, height: size - 1 };
      const title = `${path}, unit ${unit} of ${node.of}: ${told((values[unit] / 127) * node.reach)}`;
      this.add(room, path, unit, this.svg("rect", { ...cell, fill: `rgb(${r},${g},${b})`, class: "map" }), title);
    }
  }

  add(room, path, unit, element, title) {
    element.append(this.svg("title", {}, title));
    element.dataset.unit = unit;
    element.addEventListener("click", (event) => {
      event.stopPropagation();
      this.enlarge(path, unit);
    });
    room.append(element);
  }

  // A map as a picture, a dot for each number.
  sheet(values, high, wide) {
    const shades = this.colours.signed(this.dark);
    const image = new ImageData(wide, high);
    for (let i = 0; i < high * wide; i++) image.data.set([...shades[values[i] + 127], 255], 4 * i);
    this.canvas ??= document.createElement("canvas");
    [this.canvas.width, this.canvas.height] = [wide, high];
    this.canvas.getContext("2d").putImageData(image, 0, 0);
    return this.canvas.toDataURL();
  }

  // Look at one map closely; the panels of the board do too.
  enlarge(node, unit) {
    this.open = { node, unit };
    this.close = undefined;
    this.live.choose(this.board, { node, unit, row: null, column: null });
    this.asked = undefined;
    this.look();
  }

  shut() {
    const from = this.box?.getRootNode().activeElement;
    if (from && this.box.contains(from)) this.place.querySelector(`.box[data-path="${CSS.escape(this.open.node)}"]`)?.focus();
    this.open = undefined;
    this.live.drop(`${this.name}-close`);
    this.box?.remove();
    this.box = undefined;
  }

  show() {
    if (!this.open || !this.close) return;
    if (!this.box) this.build();
    const { node, unit } = this.open;
    const { size, times, least, most, mean, of, rank } = this.close;
    const row = rank === 1;
    const words = row ? `unit ${this.close.unit} of ${of}` : rank === 2 ? `${of} features at ${size[1]} places` : `map ${this.close.unit} of ${of}, ${size[0]}×${size[1]}`;
    this.title.textContent = `${node}: ${words}`;
    this.range.textContent = `From ${told(least)} to ${told(most)}, mean ${told(mean)}${times > 1 && !row ? `; each dot is the mean of ${times}×${times}` : ""}.`;
    const { large } = this.close;
    const values = large.coded ? this.numbers(large) : large.flat(); // few numbers come as they are
    const wide = row ? Math.ceil(Math.sqrt(values.length)) : Math.ceil(size[1] / times);
    const high = Math.ceil(values.length / wide);
    const reach = values.reduce((most, value) => Math.max(most, Number.isFinite(value) ? Math.abs(value) : 0), 0) || 1;
    const shades = this.colours.signed(this.colours.theme(this.host).dark);
    const image = new ImageData(wide, high);
    values.forEach((value, i) => Number.isFinite(value) && image.data.set([...shades[Math.round((value / reach) * 127) + 127], 255], 4 * i));
    [this.large.width, this.large.height] = [wide, high];
    this.large.getContext("2d").putImageData(image, 0, 0);
    const scale = CLOSE / Math.max(wide, high);
    Object.assign(this.large.style, { width: `${wide * scale}px`, height: `${high * scale}px` });
    Object.assign(this, { values, wide });
    for (const button of [this.back, this.on]) button.hidden = row || rank === 2;
    this.back.disabled = unit <= 0;
    this.on.disabled = unit >= of - 1;
    this.said(this.pointed ?? (row ? this.close.unit : undefined));
  }

  build() {
    const { tag } = this;
    const button = (label, sign, act) => {
      const made = tag("button", { "aria-label": label, title: label }, sign);
      made.addEventListener("click", act);
      return made;
    };
    this.title = tag("b");
    this.range = tag("div");
    this.says = tag("div", { role: "status" });
    this.large = tag("canvas", { class: "dots" });
    const turn = (by) => this.enlarge(this.open.node, this.open.unit + by);
    this.back = button("Map before", "◀", () => turn(-1));
    this.on = button("Next map", "▶", () => turn(1));
    const head = tag("div", { class: "head" }, this.title, this.back, this.on, button("Close", "✕", () => this.shut()));
    this.box = tag("div", { class: "closely", role: "dialog", "aria-label": "One map closely", "data-testid": "closely" }, head, this.large, this.says, this.range);
    this.box.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      this.shut();
      event.stopPropagation();
    });
    const dot = (event) => {
      const { left, top, width, height } = this.large.getBoundingClientRect();
      const [column, line] = [Math.floor(((event.clientX - left) / width) * this.wide), Math.floor(((event.clientY - top) / height) * this.large.height)];
      return line * this.wide + column;
    };
    this.large.addEventListener("pointermove", (event) => this.said((this.pointed = dot(event))));
    this.large.addEventListener("pointerleave", () => this.said((this.pointed = undefined)));
    this.large.addEventListener("click", (event) => {
      const at = dot(event);
      if (this.close.rank === 3 && this.close.times === 1 && at in this.values)
        this.live.choose(this.board, { row: Math.floor(at / this.wide), column: at % this.wide });
    });
    this.host.append(this.box);
    const under = this.place.querySelector(`.box[data-path="${CSS.escape(this.open.node)}"]`)?.getBoundingClientRect();
    const whole = this.host.getBoundingClientRect();
    const wanted = under ? under.left - whole.left : 0;
    this.box.style.left = `${Math.max(0, Math.min(wanted, whole.width - CLOSE - 30))}px`;
    this.box.style.top = `${(under?.bottom ?? whole.top) - whole.top + 6}px`;
    this.back.parentElement.lastChild.focus();
  }

  // The number that is pointed at.
  said(at) {
    if (at === undefined || !(at in this.values)) {
      this.says.textContent = "Point at a dot to read its number.";
      return;
    }
    const [line, column] = [Math.floor(at / this.wide), at % this.wide];
    const { rank, times } = this.close;
    const where = rank === 1 ? `Unit ${at * times}` : rank === 2 ? `Feature ${line * times}, place ${column * times}` : `Row ${line * times}, column ${column * times}`;
    this.says.textContent = `${where}: ${told(this.values[at])}`;
  }

  end() {
    this.quiet();
    this.live.drop(this.name);
    this.shut();
  }
}

// Draws a graph as boxes and wires, in as many rows as the width asks for.
// A click selects a box, a double click or its corner unfolds a block; both are told to the page.

const SVG = "http://www.w3.org/2000/svg";
const SMALL = ["between", "activation", "normalisation", "regularisation", "reshaping", "merging"];
const WIDE = { width: 140, height: 60 };
const NARROW = { width: 88, height: 40 };
const ROOM = { high: 58, edge: 8, below: 4 }; // within a box, for what its layer gives
const GAP = { x: 26, lane: 16, row: 30, edge: 14, frame: 22 };

const make = (name, attributes = {}, ...children) => {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
};

const plainSize = (box) => (SMALL.includes(box.family) && !box.block ? NARROW : WIDE);
const more = (data) => (data.filled ? ROOM.high + ROOM.below : 0); // by which boxes are higher
const sizeOf = (box, data) => ({ width: plainSize(box).width, height: plainSize(box).height + (box.family === "between" ? 0 : more(data)) });

// Which row each column stands in: a row ends at a break where the next stretch would not fit.
function rowsOf(columns, widths, breaks, width) {
  const rows = [[]];
  let used = GAP.edge;
  for (let column = 0; column < columns; column++) {
    let stretch = 0; // the columns that must stay together, from here to the next break
    for (let next = column; next < columns; next++) {
      stretch += widths[next] + GAP.x;
      if (breaks.has(next)) break;
    }
    if (rows.at(-1).length && breaks.has(column - 1) && used + stretch > width) {
      rows.push([]);
      used = GAP.edge;
    }
    rows.at(-1).push(column);
    used += widths[column] + GAP.x;
  }
  return rows;
}

// Where every box lies, in pixels, and how large the picture is.
function place(data, width) {
  const columns = 1 + Math.max(-1, ...data.boxes.map((box) => box.column));
  const widths = Array(columns).fill(NARROW.width);
  for (const box of data.boxes) widths[box.column] = Math.max(widths[box.column], sizeOf(box, data).width);
  const framed = new Set(data.frames.flatMap((frame) => frame.boxes));
  const places = new Map();
  const tall = WIDE.height + more(data);
  let top = GAP.edge;
  let widest = 0;
  const rows = rowsOf(columns, widths, new Set(data.breaks), width);
  rows.forEach((row, number) => {
    const here = data.boxes.filter((box) => row.includes(box.column));
    const columnOf = (path) => here.find((box) => box.path === path)?.column;
    const lanes = data.wires
      .filter((wire) => columnOf(wire.to) - columnOf(wire.from) > 1)
      .map((wire) => wire.lane);
    const deepest = Math.max(0, ...here.map((box) => box.lane), ...lanes);
    const head = here.some((box) => framed.has(box.path)) ? GAP.frame : 0;
    const depth = Math.max(0, ...data.frames.map((f) => f.depth * (f.boxes.some((p) => here.some((b) => b.path === p)) ? 1 : 0)));
    const below = here.filter((box) => box.lane);
    const low = below.length && below.every((box) => box.family === "between"); // they need less room
    const laneHeight = tall + (low ? -2 : GAP.lane);
    const first = top + head + depth * GAP.frame;
    let left = GAP.edge + depth * 8;
    for (const column of row) {
      for (const box of here.filter((one) => one.column === column)) {
        const { width: w, height: h } = sizeOf(box, data);
        const x = left + (widths[column] - w) / 2;
        const y = first + box.lane * laneHeight + (tall - h) / 2;
        places.set(box.path, { x, y, w, h, row: number, rowTop: top, laneTop: first, laneHeight, tall });
      }
      left += widths[column] + GAP.x;
    }
    widest = Math.max(widest, left - GAP.x + GAP.edge);
    top = first + deepest * laneHeight + tall + GAP.row + (head ? 8 : 0);
  });
  return { places, width: widest, height: top - GAP.row + GAP.edge };
}

// A wire: straight to the next column, through its lane over columns between, or round to the next row.
function wirePath(from, to, lane) {
  const x1 = from.x + from.w;
  const y1 = from.y + from.h / 2;
  const x2 = to.x;
  const y2 = to.y + to.h / 2;
  if (from.row !== to.row) {
    const between = to.rowTop - GAP.row / 2;
    const r = 8;
    return (
      `M${x1},${y1} h4 q${r},0 ${r},${r} V${between - r} q0,${r} ${-r},${r} ` +
      `H${x2 - 3} q${-r},0 ${-r},${r} V${y2 - r} q0,${r} ${r},${r} H${x2}`
    );
  }
  const y = from.laneTop + lane * from.laneHeight + from.tall / 2;
  const reach = GAP.x;
  if (Math.abs(y - y2) < 1 || x2 - x1 < reach * 2.5) {
    if (Math.abs(y1 - y2) < 1) return `M${x1},${y1} H${x2}`;
    const turn = x2 - x1 < reach * 2.5 ? x2 : x1 + reach;
    return `M${x1},${y1} C${(x1 + turn) / 2},${y1} ${(x1 + turn) / 2},${y2} ${turn},${y2} H${x2}`;
  }
  const a = x1 + reach;
  const b = x2 - reach;
  return (
    `M${x1},${y1} C${(x1 + a) / 2},${y1} ${(x1 + a) / 2},${y} ${a},${y} ` +
    `H${b} C${(b + x2) / 2},${y} ${(b + x2) / 2},${y2} ${x2},${y2}`
  );
}

// The way of a gradient: below everything, back to the box that it came from, with an arrow's head.
function backPath(from, to, height) {
  const [x1, x2] = [from.x + from.w / 2, to.x + to.w / 2];
  const [y, end, r] = [height - 6, to.y + to.h, 8];
  return (
    `M${x1},${from.y + from.h} V${y - r} q0,${r} ${-r},${r} H${x2 + r} q${-r},0 ${-r},${-r} V${end + 1} ` +
    `m-4,7 l4,-7 l4,7`
  );
}

// A small picture of a shape: maps as a stack of sheets, a sequence as a strip, a vector as a column.
function glyph(sizes, x, y) {
  const group = make("g", { class: "glyph", transform: `translate(${x},${y})` });
  const scale = (n, least, most) => Math.min(most, least + 2.6 * Math.log2(Math.max(1, n)));
  if (sizes.length === 3) {
    const [channels, height, width] = sizes;
    const sheets = Math.min(7, 1 + Math.floor(Math.log2(channels)));
    const [w, h] = [scale(width, 3, 23), scale(height, 3, 23)];
    for (let i = sheets - 1; i >= 0; i--) {
      const offset = i * 2 - (sheets - 1);
      group.append(make("rect", { x: offset - w / 2, y: -offset - h / 2, width: w, height: h, rx: 1 }));
    }
  } else {
    const [length, features] = sizes.length === 2 ? sizes : [1, sizes[0] ?? 1];
    const w = sizes.length === 2 ? scale(length, 6, 30) : 8;
    const h = scale(features, 6, 38);
    group.append(make("rect", { x: -w / 2, y: -h / 2, width: w, height: h, rx: 1.5 }));
  }
  return group;
}

const text = (content, x, y, name, most) => {
  const short = content.length > most ? content.slice(0, most - 1) + "…" : content;
  const tight = name === "shape" && short.length > 10 ? " tight" : "";
  return make("text", { x, y, class: name + tight }, short);
};

function drawBox(box, at, data, tell) {
  const small = plainSize(box) === NARROW;
  const high = plainSize(box).height;
  const chosen = box.path === data.selected;
  const between = box.family === "between"; // no layer: nothing to be chosen
  const classes = ["box", box.family, chosen ? "chosen" : "", data.outputs.includes(box.path) ? "output" : ""];
  const group = make("g", {
    class: classes.join(" "),
    transform: `translate(${at.x},${at.y})`,
    "aria-label": `${box.name}, ${box.title}, ${between ? "" : "gives "}${box.shape}`,
    "data-path": box.path,
    ...(between ? { role: "img" } : { tabindex: 0, role: "button", "aria-pressed": String(chosen) }),
  });
  const words = [`${box.title}${box.summary ? `: ${box.summary}` : ""}`, `${between ? "" : "gives "}${box.shape}`];
  if (box.weights) words.push(`${box.weights.toLocaleString("en")} weights`);
  if (box.block) words.push("double click, or arrow down, to unfold");
  group.append(make("title", {}, words.join("\n")));
  for (let i = Math.min(3, box.repeat) - 1; i > 0; i--) {
    group.append(make("rect", { class: "sheet", x: 3 * i, y: -3 * i, width: at.w, height: at.h, rx: 8 }));
  }
  group.append(make("rect", { class: "card", width: at.w, height: at.h, rx: 8 }));
  if (small) {
    if (!between) group.append(make("rect", { class: "mark", x: 0, y: 8, width: 3.5, height: high - 16, rx: 1.5 }));
    group.append(text(box.name, 11, 17, "name", 11));
    group.append(text(box.shape, 11, 31, "shape", 12));
  } else {
    group.append(glyph(box.sizes, 24, high / 2));
    group.append(text(box.name + (box.repeat > 1 ? ` ×${box.repeat}` : ""), 48, 19, "name", 13));
    group.append(text(box.block || box.family === "input" ? box.title : box.summary || box.title, 48, 34, "summary", 16));
    group.append(text(box.shape, 48, 50, "shape", 14));
  }
  if (!between && data.filled) {
    const room = make("g", { class: "inside", transform: `translate(${ROOM.edge},${high})` });
    Object.assign(room.dataset, { wide: at.w - 2 * ROOM.edge, high: ROOM.high });
    group.append(room);
  }
  if (box.block) {
    const corner = make("g", { class: "unfold", transform: `translate(${at.w - 9},${-2})` });
    corner.append(make("rect", { x: -4, y: -4, width: 16, height: 16, rx: 4 }));
    corner.append(make("path", { d: "M4,0 V8 M0,4 H8" }));
    corner.append(make("title", {}, "Unfold this block"));
    corner.addEventListener("click", (event) => {
      event.stopPropagation();
      tell("fold", box.path);
    });
    group.append(corner);
    group.addEventListener("dblclick", () => tell("fold", box.path));
  }
  if (!between) group.addEventListener("click", () => tell("select", box.path));
  return group;
}

function drawFrame(frame, places, tell) {
  const parts = make("g", { class: "frame", "data-path": frame.path });
  const inside = frame.boxes.map((path) => places.get(path)).filter(Boolean);
  const rows = [...new Set(inside.map((at) => at.row))];
  rows.forEach((row, index) => {
    const here = inside.filter((at) => at.row === row);
    const pad = 6 + 4 * frame.height;
    const left = Math.min(...here.map((at) => at.x)) - pad;
    const right = Math.max(...here.map((at) => at.x + at.w)) + pad;
    const top = Math.min(...here.map((at) => at.laneTop)) - 21 * (frame.height + 1);
    const bottom = Math.max(...here.map((at) => at.y + at.h)) + pad;
    parts.append(make("rect", { x: left, y: top, width: right - left, height: bottom - top, rx: 10 }));
    const whole = frame.path.endsWith(":"); // a network, which is chosen rather than folded
    const name = whole ? frame.path.slice(0, -1) : frame.path.split(":").at(-1).split(".").at(-1);
    if (index) {
      parts.append(make("text", { class: "goes-on", x: left + 8, y: top + 14 }, `… ${name}`));
      return;
    }
    const does = whole ? "select" : "fold";
    const label = whole ? `Choose ${name}` : `Fold ${frame.title}`;
    const title = make("g", { class: "fold", tabindex: 0, role: "button", "aria-label": label });
    title.append(make("text", { x: left + (whole ? 24 : 8), y: top + 14 }, `${whole ? "" : "▾ "}${name}: ${frame.title}`));
    title.addEventListener("click", () => tell(does, frame.path));
    title.addEventListener("keydown", (event) => ["Enter", " "].includes(event.key) && tell(does, frame.path));
    parts.append(title);
    if (!whole) return;
    const fold = make("g", { class: "fold", tabindex: 0, role: "button", "aria-label": `Fold ${name}` });
    fold.append(make("text", { x: left + 8, y: top + 14 }, "▾"));
    fold.addEventListener("click", () => tell("fold", frame.path));
    fold.addEventListener("keydown", (event) => ["Enter", " "].includes(event.key) && tell("fold", frame.path));
    parts.append(fold);
  });
  return parts;
}

// A frame is an open block, "stage1.conv", or a whole network among several, "generator:".
const within = (one, other) => one !== other && one.path.startsWith(other.path.endsWith(":") ? other.path : other.path + ".");
const nesting = ({ path }) => (path.includes(":") ? 1 : 0) + (path.endsWith(":") ? 0 : path.split(".").length);

function draw(host, data, width, tell) {
  for (const frame of data.frames) {
    frame.depth = 1 + data.frames.filter((other) => within(frame, other)).length;
    const nested = data.frames.filter((other) => within(other, frame));
    frame.height = nested.length ? Math.max(...nested.map(nesting)) - nesting(frame) : 0;
  }
  const { places, width: wide, height: high } = place(data, width);
  const height = high + (data.back?.length ? 10 : 0);
  const focused = host.querySelector(".box:focus")?.dataset.path;
  // A stretch that cannot be broken into rows is drawn smaller, down to two thirds, before it has to scroll.
  const scale = Math.min(1, Math.max(0.66, width / Math.max(wide, 1)));
  const svg = make("svg", {
    width: wide * scale,
    height: height * scale,
    viewBox: `0 0 ${wide} ${height}`,
    role: "group",
    "aria-label": "Diagram of the network",
  });
  for (const frame of [...data.frames].sort((a, b) => a.depth - b.depth)) svg.append(drawFrame(frame, places, tell));
  for (const wire of data.wires) {
    const path = wirePath(places.get(wire.from), places.get(wire.to), wire.lane);
    const touched = [wire.from, wire.to].includes(data.selected) ? " chosen" : "";
    svg.append(make("path", { class: "wire" + touched, d: path }));
  }
  for (const { from, to } of data.back ?? []) {
    const [begin, end] = [places.get(from), places.get(to)];
    if (end && begin.row === end.row) svg.append(make("path", { class: "wire back", d: backPath(begin, end, height) }));
  }
  for (const box of data.boxes) svg.append(drawBox(box, places.get(box.path), data, tell));
  svg.addEventListener("keydown", (event) => {
    const here = event.target.dataset?.path;
    if (!here) return;
    if (["Enter", " "].includes(event.key)) {
      event.preventDefault();
      tell("select", here);
    }
    if (folds(event.key, here, data, tell)) event.preventDefault();
    else if (event.key === "ArrowDown" && data.filled && event.target.querySelector(".inside .map")) {
      event.preventDefault();
      tell("closely", here);
    }
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const boxes = [...svg.querySelectorAll(".box[tabindex]")];
    boxes[boxes.findIndex((box) => box.dataset.path === here) + step]?.focus();
    event.preventDefault();
  });
  host.replaceChildren(svg);
  if (focused) host.querySelector(`[data-path="${CSS.escape(focused)}"]`)?.focus();
}

// The block that an arrow down unfolds, or that stands around a layer and is folded by an arrow up.
function folds(key, path, data, tell) {
  const around = path.includes(".") ? path.slice(0, path.lastIndexOf(".")) : "";
  const block = data.boxes.find((box) => box.path === path)?.block;
  const about = key === "ArrowDown" ? block && path : key === "ArrowUp" && around;
  if (about) tell("fold", about);
  return Boolean(about);
}

// The same network in one line: its boxes as small buttons, of which those without weights are slimmer.
function drawStrip(host, data, tell) {
  const strip = document.createElement("div");
  strip.className = "strip";
  strip.setAttribute("role", "group");
  strip.setAttribute("aria-label", "Network in one line");
  for (const box of data.boxes) {
    const between = box.family === "between";
    const chip = document.createElement(between ? "span" : "button");
    chip.className = `box chip ${box.family}${SMALL.includes(box.family) && !box.block ? " slim" : ""}`;
    chip.dataset.path = box.path;
    chip.dataset.plain = chip.title = `${box.name}: ${box.title}${box.summary ? `, ${box.summary}` : ""}\n${between ? "" : "gives "}${box.shape}`;
    chip.append(box.name);
    if (!between) {
      chip.setAttribute("aria-label", `${box.name}, ${box.title}, gives ${box.shape}`);
      chip.setAttribute("aria-pressed", String(box.path === data.selected));
      chip.classList.toggle("chosen", box.path === data.selected);
      chip.addEventListener("click", () => tell("select", box.path));
      if (box.block) chip.addEventListener("dblclick", () => tell("fold", box.path));
      chip.addEventListener("keydown", (event) => folds(event.key, box.path, data, tell) && event.preventDefault());
    }
    strip.append(chip);
  }
  const focused = host.querySelector(".box:focus")?.dataset.path;
  host.replaceChildren(strip);
  if (focused) host.querySelector(`[data-path="${CSS.escape(focused)}"]`)?.focus();
}

const FOLDED = "vitrine-diagram-folded"; // a class of the whole page: the drawing is one line
const UNFOLDED = "vitrine-diagram"; // in the browser's storage
const EMPTY = "vitrine-diagram-empty"; // there too: boxes show nothing of what layers give

// One diagram on the page: drawn when its graph or its width changes, coloured whenever its colours do.
class Diagram {
  constructor(parent) {
    this.lit = []; // what a film on the board is about
    this.name = `diagram-${Math.random().toString(36).slice(2)}`;
    this.host = document.createElement("div");
    this.host.dataset.testid = "diagram";
    this.host.innerHTML =
      '<div class="line"><span class="turns"><button class="turn" data-testid="unfold"></button>' +
      '<button class="turn fill" data-testid="fill" aria-label="Show what each layer gives"></button></span><div class="diagram"></div><span class="sum"></span></div>' +
      '<div class="legend" data-testid="legend" role="status" hidden></div>';
    const [turns, drawing, sum] = this.host.firstChild.children;
    [this.drawing, this.sum] = [drawing, sum];
    [this.turn, this.filler] = turns.children;
    this.filled = !localStorage.getItem(EMPTY);
    this.filler.textContent = "▦";
    this.filler.addEventListener("click", () => this.fill(!this.filled));
    this.legend = this.host.lastChild;
    parent.append(this.host);
    this.turn.addEventListener("click", () => this.unfold(!this.unfolded));
    this.unfold(Boolean(localStorage.getItem(UNFOLDED)));
    this.sizing = new ResizeObserver(() => this.draw());
    this.sizing.observe(this.drawing);
  }

  take(data, tell) {
    const { address, colours, board, table, fresh, inside, ...graph } = data;
    this.tell = tell;
    this.remember(board, table, fresh);
    this.board = board;
    if (JSON.stringify(graph) !== JSON.stringify(this.graph)) {
      this.graph = graph;
      this.wide = undefined;
    }
    this.sum.textContent = graph.sum;
    if (Boolean(inside) !== Boolean(this.given)) this.wide = undefined;
    this.given = inside;
    this.draw();
    this.colour(colours);
    if (address) keepAddress(address);
  }

  // The browser keeps the name under which the past of this table lies, and tells it to a page that begins anew.
  remember(board, table, fresh) {
    import(/* @vite-ignore */ new URL("live/live.js", document.baseURI).href).then(({ live }) => {
      if (this.closed) return;
      live.stay();
      this.lights ??= live.listen(() => this.light(live.lit(this.board)));
    });
    const name = `vitrine.${board}`;
    const before = sessionStorage.getItem(name);
    if (fresh && before && before !== table) this.tell("kept", before);
    else if (before !== table) sessionStorage.setItem(name, table);
  }

  // The drawing unfolds from one line to boxes and wires, and back; the browser remembers.
  unfold(unfolded) {
    this.unfolded = unfolded;
    localStorage.setItem(UNFOLDED, unfolded ? "1" : "");
    document.documentElement.classList.toggle(FOLDED, !unfolded);
    this.host.classList.toggle("folded", !unfolded);
    this.turn.textContent = unfolded ? "▾" : "▸";
    this.turn.title = unfolded ? "Fold the drawing into one line" : "Unfold the drawing of the network";
    this.turn.setAttribute("aria-label", this.turn.title);
    this.turn.setAttribute("aria-expanded", String(unfolded));
    this.wide = undefined;
    if (this.graph) this.draw();
  }

  // Boxes show what their layers give, or nothing of it; the browser remembers.
  fill(filled) {
    this.filled = filled;
    localStorage.setItem(EMPTY, filled ? "" : "1");
    this.wide = undefined;
    this.draw();
  }

  async lookInside(filled) {
    if (!filled && !this.inside) return;
    if (!this.inside) {
      const [shared, { Inside }, colours] = await Promise.all(["live", "inside", "colours"].map((name) => import(/* @vite-ignore */ new URL(`live/${name}.js`, document.baseURI).href)));
      if (this.closed) return;
      this.inside ??= new Inside(this.host, this.drawing, shared, colours);
    }
    this.inside.take(this.unfolded && this.filled ? this.given : undefined, this.board);
  }

  draw() {
    const width = this.drawing.clientWidth;
    const filled = Boolean(this.unfolded && this.filled && this.given);
    this.filler.hidden = !this.unfolded || !this.given;
    this.filler.setAttribute("aria-pressed", String(filled));
    this.filler.title = filled ? "Show boxes without what their layers give" : "Show in each box what its layer gives for the example";
    if (width) this.lookInside(filled);
    if (!width || width === this.wide) return;
    this.wide = width;
    if (this.unfolded) draw(this.drawing, { ...this.graph, filled }, width, (what, path) => this.chose(what, path));
    else drawStrip(this.drawing, this.graph, (what, path) => this.chose(what, path));
    this.light(this.lit);
    this.paint();
    if (filled) this.inside?.paint(); // what was told before is in the boxes at once
  }

  // A box that is selected is what the board's panels look at.
  async chose(what, path) {
    if (what === "closely") {
      this.inside?.enlarge(path, 0);
      return;
    }
    if (what !== "select") {
      this.tell(what, path);
      return;
    }
    // Said as it is to be, not as a change: what is said twice where the page is slow, is as if said once.
    this.tell("select", { path, on: path !== this.graph.selected });
    const { live } = await import(/* @vite-ignore */ new URL("live/live.js", document.baseURI).href);
    const node = path === this.graph.selected || path.endsWith(":") ? null : path;
    live.choose(this.board, { node, unit: null, row: null, column: null });
  }

  // Show what a film on the board is about; the rest stays as it is.
  light(lit) {
    this.lit = lit;
    for (const part of this.drawing.querySelectorAll(".box, .frame")) part.classList.toggle("lit", lit.includes(part.dataset.path));
  }

  // Look at one quantity of all layers, at the board's moment, or at none any more.
  async colour(colours) {
    this.colours = colours;
    if (!this.live) {
      if (!colours) return;
      this.live = (await import(/* @vite-ignore */ new URL("live/live.js", document.baseURI).href)).live;
      this.quiet = this.live.listen(() => this.look());
    }
    this.look();
  }

  look() {
    const at = this.live.moment(this.board);
    const asked = this.closed || !this.colours ? "" : JSON.stringify([this.colours, at]);
    if (asked === (this.asked ?? "")) return;
    this.asked = asked;
    if (asked) {
      this.live.watch(this.name, this.colours.source, this.colours.view, at, (message, drawn) => {
        this.told = message;
        this.paint();
        drawn();
      });
    } else {
      this.live.drop(this.name);
      this.told = undefined;
      this.paint();
    }
  }

  // The fuller a box's colour, the more of the quantity; broken frames are unhealthy ones.
  paint() {
    const { nodes = {}, words = "", scale } = this.told?.figure ?? {};
    this.host.classList.toggle("coloured", Boolean(this.told));
    for (const box of this.drawing.querySelectorAll(".box")) {
      const told = nodes[box.dataset.path] ?? strongest(nodes, box.dataset.path.endsWith(":") ? box.dataset.path : `${box.dataset.path}.`);
      box.classList.toggle("told", Boolean(told));
      box.classList.toggle("unwell", Boolean(told?.mark));
      box.style.setProperty("--along", `${Math.round(14 + 86 * (told?.along ?? 0))}%`);
      const title = box.querySelector("title");
      const plain = title ? (title.dataset.plain ??= title.textContent) : box.dataset.plain;
      const whole = [plain, told?.words, told?.mark].filter(Boolean).join("\n");
      if (!title) box.title = whole;
      else {
        title.textContent = whole;
        this.number(box, told);
      }
    }
    this.legend.hidden = !this.told;
    const parts = [[this.told?.problem ?? words]];
    if (scale) parts.push([`${scale[0]} `, document.createElement("i"), ` ${scale[1]}`]);
    if (Object.values(nodes).some((told) => told.mark)) parts.push(["broken frame: unhealthy, point at it to see why"]);
    this.legend.replaceChildren(
      ...parts.map((inside) => {
        const span = document.createElement("span");
        span.append(...inside);
        return span;
      }),
    );
  }

  // The quantity's number, on the upper edge of the box.
  number(box, told) {
    box.querySelector(".number")?.remove();
    if (!told) return;
    const card = box.querySelector(".card");
    box.append(make("text", { class: "number", x: Number(card.getAttribute("width")) - 6, y: -3 }, told.short));
  }

  close() {
    this.closed = true;
    this.sizing.disconnect();
    this.quiet?.();
    this.lights?.();
    this.inside?.end();
    if (this.live) this.look();
    this.host.remove();
  }
}

// Of a folded block: the layer within it that has most of the quantity, an unhealthy one first.
function strongest(nodes, prefix) {
  const inside = Object.entries(nodes).filter(([path]) => path.startsWith(prefix));
  const rank = ([, told]) => told.along + (told.mark ? 2 : 0);
  const [path, told] = inside.sort((a, b) => rank(b) - rank(a))[0] ?? [];
  return told && { ...told, words: `${path}: ${told.words}` };
}

const diagrams = new WeakMap();

// The page calls this again with whatever is new, and cleans up once, at the end.
export default function ({ parentElement, data, setTriggerValue }) {
  if (!diagrams.has(parentElement)) diagrams.set(parentElement, new Diagram(parentElement));
  diagrams.get(parentElement).take(data, setTriggerValue);
  return () => {
    diagrams.get(parentElement)?.close();
    diagrams.delete(parentElement);
  };
}

// The address always holds experiment, run and board, so that reloading or copying it is enough.
function keepAddress(parts) {
  const address = new URL(window.location.href);
  address.searchParams.delete("preset");
  for (const [name, value] of Object.entries(parts)) {
    if (value) address.searchParams.set(name, value);
    else address.searchParams.delete(name);
  }
  if (address.href !== window.location.href) window.history.replaceState(window.history.state, "", address);
}

// Start: a card for each lab with a picture that is alive, the latest runs, all networks, and one box to search in.

const PACE = { usual: 170, maps: 1300, words: 330 }; // milliseconds that one moment of a loop is seen
const REST = 9; // moments that the last one is seen
const SIDE = { wide: 232, high: 150 };
const MOST_FOUND = 12;
const calm = window.matchMedia("(prefers-reduced-motion: reduce)");

let shared; // the module "colours"
let tag;
let Listing; // of keys
let loops; // what was recorded, asked for once
const recorded = () => (loops ??= fetch(new URL("live/case.json", document.baseURI)).then((answer) => answer.json()));

const bytes = (text) => Uint8Array.from(atob(text), (sign) => sign.charCodeAt(0));

// One loop of a network that learned, drawn on a canvas in the page's own colours.
class Loop {
  constructor(host, loop, colours) {
    Object.assign(this, { loop, colours, host, place: 0, waits: 0 });
    this.canvas = document.createElement("canvas");
    [this.canvas.width, this.canvas.height] = [SIDE.wide * 2, SIDE.high * 2];
    host.replaceChildren(this.canvas);
    this.surface = loop.surface && bytes(loop.surface);
    this.dots = (loop.dots ?? []).map((dots) => ({ ...dots, at: bytes(dots.at) }));
    this.moments = loop.reads ? loop.reads.length : loop.frames;
    this.pace = loop.reads ? PACE.words : loop.grey ? PACE.maps : PACE.usual;
    if (calm.matches) this.place = this.moments - 1;
    this.draw();
  }

  // Take the next moment, when it is time and the card is in sight.
  tick(now) {
    if (calm.matches || now - (this.drawn ?? 0) < this.pace) return;
    this.drawn = now;
    const last = this.place === this.moments - 1;
    if (last && !this.loop.grey && this.waits++ < REST) return;
    this.waits = 0;
    this.place = last ? 0 : this.place + 1;
    this.draw();
  }

  draw() {
    const look = shared.theme(this.host);
    const context = this.canvas.getContext("2d");
    const { width, height } = this.canvas;
    context.fillStyle = look.ground;
    context.fillRect(0, 0, width, height);
    if (this.surface) this.drawSurface(context, shared.signed(look.dark), width, height);
    for (const dots of this.dots) this.drawDots(context, dots, look, width, height);
    if (this.loop.reads) this.drawWords(context, look, width, height);
  }

  drawSurface(context, shades, width, height) {
    const [high, wide] = this.loop.size;
    const { reads, grey, frames } = this.loop;
    const image = new ImageData(wide, high);
    const begin = (reads ? 0 : this.place % frames) * high * wide;
    for (let i = 0; i < high * wide; i++) {
      const value = this.surface[begin + i];
      const [row, column] = [Math.floor(i / wide), i % wide];
      const hidden = reads && column > this.place;
      const [r, g, b] = grey && row < grey[0] && column < grey[1] ? [value, value, value] : shades[Math.min(254, value)];
      image.data.set([r, g, b, hidden ? 0 : 255], 4 * i);
    }
    const sheet = new OffscreenCanvas(wide, high);
    sheet.getContext("2d").putImageData(image, 0, 0);
    const points = this.dots.length > 0;
    context.imageSmoothingEnabled = points;
    // Planes are squeezed into the card; pictures and maps keep their form.
    const scale = Math.min(width / wide, height / high);
    const [w, h] = points ? [width, height] : reads ? [width, height * 0.8] : [wide * scale, high * scale];
    context.globalAlpha = points ? 0.8 : 1;
    context.drawImage(sheet, (width - w) / 2, reads ? 0 : (height - h) / 2, w, h);
    context.globalAlpha = 1;
  }

  drawDots(context, { at, of, still }, look, width, height) {
    const many = still ? at.length / 2 : at.length / 2 / this.loop.frames;
    const begin = still ? 0 : 2 * many * this.place;
    context.strokeStyle = look.ground;
    const [ground, other] = [this.colours[1], this.colours[0]]; // where a plane lies below, 0 is orange and 1 blue
    for (let i = 0; i < many; i++) {
      const kind = Array.isArray(of) ? of[i] : of;
      context.fillStyle = this.surface && Array.isArray(of) ? [ground, other][kind] : this.colours[kind % this.colours.length];
      context.beginPath();
      context.arc(10 + (at[begin + 2 * i] / 255) * (width - 20), 10 + (at[begin + 2 * i + 1] / 255) * (height - 20), 5, 0, 7);
      context.fill();
      context.stroke();
    }
  }

  drawWords(context, look, width, height) {
    const words = this.loop.reads.slice(0, this.place + 1).join(" ");
    context.font = `${height / 11}px ${look.font}`;
    context.fillStyle = look.text;
    context.textAlign = "right";
    context.fillText(words, width - 12, height * 0.94);
  }
}

class Start {
  constructor(parent, asks) {
    this.host = tag("div", { class: "start", "data-testid": "start" });
    this.asks = asks;
    this.loops = new Map();
    parent.append(this.host);
    this.seeing = new IntersectionObserver((entries) => {
      for (const { target, isIntersecting } of entries) if (this.loops.has(target)) this.loops.get(target).seen = isIntersecting;
    });
    this.ticking = setInterval(() => {
      if (document.hidden) return;
      for (const { loop, seen } of this.loops.values()) if (seen && loop) loop.tick(performance.now());
    }, 60);
    this.recolour = setInterval(() => {
      const { ground } = shared.theme(this.host);
      if (this.ground !== ground) for (const { loop } of this.loops.values()) loop?.draw();
      this.ground = ground;
    }, 700);
    this.slash = (event) => {
      const typing = event.composedPath()[0].closest?.("input, textarea, select, [contenteditable]");
      if (event.key !== "/" || typing || event.ctrlKey || event.metaKey) return;
      event.preventDefault();
      this.box.focus();
    };
    document.addEventListener("keydown", this.slash);
    this.keys = new Listing([["/", "Search"], ["↓", "To the first thing found"]], tag);
  }

  take(data) {
    this.data = data;
    const { index, ...seen } = data;
    if (index && this.box) this.search();
    if (!this.box) {
      this.latest = tag("div", { class: "latest" });
      this.host.append(this.hero(), this.found(), (this.cards = tag("div")), this.latest, (this.lists = tag("div")));
    }
    this.latest.replaceChildren(...this.recent());
    const told = JSON.stringify(seen.labs);
    if (told === this.told) return;
    this.told = told;
    this.loops.clear();
    this.seeing.disconnect();
    this.cards.replaceChildren(this.labs());
    this.lists.replaceChildren(this.presets());
    recorded().then(({ colours, loops }) => {
      for (const [frame, one] of this.loops) one.loop = loops[one.name] && new Loop(frame, loops[one.name], colours);
    });
  }

  // A link that leads on within the app; where it is opened beside, it is an ordinary one.
  link(href, attributes, ...inside) {
    const link = tag("a", { ...attributes, href: new URL(href, document.baseURI).href }, ...inside);
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
      event.preventDefault();
      this.asks("open", href);
    });
    return link;
  }

  hero() {
    const { title, words, begin } = this.data;
    this.box = tag("input", { type: "search", placeholder: "Search networks, layers, views, runs …  ( / )", "aria-label": "Search networks, layers, views, runs and lessons" });
    this.box.addEventListener("input", () => this.search());
    this.box.addEventListener("focus", () => this.data.index || this.asks("asked", Date.now()));
    this.box.addEventListener("keydown", (event) => {
      if (event.key === "Enter") this.results.querySelector("a")?.click();
      if (event.key === "ArrowDown") {
        event.preventDefault();
        this.results.querySelector("a")?.focus();
      }
      if (event.key === "Escape") {
        this.box.value = "";
        this.search();
      }
    });
    return tag(
      "div",
      { class: "hero" },
      tag("div", { class: "words" }, tag("h1", {}, title), tag("p", {}, words)),
      this.link(begin.href, { class: "begin" }, begin.label),
      tag("div", { class: "box" }, this.box),
    );
  }

  found() {
    this.results = tag("div", { class: "results", role: "region", "aria-label": "Found", "aria-live": "polite" });
    this.results.addEventListener("keydown", (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
      if (!step) return;
      const links = [...this.results.querySelectorAll("a")];
      const next = links[links.indexOf(event.target) + step] ?? this.box;
      next.focus();
      event.preventDefault();
    });
    return this.results;
  }

  // What holds all words that were typed; what begins with them stands first.
  search() {
    const words = this.box.value.toLowerCase().split(/\s+/).filter(Boolean);
    if (words.length && !this.data.index) return this.results.replaceChildren(tag("p", {}, "Looking …"));
    const all = words.length ? this.data.index.filter(({ text }) => words.every((word) => text.includes(word))) : [];
    const rank = ({ title, text }) => (title.toLowerCase().startsWith(words[0]) ? 0 : title.toLowerCase().includes(words[0]) ? 1 : 2) + text.length / 1e6;
    const best = all.sort((a, b) => rank(a) - rank(b)).slice(0, MOST_FOUND);
    const lines = best.map(({ title, kind, words: said, href }) =>
      this.link(href, {}, tag("b", {}, title), tag("span", { class: "kind" }, kind), tag("span", { class: "about" }, said)),
    );
    const more = all.length > best.length ? [tag("p", {}, `and ${all.length - best.length} more: type another word`)] : [];
    const none = words.length && !all.length ? [tag("p", {}, "Nothing is called like that.")] : [];
    this.results.replaceChildren(...lines, ...more, ...none);
  }

  labs() {
    const cards = this.data.labs.map(({ key, title, words, href, picture }) => {
      const frame = tag("div", { class: "picture", role: "img", "aria-label": picture });
      this.loops.set(frame, { name: key, seen: false });
      this.seeing.observe(frame);
      return this.link(href, { class: "lab" }, frame, tag("h2", {}, title), tag("p", {}, words));
    });
    return tag("div", { class: "labs" }, ...cards);
  }

  recent() {
    if (!this.data.recent.length) return [];
    const cards = this.data.recent.map(({ title, words, href, losses, wrong }) =>
      this.link(href, { class: "run" }, curve(losses), tag("div", {}, tag("b", {}, title), tag("p", { class: wrong ? "wrong" : "" }, words))),
    );
    const all = this.link("runs", { class: "all" }, "All runs");
    return [tag("div", { class: "head" }, tag("h2", {}, "Go on with"), all), tag("div", { class: "runs" }, ...cards)];
  }

  presets() {
    const groups = this.data.labs.map(({ title, presets }) =>
      tag("section", {}, tag("h2", {}, title), tag("div", { class: "presets" }, ...presets.map(({ title: name, words, href }) => this.link(href, { class: "preset" }, tag("b", {}, name), tag("p", {}, words))))),
    );
    return tag("div", { class: "groups" }, ...groups);
  }

  close() {
    clearInterval(this.ticking);
    clearInterval(this.recolour);
    this.seeing.disconnect();
    document.removeEventListener("keydown", this.slash);
    this.keys.close();
    this.host.remove();
  }
}

// A run's loss, as a small line.
function curve(losses) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 100 40");
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", losses.length ? `Loss from ${losses[0].toPrecision(3)} to ${losses.at(-1).toPrecision(3)}` : "No loss yet");
  const [low, high] = [Math.min(...losses), Math.max(...losses)];
  const line = document.createElementNS(svg.namespaceURI, "path");
  const along = (i) => (losses.length > 1 ? (100 * i) / (losses.length - 1) : 0);
  line.setAttribute("d", losses.map((loss, i) => `${i ? "L" : "M"}${along(i).toFixed(1)} ${(37 - (34 * (loss - low)) / (high - low || 1)).toFixed(1)}`).join(""));
  svg.append(line);
  return svg;
}

const starts = new WeakMap();

export default function ({ parentElement, data, setTriggerValue }) {
  let closed = false;
  const module = (name) => import(/* @vite-ignore */ new URL(`live/${name}.js`, document.baseURI).href);
  const begin = Promise.all(["live", "colours", "keys"].map(module)).then(([live, colours, { Keys }]) => {
    if (closed) return;
    [shared, tag] = [colours, live.tag];
    Listing = Keys;
    if (!starts.has(parentElement)) starts.set(parentElement, new Start(parentElement, setTriggerValue));
    starts.get(parentElement).take(data);
  });
  return () => {
    closed = true;
    begin.then(() => {
      starts.get(parentElement)?.close();
      starts.delete(parentElement);
    });
  };
}

// Draws one view's figures as they come, in the page's own colours; clicks go back, and become options.

const ICONS = {
  enlarge: "M3 8V3h5M12 3h5v5M17 12v5h-5M8 17H3v-5",
  png: "M3 4h14v12H3zM6 13l3-4 3 3 2-2 3 3",
  svg: "M4 16l5-11 4 8 3-4",
  data: "M10 3v9M6 9l4 4 4-4M4 16h12",
};

// Tables of numbers that came as bytes, as rows; gaps are no numbers.
function decoded(value) {
  if (Array.isArray(value)) return value.map(decoded);
  if (!value || typeof value !== "object") return value;
  if (!value.coded) return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, decoded(inner)]));
  const found = numbers(value);
  const [rows, columns] = value.shape;
  if (columns === undefined) return found;
  return Array.from({ length: rows }, (_, row) => found.subarray(row * columns, (row + 1) * columns));
}

// Which map of a sheet lies at a dot, and which place of it.
function spot({ columns, high, wide, gap, number }, row, column) {
  const [down, y] = [Math.floor(row / (high + gap)), row % (high + gap)];
  const [right, x] = [Math.floor(column / (wide + gap)), column % (wide + gap)];
  const place = down * columns + right;
  return y < high && x < wide && right < columns && place < number ? [place, y, x] : undefined;
}

const PATIENCE = 1500; // milliseconds that a figure waits for whoever walks through it

let colours; // the module of that name, which all components share,
let tag; // and how elements and drawings are made
let icon;
let numbers;
let Steer;
let Brush;
let filming; // the module "film"
let cloud; // the module of that name, which paints many points
let plotly;
const loaded = () =>
  (plotly ??= new Promise((resolve, refuse) => {
    if (window.Plotly) return resolve(window.Plotly);
    const script = document.createElement("script");
    script.src = new URL("live/plotly.js", document.baseURI);
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => {
      plotly = undefined; // another try may do
      refuse(new Error("Plotly's script could not be loaded."));
    };
    document.head.append(script);
  }));

function themed(figure, look, revision) {
  const scales = colours.SCALES[look.dark ? "dark" : "light"];
  const data = figure.data.map((trace) => {
    const { scale, points, marker } = trace.meta ?? {};
    if (points) {
      const line = { color: look.ground, ...trace.marker.line };
      if (trace.marker.symbol === "circle-open") { // filled with the ground, so that it is seen upon its own colour too
        const hollow = { symbol: "circle", color: look.ground, line: { ...line, color: trace.marker.color } };
        return { ...trace, marker: { ...trace.marker, ...hollow } };
      }
      return { ...trace, marker: { ...trace.marker, line, ...(marker && { colorscale: scales[marker] }) } };
    }
    if (!scale) return trace;
    const centred = scale === "diverging" ? { zmid: 0 } : {};
    return { ...trace, ...centred, colorscale: scales[scale], colorbar: { outlinewidth: 0, ...trace.colorbar } };
  });
  const layout = {
    ...figure.layout,
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: look.text, family: look.font, size: document.documentElement.classList.contains("vitrine-lecture") ? 14 : 12 },
    hoverlabel: { bgcolor: look.ground, bordercolor: look.line, font: { color: look.text } },
    uirevision: revision,
  };
  for (const name of Object.keys(layout).filter((key) => /^[xy]axis/.test(key))) {
    layout[name] = { gridcolor: look.line, linecolor: look.line, zerolinecolor: look.line, ...layout[name] };
  }
  return { data, layout };
}

// The same plane and points, with the surface of the neuron that is pointed at.
function instead(figure, { title, surface, reach }) {
  const { xaxis, yaxis } = figure.layout;
  const detail = Math.sqrt(surface.length);
  const along = ([low, high]) => Array.from({ length: detail }, (_, i) => low + ((high - low) * i) / (detail - 1));
  const z = Array.from({ length: detail }, (_, row) =>
    surface.slice(row * detail, (row + 1) * detail).map((value) => (value / 127) * reach),
  );
  const heat = { type: "heatmap", x: along(xaxis.range), y: along(yaxis.range), z, zmin: -reach, zmax: reach };
  const shown = { ...heat, zsmooth: "best", showscale: false, meta: { scale: "diverging" }, hovertemplate: "%{z:.3g}<extra></extra>" };
  const words = { text: title, xref: "paper", yref: "paper", x: 0.5, y: 1.02, yanchor: "bottom", showarrow: false };
  const points = figure.data.filter((trace) => trace.type !== "heatmap");
  return { data: [shown, ...points], layout: { ...figure.layout, margin: { ...figure.layout.margin, t: 26 }, images: [], annotations: [words] } };
}

const marker = (step, look) => ({
  type: "line", xref: "x", yref: "paper", x0: step, x1: step, y0: 0, y1: 1,
  line: { color: look.text, width: 1.5, dash: "dot" },
});

function table(figure) {
  // A text that a spreadsheet would take for a formula is marked as text; invisible joiners were for the figure only.
  const safe = (value) => (typeof value === "string" ? value.replaceAll("\u2060", "").replace(/^[=+\-@\t]/, "'$&") : (value ?? ""));
  const quoted = (text) => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const cell = (value) => quoted(String(safe(value)));
  const lines = [];
  if (figure.table) return [figure.table.head ?? [], ...figure.table.rows, ...(figure.table.update ?? [])].map((row) => row.map(cell).join(",")).join("\n");
  for (const trace of figure.data) {
    if (trace.z && trace.hoverinfo !== "skip") {
      lines.push(["", ...(trace.x ?? trace.z[0].map((_, i) => i))].map(cell).join(","));
      (trace.meta?.grid?.values ?? trace.z).forEach((row, i) => lines.push([trace.y?.[i] ?? i, ...(trace.customdata?.[i]?.length === row.length ? trace.customdata[i] : row)].map(cell).join(",")));
    } else if (!trace.z && trace.x && trace.hoverinfo !== "skip") {
      lines.push(["name", "x", "y"].join(","));
      trace.x.forEach((x, i) => lines.push([trace.name ?? "", x, trace.y[i]].map(cell).join(",")));
    }
  }
  return lines.join("\n");
}

function save(text, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

class Panel {
  constructor(parent, live, tell) {
    this.live = live;
    this.tell = tell;
    this.id = `panel-${crypto.randomUUID?.() ?? Math.random().toString(36).slice(2)}`;
    this.host = document.createElement("div");
    this.host.className = "vitrine-figure";
    this.host.dataset.testid = "figure";
    this.host.innerHTML =
      '<div class="plot"></div><div class="written" hidden></div><div class="says" role="status"></div>' +
      '<div class="bar" role="group" hidden></div><div class="tip" hidden></div><div class="way" hidden></div>' +
      '<div class="foot"><span class="hint"></span><span class="tools"></span></div>';
    [this.plot, this.written, this.says, this.bar, this.tip, this.way, this.foot] = this.host.children;
    parent.append(this.host);
    this.tools();
    this.watching = new IntersectionObserver(([entry]) => {
      this.seen = entry.isIntersecting;
      if (this.seen) this.draw();
    });
    this.watching.observe(this.host);
    this.sizing = new ResizeObserver(() => this.drawnFigure && this.resize());
    this.sizing.observe(this.host);
    this.quiet = live.listen(() => this.follow());
    this.over = (place) => this.hovered(place);
    live.hovers.add(this.over);
    this.colours = setInterval(() => this.recolour(), 700);
    this.enlarged = () => setTimeout(() => this.resize(), 50);
    document.addEventListener("fullscreenchange", this.enlarged);
  }

  tools() {
    const actions = {
      enlarge: ["Enlarge", () => (document.fullscreenElement ? document.exitFullscreen() : this.host.requestFullscreen())],
      png: ["Save as PNG", () => this.picture("png")],
      svg: ["Save as SVG", () => this.picture("svg")],
      data: ["Save the data as CSV", () => this.figure && save(table(this.shown), `${this.name()}.csv`)],
    };
    for (const [name, [label, act]] of Object.entries(actions)) {
      const button = document.createElement("button");
      button.title = label;
      button.dataset.name = name;
      button.setAttribute("aria-label", label);
      button.append(icon(ICONS[name]));
      button.addEventListener("click", act);
      this.foot.lastChild.append(button);
    }
  }

  name() {
    return `${this.data.view.kind}-step-${this.step ?? 0}`;
  }

  async picture(format) {
    if (!this.figure?.data) return;
    const Plotly = await loaded();
    const { width, height } = this.plot.getBoundingClientRect();
    const look = colours.theme(this.host);
    const { data, layout } = themed(this.shown, look);
    const solid = { ...layout, paper_bgcolor: look.ground, plot_bgcolor: look.ground };
    await Plotly.downloadImage({ data, layout: solid }, { format, width, height, scale: 2, filename: this.name() });
  }

  take(data, tell, tellBranch) {
    this.data = data;
    this.tell = tell;
    this.tellBranch = tellBranch;
    this.foot.firstChild.textContent = data.hint;
    this.plot.style.height = `${this.height}px`;
    this.follow();
  }

  // What stands alone in a row grows with the page, so that its pictures do.
  get height() {
    const { height, wide } = this.data;
    const fitting = this.live.fitting(this.host, this.plot);
    if (fitting) return fitting;
    return wide ? Math.round(height * Math.min(1.7, Math.max(1, this.host.clientWidth / 720))) : height;
  }

  get source() {
    return this.live.source(this.data.board, this.data.source);
  }

  // Look at the board's moment; what has no moments of its own only marks it.
  follow() {
    const { board, timeless, follows } = this.data;
    const { source } = this;
    const looks = this.live.shared(board);
    const shared = (follows ?? []).filter((name) => name in looks).map((name) => [name, looks[name]]);
    const view = (this.view = { ...this.data.view, ...Object.fromEntries(shared) });
    const moment = this.live.moment(board);
    this.at = timeless ? -1 : moment;
    const asked = JSON.stringify([source, view, this.at]);
    if (asked !== this.asked) {
      this.asked = asked;
      this.stopped = false;
      this.live.watch(this.id, source, view, this.at, (message, drawn) => this.receive(message, drawn));
    }
    const pointed = view.kind === "surface" ? this.live.pointed(`${board} ${source}`) : undefined;
    if (pointed !== this.pointed) {
      this.pointed = pointed;
      this.draw(true);
    }
    if (timeless && this.marked !== moment) {
      this.marked = moment;
      this.draw(true);
    }
    if (this.figure) this.buttons(this.figure.buttons); // whether a run obeys may have changed
    this.host.classList.toggle("lost", !this.live.connected);
  }

  receive(message, drawn) {
    this.done?.(); // what was not drawn yet gives way to what is newer
    this.waiting = message;
    this.done = drawn;
    this.draw();
  }

  draw(again = false) {
    if (again && this.drawing) this.redraw = true; // what is being drawn is older than what was asked for
    if (this.drawing || (!this.waiting && !again) || !this.seen) return;
    if (this.steers?.walking && performance.now() - this.painted < PATIENCE) { // drawing would hold up who walks
      clearTimeout(this.later);
      this.later = setTimeout(() => this.draw(again), 100);
      return;
    }
    this.drawing = true;
    requestAnimationFrame(async () => {
      const { waiting, done } = this;
      try {
        this.waiting = this.done = undefined;
        if (waiting) this.problem = waiting.problem ?? "";
        if (waiting?.problem) {
          this.complain(waiting.problem);
          this.progress();
        } else if (waiting) {
          this.progress(waiting.progress);
          this.fit();
          if (!this.warned) this.complain("");
          if (waiting.figure && !this.film?.keeps) {
            this.figure = decoded(waiting.figure);
            this.step = waiting.step;
          }
        }
        if (this.figure && (!waiting || waiting.figure)) await this.paint();
        if (waiting?.made) this.host.dataset.late = Math.round(Date.now() - 1000 * waiting.made);
        this.host.dataset.step = this.step ?? "";
        this.host.dataset.drawn = Number(this.host.dataset.drawn ?? 0) + 1;
      } catch (error) {
        this.complain(error.message);
      } finally {
        done?.();
        this.drawing = false;
      }
      const { redraw } = this;
      this.redraw = false;
      if (this.waiting || redraw) this.draw(redraw);
    });
  }

  // What is written out rather than drawn: a table, and the way to the stages before and behind it.
  write({ table, stage, stages }) {
    const cells = (row, kind) => tag("tr", {}, ...row.map((cell) => tag(kind, {}, cell)));
    const rows = (list) => list.map((row) => cells(row, "td"));
    const head = table.head ? [cells(table.head, "th")] : [];
    const update = table.update && tag("table", {}, cells(["", "gradient", "w − η·gradient"], "th"), ...rows(table.update));
    const turn = (to, label, sign) => {
      const button = tag("button", { "data-stage": to, "aria-label": label, disabled: to < 0 || to >= stages.length }, sign);
      button.addEventListener("click", () => this.choose({ stage: to }));
      return button;
    };
    const title = tag("b", {}, `${stage + 1} of ${stages.length}: ${table.title}`);
    this.written.replaceChildren(
      tag("div", { class: "stages" }, turn(stage - 1, "Stage before", "◀"), title, turn(stage + 1, "Next stage", "▶")),
      tag("p", {}, table.example),
      tag("table", {}, ...head, ...rows(table.rows)),
      ...(update ? [update] : []),
      tag("p", {}, table.note),
    );
    this.written.style.height = `${this.data.height}px`;
  }

  // How far something has come that takes long; it can be stopped, and gone on with.
  progress(share) {
    const [label, name] = this.stopped ? ["Go on", "again"] : ["Stop", "stop"];
    this.way.hidden = share === undefined && !this.stopped;
    if (this.way.hidden) return;
    this.share = share ?? this.share;
    const hint = this.data.learns ? " It takes its turn while the run learns: pause it to see this at once." : "";
    if (!this.way.firstChild) { // made once: a button that changed under the pointer would swallow the click
      this.way.append(tag("progress", { max: 1, "aria-label": "How far it has come" }), tag("button"), tag("span"));
      this.way.children[1].addEventListener("click", () => this.halt());
    }
    const [bar, button, words] = this.way.children;
    bar.value = this.share;
    button.dataset.name = name;
    if (button.textContent !== label) button.textContent = label;
    words.textContent = `${Math.round(100 * this.share)} %.${this.stopped ? " Stopped." : hint}`;
  }

  halt() {
    this.stopped = !this.stopped;
    if (this.stopped) this.live.drop(this.id);
    else {
      this.asked = undefined;
      this.follow();
    }
    this.progress();
  }

  // Buttons that change what is looked at; one that repeats goes on until it is pressed again.
  buttons(list) {
    const { learns, branches } = this.data;
    const { source } = this;
    const obeys = learns && this.at < 0; // only what learns now can be told something; a branch can from any moment
    const orders = source.startsWith("run:") && (obeys || branches);
    const fitting = (list ?? []).filter(({ order }) => !order || orders).map((one) => (one.order && !obeys ? { ...one, label: `Branch: ${one.label}` } : one));
    this.bar.hidden = !fitting.length;
    const there = new Map([...this.bar.children].map((button) => [button.dataset.key, button]));
    const next = fitting.map((one) => {
      const key = JSON.stringify([one.label, one.words, Boolean(one.repeat)]);
      const button = there.get(key) ?? this.made(one, key);
      button.act = () => this.act(one, obeys);
      return button;
    });
    // What stays is left where it is: a button that was taken out and put in again would swallow a click half done.
    for (const button of there.values()) if (!next.includes(button)) button.remove();
    next.forEach((button, place) => {
      if (this.bar.children[place] !== button) this.bar.insertBefore(button, this.bar.children[place] ?? null);
    });
  }

  made({ label, words, repeat }, key) {
    const button = tag("button", { title: words, "aria-label": words, "data-key": key, "aria-pressed": repeat ? String(Boolean(this.going)) : false }, label);
    button.addEventListener("click", () => button.act());
    return button;
  }

  act({ words, point, repeat, order }, obeys) {
    if (order) return obeys ? this.order(order) : this.branch(order);
    return repeat ? this.sweep(repeat, words) : this.choose(point);
  }

  // Change the run at once; what keeps it from that is said.
  async order(settings) {
    await this.live.order(this.source, "set", settings).catch((error) => this.warn(error.message));
  }

  // Let a run begin here for which something is set before its first step.
  branch(settings) {
    const [run, step] = [this.source.slice("run:".length), this.at >= 0 ? this.at : this.step];
    this.tellBranch({ run, step, settings });
  }

  sweep(pause, words) {
    clearInterval(this.going);
    this.going = this.going ? undefined : setInterval(() => this.seen && this.again && this.choose(this.again), pause);
    for (const button of this.bar.children) if (button.title === words) button.setAttribute("aria-pressed", String(Boolean(this.going)));
  }

  // What lies under the pointer in a sheet of maps.
  point(event) {
    const [point] = event.points;
    const grid = point.data.meta?.grid;
    const found = grid && spot(grid, ...point.pointNumber);
    this.tip.hidden = !found;
    if (!found) return;
    const [place, y, x] = found;
    const value = (grid.values ?? point.data.z)[point.pointNumber[0]][point.pointNumber[1]];
    const where = grid.high * grid.wide > 1 ? `, row ${y}, column ${x}` : "";
    this.tip.textContent = `${grid.names[place]}${where}: ${Number(value.toPrecision(4))}`;
    const { left, top, width } = this.host.getBoundingClientRect();
    const { clientX, clientY } = event.event;
    this.tip.style.left = `${Math.min(clientX - left + 12, width - 190)}px`;
    this.tip.style.top = `${clientY - top + 14}px`;
  }

  // What stands around the drawing may have changed, and so the height that is left for it.
  fit() {
    if (document.fullscreenElement !== this.host) this.plot.style.height = `${this.height}px`;
  }

  async paint() {
    this.plot.hidden = Boolean(this.figure.table);
    this.written.hidden = !this.figure.table;
    for (const name of ["png", "svg"]) this.foot.querySelector(`[data-name="${name}"]`).hidden = Boolean(this.figure.table);
    this.buttons(this.figure.buttons);
    this.again = this.figure.again;
    this.filming(this.figure.film);
    if (this.figure.table) return this.write(this.figure);
    this.plot.setAttribute("role", "img");
    this.plot.setAttribute("aria-label", this.figure.aloud ?? "");
    const { steer } = this.figure;
    this.plot.style.width = steer ? "69%" : "";
    const Plotly = await loaded();
    const look = (this.look = colours.theme(this.host));
    const { data: every, layout } = themed(this.pointed ? instead(this.figure, this.pointed) : this.shown, look, this.asked);
    const { data, painted } = cloud.clouded(every);
    const moment = this.live.moment(this.data.board);
    const mark = layout.meta?.moment && moment >= 0 ? [marker(moment, look)] : [];
    layout.shapes = [...(layout.shapes ?? []), ...mark]; // named even where there are none, or the last ones would stay
    const fresh = !this.drawnFigure;
    this.fit();
    const size = { width: this.plot.clientWidth, height: this.plot.clientHeight };
    await Plotly.react(this.plot, data, { ...layout, ...size }, { displayModeBar: false, doubleClick: "reset" });
    this.drawnFigure = true;
    this.painted = performance.now();
    this.cloud ??= new cloud.Cloud(this.plot);
    this.cloud.take(painted, look);
    this.steering(steer);
    this.painting(this.figure.brush);
    if (!fresh) return;
    this.plot.on("plotly_click", (event) => this.click(event.points[0]));
    this.plot.on("plotly_selected", (event) => {
      const range = Object.entries(event?.range ?? {}).find(([name]) => name.startsWith("x"));
      if (range) this.choose({ from: range[1][0], to: range[1][1] });
    });
    this.plot.on("plotly_hover", (event) => {
      const [{ x, y }] = event.points;
      if (event.event) this.point(event);
      if (!this.tip.hidden || event.points[0].data.meta?.part) return;
      this.live.hover({ from: this.id, ...this.like, x, y });
    });
    this.plot.on("plotly_unhover", () => {
      this.tip.hidden = true;
      this.live.hover({ from: this.id, ...this.like });
    });
  }

  // Let a place be pointed at of which something is shown at once, where the figure has such places.
  steering(steer) {
    if (!steer) {
      this.steers?.close();
      this.steers = undefined;
      return;
    }
    const ask = (code) => this.live.steer(this.source, this.view, this.at, code);
    this.steers ??= new Steer(this.host, this.plot, tag, ask);
    this.steers.take(steer);
  }

  // Let a picture be painted on, where the figure has one for that.
  painting(brush) {
    if (!brush) {
      this.brush?.close();
      this.brush = undefined;
      return;
    }
    this.brush ??= new Brush(this.host, this.plot, tag, (strokes) => this.choose({ part: "painted", strokes }));
    this.brush.take(brush);
  }

  // Let a film be played, where the figure is one; a run that learns follows it.
  filming(slides) {
    if (!slides) {
      this.film?.close();
      this.film = undefined;
      return;
    }
    const told = async (...order) => {
      if (!this.source.startsWith("run:") || this.at >= 0) return false;
      return this.live.order(this.source, ...order).then(() => true, () => false); // one that is over takes no orders
    };
    const acts = { show: () => this.draw(true), hold: () => told("pause"), go: () => told("step", "round"), light: (lit) => this.live.light(this.data.board, lit) };
    this.film ??= new filming.Film(this.plot, { tag, icon, ...acts });
    this.film.take(slides, this.step);
  }

  // The figure as it is seen now: of a film, one slide.
  get shown() {
    return this.figure.film ? filming.slide(this.figure, this.film?.place ?? 0) : this.figure;
  }

  // What figures have in common that are hovered over together.
  get like() {
    return { board: this.data.board, kind: this.data.view.kind };
  }

  hovered({ from, board, kind, x, y }) {
    const alike = board === this.like.board && kind === this.like.kind;
    if (from === this.id || !alike || !this.drawnFigure || this.figure?.table) return;
    if (x === undefined) window.Plotly.Fx.unhover(this.plot);
    else window.Plotly.Fx.hover(this.plot, { xval: x, yval: y }, "xy", true);
  }

  async click(point) {
    const [row, column] = Array.isArray(point.pointNumber) ? point.pointNumber : [point.pointNumber, 0];
    const { grid, part, names } = point.data.meta ?? {};
    if (part === "painted") return; // the brush tells
    const found = grid && spot(grid, row, column);
    const more = found ? { spot: found, name: grid.names[found[0]] } : { name: names?.[row], label: point.data.ids?.[point.pointNumber] };
    await this.choose({ row, column, x: point.x, y: point.y, part, ...more });
  }

  // One after the other: what is chosen next is chosen of what the last choice made of the view.
  choose(point) {
    this.chosen = (this.chosen ?? Promise.resolve()).then(() => this.choosing(point));
    return this.chosen;
  }

  async choosing(point) {
    const answer = await this.live.pick(this.view, point).catch((error) => this.warn(error.message));
    const { follows, board } = this.data;
    if (answer?.looks && Object.keys(answer.looks).length) this.live.choose(board, answer.looks);
    if (!answer?.options) return false;
    const shared = Object.fromEntries((follows ?? []).map((name) => [name, answer.options[name] ?? null]));
    const own = Object.entries(answer.options).filter(([name]) => !(name in shared));
    this.live.choose(board, shared);
    const options = Object.fromEntries(own);
    if (JSON.stringify(options) === JSON.stringify(this.data.view)) return true;
    this.data = { ...this.data, view: options };
    this.follow();
    this.tell(options);
    return true;
  }

  // Say for a while what could not be done; what is shown stays.
  warn(words) {
    this.complain(words);
    clearTimeout(this.warned);
    this.warned = setTimeout(() => {
      this.warned = undefined;
      this.complain(this.problem ?? "");
    }, 4000);
  }

  complain(words) {
    this.says.textContent = words;
    this.host.classList.toggle("empty", Boolean(words));
  }

  resize() {
    const full = document.fullscreenElement === this.host;
    this.plot.style.height = full ? `${window.innerHeight - 70}px` : `${this.height}px`;
    const { clientWidth: width, clientHeight: height } = this.plot;
    if (width && (width !== this.wide || height !== this.high)) {
      [this.wide, this.high] = [width, height];
      this.draw(true);
    }
  }

  recolour() {
    const look = colours.theme(this.host);
    if (this.look && (look.text !== this.look.text || look.ground !== this.look.ground)) this.draw(true);
  }

  close() {
    this.live.drop(this.id);
    this.steers?.close();
    this.brush?.close();
    this.film?.close();
    this.watching.disconnect();
    this.sizing.disconnect();
    this.quiet();
    this.live.hovers.delete(this.over);
    clearInterval(this.colours);
    clearInterval(this.going);
    clearTimeout(this.later);
    document.removeEventListener("fullscreenchange", this.enlarged);
    window.Plotly?.purge(this.plot);
    this.host.remove();
  }
}

const panels = new WeakMap();

export default function ({ parentElement, data, setStateValue, setTriggerValue }) {
  let closed = false;
  const shared = (name) => import(/* @vite-ignore */ new URL(`live/${name}.js`, document.baseURI).href);
  const begun = Promise.all([shared("live"), shared("colours"), shared("steer"), shared("brush"), shared("cloud"), shared("film")]);
  const begin = begun.then(([{ live, ...made }, module, steering, painting, points, films]) => {
    [colours, tag, icon, numbers, Steer, Brush, cloud, filming] = [module, made.tag, made.icon, made.numbers, steering.Steer, painting.Brush, points, films];
    if (closed) return;
    const tell = (options) => setStateValue("view", options);
    if (!panels.has(parentElement)) panels.set(parentElement, new Panel(parentElement, live, tell));
    panels.get(parentElement).take(data, tell, (moment) => setTriggerValue("branch", moment));
  });
  return () => {
    closed = true;
    begin.then(() => {
      panels.get(parentElement)?.close();
      panels.delete(parentElement);
    });
  };
}

// The browser's end of the live channel: one connection for a page, shared by all that it shows.
// What is looked at is asked for again whenever the connection had to be made anew; what is on screen stays.

const NOW = -1;
const LONGEST = 3000; // milliseconds between two tries to connect
const [LOW, LEAST, EDGE] = [400, 90, 8]; // pixels: a low panel, the lowest drawing, what stays free below

class Live {
  constructor() {
    this.looks = new Map(); // by name: what is asked for, and who is shown the answers
    this.answers = new Map(); // by name: who waits
    this.moments = new Map(); // by board: the step that all its panels show
    this.chosen = new Map(); // by board: what its panels look at together
    this.tables = new Map(); // by board: the table that this was chosen on
    this.points = new Map(); // by board: what is pointed at
    this.runs = new Map(); // by board: the run that is on its table, which the transport is told before all others
    this.lights = new Map(); // by board: what in the drawing of the networks a film is about
    this.hovers = new Set();
    this.listeners = new Set(); // who wants to know of moments and of the connection
    this.wait = 250;
    this.asked = 0;
  }

  get connected() {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  connect() {
    if (this.socket && this.socket.readyState <= WebSocket.OPEN) return;
    const address = new URL("live", document.baseURI);
    address.protocol = address.protocol.replace("http", "ws");
    address.search = address.hash = "";
    this.socket = new WebSocket(address);
    this.socket.onopen = () => {
      this.wait = 250;
      for (const [id, { message }] of this.looks) this.send({ id, ...message });
      this.tell();
    };
    this.socket.onmessage = (event) => this.hear(JSON.parse(event.data));
    this.socket.onclose = () => {
      for (const { refuse } of this.answers.values()) refuse(new Error("The connection was lost."));
      this.answers.clear();
      this.tell();
      if (!this.looks.size && !this.stays) return;
      setTimeout(() => this.connect(), this.wait);
      this.wait = Math.min(LONGEST, this.wait * 1.6);
    };
  }

  // Be connected though nothing is looked at, to notice when the app behind the page was started anew.
  stay() {
    this.stays = true;
    if (!this.connected) this.connect();
  }

  send(message) {
    if (this.connected) this.socket.send(JSON.stringify(message));
    else this.connect();
  }

  hear(message) {
    if (message.house) {
      // A new app knows nothing of this page: its address holds what is on the table, so the page begins from there.
      if (this.house && this.house !== message.house) window.location.reload();
      this.house = message.house;
      return;
    }
    if (message.id.endsWith("/answer")) {
      const name = message.id.slice(0, -"/answer".length);
      const waiting = this.answers.get(name);
      this.answers.delete(name);
      if (waiting) (message.problem ? waiting.refuse(new Error(message.problem)) : waiting.resolve(message));
      else this.looks.get(name)?.show(message, () => {});
      return;
    }
    const drawn = () => this.send({ do: "drawn", id: message.id });
    const look = this.looks.get(message.id);
    if (look) look.show(message, drawn);
    else drawn();
  }

  // Show what this view sees; `show` is given each message, and what to call once it is drawn.
  watch(id, source, view, at, show) {
    this.look(id, { do: "watch", source, view, at }, show);
  }

  // Tell how a run stands.
  state(id, source, show) {
    this.look(id, { do: "state", source }, (message, drawn) => {
      drawn();
      show(message);
    });
  }

  look(id, message, show) {
    this.looks.set(id, { message, show });
    this.send({ id, ...message });
  }

  drop(id) {
    if (this.looks.delete(id) && this.connected) this.send({ do: "drop", id });
  }

  ask(message) {
    const id = `ask${(this.asked += 1)}`;
    return new Promise((resolve, refuse) => {
      if (!this.connected) {
        refuse(new Error("There is no connection to the server at the moment."));
        return;
      }
      this.answers.set(id, { resolve, refuse });
      this.send({ id, ...message });
    });
  }

  order(source, order, value) {
    return this.ask({ do: "order", source, order, value });
  }

  pick(view, point) {
    return this.ask({ do: "pick", view, point });
  }

  // What is shown at once of a code in something that this page looks at.
  steer(source, view, at, code) {
    return this.ask({ do: "steer", source, view, at, code });
  }

  moment(board) {
    return this.moments.get(board) ?? NOW;
  }

  go(board, step) {
    if (this.moment(board) === step) return;
    this.moments.set(board, step);
    this.tell();
  }

  // What all panels of a board look at: the sample, the node, its unit and place, the class, and what is off.
  shared(board) {
    return this.chosen.get(board) ?? {};
  }

  // A page tells what its table begins with; what was chosen since on the same table stays.
  begin(board, table, looks) {
    if (this.tables.get(board) === table) return;
    this.tables.set(board, table);
    this.chosen.set(board, { ...looks });
    this.tell();
  }

  // Look at something else; nothing in a value's place takes the choice back.
  choose(board, changes) {
    const looks = { ...this.shared(board), ...changes };
    for (const [name, value] of Object.entries(looks)) if (value === null || value === undefined) delete looks[name];
    this.chosen.set(board, looks);
    this.tell();
  }

  // A run has come upon a table, or gone from it: its panels look at it before the page tells each of them.
  become(board, run) {
    if (this.runs.get(board) === run) return;
    this.runs.set(board, run);
    this.tell();
  }

  // What a panel of a board looks at, which was told this by the page.
  source(board, told) {
    return this.runs.get(board) ?? told;
  }

  // What is pointed at for the moment, which other panels of the board may show.
  point(board, thing) {
    if (thing) this.points.set(board, thing);
    else this.points.delete(board);
    this.tell();
  }

  pointed(board) {
    return this.points.get(board);
  }

  // What a film is about, which the drawing of the networks shows.
  light(board, paths) {
    if (JSON.stringify(paths) === JSON.stringify(this.lit(board))) return;
    this.lights.set(board, paths);
    this.tell();
  }

  lit(board) {
    return this.lights.get(board) ?? [];
  }

  // How high a drawing may be, so that it and all else in the host fill the panel that they stand in; nothing where a
  // panel is as high as what is in it. In low panels what is only said aside has no room.
  fitting(host, drawing) {
    const panel = (host.getRootNode().host ?? host).closest('.stVerticalBlock[class*="-panel-"]');
    if (!panel || getComputedStyle(panel).getPropertyValue("--fits").trim() !== "1") {
      host.classList.remove("low");
      return undefined;
    }
    const whole = panel.getBoundingClientRect();
    host.classList.toggle("low", whole.height < LOW);
    const [inside, drawn] = [host.getBoundingClientRect(), drawing.getBoundingClientRect()];
    const room = whole.bottom - inside.top - (inside.height - drawn.height) - EDGE;
    return whole.height ? Math.max(LEAST, Math.floor(room)) : undefined;
  }

  // Where the pointer is in one figure, for figures of the same kind beside it.
  hover(place) {
    for (const listener of this.hovers) listener(place);
  }

  tell() {
    for (const listener of this.listeners) listener();
  }

  listen(listener) {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}

// An element with what stands in it: elements, and words, which are never read as anything but words.
export function tag(name, attributes = {}, ...inside) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) if (value !== false) made.setAttribute(key, value === true ? "" : value);
  made.append(...inside.filter((one) => one !== undefined && one !== null).map((one) => (one instanceof Node ? one : String(one))));
  return made;
}

// Numbers that came as bytes, in 65,534 steps; one sign more stands for gaps, which are no numbers.
export function numbers({ coded, low, step }) {
  const levels = new Uint16Array(Uint8Array.from(atob(coded), (sign) => sign.charCodeAt(0)).buffer);
  return Float64Array.from(levels, (level) => (level === 65535 ? NaN : low + step * level));
}

// A button's drawing, as one path.
export function icon(path) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("aria-hidden", "true");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

export { NOW };
export const live = new Live();

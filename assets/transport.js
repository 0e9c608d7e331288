// The transport: play, pause, one step, stop, and the slider over all moments of a run.

const SIGNS = {
  play: "M6 4l10 6-10 6z",
  pause: "M6 4h3v12H6zM11 4h3v12h-3z",
  step: "M4 4l8 6-8 6zM13 4h3v12h-3z",
  stop: "M5 5h10v10H5z",
  reset: "M5.5 7.5A5.5 5.5 0 1 1 4.6 11l1.7-.3A3.8 3.8 0 1 0 7 8.6L9 10H3.5V4.5z",
  fold: "M3 4h14v12H3zM4.5 5.5v9h3v-9z",
  lecture: "M3 4h14v9H3zM4.5 5.5v6h11v-6zM6 15h8v1.5H6z",
};
const SAYS = {
  queued: "waits for its turn",
  running: "learns",
  paused: "paused",
  done: "done",
  stopped: "stopped",
  interrupted: "interrupted",
  failed: "failed",
};
const ENDED = ["done", "stopped", "interrupted", "failed"];
const WITHOUT = "vitrine-without-forms"; // a class of the whole page: the forms at the left are folded away
const number = (value) => Number(value.toPrecision(3));
const percent = (share) => `${(100 * share).toFixed(1)} %`;
const NO_END = 1e9; // steps
const PATIENCE = 4000; // milliseconds that a run has to begin in
const count = (number) => Math.round(number ?? 0).toLocaleString("en");

class Transport {
  constructor(parent, { live, NOW, tag, icon }) {
    Object.assign(this, { live, NOW, tag, icon, id: `transport-${Math.random().toString(36).slice(2)}`, states: new Map() });
    this.host = document.createElement("div");
    this.host.className = "transport";
    this.host.dataset.testid = "transport";
    this.host.setAttribute("role", "group");
    this.host.setAttribute("aria-label", "Transport");
    this.host.innerHTML = `
      <span class="side"></span>
      <span class="buttons"></span>
      <select class="unit" aria-label="How far one step goes" title="How far one step goes">
        <option value="1">batch</option><option value="example">example</option><option value="epoch">epoch</option>
      </select>
      <select class="speed" aria-label="Speed" title="How fast it learns, in steps a second">
        <option value="">full speed</option><option value="500">500 steps/s</option><option value="100">100 steps/s</option>
        <option value="50">50 steps/s</option><option value="20">20 steps/s</option><option value="5">5 steps/s</option>
        <option value="1">1 step/s</option>
      </select>
      <span class="chip" data-testid="status"></span>
      <span class="numbers"></span>
      <span class="says"><span class="words" role="status" tabindex="0"></span></span>
      <span class="slide">
        <input type="range" min="0" max="0" value="0" step="1" aria-label="Moment of the run">
        <output></output>
        <span class="more"></span>
      </span>
      <span class="end"></span>`;
    parent.append(this.host);
    this.find = (selector) => this.host.querySelector(selector);
    this.slider = this.find("input");
    this.button("play", "Play", () => this.play());
    this.button("pause", "Pause (space)", () => this.order("pause"));
    this.button("step", "Take one step", () => this.step());
    this.button("stop", "Stop", () => this.order("stop"));
    this.button("reset", "Back to the beginning: first weights again; what was learned stays among the runs", () => this.tell("reset", { run: this.state.run }));
    this.button("fold", "Forms at the left: fold away or show", () => this.fold(!document.documentElement.classList.contains(WITHOUT)), ".side");
    this.find(".speed").addEventListener("change", ({ target }) => {
      const speed = Number(target.value) || null;
      if (this.state && !ENDED.includes(this.state.status) && this.state.status !== "queued") this.order("set", { speed });
      this.tell("speed", { speed });
    });
    this.slider.addEventListener("input", () => this.seek());
    this.word(".more", "now", "Now", "Back from the past", () => this.live.go(this.data.board, this.NOW));
    this.word(".more", "branch", "Branch", "", () => {
      const moment = this.live.moment(this.data.board);
      this.tell("branch", { run: this.state.run, step: moment === this.NOW ? this.state.step : moment });
    });
    this.word(".says", "follow", "Back to the run", "See what this run learns again; undo brings yours back", () =>
      this.tell("follow", this.state.run));
    this.word(".says", "way", "", "Let this run begin in its place; the paused one can go on later", () =>
      this.live.order(`run:${this.state.waits.run}`, "pause").catch((error) => this.say(error.message)),
    );
    this.word(".says", "train", "Train it", "A new run, from first weights, of what you see", () => this.train(null));
    this.host.addEventListener("keydown", (event) => {
      if (event.key !== " " || ["BUTTON", "SELECT"].includes(event.target.tagName) || event.target.closest(".words")) return;
      event.preventDefault();
      if (this.state?.status === "running") this.order("pause");
      else if (!this.find('[data-name="play"]').disabled) this.play();
    });
    this.quiet = live.listen(() => this.show());
  }

  // In a lab the forms may be folded away, panels be arranged, all be steered by keys, and the screen be filled.
  lab(arranges) {
    this.fold(Boolean(localStorage.getItem(WITHOUT)));
    import(/* @vite-ignore */ new URL("live/keys.js", document.baseURI).href).then(({ Keys, Lecture }) => {
      if (this.closed) return;
      this.lecture = new Lecture((on) => this.find('[data-name="lecture"]').setAttribute("aria-pressed", String(on)));
      this.button("lecture", "Lecture view: fill the screen with what is to be seen (F; all keys: ?)", () => this.lecture.turn(), ".end");
      this.find('[data-name="lecture"]').setAttribute("aria-pressed", "false");
      const press = (name) => () => this.find(`[data-name="${name}"]`).disabled || this.find(`[data-name="${name}"]`).click();
      const turn = () => press(this.state?.status === "running" ? "pause" : "play")();
      this.keys = new Keys(
        [
          ["space", "Play or pause", turn],
          ["K", "Play or pause, on a button too", turn],
          ["N", "Take one step", press("step")],
          [",", "One moment back", () => this.walk(-1)],
          [".", "One moment on", () => this.walk(1)],
          ["0", "Back to now", () => this.live.go(this.data.board, this.NOW)],
          ["M", "Fold the forms away, or show them", press("fold")],
          ["F", "Lecture view, and back", () => this.lecture.turn()],
          ["Ctrl Z", "Undo; with Shift, redo"],
          ["←  →", "In the drawing: from layer to layer; at a neuron: from weight to weight, which Enter types"],
          ["↓  ↑", "In the drawing: unfold a block or look closely at a layer, and fold"],
        ],
        this.tag,
      );
    });
    if (!arranges) return;
    import(/* @vite-ignore */ new URL("live/panels.js", document.baseURI).href).then(({ Arranging }) => {
      if (!this.closed) this.arranging = new Arranging((told) => this.tell("arrange", told));
    });
  }

  // The forms are folded away in the browser alone, at once, and stay so.
  fold(without) {
    document.documentElement.classList.toggle(WITHOUT, without);
    localStorage.setItem(WITHOUT, without ? "1" : "");
    this.find('[data-name="fold"]').setAttribute("aria-pressed", String(!without));
    window.dispatchEvent(new Event("resize"));
  }

  button(name, label, act, where = ".buttons") {
    const button = document.createElement("button");
    button.title = label;
    button.dataset.name = name;
    button.setAttribute("aria-label", label);
    button.append(this.icon(SIGNS[name]));
    button.addEventListener("click", act);
    this.find(where).append(button);
  }

  word(where, name, words, title, act) {
    const button = document.createElement("button");
    button.className = "word";
    button.dataset.name = name;
    button.textContent = words;
    button.title = title;
    button.addEventListener("click", act);
    this.find(where).append(button);
  }

  // Of networks that take turns, each may take a step alone.
  alone(turns) {
    const unit = this.find(".unit");
    if (turns.join() === (this.turns ?? []).join()) return;
    this.turns = turns;
    for (const old of unit.querySelectorAll("[data-turn]")) old.remove();
    for (const turn of turns) {
      const option = document.createElement("option");
      option.value = turn;
      option.dataset.turn = turn;
      option.textContent = turn === "round" ? "round" : `${turn} only`;
      unit.append(option);
    }
  }

  take(data, tell) {
    this.tell = tell;
    this.host.classList.toggle("plain", Boolean(data.plain));
    if (!data.plain && !this.data) this.lab(data.arranges);
    this.begun = false;
    if (JSON.stringify(data.sources) !== JSON.stringify(this.data?.sources)) {
      for (const source of this.data?.sources ?? []) this.live.drop(this.id + source);
      this.states = new Map();
      this.complaint = "";
      this.live.go(data.board, this.NOW);
      for (const source of data.sources) {
        this.live.state(this.id + source, source, (message) => {
          if (message.problem) this.say(message.problem);
          else this.become(source, message.state);
        });
      }
    }
    this.live.become(data.board, data.sources.length === 1 && !data.parted ? data.sources[0] : undefined);
    this.alone(data.turns ?? []);
    if (data.learns !== this.data?.learns) this.turned = undefined;
    this.data = data;
    if (this.state) this.compare(this.state.status);
    this.show();
  }

  // The run that orders go to; where several are compared, the first.
  get state() {
    return this.states.get(this.data.sources[0]);
  }

  // The moments of all runs, in order.
  get moments() {
    const every = [...this.states.values()].flatMap((state) => state.moments);
    return this.states.size > 1 ? [...new Set(every)].sort((a, b) => a - b) : every;
  }

  become(source, state) {
    if (this.states.get(source)?.status !== state.status) this.complaint = "";
    this.states.set(source, state);
    this.compare(state.status);
    this.show();
  }

  // The page is told only of what changes its forms: whether the run can still be given orders, and what others set.
  compare(status) {
    if (this.data.learns === ENDED.includes(status) && this.turned !== status) this.tell("turned", (this.turned = status));
    const { changed } = this.state ?? {};
    if (changed && this.data.changed !== changed && this.changed !== changed) this.tell("turned", (this.changed = changed));
  }

  play() {
    if (!this.state || this.data.parted) this.train(null);
    else if (ENDED.includes(this.state?.status)) this.tell("again", this.state.run);
    else this.order("resume");
  }

  step() {
    const far = Number(this.find(".unit").value) || this.find(".unit").value;
    if (this.state && !this.data.parted) this.order("step", far);
    else this.train(far);
  }

  // Begin a run; until the page knows of it, no other is begun.
  train(step) {
    if (this.begun) return;
    this.begun = true;
    setTimeout(() => {
      this.begun = false; // it was refused, which the page says
      if (!this.closed) this.show();
    }, PATIENCE);
    this.tell("train", { step });
    this.show();
  }

  async order(order, value) {
    // Runs that race are told together; those that are over take no more orders.
    const [first, ...others] = this.data.sources;
    const told = this.data.race ? others.filter((source) => !ENDED.includes(this.states.get(source)?.status)) : [];
    const answers = await Promise.allSettled([first, ...told].map((source) => this.live.order(source, order, value)));
    this.say(answers.find((answer) => answer.status === "rejected")?.reason.message ?? "");
  }

  seek() {
    const { moments } = this;
    const place = Number(this.slider.value);
    this.live.go(this.data.board, place >= moments.length ? this.NOW : moments[place]);
  }

  // Go so many moments on, or back.
  walk(by) {
    const { moments } = this;
    const at = moments.indexOf(this.live.moment(this.data.board));
    const next = (at < 0 ? moments.length : at) + by;
    if (next >= 0) this.live.go(this.data.board, moments[next] ?? this.NOW);
  }

  say(words) {
    this.complaint = words;
    this.show();
  }

  show() {
    if (!this.data) return;
    const { state, moments } = this;
    const lost = !this.live.connected;
    const begun = this.data.sources.length > 0;
    const { branches, parted, unfit } = this.data;
    const status = state?.status ?? "none";
    const ended = ENDED.includes(status);
    const alive = Boolean(state) && !ended;
    this.host.classList.toggle("lost", lost);
    this.host.dataset.status = status;
    this.host.dataset.step = state?.step ?? 0;
    const able = {
      play: parted ? !unfit : begun ? status === "paused" || (ended && (!state.parts || status !== "done")) : !unfit,
      pause: status === "running",
      step: parted ? !unfit : begun ? status === "running" || status === "paused" : !unfit,
      stop: alive,
      reset: Boolean(state),
    };
    if (this.begun) able.play = able.step = false;
    for (const [name, can] of Object.entries(able)) this.find(`[data-name="${name}"]`).disabled = !can || lost;
    this.find(".unit").disabled = ended || lost;
    this.find('[data-name="play"]').title = parted ? "Play: begin to learn what you see" : this.words(status, moments.length);
    const known = alive && status !== "queued" && state.step > 0; // before, a run has not heard of it yet
    const speed = String((known ? state.speed : this.data.speed) ?? "");
    const select = this.find(".speed");
    if (![...select.options].some(({ value }) => value === speed)) select.append(this.tag("option", { value: speed }, `${speed} steps/s`));
    if (document.activeElement !== select && select.value !== speed) select.value = speed;
    const waits = lost ? "connection lost, trying again …" : begun ? "…" : "ready";
    this.find(".chip").textContent = lost || !state ? waits : SAYS[status];
    this.find(".numbers").replaceChildren(...this.numbers(state).map(([before, value, after]) => this.tag("span", {}, before, this.tag("b", {}, value), after)));
    const moment = this.live.moment(this.data.board);
    const past = moment !== this.NOW;
    this.slider.max = moments.length;
    this.slider.disabled = !moments.length;
    if (document.activeElement !== this.slider || !past) {
      const place = moments.indexOf(moment);
      this.slider.value = past && place >= 0 ? place : moments.length;
    }
    this.slider.style.setProperty("--along", `${(100 * this.slider.value) / Math.max(1, moments.length)}%`);
    this.find("output").textContent = past ? `step ${count(moment)}` : ended ? "the end" : "now";
    this.offer("now", past);
    this.offer("branch", branches && moments.length && (past || ended || status === "paused"));
    this.find('[data-name="branch"]').title = parted
      ? "A new run that goes on from this moment with what you see; weights that do not fit begin anew"
      : "A new run that goes on from this moment, with the recipe as it stands in the form";
    const wrong = this.complaint || (state && !state.waits ? state.error : "");
    const words = wrong || parted || state?.waits?.words || state?.words || (begun ? "" : unfit) || "";
    this.find(".words").textContent = this.find(".words").title = words;
    this.host.classList.toggle("speaks", Boolean(words));
    this.host.classList.toggle("parted", Boolean(words && (!moments.length || (parted && !wrong))));
    const way = this.find('[data-name="way"]');
    way.hidden = Boolean(wrong) || !state?.waits?.run;
    way.textContent = `Pause ${state?.waits?.name}`;
    this.find(".words").classList.toggle("wrong", Boolean(wrong));
    this.find('[data-name="follow"]').hidden = Boolean(wrong) || !parted;
    this.find('[data-name="train"]').hidden = Boolean(wrong) || !parted || Boolean(unfit);
  }

  // What Play does now.
  words(status, kept) {
    if (status === "none") return "Play: begin to learn";
    if (!ENDED.includes(status)) return "Go on";
    if (status === "done") return "Go on learning, for as long again";
    return kept ? "Resume from the last checkpoint" : "Begin again";
  }

  numbers(state) {
    if (!state) return [];
    const { status, metrics, epoch, rate, parts, pace, step, total } = state;
    const test = metrics?.test ?? metrics?.validation ?? {};
    const end = ENDED.includes(status) || !total || total >= NO_END ? "" : ` of ${count(total)}`;
    return [
      ["step ", count(step), end],
      parts ? ["run ", count(Math.min(parts, Math.floor(epoch ?? 0) + 1)), ` of ${count(parts)}`] : ["epoch ", (epoch ?? 0).toFixed(epoch < 10 ? 2 : 1), ""],
      state.loss !== undefined && state.loss !== null && ["loss ", number(state.loss), ""],
      state.accuracy !== undefined && state.accuracy !== null && test.accuracy === undefined && ["accuracy ", percent(state.accuracy), ""],
      test.accuracy !== undefined && ["test accuracy ", percent(test.accuracy), ""],
      rate && ["rate ", number(rate), ""],
      status === "running" && pace && ["", count(pace), " examples/s"],
    ].filter(Boolean);
  }

  // Buttons keep their place when they are not offered, so that nothing moves.
  offer(name, can) {
    this.find(`[data-name="${name}"]`).classList.toggle("away", !can);
  }

  close() {
    this.closed = true;
    this.live.become(this.data?.board, undefined);
    this.arranging?.close();
    this.keys?.close();
    this.lecture?.close();
    for (const source of this.data?.sources ?? []) this.live.drop(this.id + source);
    this.quiet();
    this.host.remove();
  }
}

const transports = new WeakMap();

export default function ({ parentElement, data, setTriggerValue }) {
  let closed = false;
  const begin = import(/* @vite-ignore */ new URL("live/live.js", document.baseURI).href).then((shared) => {
    if (closed) return;
    if (!transports.has(parentElement)) transports.set(parentElement, new Transport(parentElement, shared));
    transports.get(parentElement).take(data, setTriggerValue);
  });
  return () => {
    closed = true;
    begin.then(() => {
      transports.get(parentElement)?.close();
      transports.delete(parentElement);
    });
  };
}

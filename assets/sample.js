// What a board looks at: the sample with the network's answer, and the ways to choose another one.

const BRUSHES = [10, 18, 28];
const SIDE = 280; // dots of the drawing pad
const WAYS = { browse: "Browse", draw: "Draw", upload: "Upload", camera: "Camera", write: "Write" };
const WHICH = ["all", "mistakes", "most uncertain"];
const SPLITS = ["validation", "test", "train"];
const TOLD = 700; // milliseconds of rest before the page is told,
const WRITTEN = 60; // and before what is written is looked at

const element = (html) => {
  const box = document.createElement("template");
  box.innerHTML = html.trim();
  return box.content.firstElementChild;
};

const option = (value, label, chosen) => {
  const one = document.createElement("option");
  Object.assign(one, { value, textContent: label, selected: chosen });
  return one;
};

let text; // how words are put into an element, and how an example is shown small: the module "small"
let small;
let seen;

class Picker {
  constructor(parent, live) {
    this.live = live;
    this.id = `sample-${crypto.randomUUID?.() ?? Math.random().toString(36).slice(2)}`;
    this.host = element(
      `<div class="picker" data-testid="picker"><div class="now"><div class="sample" hidden></div><div class="what"><div class="words" role="status"></div>` +
        `<div class="said"></div></div><div class="choose"><div class="ways" role="group" aria-label="Choose another sample"></div>` +
        `<label>Ask about <select class="toward" aria-label="Which class is asked about"></select></label><div class="off"></div></div></div>` +
        `<div class="open" hidden></div></div>`,
    );
    for (const name of ["words", "said", "ways", "toward", "off", "open"]) this[name] = this.host.querySelector(`.${name}`);
    this.sample = this.host.querySelector(".sample");
    parent.append(this.host);
    this.toward.addEventListener("change", () => this.choose({ toward: this.toward.value === "predicted" ? null : this.toward.value }));
    this.quiet = live.listen(() => this.follow());
    this.filter = { split: "validation", which: "all", of: null, page: 0 };
    this.paste = (event) => this.way === "upload" && event.clipboardData?.files[0] && this.bring(event.clipboardData.files[0]);
    document.addEventListener("paste", this.paste);
  }

  take(data, tell) {
    this.data = data;
    this.tellPage = tell;
    this.offer(data);
    this.live.begin(data.board, data.table, data.looks);
    this.follow();
  }

  offer({ ways, names, hint }) {
    const offered = JSON.stringify([ways, names, hint]);
    if (offered === this.offered) return;
    this.offered = offered;
    this.turn("");
    this.ways.replaceChildren(
      ...ways.map((name) => {
        const button = text("button", WAYS[name]);
        Object.assign(button, { type: "button", name });
        button.setAttribute("aria-pressed", "false");
        button.addEventListener("click", () => this.turn(this.way === name ? "" : name));
        return button;
      }),
    );
  }

  follow() {
    const { board } = this.data;
    const source = this.live.source(board, this.data.source);
    const at = this.live.moment(board);
    const { sample, off, toward } = this.live.shared(board);
    const view = { kind: "sample", ...(sample && { sample }), ...(off && { off }) };
    const asked = JSON.stringify([source, view, at]);
    if (asked !== this.asked) {
      this.asked = asked;
      this.live.watch(this.id, source, view, at, (message, drawn) => {
        this.show(message);
        drawn();
      });
    }
    if (this.way === "browse") this.browse();
    const looks = JSON.stringify(this.live.shared(board));
    if (looks !== this.looks) {
      const first = this.looks === undefined;
      this.looks = looks;
      this.towards(toward);
      this.lesions(off ?? []);
      clearTimeout(this.telling);
      if (!first || looks !== JSON.stringify(this.data.looks)) this.telling = setTimeout(() => this.tellPage(JSON.parse(looks)), TOLD);
    }
  }

  choose(changes) {
    this.live.choose(this.data.board, changes);
  }

  show({ problem, figure, step }) {
    this.host.dataset.step = step ?? "";
    this.words.textContent = problem ?? figure.words + (step === 0 ? ", asked untrained" : "");
    this.sample.hidden = Boolean(problem);
    this.said.replaceChildren();
    if (problem) return;
    const shown = JSON.stringify(figure.shown);
    if (shown !== this.shown) this.sample.replaceChildren(small(figure.shown));
    this.shown = shown;
    this.host.dataset.sample = this.live.shared(this.data.board).sample ?? "";
    this.host.dataset.said = figure.said[0]?.[1] ?? figure.back;
    if (figure.back) this.said.append(figure.back);
    for (const [place, name, chance] of figure.said) {
      const row = element('<button type="button" class="row"><span class="name"></span><i></i><span class="chance"></span></button>');
      row.title = `Ask about ${seen(name)}`;
      row.children[0].textContent = seen(name);
      row.children[1].style.setProperty("--share", figure.chances ? chance : 0);
      row.children[1].classList.toggle("right", place === figure.truth);
      row.children[2].textContent = figure.chances ? `${(100 * chance).toFixed(chance > 0.9995 ? 0 : 1)} %` : Number(chance).toPrecision(3);
      row.addEventListener("click", () => this.choose({ toward: name }));
      this.said.append(row);
    }
    if (JSON.stringify(figure.classes) !== JSON.stringify(this.classes)) {
      this.classes = figure.classes;
      this.towards(this.live.shared(this.data.board).toward);
    }
  }

  towards(toward) {
    const names = ["predicted", "true", ...(this.classes ?? [])];
    if (toward && !names.includes(toward)) names.push(toward);
    const label = { predicted: "its own answer", true: "the right answer" };
    this.toward.parentElement.hidden = names.length < 4; // a single thing is asked about by itself
    this.toward.replaceChildren(...names.map((name) => option(name, label[name] ?? seen(name), name === (toward ?? "predicted"))));
  }

  lesions(off) {
    this.off.replaceChildren(
      ...off.map((name) => {
        const chip = element('<button type="button" class="chip"></button>');
        chip.textContent = `${name} is off ×`;
        chip.title = `Switch ${name} on again`;
        chip.addEventListener("click", () => {
          const left = off.filter((other) => other !== name);
          this.choose({ off: left.length ? left : null });
        });
        return chip;
      }),
    );
  }

  // -- the ways to another sample ------------------------------------------------------------------------------

  turn(way) {
    this.way = way;
    clearTimeout(this.writing);
    this.stopCamera();
    this.live.drop(`${this.id}-examples`);
    this.listing = this.listed = this.brought = undefined;
    for (const button of this.ways.children) button.setAttribute("aria-pressed", String(button.name === way));
    this.open.replaceChildren();
    this.open.hidden = !way;
    if (way) this[`open_${way}`]();
  }

  open_browse() {
    const line = element('<div class="line"></div>');
    const select = (label, values, name, words = (value) => value) => {
      const field = element("<label><select></select></label>");
      field.prepend(`${label} `);
      field.lastChild.setAttribute("aria-label", label);
      field.lastChild.append(...values.map((value) => option(value ?? "", words(value), value === this.filter[name])));
      field.lastChild.addEventListener("change", ({ target }) => {
        this.filter = { ...this.filter, page: 0, [name]: name === "of" ? (target.value === "" ? null : Number(target.value)) : target.value };
        this.browse();
      });
      line.append(field);
      return field.lastChild;
    };
    select("From", SPLITS, "split");
    select("Show", WHICH, "which");
    this.ofClass = select("Class", [null], "of", () => "every class");
    this.pages = element('<span class="pages"><button type="button" aria-label="Page before">◀</button><span></span><button type="button" aria-label="Next page">▶</button></span>');
    this.pages.firstChild.addEventListener("click", () => this.leaf(-1));
    this.pages.lastChild.addEventListener("click", () => this.leaf(1));
    line.append(this.pages);
    this.gallery = element('<div class="gallery" data-testid="gallery"></div>');
    this.open.append(line, this.gallery);
    this.browse();
  }

  leaf(by) {
    this.filter.page = Math.max(0, this.filter.page + by);
    this.browse();
  }

  browse() {
    const { split, which, of, page } = this.filter;
    const view = { kind: "examples", ...(split !== "validation" && { split }), ...(which !== "all" && { which }), ...(of !== null && { of }), ...(page && { page }) };
    const { board } = this.data;
    const source = this.live.source(board, this.data.source);
    const listing = JSON.stringify([source, view, this.live.moment(board)]);
    if (listing === this.listing) return;
    this.listing = listing;
    this.live.watch(`${this.id}-examples`, source, view, this.live.moment(board), (message, drawn) => {
      this.list(message);
      drawn();
    });
  }

  list({ problem, figure, progress }) {
    if (!this.gallery) return;
    if (!problem && !figure) {
      if (!this.listed) this.gallery.replaceChildren(`The network looks at the examples: ${Math.round(100 * progress)} %.`);
      return;
    }
    if (problem) {
      this.listed = undefined;
      this.gallery.replaceChildren(problem);
      return;
    }
    const { page, pages, found, names, labels, right, columns, gap, sizes, picture, classes, shown } = figure;
    this.pages.children[1].textContent = found ? `${page + 1} of ${pages} · ${found.toLocaleString("en")} found` : "none found";
    this.pages.firstChild.disabled = page <= 0;
    this.pages.lastChild.disabled = page + 1 >= pages;
    if (this.ofClass.options.length !== classes.length + 1) {
      this.ofClass.replaceChildren(option("", "every class", this.filter.of === null), ...classes.map((name, i) => option(i, name, this.filter.of === i)));
    }
    const key = JSON.stringify([names, picture?.length, labels, shown]);
    if (key === this.listed) return;
    this.listed = key;
    const [high, wide] = sizes ?? [1, 1];
    const times = 52 / Math.max(high, wide);
    const sheetWide = columns * (wide + gap) - gap;
    this.gallery.replaceChildren(
      ...names.map((name, place) => {
        const button = element('<button type="button"></button>');
        const [down, along] = [Math.floor(place / columns), place % columns];
        if (shown.length) button.append(small(shown[place]));
        else Object.assign(button.style, {
          width: `${wide * times}px`,
          height: `${high * times}px`,
          backgroundImage: `url(${picture})`,
          backgroundSize: `${sheetWide * times}px auto`,
          backgroundPosition: `${-along * (wide + gap) * times}px ${-down * (high + gap) * times}px`,
        });
        button.title = `${name}: ${labels[place]}`;
        button.setAttribute("aria-label", button.title);
        button.classList.toggle("wrong", !right[place]);
        button.addEventListener("click", () => this.choose({ sample: name }));
        return button;
      }),
    );
  }

  open_draw() {
    const box = element(
      '<div class="drawing"><canvas aria-label="Drawing pad" data-testid="drawing"></canvas>' +
        '<div class="tools" role="group" aria-label="Pen"></div></div>',
    );
    [this.canvas, this.tools] = box.children;
    Object.assign(this.canvas, { width: SIDE, height: SIDE });
    this.pen = this.canvas.getContext("2d", { willReadFrequently: true });
    this.pen.lineCap = this.pen.lineJoin = "round";
    this.pen.fillStyle = "#000";
    this.pen.fillRect(0, 0, SIDE, SIDE);
    this.brush = { size: BRUSHES[1], ink: true };
    const tool = (label, act, pressed) => {
      const button = element('<button type="button"></button>');
      button.textContent = label;
      button.addEventListener("click", () => {
        act();
        mark();
      });
      button.isOn = pressed;
      this.tools.append(button);
    };
    const mark = () => [...this.tools.children].forEach((one) => one.isOn && one.setAttribute("aria-pressed", String(one.isOn())));
    tool("Pen", () => (this.brush.ink = true), () => this.brush.ink);
    tool("Eraser", () => (this.brush.ink = false), () => !this.brush.ink);
    BRUSHES.forEach((size, i) => tool(["Fine", "Medium", "Broad"][i], () => (this.brush.size = size), () => this.brush.size === size));
    tool("Clear", () => {
      this.pen.fillStyle = "#000";
      this.pen.fillRect(0, 0, SIDE, SIDE);
    });
    this.tools.append(element('<p class="hint">The network sees it after every stroke, made as large and as bright as the data are.</p>'));
    mark();
    this.canvas.addEventListener("pointerdown", (event) => {
      this.canvas.setPointerCapture(event.pointerId);
      this.stroke(event, true);
    });
    this.canvas.addEventListener("pointermove", (event) => event.buttons && this.last && this.stroke(event));
    this.canvas.addEventListener("pointerup", () => {
      if (this.last) this.drawn();
      this.last = undefined;
    });
    this.open.append(box);
  }

  stroke(event, first = false) {
    const { left, top, width } = this.canvas.getBoundingClientRect();
    const at = [((event.clientX - left) * SIDE) / width, ((event.clientY - top) * SIDE) / width];
    this.pen.strokeStyle = this.brush.ink ? "#fff" : "#000";
    this.pen.lineWidth = this.brush.size;
    this.pen.beginPath();
    this.pen.moveTo(...(first ? at : this.last));
    this.pen.lineTo(...at);
    this.pen.stroke();
    this.last = at;
  }

  drawn() {
    const { data } = this.pen.getImageData(0, 0, SIDE, SIDE);
    const ink = Uint8Array.from({ length: SIDE * SIDE }, (_, i) => data[4 * i]);
    this.send(ink, "drawing");
  }

  open_write() {
    const field = element('<div class="write"><textarea rows="3" maxlength="1900" spellcheck="false" data-testid="written"></textarea><p class="hint"></p></div>');
    const [area, hint] = field.children;
    const word = this.data.names[0];
    const { sample = "" } = this.live.shared(this.data.board);
    area.setAttribute("aria-label", `Your ${word}`);
    area.value = sample.startsWith(`${word} `) ? sample.slice(word.length + 1) : "";
    hint.textContent = this.data.hint;
    area.addEventListener("input", () => {
      clearTimeout(this.writing);
      this.writing = setTimeout(() => area.value.trim() && this.choose({ sample: `${word} ${area.value}` }), WRITTEN);
    });
    this.open.append(field);
    area.focus();
  }

  open_upload() {
    const field = element('<label class="drop">Drop a picture here, paste one, or <input type="file" accept="image/*" aria-label="A picture"></label>');
    const stop = (event) => event.preventDefault();
    field.addEventListener("dragover", stop);
    field.addEventListener("drop", (event) => {
      stop(event);
      if (event.dataTransfer.files[0]) this.bring(event.dataTransfer.files[0]);
    });
    field.querySelector("input").addEventListener("change", ({ target }) => target.files[0] && this.bring(target.files[0]));
    this.open.append(field, this.ink(), element('<div class="complaint" role="alert"></div>'));
  }

  bring(file) {
    this.brought = file;
    this.send(file, this.inked ? "paper" : "picture", file.name);
  }

  // Whether only the lines are taken of what is brought: pen on paper, or chalk on a board.
  ink() {
    const field = element('<label class="ink"><input type="checkbox"> It is drawn on paper or a board: take only the lines, as large and as bright as the data are</label>');
    const [box] = field.children;
    box.checked = Boolean(this.inked);
    box.addEventListener("change", () => {
      this.inked = box.checked;
      if (this.brought) this.bring(this.brought);
    });
    return field;
  }

  async send(body, how, name = "") {
    const turn = (this.sending = (this.sending ?? 0) + 1);
    const address = new URL(`live/picture?as=${how}&name=${encodeURIComponent(name)}`, document.baseURI);
    const complain = (words) => {
      const place = this.open.querySelector(".complaint");
      if (place) place.textContent = words;
      else this.words.textContent = words;
    };
    try {
      const answer = await (await fetch(address, { method: "POST", body })).json();
      if (turn !== this.sending) return; // something newer is on its way
      complain(answer.problem ?? "");
      if (answer.sample) this.choose({ sample: answer.sample });
    } catch {
      complain("There is no connection to the server at the moment.");
    }
  }

  async open_camera() {
    const box = element('<div class="camera"><video autoplay playsinline muted></video><button type="button">Take the picture</button><div class="complaint" role="alert"></div></div>');
    box.lastChild.before(this.ink());
    this.open.append(box);
    const [video, button, , complaint] = box.children;
    button.disabled = true;
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ video: true });
      if (this.way !== "camera") return stream.getTracks().forEach((track) => track.stop());
      this.stream = stream;
    } catch {
      video.hidden = button.hidden = true;
      complaint.textContent = "The camera cannot be used: there is none, or this page may not use it. Upload a picture instead.";
      return;
    }
    video.srcObject = this.stream;
    button.disabled = false;
    button.addEventListener("click", () => {
      const sheet = document.createElement("canvas");
      [sheet.width, sheet.height] = [video.videoWidth, video.videoHeight];
      sheet.getContext("2d").drawImage(video, 0, 0);
      sheet.toBlob((blob) => this.bring(new File([blob], "The photograph")), "image/png");
    });
  }

  stopCamera() {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = undefined;
  }

  close() {
    this.way = "";
    clearTimeout(this.telling);
    clearTimeout(this.writing);
    this.stopCamera();
    this.live.drop(this.id);
    this.live.drop(`${this.id}-examples`);
    this.quiet();
    document.removeEventListener("paste", this.paste);
    this.host.remove();
  }
}

const pickers = new WeakMap();

export default function ({ parentElement, data, setStateValue }) {
  let closed = false;
  const shared = ["live", "small"].map((name) => import(/* @vite-ignore */ new URL(`live/${name}.js`, document.baseURI).href));
  const begin = Promise.all(shared).then(([{ live }, shown]) => {
    if (closed) return;
    ({ text, small, seen } = shown);
    const tell = (looks) => setStateValue("looks", looks);
    if (!pickers.has(parentElement)) pickers.set(parentElement, new Picker(parentElement, live));
    pickers.get(parentElement).take(data, tell);
  });
  return () => {
    closed = true;
    begin.then(() => {
      pickers.get(parentElement)?.close();
      pickers.delete(parentElement);
    });
  };
}

// A film: slides of a figure one after the other, each with its words; a run that learns waits meanwhile, and takes the
// round that was shown when it is over.

const SIGNS = { back: "M14 4l-8 6 8 6zM5 4h2v12H5z", play: "M6 4l10 6-10 6z", pause: "M6 4h3v12H6zM11 4h3v12h-3z", on: "M6 4l8 6-8 6zM13 4h2v12h-2z" };
const USUAL = 3200; // milliseconds that a slide stays
const PARTS = ["images", "annotations"];

// What a figure shows of its film at a place.
export function slide(figure, place) {
  const one = figure.film[place];
  const layout = { ...figure.layout };
  for (const part of PARTS) layout[part] = one[part].map((at) => figure.layout[part][at]);
  return { ...figure, data: one.data.map((at) => figure.data[at]), layout };
}

export class Film {
  // `hold` lets the run wait, `go` lets it take the next round; both tell whether there is one that obeys. `light` shows
  // what a slide is about in the drawing of the networks.
  constructor(before, { tag, icon, show, hold, go, light }) {
    Object.assign(this, { icon, show, hold, go, light, place: 0, playing: false });
    const [back, play, on] = [
      ["back", "One thing back", () => this.turn(-1)],
      ["play", "Play slowly", () => this.toggle()],
      ["on", "One thing on", () => this.turn(1)],
    ].map(([name, label, act]) => {
      const button = tag("button", { "data-name": name, "aria-label": label, title: label });
      button.append(icon(SIGNS[name]));
      button.addEventListener("click", act);
      return button;
    });
    this.button = play;
    this.count = tag("span", { class: "count" });
    this.words = tag("span", { class: "words", role: "status" });
    this.speed = tag(
      "select",
      { "aria-label": "How fast the film goes", title: "How fast the film goes" },
      ...[["0.5", "half speed"], ["1", "usual speed"], ["2", "twice as fast"], ["6", "six times"]].map(([value, name]) => tag("option", { value }, name)),
    );
    this.speed.value = "1";
    this.speed.addEventListener("change", () => this.playing && this.wait());
    this.host = tag("div", { class: "film", role: "group", "aria-label": "Film" }, tag("span", { class: "buttons" }, back, play, on, this.count, this.speed), this.words);
    before.before(this.host);
  }

  // Where no run obeys, what is looked at is not taken away by what is newer until it was seen to its end.
  get keeps() {
    return Boolean(this.alone) && (this.playing || this.place > 0);
  }

  // New slides: of another step they begin anew.
  take(slides, step) {
    const other = step !== this.step;
    [this.slides, this.step] = [slides, step];
    if (other || this.place >= slides.length) this.place = 0;
    if (other && this.playing) this.wait();
    this.tell();
  }

  tell() {
    const { words, lit } = this.slides[this.place];
    const about = this.playing || this.place ? lit : [];
    if (about.length || this.lit?.length) this.light((this.lit = about)); // else another film may be about something
    if (this.words.textContent !== words) this.words.textContent = words;
    this.count.textContent = `${this.place + 1} of ${this.slides.length}`;
    const name = this.playing ? "pause" : "play";
    if (this.button.dataset.name === name) return;
    this.button.dataset.name = name;
    this.button.title = this.playing ? "Stop the film" : "Play slowly";
    this.button.setAttribute("aria-label", this.button.title);
    this.button.replaceChildren(this.icon(SIGNS[name]));
  }

  async turn(by) {
    this.stop();
    const { step } = this;
    this.alone = !(await this.hold());
    if (step === this.step && !this.closed) this.at(Math.min(this.slides.length - 1, Math.max(0, this.place + by)));
  }

  at(place) {
    if (this.closed) return;
    this.place = place;
    this.tell();
    this.show();
  }

  async toggle() {
    if (this.playing) return this.stop();
    this.playing = true;
    this.tell();
    const { step } = this;
    this.alone = !(await this.hold());
    if (!this.playing || this.closed) return;
    if (step === this.step && this.place === this.slides.length - 1) this.at(0);
    this.wait();
  }

  wait() {
    clearTimeout(this.later);
    this.later = setTimeout(() => this.next(), USUAL / Number(this.speed.value));
  }

  async next() {
    if (!this.playing || this.closed) return;
    if (this.place < this.slides.length - 1) {
      this.at(this.place + 1);
      this.wait();
    } else if (this.alone || !(await this.go())) {
      this.stop();
      if (this.alone) this.at(0);
    } // else the next round's slides come
  }

  stop() {
    clearTimeout(this.later);
    this.playing = false;
    this.tell();
  }

  close() {
    clearTimeout(this.later);
    this.closed = true;
    this.playing = false;
    if (this.lit?.length) this.light([]);
    this.host.remove();
  }
}

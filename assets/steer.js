// A place among codes that one steers by the pointer or by sliders; what is made of it follows at once.

const MOST = 24; // sliders
const STILL = 250; // milliseconds without a move after which nobody walks

export class Steer {
  // `ask` takes a code and promises an answer; `plot` is the figure's own element.
  constructor(host, plot, tag, ask) {
    Object.assign(this, { host, plot, tag, ask });
    this.cross = tag("div", { class: "cross" });
    this.picture = tag("img", { alt: "What the decoder makes of this place", "data-testid": "steered", draggable: "false" });
    this.says = tag("div", { class: "steer-says", role: "status" });
    this.sliders = tag("div", { class: "sliders" });
    const back = tag("button", { type: "button", title: "Back to the code of the sample" }, "Sample");
    const middle = tag("button", { type: "button", title: "To the middle of all codes" }, "Middle");
    back.addEventListener("click", () => this.go(this.steer.mine, false));
    middle.addEventListener("click", () => this.go(this.steer.middle));
    this.box = tag("div", { class: "steer" }, this.picture, this.says, tag("div", { class: "ways" }, back, middle), this.sliders);
    host.append(this.box, this.cross);
    this.moved = (event) => this.point(event);
    plot.addEventListener("pointermove", this.moved);
    plot.addEventListener("pointerdown", this.moved);
  }

  // What there is to steer by now. A place that somebody went to stays, until another sample is chosen; else it is that
  // of the sample, whose code moves while the network learns.
  take(steer) {
    const fresh = this.code?.length !== steer.mine.length;
    if (fresh || this.steer?.sample !== steer.sample) this.held = false;
    this.steer = steer;
    if (fresh) this.lay();
    this.bounds();
    this.go(this.held ? this.code : steer.mine, this.held);
  }

  lay() {
    const number = Math.min(MOST, this.steer.mine.length);
    this.inputs = Array.from({ length: number }, (_, place) => {
      const input = this.tag("input", { type: "range", step: "any", "aria-label": `z${place}` });
      input.addEventListener("input", () => this.go(this.code.map((value, other) => (other === place ? Number(input.value) : value))));
      return input;
    });
    this.figures = this.inputs.map(() => this.tag("span", { class: "figure" }));
    const rows = this.inputs.map((input, place) => this.tag("label", {}, this.tag("span", {}, `z${place}`), input, this.figures[place]));
    const rest = this.steer.mine.length - number;
    this.sliders.replaceChildren(...rows, ...(rest ? [this.tag("p", {}, `and ${rest} more`)] : []));
  }

  bounds() {
    this.inputs.forEach((input, place) => {
      input.min = Math.min(this.steer.low[place], this.steer.mine[place]);
      input.max = Math.max(this.steer.high[place], this.steer.mine[place]);
    });
  }

  // Where the pointer is, as a code; outside the plane nothing follows.
  point(event) {
    const { xaxis, yaxis } = this.plot._fullLayout ?? {};
    if (!xaxis || !this.steer) return;
    const { left, top } = this.plot.getBoundingClientRect();
    const [along, down] = [event.clientX - left - xaxis._offset, event.clientY - top - yaxis._offset];
    if (along < 0 || down < 0 || along > xaxis._length || down > yaxis._length) return;
    const [x, y] = [xaxis.p2d(along), yaxis.p2d(down)];
    const { base, ways } = this.steer;
    this.pointed = performance.now();
    this.go(base.map((value, place) => value + x * ways[0][place] + y * ways[1][place]));
  }

  // Whether somebody walks just now, so that the plane had better stay as it is.
  get walking() {
    return performance.now() - (this.pointed ?? -Infinity) < STILL;
  }

  go(code, held = true) {
    Object.assign(this, { code, held });
    this.asked = performance.now();
    this.inputs.forEach((input, place) => {
      if (document.activeElement !== input) input.value = code[place];
      this.figures[place].textContent = code[place].toFixed(2);
    });
    this.mark();
    this.send();
  }

  // A cross where the code lies in the plane.
  mark() {
    const { xaxis, yaxis } = this.plot._fullLayout ?? {};
    this.cross.hidden = !xaxis;
    if (!xaxis) return;
    const { base, ways } = this.steer;
    const along = (way) => this.code.reduce((sum, value, place) => sum + (value - base[place]) * way[place], 0);
    const [x, y] = [xaxis.d2p(along(ways[0])), yaxis.d2p(along(ways[1]))];
    this.cross.hidden = x < 0 || y < 0 || x > xaxis._length || y > yaxis._length;
    this.cross.style.left = `${this.plot.offsetLeft + xaxis._offset + x}px`;
    this.cross.style.top = `${this.plot.offsetTop + yaxis._offset + y}px`;
  }

  // One question at a time: the newest place, when the last one is answered.
  async send() {
    if (this.busy) return;
    this.busy = true;
    while (this.asked) {
      const began = this.asked;
      this.asked = 0;
      try {
        const { picture } = await this.ask(this.code);
        this.picture.src = picture;
        await this.picture.decode();
        this.says.textContent = "";
        this.host.dataset.lag = Math.round(performance.now() - began);
        this.host.dataset.steered = Number(this.host.dataset.steered ?? 0) + 1;
      } catch (error) {
        this.says.textContent = error.message;
      }
    }
    this.busy = false;
  }

  close() {
    this.plot.removeEventListener("pointermove", this.moved);
    this.plot.removeEventListener("pointerdown", this.moved);
    this.box.remove();
    this.cross.remove();
  }
}

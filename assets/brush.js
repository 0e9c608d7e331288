// A brush with which one paints on a picture: what it passes is shown at once, and told when the pointer lets go.

const COLOURS = { black: "#000", white: "#fff", noise: "#888" };
const MOST = 200; // dots that are told at once

export class Brush {
  // `plot` is the figure's own element; `give` is told the dots that were passed, as rows and columns.
  constructor(host, plot, tag, give) {
    Object.assign(this, { host, plot, tag, give });
    this.layer = tag("div", { class: "painted" });
    host.append(this.layer);
    this.began = (event) => this.begin(event);
    this.moved = (event) => this.stroke && event.pointerId === this.pointer && this.pass(event);
    this.ended = (event) => event.pointerId === this.pointer && this.end();
    plot.style.touchAction = "none"; // a finger paints, and does not scroll
    plot.addEventListener("pointerdown", this.began);
    window.addEventListener("pointermove", this.moved);
    window.addEventListener("pointerup", this.ended);
    window.addEventListener("pointercancel", this.ended);
  }

  // What it paints with now; what was painted before lies in the picture by then.
  take(brush) {
    this.brush = brush;
    if (!this.stroke && !this.told) this.layer.replaceChildren();
  }

  begin(event) {
    if (event.button || this.stroke || !this.dot(event)) return;
    event.preventDefault();
    [this.stroke, this.pointer] = [[], event.pointerId];
    this.pass(event);
  }

  // Every dot between the last place and this one, so that a quick stroke has no gaps.
  pass(event) {
    const dot = this.dot(event);
    if (!dot) return;
    const last = this.stroke.at(-1) ?? dot;
    const steps = Math.max(1, Math.abs(dot[0] - last[0]), Math.abs(dot[1] - last[1]));
    for (let step = 0; step <= steps; step += 1) {
      const between = [0, 1].map((axis) => Math.round(last[axis] + ((dot[axis] - last[axis]) * step) / steps));
      if (String(between) === String(this.stroke.at(-1))) continue;
      this.stroke.push(between);
      this.show(between);
      if (this.stroke.length >= MOST) this.tell([between]); // a long stroke is told in pieces
    }
  }

  // What was passed so far; what cannot be laid is not shown any longer either.
  async tell(rest) {
    const { stroke } = this;
    this.stroke = rest;
    this.told = (this.told ?? 0) + 1;
    const laid = await this.give(stroke);
    this.told -= 1;
    if (!laid && !this.stroke && !this.told) this.layer.replaceChildren();
  }

  end() {
    this.pointer = undefined;
    if (this.stroke?.length) this.tell(undefined);
    else this.stroke = undefined;
  }

  axes() {
    const { _fullLayout: layout } = this.plot;
    const [x, y] = [`xaxis${this.brush.axis}`, `yaxis${this.brush.axis}`];
    return layout?.[x] && [layout[x], layout[y]];
  }

  // The row and the column under the pointer, as far as it is on the picture.
  dot(event) {
    const axes = this.brush && this.axes();
    if (!axes) return undefined;
    const { left, top } = this.plot.getBoundingClientRect();
    const places = [event.clientX - left - axes[0]._offset, event.clientY - top - axes[1]._offset];
    if (places.some((place, n) => place < 0 || place > axes[n]._length)) return undefined;
    const [column, row] = places.map((place, n) => Math.round(axes[n].p2d(place)));
    const [rows, columns] = this.brush.shape;
    return row >= 0 && column >= 0 && row < rows && column < columns ? [row, column] : undefined;
  }

  show([row, column]) {
    const [across, down] = this.axes();
    const { size, laid } = this.brush;
    const half = Math.floor(size / 2) + 0.5;
    const at = (axis, place) => axis._offset + axis.d2p(place);
    const [x, y] = [at(across, column - half), at(down, row - half)];
    const [right, bottom] = [at(across, column - half + size), at(down, row - half + size)];
    const spot = this.tag("i");
    Object.assign(spot.style, {
      left: `${this.plot.offsetLeft + Math.min(x, right)}px`,
      top: `${this.plot.offsetTop + Math.min(y, bottom)}px`,
      width: `${Math.abs(right - x)}px`,
      height: `${Math.abs(bottom - y)}px`,
      background: COLOURS[laid],
    });
    this.layer.append(spot);
  }

  close() {
    this.plot.style.touchAction = "";
    this.plot.removeEventListener("pointerdown", this.began);
    window.removeEventListener("pointermove", this.moved);
    window.removeEventListener("pointerup", this.ended);
    window.removeEventListener("pointercancel", this.ended);
    this.layer.remove();
  }
}

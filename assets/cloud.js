// Many points, painted on a canvas: an element for each would take seconds. Plotly still tells which one is pointed at.

const MANY = 600; // points of a figure from which they are painted
const VIRIDIS = ["#440154", "#482878", "#3e4989", "#31688e", "#26828e", "#1f9e89", "#35b779", "#6ece58", "#b5de2b", "#fde725"];
const SHAPES = {
  circle: (brush, x, y, r) => brush.arc(x, y, r, 0, 2 * Math.PI),
  diamond: (brush, x, y, r) => [[0, -1.3], [1.3, 0], [0, 1.3], [-1.3, 0]].forEach(([a, b], n) => brush[n ? "lineTo" : "moveTo"](x + a * r, y + b * r)),
  square: (brush, x, y, r) => brush.rect(x - r, y - r, 2 * r, 2 * r),
};
const OPEN = "-open";
const shape = ({ symbol = "circle" }) => (typeof symbol === "string" ? SHAPES[symbol.replace(OPEN, "")] : undefined);

const plain = ({ type, mode, marker, x }) =>
  type === "scatter" && mode === "markers" && x?.length && marker?.color && marker.opacity !== 0 && shape(marker);

const numeric = (colour) => typeof colour !== "string" && Array.from(colour ?? []).some((one) => typeof one === "number");

// Of numbers the least and the greatest that a colour stands for.
function ends({ color, cmin, cmax }) {
  const known = Array.from(color).filter(Number.isFinite);
  return [cmin ?? known.reduce((a, b) => Math.min(a, b), Infinity), cmax ?? known.reduce((a, b) => Math.max(a, b), -Infinity)];
}

// Traces as Plotly is to have them: points that are painted stay there to be pointed at, and one that is nowhere stands
// for them in the legend and beside the scale of colours.
export function clouded(data) {
  const painted = data.filter(plain);
  if (painted.reduce((sum, { x }) => sum + x.length, 0) < MANY) return { data, painted: [] };
  const told = data.flatMap((trace) => {
    if (!painted.includes(trace)) return [trace];
    const { marker, legendgroup: group = trace.name } = trace;
    const [low, high] = numeric(marker.color) ? ends(marker) : [];
    const scale = numeric(marker.color) ? { color: [low, high], cmin: low, cmax: high } : {};
    const stands = { ...trace, x: [null, null], y: [null, null], ids: undefined, text: undefined, hoverinfo: "skip", meta: undefined };
    return [
      { ...trace, mode: "none", showlegend: false, legendgroup: group, marker: { ...marker, showscale: false, colorbar: undefined } },
      { ...stands, legendgroup: group, marker: { ...marker, ...scale, size: 6 } },
    ];
  });
  return { data: told, painted };
}

// The colour of every point.
function coloured(marker, fallback) {
  const { color, colorscale } = marker;
  if (!numeric(color)) return (place) => (Array.isArray(color) ? color[place] : color) ?? fallback;
  const stops = Array.isArray(colorscale) ? colorscale : VIRIDIS.map((tone, n) => [n / (VIRIDIS.length - 1), tone]);
  const [low, high] = ends(marker);
  const share = (value) => Math.min(1, Math.max(0, (value - low) / (high - low || 1)));
  const parts = (tone) => tone.match(/\w\w/g).map((part) => parseInt(part, 16));
  const tones = Array.from({ length: 64 }, (_, n) => {
    const along = n / 63;
    const next = Math.max(1, stops.findIndex(([at]) => at >= along));
    const [[from, a], [to, b]] = [stops[next - 1], stops[next]];
    const [one, other] = [parts(a), parts(b)];
    return `rgb(${one.map((value, k) => Math.round(value + ((along - from) / (to - from)) * (other[k] - value)))})`;
  });
  return (place) => tones[Math.round(63 * share(color[place]))] ?? fallback;
}

export class Cloud {
  constructor(plot) {
    this.plot = plot;
    this.canvas = document.createElement("canvas");
    this.canvas.className = "cloud";
    for (const news of ["plotly_afterplot", "plotly_relayouting"]) plot.on(news, () => this.paint());
  }

  take(painted, look) {
    Object.assign(this, { painted, look });
    this.paint();
  }

  paint() {
    const { _fullLayout: layout, _fullData: traces = [] } = this.plot;
    if (!this.painted?.length || !layout) {
      this.canvas.remove();
      return;
    }
    const below = this.plot.querySelector(".gl-container"); // what lies upon it: legends, words, what the pointer is told
    if (this.canvas.parentElement !== below) below.append(this.canvas);
    const dots = window.devicePixelRatio || 1;
    const [wide, high] = [layout.width, layout.height];
    Object.assign(this.canvas, { width: wide * dots, height: high * dots });
    Object.assign(this.canvas.style, { position: "absolute", left: 0, top: 0, width: `${wide}px`, height: `${high}px`, pointerEvents: "none" });
    const brush = this.canvas.getContext("2d");
    brush.scale(dots, dots);
    const shown = traces.filter(({ mode }) => mode === "none");
    this.painted.forEach((trace, place) => {
      if ((shown[place]?.visible ?? true) === true) this.dots(brush, trace, layout);
    });
  }

  dots(brush, { x, y, marker, opacity, xaxis = "x", yaxis = "y" }, layout) {
    const [across, up] = [layout[`xaxis${xaxis.slice(1)}`], layout[`yaxis${yaxis.slice(1)}`]];
    if (!across || !up) return;
    brush.save();
    brush.beginPath();
    brush.rect(across._offset, up._offset, across._length, up._length);
    brush.clip();
    brush.globalAlpha = marker.opacity ?? opacity ?? 1;
    const colour = coloured(marker, this.look.text);
    const outline = shape(marker);
    const open = marker.symbol?.endsWith(OPEN);
    const { width = open ? 1 : 0, color: edge } = marker.line ?? {};
    for (let place = 0; place < x.length; place += 1) {
      const [left, top] = [across._offset + across.d2p(x[place]), up._offset + up.d2p(y[place])];
      if (!Number.isFinite(left) || !Number.isFinite(top)) continue;
      const size = typeof marker.size === "number" ? marker.size : (marker.size?.[place] ?? 6);
      brush.beginPath();
      outline(brush, left, top, size / 2);
      brush.closePath();
      brush.fillStyle = colour(place);
      if (!open) brush.fill();
      if (!width) continue;
      brush.lineWidth = width;
      brush.strokeStyle = open ? colour(place) : (edge ?? this.look.ground);
      brush.stroke();
    }
    brush.restore();
  }
}

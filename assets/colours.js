// The colours of figures, in light and dark, and what a page tells of its own.

const WARM = [[0, "rgba(40,20,90,0)"], [0.35, "rgba(134,38,120,0.65)"], [0.7, "rgba(236,104,44,1)"], [1, "rgba(255,232,96,1)"]]; // over pictures

export const SCALES = {
  light: {
    sequential: [[0, "#f4f3ea"], [0.25, "#b7d8d0"], [0.5, "#58a9b8"], [0.75, "#1f6a9a"], [1, "#16305f"]],
    diverging: [[0, "#8c3a06"], [0.25, "#e39a5b"], [0.5, "#f7f6f0"], [0.75, "#64a8cf"], [1, "#0b4a78"]],
    warm: WARM,
  },
  dark: {
    sequential: [[0, "#141b22"], [0.25, "#1f4a6b"], [0.5, "#2c86a3"], [0.75, "#6cc5b5"], [1, "#f2efc7"]],
    diverging: [[0, "#f0a35e"], [0.25, "#9a5420"], [0.5, "#1a2128"], [0.75, "#2c6f9e"], [1, "#8ccbf0"]],
    warm: WARM,
  },
};
export const SIGNED = { less: "#d5742a", more: "#2f86bd" }; // lines that draw down, and that lift

const parts = (colour) => (colour.match(/\w\w/g) ?? ["ff", "ff", "ff"]).map((part) => parseInt(part, 16));

const shade = (colour) => {
  const [r, g, b] = parts(colour);
  return 0.3 * r + 0.6 * g + 0.1 * b;
};

// The page's colours, as far as figures need them.
export function theme(host) {
  const style = getComputedStyle(host);
  const of = (name, otherwise) => style.getPropertyValue(`--st-${name}`).trim() || otherwise;
  const ground = of("background-color", "#ffffff");
  const text = of("text-color", "#222222");
  return { text, ground, font: of("font", "sans-serif"), line: `${text}26`, dark: shade(ground) < 128 };
}

// 255 colours for signed bytes, -127 to 127, as red, green and blue.
export function signed(dark) {
  const stops = SCALES[dark ? "dark" : "light"].diverging;
  return Array.from({ length: 255 }, (_, i) => {
    const along = i / 254;
    const next = Math.max(1, stops.findIndex(([at]) => at >= along));
    const [[from, a], [to, b]] = [stops[next - 1], stops[next]];
    const share = (along - from) / (to - from);
    const [x, y] = [parts(a), parts(b)];
    return x.map((value, k) => Math.round(value + share * (y[k] - value)));
  });
}

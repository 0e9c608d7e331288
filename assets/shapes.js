// Small pictures of datasets to choose from, and a button that draws the points anew.

const COLOURS = ["#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00"];
const SIDE = 46;

const picture = (canvas, points) => {
  const scale = window.devicePixelRatio || 1;
  canvas.width = canvas.height = SIDE * scale;
  const pen = canvas.getContext("2d");
  pen.scale(scale, scale);
  const most = Math.max(...points.flatMap(([x, y]) => [Math.abs(x), Math.abs(y)])) || 1;
  for (const [x, y, kind, high] of points) {
    pen.globalAlpha = high === undefined ? 0.85 : 0.25 + 0.75 * Math.min(1, Math.abs(high));
    pen.fillStyle = high === undefined ? COLOURS[kind % COLOURS.length] : high < 0 ? COLOURS[0] : COLOURS[1];
    pen.beginPath();
    pen.arc(SIDE / 2 + (x / most) * (SIDE / 2 - 3), SIDE / 2 - (y / most) * (SIDE / 2 - 3), 1.7, 0, 7);
    pen.fill();
  }
};

export default function ({ parentElement, data, setTriggerValue }) {
  const before = parentElement.querySelector(".shapes");
  const focused = before?.querySelector("button:focus") && (before.querySelector("button:focus").dataset.shape ?? "");
  before?.remove();
  const host = document.createElement("div");
  host.className = "shapes";
  host.dataset.testid = "shapes";
  host.setAttribute("role", "group");
  host.setAttribute("aria-label", "How the points lie");
  for (const { name, points } of data.shapes) {
    const button = document.createElement("button");
    const canvas = document.createElement("canvas");
    button.title = name;
    button.dataset.shape = name;
    button.setAttribute("aria-label", name);
    button.setAttribute("aria-pressed", String(name === data.chosen));
    button.disabled = data.locked;
    button.append(canvas);
    picture(canvas, points);
    button.addEventListener("click", () => name !== data.chosen && setTriggerValue("shape", name));
    host.append(button);
  }
  if (data.anew) {
    const anew = document.createElement("button");
    anew.className = "anew";
    anew.textContent = "New points";
    anew.title = "Draw other points of the same kind: with the next seed";
    anew.addEventListener("click", () => setTriggerValue("anew", Date.now()));
    host.append(anew);
  }
  parentElement.append(host);
  if (typeof focused === "string") (host.querySelector(`[data-shape="${CSS.escape(focused)}"]`) ?? host.lastChild).focus(); // one was pressed by key
  return () => host.remove();
}

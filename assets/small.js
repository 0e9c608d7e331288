// How one example of any form is shown small.

// What nobody would see, as a sign.
export const seen = (piece) => ({ " ": "␣", "\n": "⏎", "\t": "⇥" })[piece] ?? piece;

export const text = (name, words, className = "") => {
  const one = document.createElement(name);
  Object.assign(one, { textContent: words, className });
  return one;
};

// How each form of example is shown small.
const SMALL = {
  picture: (address) => Object.assign(new Image(), { src: address, alt: "" }),
  pieces: (pieces) => {
    const box = text("div", "", "pieces");
    const letters = pieces.every((piece) => piece.length < 2);
    box.classList.toggle("letters", letters);
    box.append(...pieces.map((piece) => text("span", seen(piece))));
    return box;
  },
  lines: (lines) => {
    const known = lines.flat().filter((value) => value !== null);
    const [low, high] = [Math.min(...known), Math.max(...known)];
    const drawing = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const most = Math.max(...lines.map((line) => line.length)) - 1 || 1;
    drawing.setAttribute("viewBox", "0 0 100 50");
    drawing.setAttribute("preserveAspectRatio", "none");
    drawing.classList.add("lines");
    for (const line of lines) {
      let begun = false;
      const way = line.map((value, place) => {
        if (value === null) return (begun = false) || "";
        const at = `${begun ? "L" : "M"}${((100 * place) / most).toFixed(2)} ${(46 - (42 * (value - low)) / (high - low || 1)).toFixed(2)}`;
        begun = true;
        return at;
      });
      const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
      path.setAttribute("d", way.join(""));
      drawing.append(path);
    }
    return drawing;
  },
  numbers: (numbers) => text("div", numbers.map((value) => value ?? "none").join("  "), "numbers"),
  fields: (fields) => {
    const box = text("div", "", "fields");
    for (const [name, shown] of Object.entries(fields)) {
      const field = text("div", "", "field");
      field.append(text("span", name, "caption"), small(shown));
      box.append(field);
    }
    return box;
  },
};
export const small = (shown) => {
  const [[kind, what]] = Object.entries(shown);
  return SMALL[kind](what);
};

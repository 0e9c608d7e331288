// Panels of a board are moved by their heads and sized by their lower right corner; the page is told where that ended.

const [GRIP, FAR, TWELFTHS, LEAST, MOST] = [18, 6, 12, 3, 4]; // dots of the corner and of what counts as a move; sizes

const PANEL = '.stVerticalBlock[class*="-panel-"]';
const keyOf = (panel) => [...panel.classList].find((name) => name.includes("-panel-"))?.split("-panel-").at(-1);
const shown = (panel, name) => Number(getComputedStyle(panel.parentElement).getPropertyValue(`--${name}`)) || undefined;

export class Arranging {
  constructor(tell) {
    this.tell = tell;
    this.begin = (event) => this.press(event);
    this.point = (event) => this.cursor(event);
    document.addEventListener("pointerdown", this.begin);
    document.addEventListener("pointermove", this.point, { passive: true });
  }

  // The panel whose corner lies under the pointer.
  corner({ target, clientX, clientY }) {
    const panel = target.closest?.(PANEL);
    if (!panel || !panel.closest('[class*="-labboard"]')) return undefined;
    const { right, bottom } = panel.getBoundingClientRect();
    return right - clientX < GRIP && bottom - clientY < GRIP ? panel : undefined;
  }

  cursor(event) {
    if (this.acting) return;
    document.documentElement.style.cursor = this.corner(event) ? "nwse-resize" : "";
  }

  press(event) {
    if (event.button !== 0 || window.innerWidth < 760) return;
    const sized = this.corner(event);
    const head = event.target.closest?.('[class*="-panelhead-"]');
    if (sized) this.follow(event, sized, (now) => this.size(now, sized), () => this.sized(sized));
    else if (head && !event.target.closest("button, a, input")) {
      const panel = head.closest(PANEL);
      this.follow(event, panel, (now) => this.over(now, panel), () => this.moved(panel));
    }
  }

  // Follow the pointer until it is let go; a click that does not move is left alone.
  follow(first, panel, act, end) {
    let far = false;
    const move = (event) => {
      if (event.pointerId !== first.pointerId) return;
      far ||= Math.hypot(event.clientX - first.clientX, event.clientY - first.clientY) > FAR;
      if (!far) return;
      this.acting = true;
      panel.classList.add("vitrine-moving");
      event.preventDefault();
      act(event);
    };
    const done = (event) => {
      if (event.pointerId !== first.pointerId) return;
      document.removeEventListener("pointermove", move);
      document.removeEventListener("pointerup", done);
      document.removeEventListener("pointercancel", done);
      this.acting = false;
      panel.classList.remove("vitrine-moving");
      document.querySelectorAll(".vitrine-before").forEach((one) => one.classList.remove("vitrine-before"));
      if (far && event.type === "pointerup") end();
      else this.forget(panel);
    };
    first.preventDefault();
    document.addEventListener("pointermove", move);
    document.addEventListener("pointerup", done);
    document.addEventListener("pointercancel", done);
  }

  size({ clientX, clientY }, panel) {
    const board = panel.closest('[class*="-labboard"]');
    const { left, top, height } = panel.getBoundingClientRect();
    const row = height / (shown(panel, "rows") ?? 1);
    const twelfth = board.clientWidth / TWELFTHS;
    const wide = Math.min(TWELFTHS, Math.max(LEAST, Math.round((clientX - left) / twelfth)));
    const rows = Math.min(MOST, Math.max(0.5, Math.round((2 * (clientY - top)) / row) / 2));
    this.wanted = { wide, rows };
    panel.parentElement.style.setProperty("--wide", wide);
    panel.parentElement.style.setProperty("--rows", rows);
  }

  sized(panel) {
    const { wanted } = this;
    this.forget(panel);
    if (wanted) this.tell({ panel: keyOf(panel), size: wanted });
  }

  forget(panel) {
    for (const name of ["wide", "rows"]) panel.parentElement.style.removeProperty(`--${name}`);
    this.wanted = this.target = undefined;
  }

  over({ clientX, clientY }, panel) {
    const other = document.elementsFromPoint(clientX, clientY).map((one) => one.closest(PANEL)).find((one) => one && one !== panel);
    document.querySelectorAll(".vitrine-before").forEach((one) => one.classList.remove("vitrine-before"));
    this.target = other;
    other?.classList.add("vitrine-before");
  }

  moved(panel) {
    if (this.target) this.tell({ panel: keyOf(panel), to: keyOf(this.target) });
    this.target = undefined;
  }

  close() {
    document.removeEventListener("pointerdown", this.begin);
    document.removeEventListener("pointermove", this.point);
    document.documentElement.style.cursor = "";
  }
}

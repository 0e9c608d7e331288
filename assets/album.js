// Bringing pictures, class by class: folders and archives that are dropped, files that are chosen, and the camera.

const SIDE = 224; // of a photograph taken here
const FRAMES = 30; // that one press records
const EVERY = 100; // milliseconds between two
const AT_ONCE = 4; // pictures on their way
const SHOWN = 8; // thumbnails of a class
const PICTURE = /\.(png|jpe?g|jpe|mpo|gif|bmp|webp|tiff?|ppm|pgm|pbm)$/i;
const SPLITS = { __proto__: null, train: "train", training: "train", test: "test", testing: "test", validation: "validation", valid: "validation", val: "validation" };

let tag; // how elements are made

// All files of what was dropped, each with the folders it lies in.
async function walked(entry, inside = []) {
  if (entry.isFile) {
    const file = await new Promise((resolve, refuse) => entry.file(resolve, refuse));
    return [{ file, path: [...inside, file.name] }];
  }
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((resolve, refuse) => reader.readEntries(resolve, refuse));
    if (!some.length) break;
    for (const one of some) for (const each of await walked(one, [...inside, entry.name])) found.push(each);
  }
  return found;
}

// Of which class and split each file is: the first folder says so, below one that holds everything.
function sorted(files) {
  let placed = files.filter(({ path }) => PICTURE.test(path.at(-1)) && !path.some((part) => part.startsWith(".") || part === "__MACOSX"));
  const one = () => placed.length && placed.every(({ path }) => path.length > 2 && path[0] === placed[0].path[0]);
  while (one() && !SPLITS[placed[0].path[0].toLowerCase()]) placed = placed.map((each) => ({ ...each, path: each.path.slice(1) }));
  const split = placed.length && placed.every(({ path }) => path.length > 2 && SPLITS[path[0].toLowerCase()]);
  return placed.map(({ file, path }) => {
    const inside = split ? path.slice(1) : path;
    return { file, label: inside.length > 1 ? inside[0] : "", split: split ? SPLITS[path[0].toLowerCase()] : "" };
  });
}

class Album {
  constructor(parent) {
    this.classes = [];
    this.name = tag("span", { class: "told", role: "status" });
    this.list = tag("div", { class: "classes" });
    this.complaint = tag("div", { class: "complaint", role: "alert" });
    this.folder = this.picking({ webkitdirectory: "", multiple: "" }, (files) => this.take(files.map((file) => ({ file, path: file.webkitRelativePath.split("/") }))));
    this.archive = this.picking({ accept: ".zip" }, ([file]) => file && this.unpack(file));
    this.drop = tag(
      "div",
      { class: "drop", "data-testid": "drop" },
      tag("b", {}, "Drop a folder of pictures, or a zip, here"),
      tag("span", { class: "caption" }, "In it, a folder for each class, called like the class. Folders called train and test are kept apart."),
      tag("div", { class: "line" }, this.button("Choose a folder", () => this.folder.click()), this.button("Choose a zip", () => this.archive.click()), this.button("Add a class by hand", () => this.begin())),
    );
    this.use = this.button("", () => this.send());
    this.use.classList.add("primary");
    this.host = tag("div", { class: "album", "data-testid": "album" }, this.drop, this.folder, this.archive, this.list, this.complaint, tag("div", { class: "line end" }, this.name, this.use));
    parent.append(this.host);
    this.host.addEventListener("dragover", (event) => {
      event.preventDefault();
      this.drop.classList.add("over");
    });
    this.host.addEventListener("dragleave", () => this.drop.classList.remove("over"));
    this.host.addEventListener("drop", (event) => this.dropped(event));
    this.draw();
  }

  button(words, act, more = {}) {
    const button = tag("button", { type: "button", ...more }, words);
    button.addEventListener("click", act);
    return button;
  }

  picking(attributes, act) {
    const input = tag("input", { type: "file", hidden: "", ...attributes });
    input.addEventListener("change", () => {
      act([...input.files]);
      input.value = "";
    });
    return input;
  }

  async dropped(event) {
    event.preventDefault();
    this.drop.classList.remove("over");
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
    try {
      const found = (await Promise.all(entries.map((entry) => walked(entry)))).flat();
      const zip = found.find(({ path }) => path.length === 1 && /\.zip$/i.test(path[0]));
      if (zip) await this.unpack(zip.file);
      else this.take(found);
    } catch (error) {
      this.complain(`This cannot be read: ${error.message}`);
    }
  }

  // Sort files into classes; what lies in no folder goes to the class one is at, if there is one.
  take(files, into) {
    const placed = sorted(files);
    const loose = placed.filter(({ label }) => !label);
    if (loose.length && !into) into = this.classes[0] ?? this.add("");
    for (const { file, label, split } of placed) this.put(label ? this.called(label) : into, file, split);
    const others = files.length - placed.length;
    this.complain(placed.length ? "" : "There is no picture among these files: PNG, JPEG, GIF, BMP, WebP and TIFF are taken.");
    this.others = others ? `${others.toLocaleString("en")} other ${others > 1 ? "files" : "file"} passed by. ` : "";
    this.draw();
  }

  called(name) {
    return this.classes.find((one) => one.name === name) ?? this.add(name);
  }

  add(name) {
    const one = { name, pictures: [] };
    this.classes.push(one);
    return one;
  }

  begin() {
    this.add("");
    this.draw();
    this.list.lastChild.querySelector("input").focus();
  }

  put(one, file, split = "") {
    one.pictures.push({ file, split, name: file.name });
  }

  complain(words) {
    this.complaint.textContent = words;
  }

  draw() {
    this.stop(); // what is drawn anew has no camera in it
    const rows = this.classes.map((one) => this.row(one));
    this.list.replaceChildren(...rows);
    this.count();
  }

  count() {
    const filled = this.classes.filter(({ pictures }) => pictures.length);
    const names = new Set(filled.map(({ name }) => name.trim()));
    const total = filled.reduce((sum, { pictures }) => sum + pictures.length, 0);
    const nameless = filled.some(({ name }) => !name.trim());
    const missing = filled.length < 2 || (names.size < 2 && !nameless) ? "Two classes with pictures are needed. " : nameless ? "Give each class a name. " : "";
    this.name.textContent = (this.others ?? "") + missing;
    this.use.textContent = total ? `Use these ${total.toLocaleString("en")} pictures` : "Use them";
    this.use.disabled = Boolean(missing) || this.busy;
  }

  row(one) {
    const name = tag("input", { type: "text", value: one.name, placeholder: "Name of this class", "aria-label": "Name of this class", maxlength: 60 });
    name.addEventListener("input", () => {
      one.name = name.value;
      this.count();
    });
    const files = this.picking({ accept: "image/*", multiple: "" }, (chosen) => this.take(chosen.map((file) => ({ file, path: [file.name] })), one));
    const much = tag("span", { class: "number" }, one.pictures.length.toLocaleString("en"));
    const small = tag("div", { class: "small" });
    for (const { file } of one.pictures.slice(-SHOWN)) {
      const image = tag("img", { alt: "" });
      image.src = URL.createObjectURL(file);
      image.onload = image.onerror = () => URL.revokeObjectURL(image.src);
      small.append(image);
    }
    const whose = one.name ? ` of ${one.name}` : "";
    const row = tag(
      "div",
      { class: "class" },
      tag("div", { class: "line" }, name, much, this.button("Camera", () => this.film(one, row), { "aria-label": `Take pictures${whose} by camera` }), this.button("Files", () => files.click(), { "aria-label": `Add files${whose}` }), this.button("×", () => this.remove(one), { class: "bare", "aria-label": `Remove the class${one.name ? ` ${one.name}` : ""}`, title: "Remove this class" }), files),
      small,
    );
    return row;
  }

  remove(one) {
    this.classes = this.classes.filter((other) => other !== one);
    this.draw();
  }

  // Show the camera under a class; each press records some frames.
  async film(one, row) {
    const again = this.filmed === one;
    this.stop();
    this.filmed = again ? undefined : one;
    if (again) return;
    const video = tag("video", { autoplay: "", playsinline: "", muted: "" });
    video.muted = true;
    const record = this.button(`Record ${FRAMES} pictures`, () => this.record(one, video, record), { class: "primary" });
    record.disabled = true;
    const camera = tag("div", { class: "camera" }, video, record, this.button("Done", () => this.stop()));
    this.camera = camera;
    row.append(this.camera);
    this.camera.scrollIntoView({ block: "nearest" });
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480 } });
      if (this.camera !== camera || this.closed) return stream.getTracks().forEach((track) => track.stop());
      this.stream = stream;
    } catch {
      if (this.camera !== camera) return undefined;
      this.stop();
      const plain = !window.isSecureContext;
      return this.complain(plain ? "A browser lets only pages of this computer, or with https, use the camera. Choose files instead." : "The camera cannot be used: there is none, or this page may not use it. Choose files instead.");
    }
    video.srcObject = this.stream;
    video.onplaying = () => (record.disabled = false);
  }

  async record(one, video, record) {
    const { camera } = this;
    record.disabled = true;
    const sheet = document.createElement("canvas");
    sheet.width = sheet.height = SIDE;
    const pen = sheet.getContext("2d");
    const least = Math.min(video.videoWidth, video.videoHeight);
    for (let taken = 1; taken <= FRAMES && this.camera === camera; taken++) {
      pen.drawImage(video, (video.videoWidth - least) / 2, (video.videoHeight - least) / 2, least, least, 0, 0, SIDE, SIDE);
      const blob = await new Promise((resolve) => sheet.toBlob(resolve, "image/jpeg", 0.92));
      this.put(one, new File([blob], `photograph ${one.pictures.length + 1}.jpg`));
      record.textContent = `${taken} of ${FRAMES}`;
      await new Promise((resolve) => setTimeout(resolve, EVERY));
    }
    record.textContent = `Record ${FRAMES} more`;
    record.disabled = false;
    const [old, fresh] = [this.list.children[this.classes.indexOf(one)], this.row(one)];
    if (old) for (const part of [".small", ".number"]) old.querySelector(part).replaceWith(fresh.querySelector(part));
    this.count();
  }

  stop() {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.camera?.remove();
    this.stream = this.camera = this.filmed = undefined;
  }

  async post(query, body) {
    const address = new URL(`live/album?${new URLSearchParams(query)}`, document.baseURI);
    const said = await fetch(address, { method: "POST", body, signal: this.ending.signal });
    const answer = await said.json().catch(() => ({ problem: "The server could not take this. Try again." }));
    if (answer.problem) throw new Error(answer.problem);
    return answer;
  }

  // Send all pictures, a few at a time, and tell the page how the dataset is called.
  async send() {
    this.stop();
    const every = this.classes.flatMap((one) => one.pictures.map((picture) => ({ ...picture, label: one.name.trim() })));
    await this.sending(async ({ album }) => {
      let [next, done] = [0, 0];
      const worker = async () => {
        while (next < every.length) {
          const { file, name, label, split } = every[next++];
          await this.post({ do: "picture", album, name, label, split }, file);
          this.name.textContent = `${(++done).toLocaleString("en")} of ${every.length.toLocaleString("en")}`;
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, worker));
    });
  }

  async unpack(file) {
    await this.sending(async ({ album }) => {
      this.name.textContent = `Unpacking ${file.name} …`;
      await this.post({ do: "archive", album, name: file.name }, file);
    });
  }

  async sending(fill) {
    this.ending?.abort();
    this.ending = new AbortController();
    this.busy = this.use.disabled = true;
    this.complain("");
    try {
      const begun = await this.post({ do: "begin" });
      await fill(begun);
      const { path } = await this.post({ do: "done", album: begun.album });
      if (!this.closed) this.tell(path);
    } catch (error) {
      this.ending.abort(); // the others that are on their way
      if (this.closed) return;
      this.complain(error instanceof TypeError ? "There is no connection to the server at the moment." : error.message);
    } finally {
      this.busy = false;
      this.count();
    }
  }

  close() {
    this.closed = true;
    this.ending?.abort();
    this.stop();
    this.host.remove();
  }
}

const albums = new WeakMap();

export default function ({ parentElement, setTriggerValue }) {
  let closed = false;
  const begin = import(/* @vite-ignore */ new URL("live/live.js", document.baseURI).href).then((shared) => {
    if (closed) return;
    tag = shared.tag;
    if (!albums.has(parentElement)) albums.set(parentElement, new Album(parentElement));
    albums.get(parentElement).tell = (path) => setTriggerValue("path", path);
  });
  return () => {
    closed = true;
    begin.then(() => {
      albums.get(parentElement)?.close();
      albums.delete(parentElement);
    });
  };
}

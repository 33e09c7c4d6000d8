// A terminal that shows what was recorded, as xterm does: text, places, erasing, scrolling, colours.
const palette = ["#2e3436", "#e06c75", "#8bc34a", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#d7dde4",
  "#7f8c98", "#ff8a93", "#b5e07a", "#ffd98a", "#8cc8ff", "#dda0f0", "#7fdbe6", "#ffffff"];
const [paper, ink] = ["#14181d", "#d7dde4"];

function color(number) {
  if (number < 16) return palette[number];
  if (number > 231) { const v = 8 + (number - 232) * 10; return `rgb(${v},${v},${v})`; }
  const part = (n) => (n ? 55 + n * 40 : 0);
  const n = number - 16;
  return `rgb(${part(Math.floor(n / 36))},${part(Math.floor(n / 6) % 6)},${part(n % 6)})`;
}

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const wide = /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;
const joined = /[\p{M}\p{Cf}]/u;
// Lines and corners that ESC ( 0 puts in place of letters, from ` to ~.
const drawn = "◆▒␉␌␍␊°±␤␋┘┐┌└┼⎺⎻─⎼⎽├┤┴┬│≤≥π≠£·";
const plain = Object.freeze({});
const historyLimit = 2000;

export class Terminal {
  // Without a terminal a line feed begins a new line.
  constructor(columns, rows, isPlain = false) {
    this.isPlain = isPlain;
    this.decoder = new TextDecoder();
    this.history = [];
    this.dropped = 0;
    this.reset(columns, rows);
  }

  reset(columns = this.columns, rows = this.rows) {
    this.columns = clamp(columns || 80, 1, 500);
    this.rows = clamp(rows || 24, 1, 200);
    this.look = plain;
    this.lines = this.blank();
    this.other = null;
    this.row = this.column = 0;
    this.sets = ["B", "B"];
    this.set = 0;
    this.last = " ";
    this.isCursorShown = this.isWrapping = true;
    this.isInserting = this.isRelative = false;
    this.region = [0, this.rows - 1];
    this.state = "";
    this.isChanged = true;
    this.save();
  }

  blank() { return Array.from({ length: this.rows }, () => []); }

  resize(columns, rows) {
    const lines = this.lines;
    this.columns = clamp(columns || 80, 1, 500);
    this.rows = clamp(rows || 24, 1, 200);
    const surplus = Math.max(0, this.row - this.rows + 1);
    if (!this.other) for (const line of lines.slice(0, surplus)) this.keep(line);
    this.lines = this.blank().map((_, index) => lines[index + surplus] ?? []);
    this.row -= surplus;
    this.column = Math.min(this.column, this.columns - 1);
    this.region = [0, this.rows - 1];
    this.isChanged = true;
  }

  write(bytes) {
    for (const letter of this.decoder.decode(bytes, { stream: true })) this.take(letter);
    this.isChanged = true;
  }

  take(letter) {
    const code = letter.codePointAt(0);
    if (this.state === "") {
      if (code === 27) this.state = "\x1b";
      else if (code < 32 || code === 127) this.control(code);
      else this.print(letter);
    } else if (this.state === "\x1b") {
      if (letter === "[") this.state = "[";
      else if ("]PX^_".includes(letter)) this.state = "string";
      else if (code >= 32 && code < 48) this.state = `1${letter}`;
      else { this.state = ""; this.escape(letter); }
    } else if (this.state[0] === "1") {
      if (this.state === "1(") this.sets[0] = letter;
      if (this.state === "1)") this.sets[1] = letter;
      this.state = "";
    } else if (this.state === "string") {
      if (code === 7) this.state = "";
      if (code === 27) this.state = "\x1b";
    } else if (code === 27) {
      this.state = "\x1b";
    } else if (code < 32) {
      this.control(code);
    } else if (code >= 64 && code < 127) {
      const text = this.state.slice(1);
      this.state = "";
      this.sequence(letter, text);
    } else if (this.state.length < 64) {
      this.state += letter;
    }
  }

  print(letter) {
    const code = letter.codePointAt(0);
    if (code > 127 && joined.test(letter)) {
      const line = this.lines[this.row];
      const cell = line[this.column - 1]?.text ? line[this.column - 1] : line[this.column - 2];
      if (cell && cell.text.length < 16) cell.text += letter;
      return;
    }
    const text = this.sets[this.set] === "0" ? drawn[code - 96] ?? letter : letter;
    const width = code > 127 && wide.test(letter) && this.columns > 1 ? 2 : 1;
    if (this.column + width > this.columns) {
      if (this.isWrapping) { this.column = 0; this.feed(); } else this.column = this.columns - width;
    }
    const line = this.lines[this.row];
    if (this.isInserting) this.insert(width);
    this.fill(line, this.column);
    this.split(line, this.column);
    this.split(line, this.column + width);
    line[this.column] = { text, look: this.look, isWide: width === 2 };
    if (width === 2) line[this.column + 1] = { text: "", look: this.look };
    this.column += width;
    this.last = letter;
  }

  fill(line, count) { while (line.length < count) line.push({ text: " ", look: plain }); }

  // Of a wide character that is overwritten by half, nothing is left.
  split(line, column) {
    if (line[column]?.text !== "") return;
    line[column] = { text: " ", look: line[column].look };
    if (line[column - 1]) line[column - 1] = { text: " ", look: line[column - 1].look };
  }

  control(code) {
    if (code === 8) this.column = Math.max(0, Math.min(this.column, this.columns) - 1);
    if (code === 9) this.column = Math.min(this.columns - 1, (Math.floor(this.column / 8) + 1) * 8);
    if (code >= 10 && code <= 12) { this.feed(); if (this.isPlain) this.column = 0; }
    if (code === 13) this.column = 0;
    if (code === 14) this.set = 1;
    if (code === 15) this.set = 0;
  }

  feed() {
    if (this.row === this.region[1]) this.scroll(1);
    else this.row = Math.min(this.row + 1, this.rows - 1);
  }

  scroll(count, top = this.region[0]) {
    const bottom = this.region[1];
    if (this.row > bottom || top > bottom) return;
    for (let i = 0; i < Math.min(Math.abs(count), bottom - top + 1); i += 1) {
      if (count > 0) {
        const [line] = this.lines.splice(top, 1);
        if (top === 0 && !this.other) this.keep(line);
        this.lines.splice(bottom, 0, this.empty());
      } else { this.lines.splice(bottom, 1); this.lines.splice(top, 0, this.empty()); }
    }
  }

  keep(line) {
    this.history.push(line);
    if (this.history.length > historyLimit) { this.history.shift(); this.dropped += 1; }
  }

  // What is erased has the colour of the background (xterm's terminfo says bce).
  get space() { return { text: " ", look: this.look.back ? { back: this.look.back } : plain }; }
  empty() { return this.look.back ? Array.from({ length: this.columns }, () => this.space) : []; }

  save() {
    const { row, column, look, set, isRelative } = this;
    this.saved = { row, column, look, set, isRelative, sets: [...this.sets] };
  }

  restore() {
    const { row, column, ...rest } = this.saved;
    Object.assign(this, rest, { sets: [...rest.sets] });
    this.row = clamp(row, 0, this.rows - 1);
    this.column = clamp(column, 0, this.columns);
  }

  escape(letter) {
    if (letter === "7") this.save();
    if (letter === "8") this.restore();
    if (letter === "D") this.feed();
    if (letter === "E") { this.feed(); this.column = 0; }
    if (letter === "M") { if (this.row === this.region[0]) this.scroll(-1); else this.move(this.row - 1, this.column); }
    if (letter === "c") this.reset();
  }

  move(row, column) {
    this.row = clamp(row, 0, this.rows - 1);
    this.column = clamp(column, 0, this.columns - 1);
  }

  // Up and down stop at the region's edge for whoever is inside.
  step(rows, columns) {
    const [top, bottom] = this.region;
    const low = this.row >= top ? top : 0;
    const high = this.row <= bottom ? bottom : this.rows - 1;
    this.move(clamp(this.row + rows, low, high), Math.min(this.column, this.columns - 1) + columns);
  }

  place(row, column) { this.move(row + (this.isRelative ? this.region[0] : 0), column); }

  insert(count) {
    const line = this.lines[this.row];
    this.fill(line, this.column);
    line.splice(this.column, 0, ...Array.from({ length: Math.min(count, this.columns) }, () => this.space));
    line.length = Math.min(line.length, this.columns);
  }

  sequence(final, text) {
    if (text.startsWith("?")) return this.mode(final, text.slice(1).split(";").map(Number));
    if (text === "!" && final === "p") return this.restart();
    if (/[^0-9;:]/.test(text)) return;
    if (final === "m") return this.paint(text);
    const numbers = text.split(/[;:]/).map(Number);
    const count = Math.max(1, numbers[0]);
    const line = this.lines[this.row];
    const steps = { A: [-count, 0], B: [count, 0], C: [0, count], D: [0, -count], e: [count, 0], a: [0, count] };
    if (steps[final]) return this.step(...steps[final]);
    switch (final) {
      case "E": this.step(count, 0); this.column = 0; return;
      case "F": this.step(-count, 0); this.column = 0; return;
      case "G": case "`": return this.move(this.row, count - 1);
      case "d": return this.place(count - 1, Math.min(this.column, this.columns - 1));
      case "H": case "f": return this.place(count - 1, Math.max(1, numbers[1] || 1) - 1);
      case "I": for (let i = 0; i < Math.min(count, 100); i += 1) this.control(9); return;
      case "Z": this.column = Math.max(0, (Math.ceil(this.column / 8) - count) * 8); return;
      case "J": return this.erase(numbers[0]);
      case "K": return this.eraseLine(numbers[0]);
      case "X": return this.wipe(line, this.column, Math.min(this.columns, this.column + count));
      case "P":
        line.splice(this.column, count);
        if (this.look.back) this.wipe(line, line.length, this.columns);
        return;
      case "@": return this.insert(count);
      case "L": return this.row >= this.region[0] ? this.scroll(-count, this.row) : undefined;
      case "M": return this.row >= this.region[0] ? this.cutLines(count) : undefined;
      case "S": return this.scrollAll(count);
      case "T": return this.scrollAll(-count);
      case "b": for (let i = 0; i < Math.min(count, this.columns * this.rows); i += 1) this.print(this.last); return;
      case "s": return this.save();
      case "u": return this.restore();
      case "h": case "l": if (numbers.includes(4)) this.isInserting = final === "h"; return;
      case "r": {
        const [top, bottom] = [count - 1, Math.min(numbers[1] || this.rows, this.rows) - 1];
        if (top < bottom) { this.region = [top, bottom]; this.place(0, 0); }
        return;
      }
      default:
    }
  }

  restart() {
    [this.isCursorShown, this.isWrapping, this.isInserting, this.isRelative] = [true, true, false, false];
    [this.region, this.look, this.sets, this.set] = [[0, this.rows - 1], plain, ["B", "B"], 0];
  }

  // Lines that a program takes away are not scrolled off.
  cutLines(count) {
    const bottom = this.region[1];
    if (this.row > bottom) return;
    for (let i = 0; i < Math.min(count, bottom - this.row + 1); i += 1) {
      this.lines.splice(this.row, 1);
      this.lines.splice(bottom, 0, this.empty());
    }
  }

  scrollAll(count) {
    const row = this.row;
    this.row = this.region[0];
    this.scroll(count);
    this.row = row;
  }

  wipe(line, from, to) {
    if (!this.look.back && to >= line.length) { line.length = Math.min(line.length, from); return; }
    this.fill(line, from);
    this.split(line, from);
    this.split(line, to);
    for (let i = from; i < to; i += 1) line[i] = this.space;
  }

  erase(kind) {
    if (kind === 3) { this.dropped += this.history.length; this.history = []; return; }
    if (kind === 0 || kind === 1) this.eraseLine(kind);
    const [from, to] = kind === 0 ? [this.row + 1, this.rows] : kind === 1 ? [0, this.row] : [0, this.rows];
    for (let i = from; i < to; i += 1) this.lines[i] = this.empty();
  }

  eraseLine(kind) {
    const line = this.lines[this.row];
    const column = Math.min(this.column, this.columns - 1);
    if (kind === 0) this.wipe(line, column, this.columns);
    else if (kind === 1) this.wipe(line, 0, column + 1);
    else this.lines[this.row] = this.empty();
  }

  mode(final, numbers) {
    if (final !== "h" && final !== "l") return;
    const isOn = final === "h";
    if (numbers.includes(25)) this.isCursorShown = isOn;
    if (numbers.includes(7)) this.isWrapping = isOn;
    if (numbers.includes(6)) { this.isRelative = isOn; this.place(0, 0); }
    if (numbers.includes(1048)) { if (isOn) this.save(); else this.restore(); }
    if (!numbers.some((n) => [47, 1047, 1049].includes(n))) return;
    if (isOn && !this.other) {
      this.save();
      this.other = { lines: this.lines, saved: this.saved };
      this.lines = this.blank();
    } else if (!isOn && this.other) {
      const { lines, saved } = this.other;
      this.other = null;
      const surplus = Math.max(0, saved.row - this.rows + 1);
      this.lines = this.blank().map((_, i) => lines[i + surplus] ?? []);
      if (numbers.includes(1049)) { this.saved = { ...saved, row: saved.row - surplus }; this.restore(); }
    }
  }

  paint(text) {
    const look = { ...this.look };
    const list = text.split(";");
    const on = { 1: "bold", 2: "dim", 3: "italic", 4: "line", 7: "reverse", 8: "hidden", 9: "strike", 21: "line" };
    const off = { 22: ["bold", "dim"], 23: ["italic"], 24: ["line"], 27: ["reverse"], 28: ["hidden"], 29: ["strike"] };
    for (let i = 0; i < list.length; i += 1) {
      const parts = list[i].split(":").map(Number);
      const n = parts[0];
      if (n === 0) for (const key of Object.keys(look)) delete look[key];
      else if (n === 4 && parts[1] === 0) delete look.line;
      else if (on[n]) look[on[n]] = true;
      else if (off[n]) for (const key of off[n]) delete look[key];
      else if (n >= 30 && n < 38) look.front = color(n - 30);
      else if (n >= 40 && n < 48) look.back = color(n - 40);
      else if (n >= 90 && n < 98) look.front = color(n - 82);
      else if (n >= 100 && n < 108) look.back = color(n - 92);
      else if (n === 39) delete look.front;
      else if (n === 49) delete look.back;
      else if (n === 38 || n === 48) {
        // 38;5;n, 38;2;r;g;b and with colons, there with an optional colour space.
        const isOne = parts.length > 1;
        const rest = isOne ? parts.slice(1) : list.slice(i + 1, i + 5).map(Number);
        const key = n === 38 ? "front" : "back";
        if (rest[0] === 5) { look[key] = color(clamp(rest[1] || 0, 0, 255)); if (!isOne) i += 2; }
        if (rest[0] === 2) {
          const values = isOne && rest.length > 4 ? rest.slice(2, 5) : rest.slice(1, 4);
          look[key] = `rgb(${[0, 1, 2].map((v) => clamp(values[v] || 0, 0, 255))})`;
          if (!isOne) i += 4;
        }
      }
    }
    this.look = Object.keys(look).length ? look : plain;
  }

  // Text nodes and styles set by script: nothing recorded is ever read as HTML.
  draw(element) {
    const isAtEnd = element.scrollHeight - element.scrollTop - element.clientHeight < 8;
    const seen = element.terminal === this ? element.seen : -1;
    const total = this.dropped + this.history.length;
    const lines = this.lines.map((line, row) => this.line(line, row === this.row));
    if (seen < this.dropped || total - seen > 500) {
      element.replaceChildren(...this.history.map((line) => this.line(line, false)), ...lines);
    } else {
      while (element.childElementCount > element.history) element.lastChild.remove();
      element.append(...this.history.slice(seen - this.dropped).map((line) => this.line(line, false)), ...lines);
      while (element.childElementCount > this.history.length + this.rows) element.firstChild.remove();
    }
    element.terminal = this;
    element.seen = total;
    element.history = this.history.length;
    this.isChanged = false;
    if (isAtEnd || seen === -1) element.scrollTop = element.scrollHeight;
  }

  line(cells, hasCursor) {
    const box = document.createElement("div");
    box.className = "line";
    const place = hasCursor && this.isCursorShown ? Math.min(this.column, this.columns - 1) : -1;
    const end = Math.min(this.columns, Math.max(cells.length, place + 1));
    let span = null;
    let last = null;
    for (let i = 0; i < end; i += 1) {
      const cell = cells[i] ?? { text: " ", look: plain };
      if (!span || cell.look !== last || cell.isWide || i === place) {
        span = document.createElement("span");
        this.dress(span, cell.look);
        if (cell.isWide) span.className = "w";
        if (i === place) { span.classList.add("c"); span.style.color = ""; span.style.backgroundColor = ""; }
        box.append(span);
      }
      last = cell.isWide || i === place ? null : cell.look;
      span.append(cell.text);
    }
    return box;
  }

  dress(span, look) {
    if (look === plain) return;
    const [front, back] = look.reverse ? [look.back ?? paper, look.front ?? ink] : [look.front ?? "", look.back ?? ""];
    span.style.color = look.hidden ? "transparent" : front;
    span.style.backgroundColor = back;
    if (look.bold) span.style.fontWeight = "bold";
    if (look.dim) span.style.opacity = "0.65";
    if (look.italic) span.style.fontStyle = "italic";
    const lines = [look.line && "underline", look.strike && "line-through"].filter(Boolean);
    if (lines.length) span.style.textDecoration = lines.join(" ");
  }
}

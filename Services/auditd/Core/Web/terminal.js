// A terminal that shows what was recorded: text, places, erasing, scrolling and colours.
const palette = ["#2e3436", "#e06c75", "#8bc34a", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#d7dde4",
  "#7f8c98", "#ff8a93", "#b5e07a", "#ffd98a", "#8cc8ff", "#dda0f0", "#7fdbe6", "#ffffff"];

function color(number) {
  if (number < 16) return palette[number];
  if (number > 231) { const v = 8 + (number - 232) * 10; return `rgb(${v},${v},${v})`; }
  const part = (n) => (n ? 55 + n * 40 : 0);
  const n = number - 16;
  return `rgb(${part(Math.floor(n / 36))},${part(Math.floor(n / 6) % 6)},${part(n % 6)})`;
}

const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

export class Terminal {
  constructor(columns, rows) {
    this.parser = new TextDecoder();
    this.reset(columns, rows);
  }

  reset(columns = this.columns, rows = this.rows) {
    this.columns = clamp(columns || 80, 1, 500);
    this.rows = clamp(rows || 24, 1, 200);
    this.look = {};
    this.lines = this.blank();
    this.other = null;
    this.row = this.column = 0;
    this.saved = [0, 0];
    this.region = [0, this.rows - 1];
    this.state = "";
    this.isCursorShown = true;
  }

  blank() { return Array.from({ length: this.rows }, () => []); }

  resize(columns, rows) {
    const lines = this.lines;
    this.columns = clamp(columns || 80, 1, 500);
    this.rows = clamp(rows || 24, 1, 200);
    const surplus = Math.max(0, this.row - this.rows + 1);
    this.lines = this.blank().map((_, index) => lines[index + surplus] ?? []);
    this.row -= surplus;
    this.column = Math.min(this.column, this.columns - 1);
    this.region = [0, this.rows - 1];
  }

  write(bytes) {
    for (const letter of this.parser.decode(bytes, { stream: true })) this.take(letter);
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
      else if (code >= 32 && code < 48) this.state = "one";
      else { this.state = ""; this.escape(letter); }
    } else if (this.state === "one") {
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
    if (/\p{M}/u.test(letter)) {
      const cell = this.lines[this.row][this.column - 1];
      if (cell && cell.text.length < 16) cell.text += letter;
      return;
    }
    if (this.column >= this.columns) { this.column = 0; this.feed(); }
    const line = this.lines[this.row];
    while (line.length < this.column) line.push({ text: " ", look: {} });
    line[this.column] = { text: letter, look: this.look };
    this.column += 1;
    if (/[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\u{1f300}-\u{1f64f}\u{1f900}-\u{1f9ff}]/u.test(letter)) {
      line[this.column] = { text: "", look: this.look };
      this.column += 1;
    }
  }

  control(code) {
    if (code === 8) this.column = Math.max(0, Math.min(this.column, this.columns) - 1);
    if (code === 9) this.column = Math.min(this.columns - 1, (Math.floor(this.column / 8) + 1) * 8);
    if (code >= 10 && code <= 12) this.feed();
    if (code === 13) this.column = 0;
  }

  feed() {
    if (this.row === this.region[1]) this.scroll(1);
    else this.row = Math.min(this.row + 1, this.rows - 1);
  }

  scroll(count, top = this.region[0]) {
    const bottom = this.region[1];
    for (let i = 0; i < Math.min(Math.abs(count), bottom - top + 1); i += 1) {
      if (count > 0) { this.lines.splice(top, 1); this.lines.splice(bottom, 0, []); }
      else { this.lines.splice(bottom, 1); this.lines.splice(top, 0, []); }
    }
  }

  escape(letter) {
    if (letter === "7") this.saved = [this.row, this.column];
    if (letter === "8") this.move(...this.saved);
    if (letter === "D") this.feed();
    if (letter === "E") { this.feed(); this.column = 0; }
    if (letter === "M") { if (this.row === this.region[0]) this.scroll(-1); else this.move(this.row - 1, this.column); }
    if (letter === "c") this.reset();
  }

  move(row, column) {
    this.row = clamp(row, 0, this.rows - 1);
    this.column = clamp(column, 0, this.columns - 1);
  }

  sequence(final, text) {
    if (text.startsWith("?")) return this.mode(final, text.slice(1).split(";").map(Number));
    if (/[^0-9;:]/.test(text)) return;
    const numbers = text.split(/[;:]/).map(Number);
    const count = Math.max(1, numbers[0]);
    const line = this.lines[this.row];
    const steps = { A: [-count, 0], B: [count, 0], C: [0, count], D: [0, -count], e: [count, 0], a: [0, count] };
    if (steps[final]) return this.move(this.row + steps[final][0], Math.min(this.column, this.columns - 1) + steps[final][1]);
    switch (final) {
      case "E": return this.move(this.row + count, 0);
      case "F": return this.move(this.row - count, 0);
      case "G": case "`": return this.move(this.row, count - 1);
      case "d": return this.move(count - 1, this.column);
      case "H": case "f": return this.move(count - 1, Math.max(1, numbers[1] || 1) - 1);
      case "J": return this.erase(numbers[0]);
      case "K": return this.eraseLine(numbers[0]);
      case "X": for (let i = this.column; i < Math.min(line.length, this.column + count); i += 1) line[i] = { text: " ", look: {} }; return;
      case "P": line.splice(this.column, count); return;
      case "@":
        while (line.length < this.column) line.push({ text: " ", look: {} });
        line.splice(this.column, 0, ...Array.from({ length: Math.min(count, this.columns) }, () => ({ text: " ", look: {} })));
        line.length = Math.min(line.length, this.columns);
        return;
      case "L": return this.scroll(-count, this.row);
      case "M": return this.scroll(count, this.row);
      case "S": return this.scroll(count);
      case "T": return this.scroll(-count);
      case "s": this.saved = [this.row, this.column]; return;
      case "u": return this.move(...this.saved);
      case "r": {
        const [top, bottom] = [count - 1, Math.min(numbers[1] || this.rows, this.rows) - 1];
        if (top < bottom) { this.region = [top, bottom]; this.move(0, 0); }
        return;
      }
      case "m": return this.paint(numbers);
      default:
    }
  }

  erase(kind) {
    if (kind === 0) { this.eraseLine(0); for (let i = this.row + 1; i < this.rows; i += 1) this.lines[i] = []; }
    else if (kind === 1) { this.eraseLine(1); for (let i = 0; i < this.row; i += 1) this.lines[i] = []; }
    else this.lines = this.blank();
  }

  eraseLine(kind) {
    const line = this.lines[this.row];
    if (kind === 0) line.length = Math.min(line.length, this.column);
    else if (kind === 1) for (let i = 0; i <= Math.min(this.column, line.length - 1); i += 1) line[i] = { text: " ", look: {} };
    else this.lines[this.row] = [];
  }

  mode(final, numbers) {
    const isOn = final === "h";
    if (numbers.includes(25)) this.isCursorShown = isOn;
    if (!numbers.some((n) => [47, 1047, 1049].includes(n))) return;
    if (isOn && !this.other) {
      this.other = this.lines; this.lines = this.blank(); this.saved = [this.row, this.column];
    } else if (!isOn && this.other) {
      this.lines = this.blank().map((_, i) => this.other[i] ?? []); this.other = null; this.move(...this.saved);
    }
  }

  paint(numbers) {
    const look = { ...this.look };
    for (let i = 0; i < numbers.length; i += 1) {
      const n = numbers[i];
      if (n === 0) for (const key of Object.keys(look)) delete look[key];
      else if (n === 1) look.bold = true;
      else if (n === 4) look.line = true;
      else if (n === 7) look.reverse = true;
      else if (n === 22) delete look.bold;
      else if (n === 24) delete look.line;
      else if (n === 27) delete look.reverse;
      else if (n >= 30 && n < 38) look.front = color(n - 30);
      else if (n >= 40 && n < 48) look.back = color(n - 40);
      else if (n >= 90 && n < 98) look.front = color(n - 82);
      else if (n >= 100 && n < 108) look.back = color(n - 92);
      else if (n === 39) delete look.front;
      else if (n === 49) delete look.back;
      else if (n === 38 || n === 48) {
        const key = n === 38 ? "front" : "back";
        if (numbers[i + 1] === 5) { look[key] = color(clamp(numbers[i + 2] || 0, 0, 255)); i += 2; }
        else if (numbers[i + 1] === 2) { look[key] = `rgb(${numbers.slice(i + 2, i + 5).map((v) => clamp(v || 0, 0, 255))})`; i += 4; }
      }
    }
    this.look = look;
  }

  // Text nodes and styles set by script: nothing recorded is ever read as HTML.
  draw(element) {
    const page = document.createDocumentFragment();
    this.lines.forEach((line, row) => {
      let span = null; let last = null;
      const end = row === this.row && this.isCursorShown ? Math.max(line.length, this.column + 1) : line.length;
      for (let i = 0; i < end; i += 1) {
        const cell = line[i] ?? { text: " ", look: {} };
        const isCursor = this.isCursorShown && row === this.row && i === Math.min(this.column, this.columns - 1);
        if (!span || cell.look !== last || isCursor) {
          span = document.createElement("span");
          const { front, back, bold, line: under, reverse } = cell.look;
          span.style.color = reverse ? back ?? "#14181d" : front ?? "";
          span.style.backgroundColor = reverse ? front ?? "#d7dde4" : back ?? "";
          if (bold) span.style.fontWeight = "bold";
          if (under) span.style.textDecoration = "underline";
          if (isCursor) span.className = "c";
          page.append(span);
        }
        last = isCursor ? null : cell.look;
        span.append(cell.text);
      }
      page.append("\n");
    });
    element.replaceChildren(page);
  }
}

import { Terminal } from "/web/terminal.js";

const $ = (id) => document.getElementById(id);
const say = (text) => { $("status").textContent = text; };
let token = sessionStorage.getItem("token") ?? "";

async function ask(path, options = {}) {
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  const reply = await fetch(path, { ...options, headers });
  if (reply.status === 401) { sessionStorage.removeItem("token"); open("login"); $("token").focus(); }
  if (!reply.ok) throw new Error((await reply.json().catch(() => ({}))).message ?? `status ${reply.status}`);
  return reply;
}

function open(name) { for (const id of ["login", "find", "show"]) $(id).hidden = id !== name; }

const clock = (seconds) => {
  const s = Math.max(0, Math.floor(seconds));
  const two = (n) => String(n).padStart(2, "0");
  return s < 3600 ? `${Math.floor(s / 60)}:${two(s % 60)}` : `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
};
const bytes = (n) => (n < 1024 ? `${n} B` : n < 1048576 ? `${(n / 1024).toFixed(1)} KiB` : `${(n / 1048576).toFixed(1)} MiB`);

// The list

let next = null;
async function find(more) {
  const query = new URLSearchParams([...new FormData($("search"))].filter(([, value]) => value));
  query.set("limit", "50");
  if (more && next) query.set("cursor", next);
  say("searching…");
  const page = await (await ask(`/v1/recordings?${query}`)).json();
  next = page.next ?? null;
  if (!more) $("list").replaceChildren();
  for (const entry of page.recordings) $("list").append(row(entry, query));
  $("more").hidden = !next;
  say(`${$("list").children.length} ${$("list").children.length === 1 ? "recording" : "recordings"}${next ? ", and more" : ""}`);
}

function row(entry, query) {
  const line = document.createElement("tr");
  const cell = (text) => { const td = document.createElement("td"); td.append(text); line.append(td); return td; };
  const link = document.createElement("a");
  link.href = `#${entry.id}`;
  link.textContent = new Date(entry.facts.startedAt / 1e6).toLocaleString();
  cell(link);
  cell(entry.facts.username || "–");
  cell(`${entry.facts.remoteAddress} ${entry.facts.country}`);
  const state = cell(entry.state === "open" ? "running" : entry.state);
  if (entry.state === "open") state.className = "open";
  cell(entry.endedAt ? clock((entry.endedAt - entry.facts.startedAt) / 1e9) : "");
  cell(bytes(entry.size));
  const text = query.get("text") ?? query.get("command");
  if (text) hits(entry.id, text, query.has("command"), line.lastChild);
  return line;
}

// Where a hit is, as links to its second.
async function hits(id, text, isCommand, cell) {
  const query = new URLSearchParams({ recording: id, text, limit: "3", kind: isCommand ? "command" : "screen" });
  for (const line of (await (await ask(`/v1/lines?${query}`)).json()).lines) {
    const link = document.createElement("a");
    link.href = `#${id}@${Math.floor(line.offset)}`;
    link.textContent = ` ${clock(line.offset)} ${line.text.slice(0, 60)}`;
    cell.append(document.createElement("br"), link);
  }
}

// The player: events are those of one channel, times in seconds from the beginning.

let player = null;
class Player {
  constructor(id) {
    this.id = id; this.events = []; this.start = null; this.channel = null; this.time = 0;
    this.position = 0; this.isPlaying = false; this.isLive = false; this.screen = new Terminal(80, 24);
    this.stop = new AbortController(); this.commands = [];
  }

  get length() { return this.events.at(-1)?.at ?? 0; }

  take(message) {
    this.start ??= message.timestamp;
    const at = (message.timestamp - this.start) / 1e9;
    const body = message.payload ?? {};
    if ([403, 405].includes(message.type)) this.channel ??= message.channelId;
    if (message.type === 404) this.events.push({ at, channel: message.channelId, size: [body.columns, body.rows] });
    if (message.type === 408) this.events.push({ at, channel: message.channelId, size: [body.columns, body.rows] });
    if (message.type === 500 && body.stream !== 0 && body.data) {
      const data = Uint8Array.from(atob(body.data), (letter) => letter.charCodeAt(0));
      this.events.push({ at, channel: message.channelId, data });
    }
    if (message.type === 1) this.events.push({ at, channel: null });
  }

  apply(event) {
    if (event.channel !== this.channel && this.channel !== null) return;
    if (event.size) this.screen.resize(...event.size);
    if (event.data) this.screen.write(event.data);
  }

  seek(time) {
    time = Math.min(Math.max(0, time), this.length);
    if (time < this.time || this.position === 0) {
      this.screen = new Terminal(80, 24);
      this.position = 0;
    }
    while (this.position < this.events.length && this.events[this.position].at <= time) {
      this.apply(this.events[this.position]);
      this.position += 1;
    }
    this.time = time;
    this.show();
  }

  step(passed) {
    if (!this.isPlaying) return;
    let time = this.time + passed * Number($("speed").value);
    const nextAt = this.events[this.position]?.at;
    if (nextAt !== undefined && $("cut").checked && nextAt - this.time > 1 && time < nextAt - 1) time = nextAt - 1;
    this.seek(time);
    if (this.time >= this.length && !this.isLive) this.pause();
  }

  play() { if (this.time >= this.length && !this.isLive) this.seek(0); this.isPlaying = true; this.show(); }
  pause() { this.isPlaying = false; this.show(); }

  show() {
    this.screen.draw($("screen"));
    $("seek").max = String(this.length);
    $("seek").value = String(this.time);
    $("seek").setAttribute("aria-valuetext", clock(this.time));
    $("clock").textContent = `${clock(this.time)} / ${clock(this.length)}`;
    $("play").textContent = this.isPlaying ? "Pause" : "Play";
    const now = this.commands.findLastIndex((line) => line.offset <= this.time + 0.01);
    [...$("commands").children].forEach((item, index) => {
      if (index === now) item.setAttribute("aria-current", "step"); else item.removeAttribute("aria-current");
    });
  }

  jump(direction) {
    const list = this.commands.map((line) => line.offset);
    const target = direction > 0 ? list.find((at) => at > this.time + 0.01) : list.findLast((at) => at < this.time - 0.5);
    if (target !== undefined) this.seek(target);
  }

  async load(time) {
    const summary = await (await ask(`/v1/recordings/${this.id}`)).json();
    this.isLive = summary.state === "open";
    const { username, remoteAddress, startedAt, container } = summary.facts;
    $("title").textContent = [username || "nobody", remoteAddress, new Date(startedAt / 1e6).toLocaleString(),
      container, this.isLive ? "running now" : summary.state].filter(Boolean).join(" · ");
    say("loading…");
    const lines = this.isLive ? this.live() : this.lines(`/v1/recordings/${this.id}/messages`);
    if (this.isLive) { this.isPlaying = true; this.loadCommands(); }
    let isSought = false;
    for await (const line of lines) {
      if (!line.includes("\"type\"")) continue;
      this.take(JSON.parse(line));
      if (this.isLive && this === player) { if (!isSought) say("running now"); this.time = Math.min(this.time, this.length); isSought = true; this.seek(this.length); }
    }
    this.isLive = false;
    await this.loadCommands();
    say(`${this.events.length} events`);
    if (!isSought) this.seek(time);
    this.show();
  }

  async loadCommands() {
    const query = new URLSearchParams({ recording: this.id, kind: "command", limit: "1000" });
    this.commands = (await (await ask(`/v1/lines?${query}`)).json()).lines;
    $("commands").replaceChildren(...this.commands.map((line) => {
      const item = document.createElement("li");
      const button = document.createElement("button");
      button.textContent = `${clock(line.offset)} ${line.text}`;
      button.addEventListener("click", () => this.seek(line.offset));
      item.append(button);
      return item;
    }));
  }

  async* lines(path) {
    const reader = (await ask(path, { signal: this.stop.signal })).body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      const parts = (rest + value).split("\n");
      rest = parts.pop();
      yield* parts;
    }
    if (rest) yield rest;
  }

  async* live() {
    for await (const line of this.lines(`/v1/recordings/${this.id}/live`)) {
      if (line.startsWith("data: {")) yield line.slice(6);
    }
  }
}

let before = performance.now();
function tick(now) {
  player?.step(Math.min(1, (now - before) / 1000));
  before = now;
  requestAnimationFrame(tick);
}
requestAnimationFrame(tick);

// What the address says: nothing, an identifier, or one with @ and a second.

async function route() {
  try {
    const [, id, second] = /^#([0-9a-f]{32})(?:@(\d+))?$/.exec(location.hash) ?? [];
    player?.stop.abort();
    if (!id) { player = null; open("find"); await find(false); $("search").elements[0].focus(); return; }
    if (player?.id !== id) { $("commands").replaceChildren(); }
    player = new Player(id);
    open("show");
    $("play").focus();
    await player.load(Number(second ?? 0));
  } catch (error) {
    if (error.name !== "AbortError") say(String(error.message));
  }
}

addEventListener("hashchange", route);
$("login").addEventListener("submit", (event) => {
  event.preventDefault();
  token = $("token").value;
  sessionStorage.setItem("token", token);
  route();
});
$("search").addEventListener("submit", (event) => { event.preventDefault(); find(false).catch((e) => say(e.message)); });
$("more").addEventListener("click", () => find(true).catch((e) => say(e.message)));
$("play").addEventListener("click", () => (player.isPlaying ? player.pause() : player.play()));
$("seek").addEventListener("input", () => player.seek(Number($("seek").value)));
$("link").addEventListener("click", () => {
  history.replaceState(null, "", `#${player.id}@${Math.floor(player.time)}`);
  navigator.clipboard?.writeText(location.href).catch(() => {});
  say(location.href);
});
addEventListener("keydown", (event) => {
  if (!player || $("show").hidden || event.ctrlKey || event.metaKey || event.altKey) return;
  if (["INPUT", "SELECT"].includes(event.target.tagName) && event.target.type !== "range") return;
  const speeds = $("speed");
  const actions = {
    " ": () => (player.isPlaying ? player.pause() : player.play()),
    ArrowLeft: () => player.seek(player.time - 5), ArrowRight: () => player.seek(player.time + 5),
    "[": () => player.jump(-1), "]": () => player.jump(1),
    "<": () => { speeds.selectedIndex = Math.max(0, speeds.selectedIndex - 1); },
    ">": () => { speeds.selectedIndex = Math.min(speeds.length - 1, speeds.selectedIndex + 1); },
    Escape: () => { location.hash = ""; },
  };
  if (!actions[event.key]) return;
  event.preventDefault();
  actions[event.key]();
});
route();

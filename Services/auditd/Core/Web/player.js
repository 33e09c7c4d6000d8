// Plays one recording: what one channel showed, the commands, and what happened beside.
import { $, askJSON, bytes, clock, country, date, lines, make, query, say, stateName } from "/web/api.js";
import { describe } from "/web/events.js";
import { Terminal } from "/web/terminal.js";

// Of what a recording shows no more than this is kept in the browser.
const sizeLimit = 64 << 20;
const listLimit = 2000;

export class Player {
  constructor(id) {
    Object.assign(this, { id, start: null, channel: null, time: 0, position: 0, size: 0, count: 0, number: 0 });
    Object.assign(this, { isPlaying: false, isLive: false, isFollowing: false, isFull: false });
    // What was shown, in order: its channel, when (in seconds), and bytes or a size.
    this.events = [];
    this.channels = new Map();
    this.commands = [];
    this.length = 0;
    this.stop = new AbortController();
    this.screen = new Terminal(80, 24);
    for (const name of ["commands", "events", "facts", "marks", "channel"]) $(name).replaceChildren();
    for (const name of ["channels", "follow"]) $(name).hidden = true;
    $("title").textContent = "";
    this.show();
  }

  close() { this.stop.abort(); this.isPlaying = false; }

  // MARK: loading

  async load(time) {
    say("loading…");
    this.isLive = (await this.tell()) === "open";
    this.isPlaying = this.isFollowing = this.isLive;
    this.loadCommands().catch((error) => say(error.message));
    if (this.isLive) say("running now");
    for await (const message of this.isLive ? this.live() : this.whole()) {
      this.take(message);
      if (this.isLive && this.isFollowing) this.seek(this.length);
    }
    if (this.stop.signal.aborted) return;
    const wasLive = this.isLive;
    this.isLive = this.isPlaying = false;
    await this.tell();
    await this.loadCommands();
    say(`${this.count} events${this.isFull ? `; more than ${bytes(sizeLimit)} of output, of which this is the beginning` : ""}`);
    if (!wasLive) this.seek(time);
    this.show();
  }

  async tell() {
    const { state, facts, endedAt, size } = await askJSON(`/v1/recordings/${this.id}`, { signal: this.stop.signal });
    const length = endedAt ? [make("li", {}, clock((endedAt - facts.startedAt) / 1e9)), make("li", {}, bytes(size))] : [];
    document.title = `${facts.username || "nobody"} · Recordings`;
    $("title").textContent = facts.username || "nobody";
    $("facts").replaceChildren(
      make("li", {}, make("span", { className: `state ${state}` }, state === "open" ? "running now" : stateName(state))),
      make("li", {}, date(facts.startedAt)), make("li", {}, facts.remoteAddress, ...country(facts.country)),
      ...(facts.container ? [make("li", {}, facts.container)] : []), ...length, make("li", {}, make("code", {}, this.id)));
    return state;
  }

  async* whole() {
    for await (const line of lines(`/v1/recordings/${this.id}/messages`, { signal: this.stop.signal })) {
      if (this.isFull) return;
      const message = JSON.parse(line);
      if (message.type !== undefined) yield message;
    }
  }

  // A connection that was lost goes on where it stopped.
  async* live() {
    for (let failures = 0; failures < 5;) {
      try {
        const options = { signal: this.stop.signal, headers: { "Last-Event-ID": String(this.number) } };
        for await (const line of lines(`/v1/recordings/${this.id}/live`, options)) {
          failures = 0;
          if (line.startsWith("id: ")) this.number = Number(line.slice(4));
          if (line === "event: end") return;
          if (line.startsWith("data: {")) { const message = JSON.parse(line.slice(6)); if (message.type !== undefined) yield message; }
        }
      } catch (error) {
        if (error.name === "AbortError" || failures === 4) throw error;
      }
      failures += 1;
      say("the connection was lost; trying again…");
      await new Promise((resolve) => { setTimeout(resolve, 1000 * failures); });
      if (this.stop.signal.aborted) return;
      say("running now");
    }
  }

  take(message) {
    this.start ??= message.timestamp;
    const [at, channel, body] = [(message.timestamp - this.start) / 1e9, message.channelId, message.payload ?? {}];
    this.length = Math.max(this.length, at);
    this.count += 1;
    if ([403, 405, 407].includes(message.type)) this.begin(channel, message.type === 403 ? body.program : body.subsystem ?? "shell");
    if (message.type === 404) this.entry(channel).hasTerminal = true;
    if (message.type === 404 || message.type === 408) this.events.push({ at, channel, size: [body.columns, body.rows] });
    if (message.type === 500 && body.stream !== 0 && body.data) {
      const data = Uint8Array.from(atob(body.data), (letter) => letter.charCodeAt(0));
      this.size += data.length;
      this.isFull = this.size > sizeLimit;
      this.events.push({ at, channel, data });
    }
    const words = describe(message);
    if (words && $("events").childElementCount < listLimit) {
      $("events").append(make("li", { className: words.isBad ? "bad" : "" }, make("time", {}, clock(at)), make("span", {}, words.text)));
    }
  }

  entry(channel) {
    if (!this.channels.has(channel)) this.channels.set(channel, { name: "", hasTerminal: false });
    return this.channels.get(channel);
  }

  begin(channel, name) {
    this.entry(channel).name = name;
    const named = [...this.channels].filter(([, entry]) => entry.name);
    $("channel").replaceChildren(...named.map(([number, entry]) => make("option", { value: number }, `${number}: ${entry.name.slice(0, 60)}`)));
    $("channels").hidden = named.length < 2;
    if (this.channel === null) this.choose(channel);
    $("channel").value = String(this.channel);
  }

  choose(channel) {
    this.channel = channel;
    const time = this.time;
    this.rewind();
    this.seek(time);
  }

  async loadCommands() {
    const wanted = query({ recording: this.id, kind: "command", limit: "1000" });
    this.commands = (await askJSON(`/v1/lines?${wanted}`, { signal: this.stop.signal })).lines;
    $("commands").replaceChildren(...this.commands.map((line) => {
      const button = make("button", { type: "button" }, make("time", {}, clock(line.offset)), make("span", {}, line.text));
      button.addEventListener("click", () => this.seek(line.offset));
      return make("li", {}, button);
    }));
    this.mark();
    this.show();
  }

  mark() {
    $("marks").replaceChildren(...this.commands.map((line) => {
      const tick = make("i");
      tick.style.insetInlineStart = `${this.length ? Math.min(100, (100 * line.offset) / this.length) : 0}%`;
      return tick;
    }));
  }

  // MARK: playing

  rewind() {
    const entry = this.channels.get(this.channel);
    this.screen = new Terminal(80, 24, entry ? !entry.hasTerminal : false);
    this.position = 0;
  }

  seek(time) {
    time = Math.min(Math.max(0, time), this.length);
    this.isFollowing = this.isLive && time >= this.length - 0.5;
    if (time < this.time || this.position === 0) this.rewind();
    while (this.position < this.events.length && this.events[this.position].at <= time) {
      const event = this.events[this.position];
      this.position += 1;
      if (event.channel !== this.channel) continue;
      if (event.size) this.screen.resize(...event.size);
      if (event.data) this.screen.write(event.data);
    }
    this.time = time;
    this.show();
  }

  // Pauses are those of the channel that is shown, and last a second when they are cut.
  get nextAt() {
    for (let i = this.position; i < this.events.length; i += 1) if (this.events[i].channel === this.channel) return this.events[i].at;
    return this.length;
  }

  step(passed) {
    if (!this.isPlaying || (this.isLive && this.isFollowing)) return;
    let time = this.time + passed * Number($("speed").value);
    const nextAt = this.nextAt;
    if ($("cut").checked && nextAt - this.time > 1 && time < nextAt - 1) time = nextAt - 1;
    this.seek(time);
    if (this.time >= this.length && !this.isLive) this.pause();
  }

  toggle() { if (this.isPlaying) this.pause(); else this.play(); }

  play() {
    if (this.time >= this.length && !this.isLive) this.seek(0);
    this.isPlaying = true;
    this.show();
  }

  pause() { this.isPlaying = this.isFollowing = false; this.show(); }

  jump(direction) {
    const list = this.commands.map((line) => line.offset);
    const target = direction > 0 ? list.find((at) => at > this.time + 0.01) : list.findLast((at) => at < this.time - 0.5);
    if (target !== undefined) this.seek(target);
  }

  // MARK: showing

  show() {
    if (this.screen.isChanged) { this.fit(); this.screen.draw($("screen")); }
    $("seek").max = String(this.length);
    $("seek").value = String(this.time);
    $("seek").setAttribute("aria-valuetext", `${clock(this.time)} of ${clock(this.length)}`);
    $("clock").textContent = `${clock(this.time)} / ${clock(this.length)}`;
    $("play").textContent = this.isPlaying ? "Pause" : "Play";
    $("play").classList.toggle("playing", this.isPlaying);
    $("follow").hidden = !this.isLive || this.isFollowing;
    const now = this.commands.findLastIndex((line) => line.offset <= this.time + 0.01);
    if (now === this.shown) return;
    this.shown = now;
    [...$("commands").children].forEach((item, index) => {
      if (index !== now) return item.removeAttribute("aria-current");
      item.setAttribute("aria-current", "step");
      const [list, box] = [$("commands").getBoundingClientRect(), item.getBoundingClientRect()];
      if (box.top < list.top || box.bottom > list.bottom) $("commands").scrollTop += box.top - list.top - list.height / 2;
    });
  }

  // Letters as large as leave the terminal room, in all its columns and rows.
  fit() {
    const box = $("screen");
    const wide = (box.clientWidth - 26) / (this.screen.columns * 0.603);
    const high = Math.max(280, innerHeight - 375) / (this.screen.rows * 1.2);
    const size = Math.min(18, Math.max(6, Math.floor(Math.min(wide, Math.max(high, 10)) * 4) / 4));
    box.style.fontSize = `${size}px`;
    box.style.height = `${Math.ceil(this.screen.rows * size * 1.2 + 26)}px`;
  }
}

// The list of recordings, and the search in them.
import { $, askJSON, bytes, clock, country, date, make, open, query, say, stateName } from "/web/api.js";

let next = null;
let latest = 0;

const hidden = ["address", "country", "container", "since", "until", "state"];

// What the form says, as the address has it.
export function wanted() {
  return new URLSearchParams([...new FormData($("search"))].map(([name, value]) => [name, value.trim()]).filter(([, value]) => value));
}

export function fill(values) {
  for (const field of $("search").elements) if (field.name) field.value = values.get(field.name) ?? "";
  if (hidden.some((name) => values.has(name))) $("filters").open = true;
}

// Days are the reader's own; the last one counts.
function time(day, days) {
  const [year, month, number] = day.split("-").map(Number);
  return new Date(year, month - 1, number + days).toISOString().replace(/\.\d+Z$/, "Z");
}

function asked() {
  const values = wanted();
  if (values.has("since")) values.set("since", time(values.get("since"), 0));
  if (values.has("until")) values.set("until", time(values.get("until"), 1));
  return values;
}

export async function find(more) {
  const number = latest += 1;
  const values = asked();
  const text = values.get("text") ?? values.get("command");
  const kind = values.has("text") ? "screen" : "command";
  values.set("limit", "50");
  if (more && next) values.set("cursor", next);
  say("searching…");
  const page = await askJSON(`/v1/recordings?${query(values)}`);
  // Another search has begun meanwhile.
  if (number !== latest) return;
  open("find");
  next = page.next ?? null;
  if (!more) $("list").replaceChildren();
  for (const entry of page.recordings) {
    const line = row(entry);
    $("list").append(line);
    if (text) hits(entry, text, kind, line).catch((error) => say(error.message));
  }
  const count = $("list").querySelectorAll(".recording").length;
  $("more").hidden = !next;
  $("none").hidden = count > 0;
  $("list").parentElement.hidden = count === 0;
  say(`${count} ${count === 1 ? "recording" : "recordings"}${next ? ", and more" : ""}`);
}

function row({ id, facts, state, endedAt, size }) {
  const cell = (content, className = "") => make("td", { className }, ...[content].flat());
  return make("tr", { className: "recording" },
    cell(make("a", { href: `#${id}` }, date(facts.startedAt))), cell(facts.username || "–"),
    cell([facts.remoteAddress, ...country(facts.country)]), cell(facts.container),
    cell(make("span", { className: `state ${state}` }, stateName(state))),
    cell(endedAt ? clock((endedAt - facts.startedAt) / 1e9) : "", "number"), cell(bytes(size), "number"));
}

// Where the words are, as links to their seconds.
async function hits({ id }, text, kind, line) {
  const page = await askJSON(`/v1/lines?${query({ recording: id, text, kind, limit: "4" })}`);
  const links = page.lines.slice(0, 3).map((found) => make("li", {},
    make("a", { href: `#${id}@${Math.floor(found.offset)}` }, make("time", {}, clock(found.offset)), marked(found.text, text))));
  if (page.lines.length > 3) links.push(make("li", {}, "…"));
  if (links.length) line.after(make("tr", { className: "hits" }, make("td", { colSpan: 7 }, make("ul", {}, ...links))));
}

// The line around the words.
function marked(text, words) {
  const at = Math.max(0, text.toLowerCase().indexOf(words.toLowerCase()));
  const from = Math.max(0, at - 40);
  const [end, last] = [at + words.length, at + words.length + 80];
  return make("span", {}, (from ? "…" : "") + text.slice(from, at), make("mark", {}, text.slice(at, end)), text.slice(end, last) + (last < text.length ? "…" : ""));
}

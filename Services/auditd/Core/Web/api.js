// Asking auditd, and saying what it answers.
export const $ = (id) => document.getElementById(id);
export const say = (text) => { $("status").textContent = text; };
export const state = { token: sessionStorage.getItem("token") ?? "" };
let refused = () => {};

export function onRefused(action) { refused = action; }

export function signIn(token) {
  state.token = token;
  sessionStorage.setItem("token", token);
  $("leave").hidden = false;
}

export function forget() {
  state.token = "";
  sessionStorage.removeItem("token");
  $("leave").hidden = true;
}

export async function ask(path, { headers = {}, ...options } = {}) {
  const proof = state.token ? { Authorization: `Bearer ${state.token}` } : {};
  const reply = await fetch(path, { ...options, headers: { ...headers, ...proof } });
  if (reply.status === 401) {
    const wasGiven = Boolean(state.token);
    forget();
    refused();
    // Nobody has done anything wrong yet.
    if (!wasGiven) throw new Error("");
  }
  if (!reply.ok) throw new Error((await reply.json().catch(() => ({}))).message ?? `status ${reply.status}`);
  return reply;
}

export const askJSON = async (path, options) => (await ask(path, options)).json();

// A plus is a plus to auditd, so spaces are written out.
export const query = (values) => new URLSearchParams(values).toString().replaceAll("+", "%20");

export async function* lines(path, options) {
  const reader = (await ask(path, options)).body.pipeThrough(new TextDecoderStream()).getReader();
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

export function open(name) { for (const id of ["login", "find", "show"]) $(id).hidden = id !== name; }

// An element with text and others in it; nothing is ever read as HTML.
export function make(name, properties = {}, ...content) {
  const element = document.createElement(name);
  Object.assign(element, properties);
  element.append(...content);
  return element;
}

export function clock(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  const two = (n) => String(n).padStart(2, "0");
  const hours = Math.floor(s / 3600);
  return `${hours ? `${hours}:${two(Math.floor(s / 60) % 60)}` : Math.floor(s / 60)}:${two(s % 60)}`;
}

export const date = (nanoseconds) => new Date(nanoseconds / 1e6).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
export const bytes = (n) => (n < 1024 ? `${n} B` : n < 1048576 ? `${(n / 1024).toFixed(1)} KiB` : `${(n / 1048576).toFixed(1)} MiB`);
export const stateName = (name) => (name === "open" ? "running" : name);
export const country = (code) => (code && code !== "XX" ? [make("span", { className: "country" }, code)] : []);

// What the address says is shown: a search (#?user=…), or a recording (#ID or #ID@second).
import { $, forget, onRefused, open, query, say, signIn, state } from "/web/api.js";
import { fill, find, wanted } from "/web/list.js";
import { Player } from "/web/player.js";

let player = null;
let list = "";

async function route() {
  try {
    const [, id, second] = /^#([0-9a-f]{32})(?:@(\d+))?$/.exec(location.hash) ?? [];
    player?.close();
    player = null;
    if (!id) {
      list = location.hash;
      document.title = "Recordings";
      fill(new URLSearchParams(list.startsWith("#?") ? list.slice(2) : ""));
      open("find");
      await find(false);
      $("search").elements[0].focus({ preventScroll: true });
      return;
    }
    open("show");
    $("back").href = list || "#";
    $("play").focus();
    player = new Player(id);
    await player.load(Number(second ?? 0));
  } catch (error) {
    if (error.name !== "AbortError") say(error.message);
  }
}

const complain = (promise) => promise.catch((error) => say(error.message));

addEventListener("hashchange", route);
onRefused(() => { player?.close(); player = null; open("login"); $("token").focus(); });
$("login").addEventListener("submit", (event) => { event.preventDefault(); signIn($("token").value); route(); });
$("leave").addEventListener("click", () => { forget(); location.hash = ""; location.reload(); });
$("search").addEventListener("submit", (event) => {
  event.preventDefault();
  const text = query(wanted());
  const hash = text ? `#?${text}` : "";
  if (location.hash === hash) complain(find(false)); else location.hash = hash || "#";
});
$("clear").addEventListener("click", () => { fill(new URLSearchParams()); $("search").requestSubmit(); });
$("more").addEventListener("click", () => complain(find(true)));
$("play").addEventListener("click", () => player?.toggle());
$("follow").addEventListener("click", () => player?.seek(Infinity));
$("seek").addEventListener("input", () => player?.seek(Number($("seek").value)));
$("channel").addEventListener("change", () => player?.choose(Number($("channel").value)));
$("link").addEventListener("click", () => {
  history.replaceState(null, "", `#${player.id}@${Math.floor(player.time)}`);
  navigator.clipboard?.writeText(location.href).catch(() => {});
  say(location.href);
});
addEventListener("resize", () => player?.fit());

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (["INPUT", "SELECT"].includes(event.target.tagName) && event.target.type !== "range") return;
  const speeds = $("speed");
  const actions = player ? {
    " ": () => player.toggle(),
    ArrowLeft: () => player.seek(player.time - 5), ArrowRight: () => player.seek(player.time + 5),
    Home: () => player.seek(0), End: () => player.seek(Infinity),
    "[": () => player.jump(-1), "]": () => player.jump(1),
    "<": () => { speeds.selectedIndex = Math.max(0, speeds.selectedIndex - 1); },
    ">": () => { speeds.selectedIndex = Math.min(speeds.length - 1, speeds.selectedIndex + 1); },
    Escape: () => { location.hash = list || "#"; },
  } : { "/": () => $("search").elements[0].focus() };
  // A button that has the focus keeps its key.
  if (!actions[event.key] || (event.key === " " && event.target.tagName === "BUTTON" && event.target.id !== "play")) return;
  event.preventDefault();
  actions[event.key]();
});

let before = performance.now();
function tick(now) {
  player?.step(Math.min(1, (now - before) / 1000));
  before = now;
  requestAnimationFrame(tick);
}
requestAnimationFrame(tick);
$("leave").hidden = !state.token;
route();

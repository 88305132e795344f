// The page's life: fetch what the chosen user sees, draw it, send what they press.
import { el, renderer } from "/page/render.js";

const $ = (id) => document.getElementById(id);
const token = document.querySelector("meta[name=page-token]").content;
const params = new URLSearchParams(location.search);
const openThreads = new Set(); // or closed ones, where ?threads=open has all of them open
const allOpen = params.get("threads") === "open";
const seen = JSON.parse(sessionStorage.getItem("seen") ?? "{}"); // the newest message read, by user and channel
let state = null;
let me = params.get("as") ?? "";
let here = params.get("channel") ?? "";
let shownView = "";
let fetching = false, again = false;

// refresh fetches the state; calls during a fetch make one more, so that the last change is seen.
async function refresh() {
  if (fetching) { again = true; return; }
  fetching = true;
  try {
    do {
      again = false;
      const before = me;
      const res = await fetch("/page/state?user=" + encodeURIComponent(me));
      if (!res.ok) throw new Error(await res.text());
      state = await res.json();
      chooseUser();
      if (me !== before) again = true;
    } while (again);
    draw();
  } catch (err) {
    $("link").className = "link";
    $("link").textContent = "stand-in not reachable";
  } finally { fetching = false; }
}

// The address may name a person (?as=bob); otherwise the first who is not an app.
function chooseUser() {
  const people = state.users.filter((u) => !u.app);
  me = (people.find((u) => u.id === me || u.name === me) ?? people[0])?.id ?? "";
}

async function send(path, body) {
  const res = await fetch(path, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Page-Token": token },
    body: JSON.stringify({ user: me, ...body }),
  });
  const answer = res.ok ? await res.json() : { ok: false, error: await res.text() };
  if (!answer.ok) toast(answer.error);
  return answer.ok;
}

function toast(text) {
  $("toast").textContent = text;
  $("toast").hidden = false;
  clearTimeout(toast.timer);
  toast.timer = setTimeout(() => { $("toast").hidden = true; }, 6000);
}

function draw() {
  if (!state.channels.some((c) => c.id === here)) here = state.channels[0]?.id ?? "";
  const channel = state.channels.find((c) => c.id === here);
  markSeen(channel);
  document.title = (channel ? label(channel) + " · " : "") + "Stand-in for Slack";
  $("address").textContent = state.address;
  $("team").textContent = state.team;
  drawWho();
  drawChannels();
  $("link").className = "link" + (state.http || state.sockets > 0 ? " up" : "");
  $("link").textContent = state.http ? `${state.bot} by signed HTTP`
    : state.sockets > 0 ? `${state.bot} connected, ${state.sockets} socket${state.sockets > 1 ? "s" : ""}` : `${state.bot} is not connected`;
  $("title").textContent = channel ? label(channel) : "No channel";
  $("topic").textContent = channel?.topic ?? "";
  $("composer").hidden = !channel || !state.commands?.length;
  $("command").placeholder = `Type a command, such as ${state.commands?.[0] ?? ""}`;
  drawMessages(channel);
  drawModal();
}

const label = (c) => (c.dm ? state.bot : "# " + c.name);

function markSeen(channel) {
  const newest = channel?.messages.at(-1)?.ts;
  if (newest) seen[me + channel.id] = newest;
  sessionStorage.setItem("seen", JSON.stringify(seen));
}

function drawWho() {
  const options = state.users.filter((u) => !u.app).map((u) =>
    el("option", { value: u.id, selected: u.id === me }, u.real_name + (u.note ? ` (${u.note})` : "")));
  $("who").replaceChildren(...options);
}

function drawChannels() {
  const item = (c) => {
    const fresh = c.messages.filter((m) => m.ts > (seen[me + c.id] ?? "")).length;
    return el("button", { type: "button", class: fresh ? "unread" : "", "aria-current": String(c.id === here), onclick: () => { here = c.id; draw(); } },
      label(c), fresh ? el("span", { class: "new" }, String(fresh)) : null);
  };
  const group = (title, list) => (list.length ? [el("h2", {}, title), ...list.map(item)] : []);
  $("channels").replaceChildren(
    ...group("Channels", state.channels.filter((c) => !c.dm)),
    ...group("Direct messages", state.channels.filter((c) => c.dm)));
}

function drawMessages(channel) {
  const box = $("messages");
  const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 60;
  const all = channel?.messages ?? [];
  const nodes = all.filter((m) => !m.thread_ts).map((m) => message(channel, m, all.filter((r) => r.thread_ts === m.ts)));
  // Replies whose parent is no longer kept still show.
  const tops = new Set(all.map((m) => m.ts));
  nodes.push(...all.filter((m) => m.thread_ts && !tops.has(m.thread_ts)).map((m) => message(channel, m, [])));
  box.replaceChildren(...(nodes.length ? nodes : [el("p", { class: "empty" }, "Nothing here yet.")]));
  if (atEnd || channel?.id !== drawMessages.last) box.scrollTop = box.scrollHeight;
  drawMessages.last = channel?.id;
}

function message(channel, m, replies) {
  const user = state.users.find((u) => u.id === m.user);
  const name = user?.real_name ?? m.user;
  const r = renderer(state, async (e, value, node) => {
    node.disabled = true;
    await send("/page/click", { channel: channel.id, ts: m.ts, action: e.action_id, value });
    node.disabled = false;
    refresh();
  });
  const blocks = m.blocks ?? [];
  const body = blocks.length
    ? el("div", { class: "body card" }, ...blocks.map((b) => r.block(b)))
    : el("div", { class: "body" + (m.ephemeral ? " card" : "") }, el("div", { class: "text" }, ...r.mrkdwn(m.text)));
  const when = new Date(Number(m.ts) * 1000);
  return el("article", { class: "message" + (m.ephemeral ? " ephemeral" : "") },
    avatar(user, name),
    el("div", {},
      m.ephemeral ? el("div", { class: "private" }, "Only visible to you") : null,
      el("div", { class: "by" }, el("b", {}, name), user?.app ? el("span", { class: "tag" }, "APP") : null,
        el("time", { datetime: when.toISOString() }, when.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })),
        m.edited ? el("span", { class: "edited" }, "(edited)") : null),
      body,
      replies.length ? thread(channel, m, replies) : null));
}

function thread(channel, m, replies) {
  const open = openThreads.has(m.ts) !== allOpen;
  const toggle = () => { openThreads.has(m.ts) ? openThreads.delete(m.ts) : openThreads.add(m.ts); draw(); };
  const count = `${replies.length} ${replies.length === 1 ? "reply" : "replies"}`;
  return el("div", {},
    el("button", { class: "thread-toggle", type: "button", "aria-expanded": String(open), onclick: toggle }, (open ? "▾ " : "▸ ") + count),
    open ? el("div", { class: "thread" }, ...replies.map((r) => message(channel, r, []))) : null);
}

function avatar(user, name) {
  const node = el("div", { class: "avatar" + (user?.app ? " app" : ""), "aria-hidden": "true" }, (name[0] ?? "?").toUpperCase());
  let hue = 0;
  for (const ch of user?.id ?? "") hue = (hue * 31 + ch.codePointAt(0)) % 360;
  node.style.setProperty("--hue", hue);
  return node;
}

// A modal is drawn again only when it is another one, or has new errors: typing must survive.
function drawModal() {
  const v = state.view;
  const key = v ? v.id + v.hash + JSON.stringify(v.errors ?? {}) : "";
  if (key === shownView) return;
  const kept = shownView.startsWith(v?.id + v?.hash) ? values($("modal")) : {};
  shownView = key;
  const dialog = $("modal");
  if (!v) { dialog.close(); return; }
  const r = renderer(state, null);
  const close = () => send("/page/close", { view: v.id });
  const form = el("form", { method: "dialog", onsubmit: async (ev) => {
    ev.preventDefault();
    const submit = form.querySelector("button.primary");
    submit.disabled = true;
    await send("/page/submit", { view: v.id, values: values(form) });
    submit.disabled = false;
    refresh();
  } },
  el("h2", {}, v.view.title.text),
  el("div", { class: "fill" }, ...v.view.blocks.map((b) => (b.type === "input" ? input(r, b, v.errors?.[b.block_id], kept) : r.block(b)))),
  el("div", { class: "foot" },
    el("button", { type: "button", onclick: close }, v.view.close?.text ?? "Cancel"),
    v.view.submit ? el("button", { type: "submit", class: "primary" }, v.view.submit.text) : null));
  dialog.oncancel = (ev) => { ev.preventDefault(); close(); };
  dialog.replaceChildren(form);
  if (!dialog.open) dialog.showModal();
}

function input(r, b, fault, kept) {
  const e = b.element;
  const id = { "data-block": b.block_id, "data-action": e.action_id };
  const was = kept[b.block_id]?.[e.action_id];
  const optional = b.optional ? el("span", { class: "hint" }, "(optional)") : null;
  const notes = [b.hint ? el("span", { class: "hint" }, b.hint.text) : null, fault ? el("span", { class: "fault" }, fault) : null];
  if (e.type === "radio_buttons" || e.type === "checkboxes") {
    const kind = e.type === "checkboxes" ? "checkbox" : "radio";
    const on = new Set(was?.split("\n") ?? (e.initial_options ?? [e.initial_option]).filter(Boolean).map((o) => o.value));
    return el("div", {}, el("b", {}, b.label.text, " ", optional), ...r.choices(e).map((o) => el("label", { class: "choice" },
      el("input", { ...id, type: kind, name: b.block_id, value: o.value, checked: on.has(o.value) }), r.text(o.text, "span", ""))), ...notes);
  }
  let field;
  if (e.type === "static_select") {
    const initial = was ?? e.initial_option?.value;
    field = el("select", id, el("option", { value: "" }, e.placeholder?.text ?? "Choose…"),
      ...r.choices(e).map((o) => el("option", { value: o.value, selected: o.value === initial }, o.text.text)));
  } else {
    const limits = { minlength: e.min_length, maxlength: e.max_length ?? 3000, placeholder: e.placeholder?.text };
    field = e.multiline ? el("textarea", { ...id, ...limits }) : el("input", { ...id, ...limits, type: e.type === "number_input" ? "number" : "text" });
    field.value = was ?? e.initial_value ?? "";
  }
  return el("label", { class: "field" }, el("span", {}, b.label.text, " ", optional), field, ...notes);
}

function values(root) {
  const out = {};
  for (const node of root.querySelectorAll("[data-block]")) {
    if ((node.type === "radio" || node.type === "checkbox") && !node.checked) continue;
    const block = (out[node.dataset.block] ??= {});
    const was = block[node.dataset.action];
    block[node.dataset.action] = was === undefined ? node.value : was + "\n" + node.value;
  }
  return out;
}

$("who").addEventListener("change", (ev) => {
  me = ev.target.value;
  params.set("as", me);
  history.replaceState(null, "", "?" + params);
  refresh();
});

$("composer").addEventListener("submit", async (ev) => {
  ev.preventDefault();
  const [, command, text] = /^(\S+)\s*(.*)$/s.exec($("command").value.trim()) ?? [];
  if (!command) return;
  if (await send("/page/command", { channel: here, command, text })) $("command").value = "";
});

// A page in the background gives its connection back: a browser has few for one server, and each
// person of a demo has a tab.
let source = null;
function listen() {
  source?.close();
  source = null;
  if (document.hidden || params.has("still")) return; // ?still is for taking pictures
  source = new EventSource("/page/events");
  source.onmessage = refresh;
  source.onerror = () => { $("link").className = "link"; $("link").textContent = "stand-in not reachable, trying again"; };
}
document.addEventListener("visibilitychange", listen);
refresh();
listen();

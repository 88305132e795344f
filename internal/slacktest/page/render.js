// Block Kit to DOM. Everything a message says becomes text nodes; markup is never parsed, so what a
// person or a host wrote cannot reach the document as anything but text.

const emoji = {
  white_check_mark: "✅", x: "❌", no_entry: "⛔", warning: "⚠️", hourglass: "⌛", hourglass_flowing_sand: "⏳",
  lock: "🔒", unlock: "🔓", key: "🔑", rotating_light: "🚨", door: "🚪", eyes: "👀", clock1: "🕐", bell: "🔔",
  heavy_check_mark: "✔️", red_circle: "🔴", large_green_circle: "🟢", information_source: "ℹ️", movie_camera: "🎥",
};

export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [k, v] of Object.entries(props)) {
    if (v === undefined || v === null || v === false) continue;
    if (k === "class") node.className = v;
    else if (k.startsWith("on")) node.addEventListener(k.slice(2), v);
    else node.setAttribute(k, v === true ? "" : v);
  }
  node.append(...children.flat().filter((c) => c !== undefined && c !== null));
  return node;
}

function link(url, label) {
  if (!/^(https?|mailto):/i.test(url)) return document.createTextNode(label || url);
  return el("a", { href: url, rel: "noopener noreferrer", target: "_blank" }, label || url);
}

// pretty says today, tomorrow and yesterday, as Slack does.
function pretty(d, day) {
  const midnight = (t) => new Date(t).setHours(0, 0, 0, 0);
  const days = Math.round((midnight(d) - midnight(Date.now())) / 864e5);
  return { "-1": "yesterday", 0: "today", 1: "tomorrow" }[days] ?? d.toLocaleDateString([], day);
}

function date(ts, format, fallback) {
  const d = new Date(Number(ts) * 1000);
  if (Number.isNaN(d.getTime())) return fallback || "";
  const day = { dateStyle: "medium" };
  const parts = {
    date_num: d.toISOString().slice(0, 10), date: d.toLocaleDateString([], day), date_short: d.toLocaleDateString([], day),
    date_long: d.toLocaleDateString([], { dateStyle: "full" }), date_pretty: pretty(d, day),
    date_short_pretty: pretty(d, day), date_long_pretty: d.toLocaleDateString([], { dateStyle: "full" }),
    time: d.toLocaleTimeString([], { timeStyle: "short" }), time_secs: d.toLocaleTimeString([], { timeStyle: "medium" }),
    ago: d.toLocaleString(),
  };
  return String(format).replace(/\{(\w+)\}/g, (all, name) => parts[name] ?? all);
}

export function renderer(state, act) {
  const userName = (id) => state.users.find((u) => u.id === id)?.name ?? id;
  const channelName = (id) => state.channels.find((c) => c.id === id)?.name ?? id;
  const broadcast = (range) => el("span", { class: "broadcast" }, "@" + range);
  const mention = (id) => el("span", { class: "mention" }, "@" + userName(id));
  const unescape = (s) => s.replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&amp;", "&");
  const withEmoji = (s) => s.replace(/:([a-z0-9_+-]+):/g, (all, name) => emoji[name] ?? all);

  // <@U1>, <#C1|name>, <!here>, <!date^1^{date}|text>, <https://…|label>
  function special(inner) {
    const [target, label] = inner.split(/\|(.*)/s);
    if (target.startsWith("@")) return mention(target.slice(1));
    if (target.startsWith("#")) return el("span", { class: "mention" }, "#" + (label || channelName(target.slice(1))));
    if (target.startsWith("!date^")) {
      const [, ts, format] = target.split("^");
      return document.createTextNode(date(ts, format, label));
    }
    if (target.startsWith("!")) return broadcast(target.slice(1).split("^")[0]);
    return link(unescape(target), label && unescape(label));
  }

  const styles = [[/\*([^*\n]+)\*/, "b"], [/(?<![\w])_([^_\n]+)_(?![\w])/, "i"], [/~([^~\n]+)~/, "s"]];
  function styled(text) {
    for (const [pattern, tag] of styles) {
      const hit = pattern.exec(text);
      if (hit) {
        return [...styled(text.slice(0, hit.index)), el(tag, {}, ...styled(hit[1])), ...styled(text.slice(hit.index + hit[0].length))];
      }
    }
    return text ? [document.createTextNode(withEmoji(unescape(text)))] : [];
  }

  function mrkdwn(text) {
    const out = [];
    const parts = text.split(/(```[\s\S]+?```|`[^`\n]+`|<[^<>\n]+>|^&gt; ?.*$)/m);
    const apart = (p) => p !== undefined && (p.startsWith("```") && p.length > 6 || p.startsWith("&gt;"));
    for (let [i, part] of parts.entries()) {
      // A pre or a quote brings its own line breaks.
      if (apart(parts[i - 1])) part = part.replace(/^\n/, "");
      if (apart(parts[i + 1])) part = part.replace(/\n$/, "");
      if (part.startsWith("```") && part.length > 6) out.push(el("pre", {}, unescape(part.slice(3, -3).replace(/^\n/, ""))));
      else if (part.startsWith("`") && part.length > 2) out.push(el("code", {}, unescape(part.slice(1, -1))));
      else if (part.startsWith("<") && part.endsWith(">")) out.push(special(part.slice(1, -1)));
      else if (part.startsWith("&gt;")) out.push(el("blockquote", {}, ...styled(part.replace(/^&gt; ?/, ""))));
      else out.push(...styled(part));
    }
    return out;
  }

  function text(t, tag = "div", cls = "text") {
    if (!t) return null;
    if (t.type === "mrkdwn") return el(tag, { class: cls }, ...mrkdwn(t.text));
    return el(tag, { class: cls }, t.emoji === false ? t.text : withEmoji(t.text));
  }

  function richLeaf(e) {
    let node;
    switch (e.type) {
      case "text": node = document.createTextNode(e.text); break;
      case "link": node = link(e.url, e.text); break;
      case "user": node = mention(e.user_id); break;
      case "channel": node = el("span", { class: "mention" }, "#" + channelName(e.channel_id)); break;
      case "broadcast": node = broadcast(e.range); break;
      case "emoji": node = document.createTextNode(emoji[e.name] ?? `:${e.name}:`); break;
      case "date": node = document.createTextNode(date(e.timestamp, e.format, e.fallback)); break;
      default: node = document.createTextNode(e.text ?? "");
    }
    const s = e.style ?? {};
    if (s.code) node = el("code", {}, node);
    if (s.bold) node = el("b", {}, node);
    if (s.italic) node = el("i", {}, node);
    if (s.strike) node = el("s", {}, node);
    return node;
  }

  function rich(e) {
    const inside = () => (e.elements ?? []).map((c) => (c.elements ? rich(c) : richLeaf(c)));
    switch (e.type) {
      case "rich_text_preformatted": return el("pre", {}, ...inside());
      case "rich_text_quote": return el("blockquote", {}, ...inside());
      case "rich_text_list": return el(e.style === "ordered" ? "ol" : "ul", {}, ...inside().map((c) => el("li", {}, c)));
      default: return el("div", { class: "text" }, ...inside());
    }
  }

  function choices(e) {
    return e.options ?? (e.option_groups ?? []).flatMap((g) => g.options);
  }

  // An element that acts at once. In a modal, act is null and only inputs are live.
  function element(e) {
    const sure = () => !e.confirm || window.confirm(e.confirm.title.text + "\n\n" + e.confirm.text.text);
    const fire = (value) => (ev) => sure() && act?.(e, typeof value === "function" ? value(ev) : value, ev.currentTarget);
    switch (e.type) {
      case "button":
        if (e.url && /^https?:/i.test(e.url)) return el("a", { href: e.url, rel: "noopener noreferrer", target: "_blank" }, e.text.text);
        return el("button", { class: "act " + (e.style ?? ""), type: "button", disabled: !act, onclick: fire("") }, withEmoji(e.text.text));
      case "static_select":
      case "overflow":
        return el("select", { class: e.type, "aria-label": e.placeholder?.text ?? "Choose", disabled: !act, onchange: fire((ev) => ev.target.value) },
          el("option", { value: "", disabled: true, selected: !e.initial_option }, e.placeholder?.text ?? "…"),
          ...choices(e).map((o) => el("option", { value: o.value, selected: e.initial_option?.value === o.value }, o.text.text)));
      case "radio_buttons":
      case "checkboxes":
        return el("div", {}, ...choices(e).map((o) => el("label", { class: "choice" },
          el("input", { type: e.type === "checkboxes" ? "checkbox" : "radio", name: e.action_id, value: o.value, disabled: !act, onchange: fire(o.value) }),
          text(o.text, "span", ""))));
      case "image":
        return el("span", { class: "context" }, "[image: " + e.alt_text + "]");
      default:
        return text(e);
    }
  }

  function block(b) {
    switch (b.type) {
      case "header": return text(b.text, "h3", "block-header");
      case "divider": return el("hr");
      case "section":
        return el("div", { class: "section" },
          el("div", {}, text(b.text), b.fields ? el("div", { class: "fields" }, ...b.fields.map((f) => text(f))) : null),
          b.accessory ? element(b.accessory) : null);
      case "context": return el("div", { class: "context" }, ...b.elements.map((e) => element(e)));
      case "actions": return el("div", { class: "actions" }, ...b.elements.map((e) => element(e)));
      case "image": return el("div", { class: "context" }, "[image: " + b.alt_text + "]");
      case "rich_text": return el("div", {}, ...b.elements.map(rich));
      default: return el("div", { class: "context" }, `[${b.type}]`);
    }
  }

  return { block, text, mrkdwn, choices, userName };
}

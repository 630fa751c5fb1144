"use strict";
// The page: live figures from /events, the past from /history. It changes nothing on the server.

const $ = (id) => document.getElementById(id);

// --- numbers and times, in the reader's own way ---

const digits = (count) => new Intl.NumberFormat(undefined, { minimumFractionDigits: count, maximumFractionDigits: count });
const whole = digits(0), one = digits(1), two = digits(2);
const withUnit = (format, unit) => (value) => (value === null || value === undefined ? "–" : `${format.format(value)}\u202f${unit}`);
const watts = withUnit(whole, "W"), volts = withUnit(one, "V"), amperes = withUnit(one, "A");
const kilowatts = (value) => withUnit(two, "kW")(value === null || value === undefined ? null : value / 1000);
const kilowattHours = (value) => withUnit(two, "kWh")(value === null || value === undefined ? null : value / 1000);
const timeOf = new Intl.DateTimeFormat(undefined, { timeStyle: "medium" });
const minuteOf = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });

// The server cuts hours and days in its own zone, and names them: 2026, 2026-11, 2026-11-28, 2026-11-28T08.
// They are read as UTC, so that the browser's zone changes none of them.
const STYLES = {
  4: { year: "numeric" },
  7: { year: "numeric", month: "long" },
  10: { dateStyle: "full" },
  13: { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" },
};
const SHORT = { 7: { month: "short" }, 10: { day: "numeric" }, 13: { hour: "2-digit" } };
const dateOf = (name) => new Date(`${name}${"-01-01T00:00".slice(name.length - 4)}Z`);
const named = (name, styles = STYLES) =>
  new Intl.DateTimeFormat(undefined, { ...styles[name.length], timeZone: "UTC" }).format(dateOf(name));

// --- small helpers for the document ---

const put = (id, text) => { if ($(id).textContent !== text) $(id).textContent = text; };

function element(kind, text, more = {}) {
  return Object.assign(document.createElement(kind), { textContent: text, ...more });
}

function row(head, cells) {
  const made = element("tr", "");
  made.append(element("th", head, { scope: "row" }), ...cells.map((cell) => element("td", cell)));
  return made;
}

function fillTable(table, caption, heads, rows) {
  const head = element("tr", "");
  head.append(...heads.map((text) => element("th", text, { scope: "col" })));
  table.replaceChildren(element("caption", caption), element("thead", ""), element("tbody", ""));
  table.tHead.append(head);
  table.tBodies[0].append(...rows.map(([name, ...cells]) => row(name, cells)));
}

// --- what is known ---

const meters = new Map(); // id -> {live: figures, trail: [times, powers], heard: ms of this browser}
let known = []; // the meters of the store: id, model, first and last day
let shown = null; // the id of the meter on the page
let connected = false;
const TRAIL = 600_000; // ms

// --- events ---

function connect() {
  const source = new EventSource("events");
  source.addEventListener("open", () => { connected = true; showState(); });
  source.addEventListener("error", () => {
    connected = false;
    showState();
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, 3000); // the browser itself gave up
  });
  source.addEventListener("house", ({ data }) => takeHouse(JSON.parse(data)));
  source.addEventListener("reading", ({ data }) => takeReading(JSON.parse(data)));
  source.addEventListener("meters", ({ data }) => { takeKnown(JSON.parse(data)); renewPast(); });
}

// Take the meters of the store. Where the last day, month or year was shown, the new last one is.
function takeKnown(found) {
  const [, last] = bounds();
  known = found;
  if (of === last) {
    of = null;
    asked += 1; // an answer about the old one may be on its way
  }
}

function takeHouse(house) {
  takeKnown(house.meters);
  meters.clear();
  for (const { trail, ...live } of house.live) meters.set(live.meter, { live, trail, heard: Date.now() - house.now + live.at });
  document.documentElement.dataset.ready = "yes";
  listMeters();
  showMeter();
  renewPast();
}

function takeReading(live) {
  const meter = meters.get(live.meter) ?? { trail: [[], []] };
  meter.live = live;
  meter.heard = Date.now();
  addToTrail(meter.trail, live.power_at, live.power);
  const isNew = !meters.has(live.meter);
  meters.set(live.meter, meter);
  if (isNew) listMeters();
  if (live.meter === shown) showMeter();
}

function addToTrail([times, powers], at, power) {
  if (power === null || at <= (times.at(-1) ?? 0)) return;
  times.push(at);
  powers.push(power);
  const old = times.findIndex((time) => time >= at - TRAIL);
  times.splice(0, old);
  powers.splice(0, old);
}

// --- now ---

function listMeters() {
  const ids = [...new Set([...meters.keys(), ...known.map(({ meter }) => meter)])].sort((a, b) => a - b);
  if (!ids.includes(shown)) shown = meters.keys().next().value ?? ids[0] ?? null;
  $("choice").hidden = ids.length < 2;
  $("meter").replaceChildren(...ids.map((id) => {
    const title = [`Meter ${id}`, aboutMeter(id, "model"), aboutMeter(id, "number")].filter(Boolean).join(", ");
    return element("option", title, { value: id, selected: id === shown });
  }));
}

// Return the model or the number of a meter: as it was sent in this run, or before.
function aboutMeter(id, what) {
  return meters.get(id)?.live[what] || known.find(({ meter }) => meter === id)?.[what];
}

function silence() {
  const meter = meters.get(shown);
  if (!meter) return null;
  const seconds = Math.round((Date.now() - meter.heard) / 1000);
  return seconds > Math.max(15, 3 * (meter.live.rhythm ?? 20_000) / 1000) ? seconds : null;
}

function showState() {
  const silent = silence();
  let words = "Live";
  if (!connected) words = "Not connected. Trying again …";
  else if (!meters.has(shown)) words = "Waiting for the first reading …";
  else if (silent !== null) words = `The meter has been silent for ${silent < 120 ? `${whole.format(silent)} s` : `${whole.format(silent / 60)} min`}`;
  put("state", words);
  $("state").classList.toggle("wrong", !connected || silent !== null);
}

function showMeter() {
  showState();
  const meter = meters.get(shown);
  if (!meter) return;
  const { live } = meter;
  put("direction", live.power < 0 ? "Exporting" : "Importing");
  put("power", watts(live.power === null ? null : Math.abs(live.power)));
  $("power").parentNode.classList.toggle("exports", live.power < 0);
  document.title = live.power === null ? "Electricity meter" : `${watts(live.power)} · Electricity meter`;
  showSpans(live);
  showPhases(live.phases);
  showAbout(live);
  showTrail(meter.trail);
}

function showSpans({ at, period, day, before, month }) {
  const isQuarter = period && period.end - period.begin < 3_600_000;
  put("period-name", isQuarter ? "This quarter hour" : "This hour");
  put("period", kilowattHours(period?.import));
  const isKnown = period && period.projected !== null && at - period.since >= 120_000;
  put("projected", !isKnown ? "" : `${kilowattHours(period.projected)} if it goes on like this`);
  const earlier = before && day && before.begin === day.begin ? before : { import: 0, export: 0 };
  const today = (way) => (day && day[way] !== null ? earlier[way] + day[way] : null);
  put("import-today", kilowattHours(today("import")));
  put("export-today", kilowattHours(today("export")));
  $("exported").hidden = !today("export");
  put("month", kilowatts(month?.power));
  put("month-at", month?.peaks.length ? `highest: ${named(month.peaks[0].begin.slice(0, 13))}` : "");
}

function showPhases(phases) {
  const names = Object.keys(phases);
  $("phases").hidden = !names.length;
  $("phases").classList.toggle("no-power", names.every((name) => phases[name][2] === null));
  $("phase-rows").replaceChildren(...names.map((name) => {
    const [volt, curr, power] = phases[name];
    return row(name, [volts(volt), amperes(curr), watts(power)]);
  }));
}

function showAbout({ meter, clock, lists, registers }) {
  const lines = [
    ["Meter", [aboutMeter(meter, "model"), aboutMeter(meter, "number")].filter(Boolean).join(", ")],
    ["Register, import", registers.act_energy_pos === undefined ? "" : kilowattHours(registers.act_energy_pos)],
    ["Register, export", registers.act_energy_neg ? kilowattHours(registers.act_energy_neg) : ""],
    ["Clock of the meter", clock.replace("T", " ")],
    ["Readings in the last minute", whole.format(lists)],
  ];
  $("about").replaceChildren(...lines.filter(([, text]) => text).flatMap(([name, text]) => [element("dt", name), element("dd", text)]));
}

function showTrail([times, powers]) {
  charts.line($("live"), times.map((at) => at / 1000), powers, TRAIL / 1000, whole.format, (s) => minuteOf.format(s * 1000));
  if (powers.length) {
    const [least, most] = [Math.min(...powers), Math.max(...powers)];
    put("live-text", `between ${watts(least)} and ${watts(most)}, now ${watts(powers.at(-1))}`);
  }
  if ($("live-details").open) showTrailTable([times, powers]);
}

function showTrailTable([times, powers]) {
  const minutes = new Map(); // minute -> [sum, count]
  times.forEach((at, index) => {
    const minute = at - at % 60_000;
    const [sum, count] = minutes.get(minute) ?? [0, 0];
    minutes.set(minute, [sum + powers[index], count + 1]);
  });
  $("live-rows").replaceChildren(...[...minutes].map(([at, [sum, count]]) => row(minuteOf.format(at), [watts(sum / count)])));
}

// --- the past ---

const LENGTHS = { hour: 10, day: 7, month: 4, peak: 4, volt: 7 }; // of the name of a span: a day, a month, a year
let view = "hour";
let of = null; // the span that is shown
let asked = 0; // the answer to an older question is ignored

function bounds() {
  const about = known.find(({ meter }) => meter === shown);
  return [about?.first, about?.last].map((day) => day?.slice(0, LENGTHS[view]));
}

// Return the span that many steps away: 2026-11-28, 2026-11 or 2026.
function step(name, by) {
  const date = dateOf(name);
  if (name.length === 10) date.setUTCDate(date.getUTCDate() + by);
  else if (name.length === 7) date.setUTCMonth(date.getUTCMonth() + by);
  else date.setUTCFullYear(date.getUTCFullYear() + by);
  return date.toISOString().slice(0, name.length);
}

async function showPast() {
  const [first, last] = bounds();
  const question = ++asked;
  if (!first) {
    showNothing();
    return;
  }
  of = of && of.length === first.length ? [first, [of, last].sort()[0]].sort().at(-1) : last;
  put("of", named(of));
  $("earlier").disabled = of <= first;
  $("later").disabled = of >= last;
  const by = view === "volt" ? "day" : view;
  let rows;
  try {
    const answer = await fetch(`history?meter=${shown}&by=${by}&of=${of}`);
    if (!answer.ok) throw new Error(answer.statusText);
    rows = await answer.json();
  } catch {
    put("past-text", "The history cannot be read now.");
    return;
  }
  if (question === asked) VIEWS[view](rows);
}

let renewing = false, isOld = false;

// Show the past anew; if it grows meanwhile, once more after the answer: an archive grows faster than it is asked for.
async function renewPast() {
  isOld = true;
  if (renewing) return;
  renewing = true;
  try {
    while (isOld) {
      isOld = false;
      await showPast();
    }
  } finally {
    renewing = false;
  }
}

// A meter has no history yet: leave none of another meter on the page.
function showNothing() {
  put("past-text", "The history begins with the first full quarter of an hour.");
  put("of", "");
  $("earlier").disabled = $("later").disabled = true;
  showLegend([]);
  $("rows").replaceChildren();
  charts.clear($("chart"));
}

function showLegend(entries) {
  $("legend").replaceChildren(...entries.map(([name, text]) => element("li", text, { className: name })));
}

function showEnergy(rows) {
  const exports = rows.some((one) => one.export_wh);
  const title = { hour: "Energy of each hour", day: "Energy of each day", month: "Energy of each month" }[view];
  put("past-title", `${title}, kWh`);
  showLegend([["import", "Import"], ...(exports ? [["export", "Export"]] : [])]);
  const series = [{ values: rows.map((one) => one.import_wh / 1000), colour: "import" }];
  if (exports) series.push({ values: rows.map((one) => -(one.export_wh ?? 0) / 1000), colour: "export" });
  charts.overNames($("chart"), rows.map(({ at }) => named(at, SHORT)), series, one.format, true);
  const sum = (key) => rows.reduce((total, one) => total + (one[key] ?? 0), 0);
  put("past-text", `${named(of)}: ${kilowattHours(sum("import_wh"))} imported${exports ? `, ${kilowattHours(sum("export_wh"))} exported` : ""}.`);
  fillTable($("rows"), title, ["Begin", "Import", "Export", "Highest import", "Highest export", "Hours of data"], rows.map((one) => [
    named(one.at), kilowattHours(one.import_wh), kilowattHours(one.export_wh), watts(one.import_max), watts(one.export_max),
    two.format((one.known ?? 0) / 4),
  ]));
}

function showPeaks(rows) {
  put("past-title", "Peak of each month, kW");
  showLegend([]);
  charts.overNames($("chart"), rows.map(({ at }) => named(at, SHORT)), [{ values: rows.map(({ power }) => (power ?? 0) / 1000), colour: "import" }], one.format, true);
  const highest = rows.reduce((most, { power }) => Math.max(most, power ?? 0), 0);
  put("past-text", `${named(of)}: the highest peak is ${kilowatts(highest)}.`);
  fillTable($("rows"), "Peaks", ["Month", "Peak", "Set by"], rows.map(({ at, power, peaks }) => [
    named(at), kilowatts(power), peaks.map((peak) => `${named(peak.begin.slice(0, 13))}: ${kilowatts(peak.power)}`).join("; "),
  ]));
}

const LEAST = 207, MOST = 253; // V: 230 V less and plus 10 %, EN 50160

function showVoltage(rows) {
  put("past-title", "Voltage of each day: mean of each phase, V");
  const phases = ["l1", "l2", "l3"].filter((phase) => rows.some((one) => one[phase] !== null));
  showLegend(phases.map((phase) => [phase, phase.toUpperCase()]));
  const dashes = { l1: undefined, l2: [8, 4], l3: [2, 4] };
  charts.overNames($("chart"), rows.map(({ at }) => named(at, SHORT)), phases.map((phase) => ({ values: rows.map((one) => one[phase]), colour: phase, dash: dashes[phase] })), one.format, false);
  const outside = rows.filter((one) => phases.some((phase) => one[`${phase}_min`] < LEAST || one[`${phase}_max`] > MOST)).length;
  put("past-text", phases.length
    ? `${named(of)}: outside ${whole.format(LEAST)} to ${whole.format(MOST)} V on ${whole.format(outside)} of ${whole.format(rows.length)} days.`
    : "The meter sends no voltages.");
  fillTable($("rows"), "Voltage", ["Day", ...phases.flatMap((phase) => ["lowest", "mean", "highest"].map((word) => `${phase.toUpperCase()} ${word}`))],
    rows.map((one) => [named(one.at), ...phases.flatMap((phase) => [`${phase}_min`, phase, `${phase}_max`].map((key) => volts(one[key])))]));
}

const VIEWS = { hour: showEnergy, day: showEnergy, month: showEnergy, peak: showPeaks, volt: showVoltage };

// --- what the reader does ---

$("views").addEventListener("change", ({ target }) => {
  const day = of;
  view = target.value;
  of = day && day.length >= LENGTHS[view] ? day.slice(0, LENGTHS[view]) : null;
  showPast();
});
$("earlier").addEventListener("click", () => { of = step(of, -1); showPast(); });
$("later").addEventListener("click", () => { of = step(of, 1); showPast(); });
$("meter").addEventListener("change", ({ target }) => { shown = Number(target.value); of = null; showMeter(); showPast(); });
$("live-details").addEventListener("toggle", () => { if (meters.has(shown)) showTrailTable(meters.get(shown).trail); });

setInterval(showState, 1000);
setInterval(renewPast, 300_000); // an answer may have failed
connect();

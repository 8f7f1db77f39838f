// The form that sends plans: drop or choose, see each file's way, go on after a cut. Without this script the form
// works as one request.

import { Refused, arrived, ask, patiently, sendFile, some } from "./sending.js";

const KEPT = "decalogo-envio";
const MEGABYTE = 2 ** 20;
const form = document.getElementById("upload");
const words = JSON.parse(form.dataset.words);
const most = Number(form.dataset.most);
const mostBytes = Number(form.dataset.bytes);
const input = form.elements.files;
const at = (id) => document.getElementById(id);
const say = (sentence, values = {}) => sentence.replace(/\{(\w+)\}/g, (_, name) => values[name]);

/** What was chosen: {file, name, row, bar, state, sent}. */
let entries = [];
let stopping = null;

// ---------------------------------------------------------------- what is kept while a batch is open

const kept = {
  get: () => { try { return JSON.parse(localStorage.getItem(KEPT)); } catch { return null; } },
  put: (value) => { try { localStorage.setItem(KEPT, JSON.stringify(value)); } catch { /* private windows */ } },
  drop: () => { try { localStorage.removeItem(KEPT); } catch { /* private windows */ } },
};

// ---------------------------------------------------------------- choosing files

function distinctName(name) {
  const taken = new Set(entries.map((entry) => entry.name));
  const dot = name.lastIndexOf(".");
  const [stem, suffix] = dot > 0 ? [name.slice(0, dot), name.slice(dot)] : [name, ""];
  let fresh = name;
  for (let number = 2; taken.has(fresh); number += 1) fresh = `${stem} (${number})${suffix}`;
  return fresh;
}

function wrong(file) {
  if (!/\.pdf$/i.test(file.name)) return words.notPdf;
  if (file.size === 0) return words.empty;
  if (file.size > mostBytes) return say(words.tooLarge, { megabytes: Math.floor(mostBytes / MEGABYTE) });
  return "";
}

function add(files) {
  for (const file of files) {
    const twice = entries.some(({ file: one }) => one.name === file.name && one.size === file.size
      && one.lastModified === file.lastModified);
    if (twice) continue;
    const entry = { file, name: distinctName(file.name.normalize("NFC")), state: "chosen", sent: 0, wrong: wrong(file) };
    entries.push(entry);
    show(entry);
  }
  input.value = "";
  count();
}

function show(entry) {
  const row = document.createElement("li");
  const name = document.createElement("span");
  name.className = "name";
  name.textContent = entry.name;
  const size = document.createElement("small");
  size.textContent = `${(entry.file.size / MEGABYTE).toFixed(1)} MB`;
  const bar = document.createElement("progress");
  bar.max = 1;
  bar.value = 0;
  bar.setAttribute("aria-label", entry.name);
  const state = document.createElement("span");
  state.className = "state";
  const remove = document.createElement("button");
  remove.type = "button";
  remove.className = "quiet";
  remove.textContent = words.remove;
  remove.setAttribute("aria-label", `${words.remove}: ${entry.name}`);
  remove.addEventListener("click", () => {
    entries = entries.filter((one) => one !== entry);
    row.remove();
    count();
    input.focus();
  });
  row.append(name, size, bar, state, remove);
  Object.assign(entry, { row, bar, words: state, remove });
  if (entry.wrong) mark(entry, "refused", entry.wrong);
  at("chosen").querySelector("ul").append(row);
}

function mark(entry, state, text) {
  entry.state = state;
  entry.row.className = state;
  entry.words.textContent = text;
}

const sendable = () => entries.filter((entry) => !entry.wrong);

function count() {
  const good = sendable();
  at("chosen").hidden = entries.length === 0;
  const bytes = good.reduce((sum, { file }) => sum + file.size, 0);
  const over = good.length - most;
  at("chosen").querySelector("p").textContent = over > 0
    ? say(words.tooMany, { most, over })
    : say(words.chosen, { count: good.length, megabytes: (bytes / MEGABYTE).toFixed(1) });
  input.required = good.length === 0;
}

// ---------------------------------------------------------------- sending

function fields() {
  const found = {};
  for (const [name, value] of new FormData(form)) {
    if (value instanceof File) continue;
    if (name === "not_applicable_points") (found[name] ||= []).push(value);
    else found[name] = value;
  }
  return found;
}

function progress() {
  const good = sendable();
  const total = good.reduce((sum, { file }) => sum + file.size, 0) || 1;
  const share = good.reduce((sum, { sent }) => sum + sent, 0) / total;
  const done = good.filter(({ state }) => state === "arrived").length;
  const area = at("upload-progress");
  area.hidden = false;
  area.querySelector("progress").value = share;
  tell(say(words.progress, { done, count: good.length, percent: Math.floor(100 * share) }));
}

function tell(sentence) {
  at("upload-progress").hidden = false;
  at("upload-progress").querySelector("span").textContent = sentence;
}

const waiting = (error, seconds) => say(error.status === 0 ? words.again : words.busy, { seconds });

async function openBatch(signal) {
  const left = kept.get();
  if (left) return left.jobId;
  const batch = await patiently(
    () => ask("POST", "/upload/jobs", { body: JSON.stringify(fields()), headers: { "Content-Type": "application/json" }, signal }),
    { signal, onWait: (error, seconds) => tell(waiting(error, seconds)) },
  );
  kept.put({ jobId: batch.job_id, name: form.elements.municipality.value });
  return batch.job_id;
}

async function sendOne(jobId, entry, there, signal) {
  const before = there.get(entry.name);
  if (!(before && before.size_bytes === entry.file.size)) {
    mark(entry, "sending", words.sending);
    try {
      await sendFile(jobId, entry, {
        signal,
        onProgress: (bytes) => { entry.sent = Math.min(bytes, entry.file.size); entry.bar.value = entry.sent / entry.file.size; progress(); },
        onWait: (error, seconds) => { entry.sent = 0; mark(entry, "waiting", waiting(error, seconds)); },
      });
    } catch (error) {
      if (!(error instanceof Refused) || error.status === 404 || error.status === 410) throw error;
      entry.sent = entry.file.size;
      mark(entry, "refused", error.message);
      return;
    }
  }
  entry.sent = entry.file.size;
  entry.bar.value = 1;
  mark(entry, "arrived", words.arrived);
  progress();
}

async function send() {
  stopping = new AbortController();
  const { signal } = stopping;
  const good = sendable();
  if (good.length === 0) throw new Error(words.nothing);
  if (good.length > most) throw new Error(say(words.tooMany, { most, over: good.length - most }));
  const jobId = await openBatch(signal);
  for (const entry of good) mark(entry, "waiting", words.waiting);
  progress();
  const there = await arrived(jobId, signal);
  await some(good, (entry) => sendOne(jobId, entry, there, signal));
  const refused = good.filter(({ state }) => state === "refused");
  if (refused.length === good.length) {
    await discard(jobId);
    throw new Error(say(words.refused, { count: refused.length }));
  }
  if (refused.length) await asked(say(words.refused, { count: refused.length }), jobId);
  await submit(jobId, signal);
}

/** Wait until somebody has said that the others are evaluated all the same. */
function asked(sentence) {
  const box = at("some-refused");
  box.hidden = false;
  box.querySelector("p").textContent = sentence;
  at("go-on").focus();
  return new Promise((resolve, reject) => {
    at("go-on").onclick = () => { box.hidden = true; resolve(); };
    at("give-up").onclick = () => { box.hidden = true; reject(new DOMException("", "AbortError")); };
  });
}

async function submit(jobId, signal) {
  await patiently(() => ask("POST", `/upload/jobs/${jobId}/submit`, { signal }), {
    signal, onWait: (error, seconds) => tell(waiting(error, seconds)),
  });
  kept.drop();
  stopping = null;
  window.location.assign(`/jobs/${jobId}`);
}

async function discard(jobId) {
  kept.drop();
  try { await ask("DELETE", `/results/${jobId}`); } catch { /* it expires by itself */ }
}

// ---------------------------------------------------------------- the form

function busy(is) {
  at("send").disabled = is;
  at("stop").hidden = !is;
  input.disabled = is;
  for (const entry of entries) entry.remove.disabled = is;
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  busy(true);
  try {
    await send();
  } catch (error) {
    if (error.name === "AbortError") {
      const left = kept.get();
      if (left) await discard(left.jobId);
      for (const entry of entries) { entry.sent = 0; entry.bar.value = 0; if (!entry.wrong) mark(entry, "chosen", ""); }
      tell(words.cancelled);
    } else if (error instanceof Refused && (error.status === 404 || error.status === 410)) {
      kept.drop(); // the batch has expired: a new one is opened
      tell(error.message);
    } else {
      tell(error instanceof Refused && error.status === 0 ? words.silent : error.message);
    }
    stopping = null;
    busy(false);
  }
});
at("stop").addEventListener("click", () => stopping?.abort());
input.addEventListener("change", () => add(input.files));
window.addEventListener("beforeunload", (event) => { if (stopping) event.preventDefault(); });

const drop = at("drop");
at("drop-hint").hidden = false;
input.classList.add("hidden"); // it stays reachable by keyboard; what it says of chosen files would be wrong
for (const kind of ["dragenter", "dragover"]) {
  drop.addEventListener(kind, (event) => { event.preventDefault(); drop.classList.add("over"); });
}
for (const kind of ["dragleave", "drop"]) drop.addEventListener(kind, () => drop.classList.remove("over"));
drop.addEventListener("drop", (event) => { event.preventDefault(); if (!stopping) add(event.dataTransfer.files); });

// ---------------------------------------------------------------- departments and municipalities

let places = null;

async function suggest() {
  places ??= fetch("/municipios.json").then((answer) => answer.json()).catch(() => ({}));
  const all = await places;
  const chosen = all[form.elements.department.value];
  const names = chosen ?? Object.values(all).flat();
  at("municipalities").replaceChildren(...names.map((name) => {
    const option = document.createElement("option");
    option.value = name;
    return option;
  }));
}

/** A municipality whose name only one department has says which. */
async function fillDepartment() {
  const all = await places;
  if (!all || form.elements.department.value) return;
  const having = Object.keys(all).filter((name) => all[name].includes(form.elements.municipality.value));
  if (having.length === 1) [form.elements.department.value] = having;
}

form.elements.municipality.addEventListener("focus", suggest);
form.elements.department.addEventListener("change", suggest);
form.elements.municipality.addEventListener("change", fillDepartment);

// ---------------------------------------------------------------- a batch that was left open

async function offerUnfinished() {
  const left = kept.get();
  if (!left) return;
  try {
    const files = await arrived(left.jobId);
    const box = at("unfinished");
    box.hidden = false;
    box.querySelector("p").textContent = say(words.unfinished, { name: left.name, count: files.size });
    box.querySelector("button").onclick = async () => { box.hidden = true; await discard(left.jobId); };
    if (!form.elements.municipality.value) form.elements.municipality.value = left.name;
  } catch (error) {
    if (error instanceof Refused && !error.passing) kept.drop();
  }
}

offerUnfinished();

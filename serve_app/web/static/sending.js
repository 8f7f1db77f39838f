// How files get to the service: one per request, some at once, sent again after a cut or when the service is busy.

const AT_ONCE = 3;
const LONGEST_PAUSE_SECONDS = 30;
const BUSY = new Set([429, 503]);

/** A refusal of the service, or its silence (`status` 0). */
export class Refused extends Error {
  constructor(status, problem, retryAfter) {
    super([problem.title, problem.detail].filter(Boolean).join(" ") || `Error ${status}`);
    this.status = status;
    this.code = problem.code || "";
    this.retryAfter = Number(retryAfter) || 0;
  }

  get passing() { return this.status === 0 || BUSY.has(this.status); }
}

/** Ask once; `onProgress` hears how many bytes have left, `signal` ends it. */
export function ask(method, url, { body = null, headers = {}, onProgress, signal } = {}) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, url);
    request.responseType = "json";
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    if (onProgress) request.upload.onprogress = (event) => onProgress(event.loaded);
    request.onerror = () => reject(new Refused(0, {}));
    request.onabort = () => reject(new DOMException("", "AbortError"));
    request.onload = () => {
      if (request.status >= 200 && request.status < 300) resolve(request.response);
      else reject(new Refused(request.status, request.response || {}, request.getResponseHeader("Retry-After")));
    };
    signal?.addEventListener("abort", () => request.abort());
    if (signal?.aborted) reject(new DOMException("", "AbortError"));
    else request.send(body);
  });
}

const pause = (seconds, signal) => new Promise((resolve, reject) => {
  const timer = setTimeout(resolve, seconds * 1000);
  signal?.addEventListener("abort", () => { clearTimeout(timer); reject(new DOMException("", "AbortError")); });
});

/** Call until it works or is refused for good; `onWait` hears why and for how many seconds it waits. */
export async function patiently(call, { onWait = () => {}, signal } = {}) {
  for (let wait = 1; ; wait = Math.min(2 * wait, LONGEST_PAUSE_SECONDS)) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof Refused) || !error.passing) throw error;
      const seconds = Math.max(error.retryAfter, wait);
      onWait(error, seconds);
      await pause(seconds, signal);
    }
  }
}

/** The SHA-256 of a file in hexadecimal, or null where the browser does not compute it (pages without TLS). */
export async function sha256(file) {
  if (!globalThis.crypto?.subtle) return null;
  const digest = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** What of an open batch has arrived, by name. */
export async function arrived(jobId, signal) {
  const batch = await ask("GET", `/upload/jobs/${jobId}`, { signal });
  return new Map(batch.files.map((file) => [file.name, file]));
}

/** Send one file; before it is sent again the service is asked whether it came through. */
export async function sendFile(jobId, entry, { signal, onProgress, onWait }) {
  const digest = await sha256(entry.file);
  const headers = { "Content-Type": "application/pdf", ...(digest ? { "X-Content-SHA256": digest } : {}) };
  const url = `/upload/jobs/${jobId}/files/${encodeURIComponent(entry.name)}`;
  let again = false;
  await patiently(async () => {
    if (again) {
      const there = (await arrived(jobId, signal)).get(entry.name);
      if (there && there.size_bytes === entry.file.size && (!digest || there.sha256 === digest)) return;
    }
    again = true;
    await ask("PUT", url, { body: entry.file, headers, onProgress, signal });
  }, { onWait, signal });
}

/** Do the work for each item, a few at a time. */
export async function some(items, work) {
  const waiting = [...items];
  const worker = async () => { while (waiting.length) await work(waiting.shift()); };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

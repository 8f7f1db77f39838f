// Sends the form one file per request, with progress. Without this script the form works as one request.
"use strict";

(() => {
  const form = document.getElementById("upload");
  const area = document.getElementById("upload-progress");
  const bar = area.querySelector("progress");
  const words = area.querySelector("span");
  const button = form.querySelector("button");
  const TRIES = 60;

  const pause = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));

  function send(method, url, body, type, onProgress) {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open(method, url);
      request.responseType = "json";
      if (type) request.setRequestHeader("Content-Type", type);
      if (onProgress) request.upload.onprogress = (event) => onProgress(event.loaded);
      request.onerror = () => reject(new Error("El servicio no responde."));
      request.onload = () => {
        if (request.status < 300) return resolve(request.response);
        const problem = request.response || {};
        const error = new Error([problem.title || `Error ${request.status}`, problem.detail].filter(Boolean).join(" "));
        error.again = request.status === 429 || request.status === 503;
        error.wait = Number(request.getResponseHeader("Retry-After")) || 2;
        reject(error);
      };
      request.send(body);
    });
  }

  async function patiently(call) {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await call();
      } catch (error) {
        if (!error.again || attempt === TRIES) throw error;
        await pause(error.wait);
      }
    }
  }

  function fields() {
    const found = {};
    for (const [name, value] of new FormData(form)) {
      if (value instanceof File) continue;
      if (name === "not_applicable_points") (found[name] ||= []).push(value);
      else found[name] = value;
    }
    return found;
  }

  function distinct(files) {
    const seen = new Set();
    return files.map((file) => {
      const dot = file.name.lastIndexOf(".");
      const [stem, suffix] = dot > 0 ? [file.name.slice(0, dot), file.name.slice(dot)] : [file.name, ""];
      let name = file.name;
      for (let number = 2; seen.has(name); number += 1) name = `${stem} (${number})${suffix}`;
      seen.add(name);
      return { file, name };
    });
  }

  async function submit() {
    const files = distinct([...form.elements.files.files]);
    const total = files.reduce((sum, { file }) => sum + file.size, 0) || 1;
    const refused = [];
    let before = 0;
    const job = await patiently(() => send("POST", "/upload/jobs", JSON.stringify(fields()), "application/json"));
    for (const [index, { file, name }] of files.entries()) {
      words.textContent = `Enviando ${index + 1} de ${files.length}: ${name}`;
      const url = `/upload/jobs/${job.job_id}/files/${encodeURIComponent(name)}`;
      try {
        await patiently(() => send("PUT", url, file, "application/pdf", (sent) => { bar.value = (before + sent) / total; }));
      } catch (error) {
        refused.push(`${name}: ${error.message}`);
      }
      before += file.size;
      bar.value = before / total;
    }
    if (refused.length === files.length) throw new Error(refused.join(" · "));
    if (refused.length && !window.confirm(`No se recibieron:\n${refused.join("\n")}\n\n¿Evaluar los demás?`)) {
      await send("DELETE", `/results/${job.job_id}`);
      throw new Error("Envío cancelado.");
    }
    await patiently(() => send("POST", `/upload/jobs/${job.job_id}/submit`));
    window.location.assign(`/jobs/${job.job_id}`);
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    area.hidden = false;
    button.disabled = true;
    submit().catch((error) => {
      words.textContent = error.message;
      button.disabled = false;
    });
  });
})();

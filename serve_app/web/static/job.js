// Keeps the page of a job up to date: at each event the server's own rendering replaces what is shown.
"use strict";

(() => {
  const section = document.getElementById("job");
  if (section.dataset.final === "yes") return;
  const events = new EventSource(`/status/${section.dataset.job}/events`);
  let waiting = false;

  async function refresh() {
    waiting = false;
    const answer = await fetch(window.location.href);
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("job");
    if (fresh.dataset.final === "yes") {
      events.close();
      window.location.reload();
      return;
    }
    document.getElementById("job").replaceWith(fresh);
  }

  function soon() {
    if (waiting) return;
    waiting = true;
    setTimeout(() => refresh().catch(() => { waiting = false; }), 700);
  }

  for (const kind of ["job", "document", "progress"]) events.addEventListener(kind, soon);
})();

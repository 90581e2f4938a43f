// Shows a new mail as soon as it is there; without script, "Actualiser" does.
"use strict";

const shown = () => Number(document.querySelector("ul")?.dataset.newest ?? 0);

setInterval(async () => {
  const answer = await fetch("/messages?newest=1").catch(() => null); // the demonstration has ended
  const newest = answer?.ok ? (await answer.json())[0] : undefined;
  if (newest && newest.id !== shown()) location.reload();
}, 2000);

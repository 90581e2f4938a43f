/* Enhances pages that work without it: ticks while typing, reveal, double click, the waiting page. No library. */
"use strict";

// Reveal a password, and hide it again when the form is sent so that no manager stores it as plain text.
for (const button of document.querySelectorAll(".reveal-button")) {
  const input = document.getElementById(button.getAttribute("aria-controls"));
  button.hidden = false;
  const show = (shown) => {
    input.type = shown ? "text" : "password";
    button.setAttribute("aria-pressed", String(shown));
    button.textContent = shown ? button.dataset.hide : button.dataset.show;
  };
  button.addEventListener("click", () => { show(input.type === "password"); input.focus(); });
  input.form.addEventListener("submit", () => show(false));
}

// Tick the criteria while the new password is typed; the server checks the same list again.
const criteria = document.getElementById("criteria");
const chosen = document.getElementById("new_password");
if (criteria && chosen) {
  const PASSPHRASE = 20;
  const tick = () => {
    const value = chosen.value.normalize("NFC");
    const long = [...value].length >= PASSPHRASE;
    for (const line of criteria.children) {
      const met = new RegExp(line.dataset.pattern, "u").test(value);
      const waived = !met && long && line.dataset.name !== "length";
      line.className = met ? "met" : waived ? "waived" : "";
      const state = line.querySelector(".state");
      const words = value === "" ? "" : met ? state.dataset.met : waived ? state.dataset.waived : state.dataset.unmet;
      if (state.textContent !== words) state.textContent = words;
    }
  };
  chosen.addEventListener("input", tick);
  tick();
}

// After an error, go to its summary; it links to the field.
document.getElementById("summary")?.focus();

// A second click on a button that is working does nothing; the button comes back with the page.
for (const form of document.forms) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "yes";
  });
}
addEventListener("pageshow", () => { for (const form of document.forms) delete form.dataset.sent; });

// The waiting page goes on by itself once the address is confirmed, here or elsewhere.
const waiting = document.querySelector("[data-waits]");
if (waiting) {
  let pause = 2000;
  const look = async () => {
    try {
      const answer = await fetch(waiting.dataset.waits, { headers: { Accept: "application/json" } });
      if (answer.ok && !(await answer.json()).waiting) { location.reload(); return; }
    } catch { /* away for a moment: ask again later */ }
    pause = Math.min(pause * 1.2, 15000);
    setTimeout(look, pause);
  };
  setTimeout(look, pause);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) pause = 2000; });
}
document.querySelector("[data-submit-now]")?.requestSubmit();

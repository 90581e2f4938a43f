/* Enhances pages that work without it: ticks while typing, reveal, double click, pages that go on. No library. */
"use strict";

// Words and links that only make sense with a script.
for (const piece of document.querySelectorAll("[data-script]")) piece.hidden = false;
for (const piece of document.querySelectorAll("[data-plain]")) piece.hidden = true;

// A long address is broken before its @ rather than anywhere.
for (const address of document.querySelectorAll(".address, .unit")) {
  const at = address.textContent.lastIndexOf("@");
  if (at > 0) address.firstChild.splitText(at).before(document.createElement("wbr"));
}

// Reveal a password, and hide it again when the form is sent so that no manager stores it as plain text.
for (const button of document.querySelectorAll(".reveal-button")) {
  const input = document.getElementById(button.getAttribute("aria-controls"));
  const word = button.firstElementChild;
  button.hidden = false;
  input.autocapitalize = "none"; // while it is shown as text
  const show = (shown) => {
    input.type = shown ? "text" : "password";
    word.textContent = shown ? word.dataset.hide : word.dataset.show;
  };
  button.addEventListener("click", () => { show(input.type === "password"); input.focus(); });
  input.form.addEventListener("submit", () => show(false));
}

// Typing a password in capitals without meaning to: said by the field, read aloud once, gone when the key is.
for (const told of document.querySelectorAll(".caps")) {
  const input = told.parentElement.querySelector("input");
  const tell = (event) => { told.textContent = event.getModifierState?.("CapsLock") ? told.dataset.words : ""; };
  input.addEventListener("keydown", tell);
  input.addEventListener("keyup", tell);
  input.addEventListener("blur", () => { told.textContent = ""; });
}

// Tick the criteria while the new password is typed; the server checks the same list again.
const criteria = document.getElementById("criteria");
const chosen = document.getElementById("new_password");
if (criteria && chosen) {
  const PASSPHRASE = 20;
  const told = document.getElementById("criteria-told");
  const again = document.getElementById("confirmation");
  const same = document.getElementById("same");
  let telling;
  const tick = () => {
    const value = chosen.value.normalize("NFC");
    const long = [...value].length >= PASSPHRASE;
    let met = 0;
    for (const line of criteria.children) {
      const meets = new RegExp(line.dataset.pattern, "u").test(value);
      const waived = !meets && long && line.dataset.name !== "length";
      line.className = meets ? "met" : waived ? "waived" : "";
      met += meets || waived;
      const { dataset } = line.querySelector(".state");
      const words = value === "" ? "" : meets ? dataset.met : waived ? dataset.waived : dataset.unmet;
      line.querySelector(".state").textContent = words;
    }
    // Read aloud once typing pauses: a screen reader cannot follow five lines at each key.
    clearTimeout(telling);
    telling = setTimeout(() => { told.textContent = value && told.dataset.words.replace("%", met); }, 800);
    compare();
  };
  const compare = (left) => {
    const [first, second] = [chosen.value, again.value];
    const equal = first === second;
    const started = second !== "" && (equal || left === true || !first.startsWith(second));
    same.className = equal ? "same met" : "same";
    same.textContent = !started ? "" : equal ? same.dataset.same : same.dataset.differs;
  };
  chosen.addEventListener("input", tick);
  again.addEventListener("input", compare);
  again.addEventListener("blur", () => compare(true));
  tick();
}

// After an error, go to its summary; it links to the field.
document.getElementById("summary")?.focus();

// The other language keeps what was typed, for the one page that comes next; secrets are never stored, shown or not.
const typed = [...document.querySelectorAll("#main input")].filter((input) =>
  /^(text|email)$/.test(input.type) && !input.readOnly && input.autocomplete !== "one-time-code");
try {
  const kept = JSON.parse(sessionStorage.getItem("typed") ?? "{}");
  sessionStorage.removeItem("typed");
  for (const input of typed) input.value = kept[input.name] ?? input.value;
  document.querySelector("form[action^='/language']")?.addEventListener("submit", () => {
    const values = typed.map((input) => [input.name, input.value]);
    sessionStorage.setItem("typed", JSON.stringify(Object.fromEntries(values)));
  });
} catch { /* a browser that stores nothing */ }

// A second click on a button that is working does nothing; the button comes back with the page, or soon.
for (const form of document.forms) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) { event.preventDefault(); return; }
    form.dataset.sent = "yes";
    setTimeout(() => { delete form.dataset.sent; }, 8000);
  });
}
addEventListener("pageshow", () => { for (const form of document.forms) delete form.dataset.sent; });

// The waiting page goes on by itself once the address is confirmed, here or elsewhere, and tells when the mail left.
const waiting = document.querySelector("[data-waits]");
if (waiting) {
  let pause = 2000;
  const code = document.getElementById("code");
  const told = document.getElementById("mail-state");
  const look = async () => {
    try {
      const answer = await fetch(waiting.dataset.waits, { headers: { Accept: "application/json" } });
      const news = answer.ok ? await answer.json() : { waiting: true };
      if (!news.waiting) { location.reload(); return; }
      if (news.mail !== waiting.dataset.mail) {
        const words = told?.dataset[news.mail];  // of a mail that is sent, or late
        if (words && told.textContent !== words) told.textContent = words;
        if (["refused", "late"].includes(news.mail) && !code?.value) { location.reload(); return; }
      }
    } catch { /* away for a moment: ask again later */ }
    pause = Math.min(pause * 1.2, 15000);
    setTimeout(look, pause);
  };
  setTimeout(look, pause);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) pause = 2000; });
}
// A sign-in page that another tab has made needless goes on when it is looked at again, unless something was typed.
const needless = document.querySelector("[data-goes-on]");
if (needless) {
  document.addEventListener("visibilitychange", async () => {
    if (document.hidden || needless.password.value !== "") return;
    const answer = await fetch(location.href, { redirect: "manual" }).catch(() => null);
    if (answer?.type === "opaqueredirect") location.reload();
  });
}
document.querySelector("[data-submit-now]")?.requestSubmit();

// A page that goes on by itself after a while. Only with a script: so it can be stopped by a link (WCAG 2.2.1).
const onward = document.querySelector("[data-goes-to]");
if (onward) setTimeout(() => location.assign(onward.dataset.goesTo), 10000);

// Once all portals were told that the person signed out, go on; the page itself waits no longer than some seconds.
const afterwards = document.querySelector("[data-once-told]");
if (afterwards) addEventListener("load", () => location.replace(afterwards.href));

// An answer to a portal that asked to have it posted (Form Post Response Mode): nobody needs to press the button.
document.querySelector("form[data-submits]")?.submit();

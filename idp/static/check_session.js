/* The frame that portals ask whether the sign-in is still the same (OpenID Connect Session Management 1.0, 3.1). */
"use strict";

const cookie = document.currentScript.dataset.cookie;

// SHA-256 at once: crypto.subtle answers later, exists in secure contexts only, and messages would overtake each other.
function sha256(text) {
  const bytes = [...new TextEncoder().encode(text)];
  const size = bytes.length * 8;
  const primes = [];
  for (let n = 2; primes.length < 64; n++) if (primes.every((p) => n % p)) primes.push(n);
  const fraction = (x) => ((x - Math.floor(x)) * 4294967296) | 0;
  const keys = primes.map((p) => fraction(Math.cbrt(p)));
  const hash = primes.slice(0, 8).map((p) => fraction(Math.sqrt(p)));
  const turn = (x, n) => (x >>> n) | (x << (32 - n));
  bytes.push(0x80);
  while (bytes.length % 64 !== 56) bytes.push(0);
  for (let i = 7; i >= 0; i--) bytes.push(Math.floor(size / 2 ** (8 * i)) & 255);
  for (let block = 0; block < bytes.length; block += 64) {
    const words = [];
    for (let i = 0; i < 64; i++) {
      if (i < 16) {
        const at = block + 4 * i;
        words.push((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]);
      } else {
        const [a, b] = [words[i - 15], words[i - 2]];
        const small = turn(a, 7) ^ turn(a, 18) ^ (a >>> 3);
        const large = turn(b, 17) ^ turn(b, 19) ^ (b >>> 10);
        words.push((words[i - 16] + small + words[i - 7] + large) | 0);
      }
    }
    let [a, b, c, d, e, f, g, h] = hash;
    for (let i = 0; i < 64; i++) {
      const one = (h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + keys[i] + words[i]) | 0;
      const two = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      [h, g, f, e, d, c, b, a] = [g, f, e, (d + one) | 0, c, b, a, (one + two) | 0];
    }
    [a, b, c, d, e, f, g, h].forEach((value, i) => { hash[i] = (hash[i] + value) | 0; });
  }
  return hash.map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
}

function verdict(message, origin) {
  const [clientId, state, ...more] = typeof message === "string" ? message.split(" ") : [];
  const salt = (state || "").split(".")[1];
  if (!clientId || !salt || more.length) return "error";
  const kept = document.cookie.split("; ").find((one) => one.startsWith(`${cookie}=`));
  const known = kept ? kept.slice(cookie.length + 1) : "";
  return state === `${sha256(`${clientId} ${origin} ${known} ${salt}`)}.${salt}` ? "unchanged" : "changed";
}

addEventListener("message", (event) => {
  event.source.postMessage(verdict(event.data, event.origin), event.origin);
});

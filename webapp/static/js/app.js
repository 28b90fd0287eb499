/* What htmx and HTML can't do alone; every page also works without this file. */
(() => {
  'use strict';
  const each = (selector, run, root = document) => root.querySelectorAll(selector).forEach(run);

  // htmx did not arrive from the CDN: load our own copies, in order. This file runs before htmx's tags, so it hears them fail.
  const lost = new Set();
  addEventListener('error', (e) => { if (e.target.dataset?.local) lost.add(e.target); }, true);
  const load = (src) => new Promise((done) => document.head.append(Object.assign(document.createElement('script'), { src, onload: done, onerror: done })));
  document.addEventListener('DOMContentLoaded', async () => {
    focusAsked();
    const tags = [...document.querySelectorAll('script[data-local]')].filter((tag) => !window.htmx || lost.has(tag));
    for (const tag of tags) await load(tag.dataset.local);
    if (tags.length) window.htmx?.process(document.body); // an extension that came after htmx started has missed the page
  });

  // The server says where the focus goes (data-focus), once: a later swap must not take it back.
  const focusAsked = () => {
    const asked = document.querySelector('[data-focus]');
    if (!asked) return;
    each('[data-focus]', (e) => e.removeAttribute('data-focus'));
    asked.focus();
  };

  // Polling while no stream is open, or for what a page that grew is too long for it to follow: each [data-sonde] hears
  // `sonder` every 20 s, and once when a lost stream is back.
  let open = false, dropped = false;
  const sonder = (all = !open) => {
    if (document.hidden) return;
    const followed = new URLSearchParams(document.getElementById('flux')?.getAttribute('hx-sse:connect')?.split('?')[1]).getAll('rdv');
    each('[data-sonde]', (e) => {
      const id = e.querySelector('[data-rdv]')?.dataset.rdv;
      if (all || (id && followed.length && !followed.includes(id))) e.dispatchEvent(new CustomEvent('sonder'));
    });
  };
  document.addEventListener('htmx:sse:after:connection', () => { open = true; if (dropped) sonder(true); dropped = false; });
  for (const end of ['htmx:sse:before:connection', 'htmx:sse:error', 'htmx:sse:close']) {
    document.addEventListener(end, () => { dropped ||= open; open = false; });
  }
  setInterval(() => sonder(), 20000);

  // A live gauge under [data-annonce] says its new sentence, at most once per 5 s; the latest wins.
  const said = new WeakMap();
  let next = '', quiet = false;
  const say = () => {
    if (quiet || !next) return;
    document.getElementById('annonces').textContent = next;
    next = ''; quiet = true;
    setTimeout(() => { quiet = false; say(); }, 5000);
  };
  const listen = () => each('[data-annonce]', (zone) => {
    const words = zone.querySelector('[data-jauge] b')?.textContent.trim() ?? '';
    if (said.has(zone) && said.get(zone) !== words) { next = [zone.dataset.annonce, words].filter(Boolean).join(' '); say(); }
    said.set(zone, words);
  });
  document.addEventListener('DOMContentLoaded', listen);
  document.addEventListener('htmx:after:settle', () => { focusAsked(); listen(); });

  // What only a script can do shows itself.
  document.addEventListener('DOMContentLoaded', () => each('[data-imprimer]', (b) => { b.hidden = false; b.addEventListener('click', () => print()); }));
  document.addEventListener('DOMContentLoaded', () => each('[data-clavier]', (e) => { e.hidden = false; }));

  // The sheet typed in: one key marks a line, and the next one has the focus.
  document.addEventListener('keydown', (e) => {
    const line = e.target.closest?.('[data-ligne]');
    if (!line || e.ctrlKey || e.metaKey || e.altKey) return;
    const mark = [...line.querySelectorAll('[data-touche]:enabled')].find((one) => one.dataset.touche === e.key.toLowerCase());
    if (!mark) return;
    e.preventDefault();
    mark.checked = true;
    (line.nextElementSibling?.querySelector('input:checked') ?? mark).focus();
  });

  // A form being sent shows it. The server makes a second click harmless, so nothing is ever blocked for good.
  const rest = () => each('[data-parti]', (b) => { b.removeAttribute('aria-disabled'); b.removeAttribute('data-parti'); });
  document.addEventListener('submit', (e) => {
    const button = e.submitter;
    if (!button || e.target.method === 'get') return;
    // Sent again from a page that answered a form: going back to that page must not ask to send the first one again.
    if ('corriger' in document.body.dataset) history.replaceState(null, '', location.href);
    setTimeout(() => { button.setAttribute('aria-disabled', 'true'); button.dataset.parti = ''; });
    setTimeout(rest, 8000);
  });
  document.addEventListener('htmx:finally:request', rest);
  addEventListener('pageshow', rest);
})();

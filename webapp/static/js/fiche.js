/* The collective sheet in the hand: a change can be taken back for some seconds, and what is tapped while the network is
   away is kept, said, and sent when it is back. Without this file forms are posted, and nothing waits. */
(() => {
  'use strict';
  const PATIENCE = 8000, AGAIN = 4000, AWAY = [502, 503, 504];
  const guarded = (e) => e.target.closest?.('form[data-garde]');
  const formOf = (tap) => document.querySelector(`form[data-garde][action="${tap.action}"]`);

  // « Annuler ce changement » goes when its time is over. A morph keeps the element: what it takes back tells if it is another.
  const timers = new Map();
  const countDown = () => document.querySelectorAll('[data-retour]').forEach((one) => {
    const what = one.closest('form').querySelector('[name=version], [name=lot]').value, known = timers.get(one);
    if (known?.what === what) return;
    clearTimeout(known?.timer);
    timers.set(one, { what, timer: setTimeout(() => {
      const gone = one.closest('.notice') ?? one;
      if (gone.contains(document.activeElement)) (one.parentElement.querySelector('[aria-pressed="true"]') ?? document.getElementById('contenu')).focus();
      gone.remove();
      timers.delete(one);
    }, one.dataset.retour * 1000) });
  });

  // What could not be sent, oldest first. Each tap goes with the version it was made on: a colleague's change is never overwritten.
  const taps = [];
  let sending = null;
  const show = () => {
    document.querySelectorAll('[data-attend]').forEach((mark) => mark.remove());
    for (const action of new Set(taps.map((tap) => tap.action))) {
      const words = taps.filter((tap) => tap.action === action).map((tap) => tap.words).join(', ');
      formOf({ action })?.append(Object.assign(document.createElement('p'), { className: 'small strong', textContent: `« ${words} » : en attente d’envoi` }));
      formOf({ action })?.lastElementChild.setAttribute('data-attend', '');
    }
    if (!taps.length) return;
    const bar = Object.assign(document.createElement('p'), { className: 'notice warn en-attente', textContent: `Le réseau ne répond pas. ${taps.length} choix en attente d’envoi : gardez cette page ouverte, tout partira dès que possible.` });
    bar.setAttribute('data-attend', '');
    document.getElementById('contenu').append(bar);
  };
  const keep = (form, ctx) => {
    const fields = new URLSearchParams(ctx.request.body), action = form.getAttribute('action'), button = ctx.request.submitter;
    if (fields.has('envoi')) form.elements.envoi.value = crypto.randomUUID(); // the next tap is another one
    else taps.splice(0, taps.length, ...taps.filter((tap) => tap.action !== action || tap === sending)); // the last word counts
    taps.push({ action, fields, words: button?.textContent.trim() || '' });
    setTimeout(() => button?.removeAttribute('aria-disabled'), 50); // after app.js has marked it as being sent
    document.getElementById('annonces').textContent = `${button?.textContent.trim()} : en attente d’envoi`;
    show();
  };
  const send = async () => {
    if (sending) return;
    while (taps.length) {
      const tap = sending = taps[0];
      for (const name of ['depuis', 'dernier']) if (tap.fields.has(name)) tap.fields.set(name, document.getElementById(name).value);
      let answer, text;
      try {
        answer = await fetch(tap.action, { method: 'POST', body: tap.fields, signal: AbortSignal.timeout(PATIENCE), headers: { 'HX-Request': 'true', 'HX-Request-Type': 'partial', 'HX-Current-URL': location.href } });
        text = await answer.text();
      } catch { break; }
      if (AWAY.includes(answer.status)) break;
      taps.splice(taps.indexOf(tap), 1);
      const elsewhere = answer.headers.get('HX-Redirect');
      if (elsewhere) { taps.unshift(tap); sending = null; location.href = elsewhere; return; } // logged out: the page asks before it is left
      await htmx.swap({ sourceElement: document.body, target: document.querySelector(answer.headers.get('HX-Retarget') ?? '#avis'), swap: answer.headers.get('HX-Reswap') ?? 'none', text });
      const version = formOf(tap)?.closest('[data-version]')?.dataset.version;
      if (answer.ok && version) taps.filter((next) => next.action === tap.action).forEach((next) => next.fields.set('version', version));
      show();
    }
    sending = null;
  };
  document.addEventListener('htmx:config:request', (e) => { if (guarded(e)) e.detail.ctx.request.timeout = PATIENCE; });
  document.addEventListener('htmx:before:request', (e) => {
    const form = guarded(e);
    if (form && taps.length) { e.preventDefault(); keep(form, e.detail.ctx); send(); } // each in its turn
  });
  document.addEventListener('htmx:before:response', (e) => {
    const form = guarded(e), { ctx } = e.detail;
    if (form && AWAY.includes(ctx.response.status)) { e.preventDefault(); keep(form, ctx); }
  });
  document.addEventListener('htmx:error', (e) => {
    const form = guarded(e), { ctx } = e.detail;
    if (form && ctx?.request.body && !ctx.response) keep(form, ctx);
  });
  addEventListener('online', send);
  setInterval(() => { if (taps.length && navigator.onLine) send(); }, AGAIN);
  addEventListener('beforeunload', (e) => { if (taps.length) e.preventDefault(); });

  document.addEventListener('DOMContentLoaded', countDown);
  document.addEventListener('htmx:after:settle', () => { countDown(); if (taps.length) show(); });
})();

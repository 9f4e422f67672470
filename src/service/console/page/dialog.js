// Questions before what cannot be taken back, calls to a number, and the list of keys.

import { has, may, post, service } from './api.js'
import { h, notice, setText } from './dom.js'
import { masked } from './format.js'

/**
 * Asks before a dangerous act. Resolves to whether it was confirmed. `act` names what happens on
 * the button, `detail` says to whom.
 */
export function confirm({ title, detail, act }) {
  return new Promise((resolve) => {
    const answer = (yes) => {
      dialog.close()
      dialog.remove()
      resolve(yes)
    }
    const dialog = h('dialog', { class: 'dialog', 'aria-labelledby': 'dialog-title', oncancel: (event) => (event.preventDefault(), answer(false)) },
      h('h2', { id: 'dialog-title', text: title }),
      h('p', { text: detail }),
      h('div', { class: 'dialog-acts' },
        h('button', { type: 'button', text: 'Cancel', onclick: () => answer(false) }),
        h('button', { type: 'button', class: 'danger', testid: 'confirm', text: act, onclick: () => answer(true) })))
    document.body.append(dialog)
    dialog.showModal()
    // The harmless answer has the focus: a second Enter does no harm.
    dialog.querySelector('button').focus()
  })
}

/** Whether this person may have numbers called. */
export const mayCall = () => has('/calls', 'POST') && may('operator') && service.configuration.outbound?.enabled === true

/** Asks for a number and has an agent call it. */
export function placeCall() {
  if (!mayCall() || document.querySelector('dialog[open]')) return
  const known = service.configuration
  const option = (value, text = value) => h('option', { value, text })
  const to = h('input', { type: 'tel', id: 'place-to', testid: 'place-to', placeholder: '+919876543210', autocomplete: 'off', required: true })
  const agent = h('select', { id: 'place-agent', onchange: () => languages() }, Object.keys(known.agents ?? {}).map((name) => option(name)))
  const language = h('select', { id: 'place-language' })
  const failure = h('p', { class: 'inline-error', testid: 'error', role: 'alert', hidden: true })
  const send = h('button', { class: 'primary', testid: 'place-send', text: 'Call' })
  const languages = () => language.replaceChildren(option('', 'the agent’s own'), ...(known.agents?.[agent.value]?.languages ?? []).map((code) => option(code, known.languages?.[code] ?? code)))
  const row = (label, field) => h('div', { class: 'form-row' }, h('label', { for: field.id, text: label }), field)
  const place = async (event) => {
    event.preventDefault()
    send.disabled = true
    failure.hidden = true
    try {
      await post('/calls', { to: to.value.replace(/[\s()-]/g, ''), agent: agent.value, ...(language.value ? { language: language.value } : {}) }, { patience: 30_000 })
      dialog.close()
      notice(`Ringing ${masked(to.value.trim())}. The call stands in the list once it is answered.`)
    } catch (error) {
      failure.hidden = false
      setText(failure, error.message)
    } finally {
      send.disabled = false
    }
  }
  const from = known.outbound.from
  const dialog = h('dialog', { class: 'dialog', 'aria-labelledby': 'dialog-title', onclose: () => dialog.remove() },
    h('h2', { id: 'dialog-title', text: 'Call a number' }), h('p', { text: from ? `They see ${from}. The agent speaks when they answer.` : 'The agent speaks when they answer.' }),
    h('form', { class: 'form', onsubmit: place }, row('Number', to), row('Agent', agent), row('Language', language), failure,
      h('div', { class: 'dialog-acts' }, h('button', { type: 'button', text: 'Cancel', onclick: () => dialog.close() }), send)))
  languages()
  document.body.append(dialog)
  dialog.showModal()
  to.focus()
}

const KEYS = [
  ['1 2 3 4', 'Live, History, Service, Test call'],
  ['j k or ↓ ↑', 'next, previous call'],
  ['Enter', 'open the call'],
  ['/', 'filter the list, or search'],
  ['c', 'call a number'],
  ['l', 'listen, or stop listening'],
  ['o', 'take the call over, or give it back'],
  ['w', 'whisper to the agent'],
  ['s', 'have the agent say a line'],
  ['t', 'transfer'],
  ['x', 'hang up (asks first)'],
  ['Esc', 'close what is open'],
  ['?', 'this list'],
]

export function showKeys() {
  if (document.querySelector('dialog[open]')) return
  const dialog = h('dialog', { class: 'dialog', 'aria-labelledby': 'dialog-title', onclose: () => dialog.remove() },
    h('h2', { id: 'dialog-title', text: 'Keys' }),
    h('dl', { class: 'keys' }, KEYS.map(([key, what]) => [h('dt', {}, h('kbd', { text: key })), h('dd', { text: what })])),
    h('div', { class: 'dialog-acts' }, h('button', { type: 'button', text: 'Close', onclick: () => dialog.close() })))
  document.body.append(dialog)
  dialog.showModal()
}

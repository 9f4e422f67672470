// Questions before what cannot be taken back, and the list of keys.

import { h } from './dom.js'

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

const KEYS = [
  ['1 2 3 4', 'Live, History, Service, Test call'],
  ['j k or ↓ ↑', 'next, previous call'],
  ['Enter', 'open the call'],
  ['/', 'filter the list, or search'],
  ['l', 'listen, or stop listening'],
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

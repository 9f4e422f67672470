// A call from the browser: the microphone in, the agent out, through the same line as every call.

import { service } from './api.js'
import { h, keyed, notice, setText } from './dom.js'
import { calls, subscribe } from './feed.js'
import { clock, words } from './format.js'
import { openSound } from './sound.js'

/** How long the panel waits before it calls, so that another agent can be chosen. */
const COUNTDOWN_S = 3

export function makeTestCall() {
  const known = service.configuration
  const options = (names, titles) => names.map((name) => h('option', { value: name, text: titles?.[name] ?? name }))
  const names = Object.keys(known.agents ?? {})
  const agent = h('select', { id: 'test-agent', onchange: () => (hold(), showLanguages()) }, options(names.length ? names : ['default']))
  const language = h('select', { id: 'test-language', onchange: () => hold() })
  const variables = h('div', { class: 'variables' })
  const add = h('button', { type: 'button', class: 'small', text: 'Add a variable', onclick: () => (hold(), addVariable()) })
  const start = h('button', { type: 'button', class: 'primary', text: 'Call', onclick: () => call() })
  const wait = h('button', { type: 'button', text: 'Wait', hidden: true, onclick: () => hold() })
  const end = h('button', { type: 'button', class: 'danger', testid: 'test-call-end', text: 'End the call', hidden: true, onclick: () => line?.close() })
  const mute = h('button', { type: 'button', text: 'Mute', 'aria-pressed': 'false', hidden: true, onclick: () => {
    muted = !muted
    line?.mute(muted)
    setText(mute, muted ? 'Unmute' : 'Mute')
    mute.setAttribute('aria-pressed', String(muted))
  } })
  const state = h('p', { class: 'big', role: 'status', 'aria-live': 'polite' })
  const meters = ['You', 'Agent'].map((title) => {
    const bar = h('i')
    return { bar, element: h('div', { class: 'meter-row' }, h('span', { class: 'dim', text: title }), h('span', { class: 'meter wide' }, bar)) }
  })
  const mine = h('ul', { class: 'mine' })
  const element = h('div', { class: 'panel test-call' }, h('section', { class: 'card phone' },
    h('h1', { text: 'Test call' }), h('p', { class: 'dim', text: 'Talk to an agent from this browser. It is a call like any other: it has a record, and it costs what a call costs.' }),
    h('div', { class: 'form-row' }, h('label', { for: 'test-agent', text: 'Agent' }), agent), h('div', { class: 'form-row' }, h('label', { for: 'test-language', text: 'Language' }), language),
    h('div', { class: 'form-row' }, h('span', { text: 'Variables' }), variables), add, state, meters.map((each) => each.element), h('div', { class: 'phone-acts' }, start, wait, mute, end), mine))
  let line = null
  let calling = false
  let muted = false
  let began = 0
  let left = COUNTDOWN_S
  let tick = setInterval(countDown, 1000)

  function showLanguages() {
    const codes = known.agents?.[agent.value]?.languages ?? []
    language.replaceChildren(h('option', { value: '', text: 'the agent’s own' }), ...options(codes, known.languages))
    variables.replaceChildren()
    for (const [name, value] of Object.entries(known.agents?.[agent.value]?.variables ?? {})) addVariable(name, value)
  }
  function addVariable(name, value) {
    const row = h('div', { class: 'variable' }, h('input', { type: 'text', placeholder: 'name', 'aria-label': 'Name of the variable' }), h('input', { type: 'text', placeholder: 'value', 'aria-label': 'Value of the variable' }),
      h('button', { type: 'button', class: 'ghost small', text: '✕', 'aria-label': 'Remove the variable', onclick: () => row.remove() }))
    variables.append(row)
    const [named, valued] = row.querySelectorAll('input')
    if (name === undefined) return named.focus()
    named.value = name
    valued.value = value
  }
  function countDown() {
    if (calling) {
      if (line) setText(state, `On the call, ${clock(Date.now() - began)}`)
      return
    }
    if (left === null) return
    if (left <= 0) return call()
    setText(state, `Calling ${agent.value} in ${left} s…`)
    wait.hidden = false
    left -= 1
  }
  /** Stops the countdown: whoever touches the form calls when they are ready. */
  function hold() {
    if (left === null) return
    left = null
    wait.hidden = true
    setText(state, 'Ready.')
  }
  const level = (side, value) => {
    const meter = side === 'mic' ? meters[0] : side === 1 ? meters[1] : null
    if (meter) meter.bar.style.transform = `scaleX(${Math.min(1, value * 1.4).toFixed(2)})`
  }

  async function call() {
    if (calling) return
    hold()
    calling = true
    show()
    setText(state, 'Asking for the microphone…')
    const filled = Object.fromEntries([...variables.children].map((row) => [...row.querySelectorAll('input')].map((field) => field.value.trim())).filter(([name]) => name))
    try {
      const first = { agent: agent.value, ...(language.value ? { language: language.value } : {}), variables: filled }
      const opened = await openSound('/test-call', {
        phone: true, mic: true, first, level, play: (side) => side !== 0,
        opened() { began = Date.now() },
        ended(reason) {
          line = null
          calling = false
          show()
          setText(state, reason ? `The call is over: ${reason}` : 'The call is over.')
        },
      })
      if (calling) line = opened
      else opened.close()
      show()
    } catch (error) {
      calling = false
      line = null
      show()
      const said = error.name === 'NotAllowedError' ? 'The browser was not allowed to use the microphone.' : error.name === 'NotFoundError' ? 'This machine has no microphone.' : error.message
      setText(state, said)
      notice(said, 'error')
    }
  }
  function show() {
    start.hidden = calling
    end.hidden = !calling
    mute.hidden = !calling
    for (const field of [agent, language, add]) field.disabled = calling
    setText(start, began ? 'Call again' : 'Call')
    if (!calling) meters.forEach(({ bar }) => (bar.style.transform = 'scaleX(0)'))
  }
  const unsubscribe = subscribe(() => {
    const all = [...calls.values()].filter((each) => each.carrier === 'browser')
    keyed(mine, all, (each) => each.id, (each) => h('li', {}, h('a', { href: `#/live/${each.id}` })), (item, each) => setText(item.firstChild, `See it live: ${each.agent}, ${words(each.state)}`))
  })
  showLanguages()
  countDown()

  return {
    element,
    close() {
      clearInterval(tick)
      tick = 0
      unsubscribe()
      line?.close()
    },
  }
}

// The page: who is signed in, which panel is open, the address, the keys.

import { connect, has, hasSockets, may, service, signIn, signOut, whenSignedOut } from './api.js'
import { showKeys } from './dialog.js'
import { h, isTyping, notice, replace, setText } from './dom.js'
import { begin, end, standing, subscribe } from './feed.js'
import { makeHistory } from './history.js'
import { makeLive } from './live.js'
import { makeService } from './service.js'
import { makeTestCall } from './test-call.js'

const main = document.getElementById('main')
const tabs = document.getElementById('tabs')
const barEnd = document.getElementById('bar-end')
const banner = document.getElementById('banner')

const PANELS = [
  { name: 'live', title: 'Live', there: () => true, make: () => makeLive({ go, overview: makeService({ compact: true }) }) },
  { name: 'history', title: 'History', testid: 'history', there: () => has('/records'), make: () => makeHistory({ go }) },
  { name: 'service', title: 'Service', there: () => true, make: () => makeService({ compact: false }) },
  { name: 'test-call', title: 'Test call', testid: 'test-call', there: () => has('/test-call') && may('operator') && hasSockets(), make: () => makeTestCall() },
]

let panel = null
let panelName = ''
let ready = false

/** Changes the address, which opens what it names. */
function go(hash) {
  if (location.hash === hash) route()
  else location.hash = hash
}

function route() {
  if (!ready) return
  const [path, query = ''] = location.hash.replace(/^#\/?/, '').split('?')
  const [wanted = '', ...rest] = path.split('/')
  const entry = PANELS.find(({ name, there }) => name === wanted && there()) ?? PANELS[0]
  if (entry.name !== panelName) {
    panel?.close?.()
    panelName = entry.name
    replace(document.getElementById('notices'))
    panel = entry.make()
    replace(main, panel.element)
    for (const tab of tabs.children) {
      if (tab.dataset.panel === panelName) tab.setAttribute('aria-current', 'page')
      else tab.removeAttribute('aria-current')
    }
    document.title = `${entry.title} · Switchboard`
  }
  panel.open?.(rest.length ? decodeURIComponent(rest.join('/')) : null, new URLSearchParams(query))
}

function drawBar() {
  replace(tabs, PANELS.filter(({ there }) => there()).map(({ name, title, testid }, n) =>
    h('button', { type: 'button', class: 'tab', testid, 'data-panel': name, title: `Key ${n + 1}`, text: title, onclick: () => go(`#/${name}`) })))
  const { name, role } = service.me
  replace(barEnd,
    h('span', { class: 'standing', id: 'standing' }),
    name && name !== 'local' ? h('span', { class: 'me dim', title: `Role: ${role}`, text: `${name} · ${role}` }) : null,
    h('button', { type: 'button', class: 'ghost', title: 'Light, dark, or as the system has it', text: themeWord(), id: 'theme', onclick: nextTheme }),
    h('button', { type: 'button', class: 'ghost keys-button', title: 'Keys', 'aria-label': 'Keys', text: '?', onclick: showKeys }),
    // `local` is who asks a service without tokens: there is nothing to sign out of.
    (name && name !== 'local') || !hasSockets() ? h('button', { type: 'button', class: 'ghost', text: 'Sign out', onclick: () => signOut().catch((error) => notice(error.message, 'error')) }) : null)
}

const THEMES = ['system', 'light', 'dark']
const theme = () => localStorage.getItem('theme') ?? 'system'
const themeWord = () => ({ system: '◐ Auto', light: '☀ Light', dark: '☾ Dark' })[theme()] ?? '◐ Auto'
function nextTheme() {
  localStorage.setItem('theme', THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length])
  applyTheme()
}
function applyTheme() {
  if (theme() === 'system') delete document.documentElement.dataset.theme
  else document.documentElement.dataset.theme = theme()
  const button = document.getElementById('theme')
  if (button) setText(button, themeWord())
}

/** The strip below the bar: what everybody must know, and nothing else. */
function drawBanner() {
  const home = document.getElementById('standing')
  if (home) {
    home.dataset.kind = standing.reached ? 'good' : 'bad'
    setText(home, standing.reached ? (standing.live ? 'live' : 'every second') : 'not reached')
    home.title = standing.reached ? (standing.live ? 'Changes come as they happen' : 'The list is asked for once a second') : standing.reason
  }
  const said = !standing.reached ? ['error', `${standing.reason || 'The service cannot be reached.'} What you see is from before; the page keeps trying.`]
    : standing.spend?.killed ? ['warn', 'The kill switch is on: no call is taken.']
      : standing.draining ? ['warn', 'The service is draining: it takes no new calls.'] : null
  if (banner.dataset.said === (said?.[1] ?? '')) return
  banner.dataset.said = said?.[1] ?? ''
  replace(banner, said && h('div', { class: `banner ${said[0]}`, role: said[0] === 'error' ? 'alert' : 'status', testid: said[0] === 'error' ? 'error' : undefined, text: said[1] }))
}

function askToken() {
  end()
  ready = false
  panel?.close?.()
  panel = null
  panelName = ''
  replace(tabs)
  replace(barEnd)
  const field = h('input', { type: 'password', testid: 'token', id: 'token', name: 'token', autocomplete: 'current-password', required: true, spellcheck: 'false' })
  const failure = h('p', { class: 'inline-error', testid: 'error', role: 'alert', hidden: true })
  const button = h('button', { class: 'primary', testid: 'sign-in', text: 'Sign in' })
  const form = h('form', { class: 'sign-in', onsubmit: async (event) => {
    event.preventDefault()
    button.disabled = true
    failure.hidden = true
    try {
      await signIn(field.value.trim())
      start()
    } catch (error) {
      failure.hidden = false
      setText(failure, error.message)
      field.select()
    } finally {
      button.disabled = false
    }
  } },
  h('img', { src: 'icon.svg', alt: '', width: '40', height: '40' }), h('h1', { text: 'Sign in to Switchboard' }),
  h('label', { for: 'token', text: 'Your token' }), field, failure, button,
  h('p', { class: 'dim', text: 'The token is never put into an address and is not kept by this page.' }))
  replace(main, form)
  field.focus()
}

function start() {
  ready = true
  drawBar()
  applyTheme()
  begin()
  route()
}

addEventListener('hashchange', route)
addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !ready || document.querySelector('dialog[open]')) return
  if (isTyping(event)) {
    // Enter leads from a search to what it has found; Escape empties it first, as browsers have it.
    if (event.key === 'Escape' || (event.key === 'Enter' && event.target.type === 'search')) event.target.blur()
    return
  }
  const there = PANELS.filter((entry) => entry.there())
  if (event.key === '?') showKeys()
  else if (/^[1-4]$/.test(event.key) && there[event.key - 1]) go(`#/${there[event.key - 1].name}`)
  else if (!panel?.key?.(event)) return
  event.preventDefault()
})
subscribe(drawBanner)
whenSignedOut(askToken)

async function first() {
  applyTheme()
  try {
    await connect()
    start()
  } catch (error) {
    if (error.status === 401) return askToken()
    replace(main, h('div', { class: 'empty' }, h('p', { testid: 'error', role: 'alert', text: error.message }), h('button', { type: 'button', text: 'Try again', onclick: first })))
  }
}
first()

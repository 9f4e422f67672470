// The service: spend and the kill switch, health, deliveries, nodes, agents, configuration, audit.
// Cards of what the service does not have are left out.

import { get, has, may, post, renew, service } from './api.js'
import { confirm } from './dialog.js'
import { h, notice, redraw, replace } from './dom.js'
import { refresh, standing } from './feed.js'
import { age, ago, count, limit, moment, usd, words } from './format.js'

const card = (title, testid, ...more) => {
  const body = h('div', { class: 'card-body' })
  return { body, element: h('section', { class: 'card', testid, 'aria-label': title }, h('h2', {}, title, ...more), body) }
}

/** Makes the panel; `compact` is the one beside the list, with what an operator glances at. */
export function makeService({ compact }) {
  const all = [
    has('/spend') && spend(),
    has('/ready') && health(),
    has('/nodes') && nodes(),
    has('/deliveries') && deliveries(),
    !compact && has('/configuration') && agents(),
    !compact && has('/reload', 'POST') && may('admin') && reload(() => draw()),
    !compact && has('/audit') && may('admin') && audit(),
    !compact && has('/configuration') && configuration(),
  ].filter(Boolean)
  const element = h('div', { class: compact ? 'service compact' : 'panel service' },
    compact ? h('p', { class: 'dim hint', text: 'Choose a call to see and steer it. Keys: ↓ ↑ and Enter, ? for all.' }) : null, all.map((each) => each.element))
  let timer = 0
  async function draw() {
    await Promise.all(all.map((each) => each.draw().catch((error) => replace(each.body, h('p', { class: 'inline-error', text: error.message })))))
  }
  const panel = {
    element,
    begin() {
      panel.end()
      draw()
      timer = setInterval(() => !document.hidden && draw(), 5000)
    },
    end() { clearInterval(timer) },
    open() { panel.begin() },
    close() { panel.end() },
  }
  return panel
}

const pairs = (rows) => h('dl', { class: 'pairs' }, rows.filter(Boolean).map(([name, value, loud]) => [h('dt', { text: name }), h('dd', { class: 'num', 'data-loud': loud || null }, value)]))

function bar(part, whole) {
  const fill = h('i')
  fill.style.width = `${Math.min(100, (part / whole) * 100)}%`
  return h('span', { class: 'bar-track', 'data-loud': part / whole > 0.8 || null }, fill)
}

function spend() {
  const { element, body } = card('Spend', 'spend')
  async function draw() {
    const now = await get('/spend')
    const { day, caller } = now.limits ?? {}
    redraw(body,
      h('p', { class: 'big num' }, usd(now.today_usd), h('small', { class: 'dim', text: ' today (UTC)' })),
      day?.hard_usd ? bar(now.today_usd, day.hard_usd) : null,
      pairs([
        ['day limit', day?.hard_usd ? `${limit(day.hard_usd)}${day.soft_usd ? `, wraps up at ${limit(day.soft_usd)}` : ''}` : 'none'],
        ['caller limit', caller?.hard_usd ? limit(caller.hard_usd) : 'none'],
        ['callers today', count(now.callers)],
        ['kill switch', now.killed ? 'on: no call is taken' : 'off', now.killed],
      ]),
      has('/spend/kill', 'POST') && may('admin') ? h('button', { type: 'button', class: now.killed ? '' : 'danger', text: now.killed ? 'Take calls again' : 'Kill switch…', onclick: () => kill(!now.killed).then(draw) }) : null)
  }
  return { element, body, draw }
}

async function kill(on) {
  const calls = standing.active
  const sure = await confirm(on
    ? { title: 'Throw the kill switch?', detail: `No call is taken from now on, and the ${count(calls)} that are on are closed politely.`, act: 'Throw the kill switch' }
    : { title: 'Take calls again?', detail: 'The kill switch is released and new calls are answered.', act: 'Take calls again' })
  if (!sure) return
  try {
    await post('/spend/kill', { on })
    notice(on ? 'The kill switch is on' : 'Calls are taken again')
    refresh()
  } catch (error) {
    notice(`The kill switch: ${error.message}`, 'error')
  }
}

function health() {
  const { element, body } = card('Health', 'health')
  async function draw() {
    const [ready, alive] = await Promise.all([
      get('/ready').catch((error) => (error.status === 503 ? { status: 'not_ready' } : Promise.reject(error))),
      has('/health') ? get('/health') : null,
    ])
    const lag = standing.metrics?.get('switchboard_model_reachable')
    redraw(body, pairs([
      ['takes calls', ready.status === 'ready' ? 'yes' : `no${ready.reason ? `: ${words(ready.reason)}` : ''}`, ready.status !== 'ready'],
      ready.degraded?.length ? ['degraded', ready.degraded.map(words).join(', '), true] : null,
      lag === undefined ? null : ['model', lag ? 'reachable' : 'not reachable', !lag],
      ['version', service.version],
      alive ? ['up for', age(alive.uptime_s)] : null,
      ['places', `${count(standing.active)} of ${count(standing.max)}`],
    ]))
  }
  return { element, body, draw }
}

function nodes() {
  const { element, body } = card('Nodes', 'nodes')
  async function draw() {
    const { nodes: rows = [] } = await get('/nodes')
    redraw(body, h('table', {}, h('thead', {}, h('tr', {}, ['Node', 'Calls', 'Up', 'Version', ''].map((title, n) => h('th', { scope: 'col', class: n > 0 && n < 4 ? 'num' : null, text: title })))),
      h('tbody', {}, rows.map((node) => h('tr', {},
        h('td', { text: `${node.node}${node.self ? ' (this)' : ''}` }), h('td', { class: 'num', text: `${count(node.active)} / ${count(node.max_calls)}` }), h('td', { class: 'num', text: age(node.uptime_s) }), h('td', { class: 'num', text: node.version }),
        h('td', { class: 'end' }, node.draining ? h('span', { class: 'loud', text: 'draining' })
          : has('/nodes/{node}/drain', 'POST') && may('admin') ? h('button', { type: 'button', class: 'small', text: 'Drain…', onclick: () => drain(node).then(draw) }) : null))))))
  }
  return { element, body, draw }
}

async function drain(node) {
  const sure = await confirm({ title: `Drain ${node.node}?`, detail: `It takes no new calls; the ${count(node.active)} that are on have its drain time to end. Then its process exits.`, act: `Drain ${node.node}` })
  if (!sure) return
  try {
    await post(`/nodes/${encodeURIComponent(node.node)}/drain`)
    notice(`${node.node} is draining`)
  } catch (error) {
    notice(`${node.node} is not drained: ${error.message}`, 'error')
  }
}

/** A delivery's fields under one name each, over all its endpoints. Pure. */
export function tidyDelivery(one) {
  const courses = Object.entries(one.endpoints ?? {})
  return {
    id: one.id, status: one.status,
    event: one.type ?? one.event ?? one.id,
    endpoint: courses.length ? courses.map(([name]) => name).join(', ') : (one.endpoint ?? ''),
    attempts: courses.length ? Math.max(...courses.map(([, course]) => course.attempts ?? 0)) : (one.attempts ?? 0),
    at: one.at ?? one.created_at ?? one.timestamp,
    last: courses.map(([, course]) => course.last).find(Boolean) ?? one.last,
    failed: /dead|fail/.test(one.status), done: /completed|delivered|done/.test(one.status),
  }
}

function deliveries() {
  const { element, body } = card('Deliveries', 'deliveries')
  async function draw() {
    const answer = await get('/deliveries')
    const rows = (answer.deliveries ?? []).map(tidyDelivery)
    if (!rows.length) return redraw(body, h('p', { class: 'dim', text: 'Nothing waits and nothing has failed.' }))
    const counted = ['failed', 'pending', 'completed'].filter((status) => answer[status]).map((status) => `${count(answer[status])} ${status}`)
    redraw(body, counted.length ? h('p', { class: 'dim num', text: counted.join(', ') }) : null, h('table', {}, h('tbody', {}, rows.slice(0, 50).map((one) => h('tr', {},
      h('td', {}, h('b', { text: one.event }), h('br'), h('small', { class: 'dim', text: one.endpoint })),
      h('td', {}, h('span', { class: one.failed ? 'loud' : null, title: one.last, text: words(one.status) }), h('br'),
        h('small', { class: 'dim num', text: `${count(one.attempts)} ${one.attempts === 1 ? 'try' : 'tries'}, ${ago(one.at)}` })),
      h('td', { class: 'end' }, has('/deliveries/{id}/retry', 'POST') && may('operator') && one.failed
        ? h('button', { type: 'button', class: 'small', text: 'Retry', onclick: () => retry(one).then(draw) }) : null))))))
  }
  return { element, body, draw }
}

async function retry(one) {
  try {
    await post(`/deliveries/${encodeURIComponent(one.id)}/retry`)
    notice('It is sent again')
  } catch (error) {
    notice(`It is not sent again: ${error.message}`, 'error')
  }
}

function agents() {
  const { element, body } = card('Agents')
  const field = (name, placeholder) => h('input', { type: 'text', inputmode: 'tel', name, placeholder, 'aria-label': placeholder, autocomplete: 'off' })
  const [from, to] = [field('from', 'from: +1555…'), field('to', 'to: +1555…')]
  const carrier = h('select', { 'aria-label': 'Carrier' })
  const result = h('output', { class: 'route-result' })
  const tester = has('/configuration/route', 'POST') ? h('form', { class: 'act wide', 'aria-label': 'Who answers a call', onsubmit: async (event) => {
    event.preventDefault()
    try {
      const route = await post('/configuration/route', { carrier: carrier.value, from: from.value.trim(), to: to.value.trim() })
      const { languages } = service.configuration
      replace(result, h('b', { text: route.agent }), ` answers in ${languages?.[route.language] ?? route.language}${route.recorded ? ', recorded' : ''}`)
    } catch (error) {
      replace(result, h('span', { class: 'inline-error', text: error.message }))
    }
  } }, carrier, from, to, h('button', { text: 'Who answers?' })) : null
  const rows = h('tbody')
  replace(body, h('table', {}, h('thead', {}, h('tr', {}, ['Agent', 'Languages', 'Model', 'Tools'].map((title) => h('th', { scope: 'col', text: title })))), rows), tester, tester && result)
  const draw = whenChanged((known) => {
    const chosen = carrier.value
    replace(carrier, (known.carriers ?? []).map((name) => h('option', { value: name, text: name })))
    if (chosen) carrier.value = chosen
    replace(rows, Object.entries(known.agents ?? {}).map(([name, agent]) => h('tr', {}, h('td', {}, h('b', { text: name })), h('td', { text: (agent.languages ?? []).join(' ') }), h('td', { text: agent.model ?? '' }), h('td', { class: 'dim', text: (agent.tools ?? []).map(words).join(', ') }))))
  })
  return { element, body, draw }
}

/** Draws the configuration that runs, at first and whenever another one does. */
function whenChanged(draw) {
  let drawn = ''
  return async () => {
    // What was drawn before is better than an error in its place.
    await renew(20_000).catch((error) => { if (!drawn) throw error })
    const now = JSON.stringify(service.configuration)
    if (now === drawn) return
    drawn = now
    draw(service.configuration)
  }
}

/** A value of the configuration in words. Pure. */
export function plain(value) {
  if (value === null || value === '') return 'none'
  if (value === true) return 'yes'
  if (value === false) return 'no'
  if (typeof value === 'number') return String(Math.round(value * 1e4) / 1e4)
  if (Array.isArray(value)) return value.map(plain).join(', ') || 'none'
  if (typeof value === 'object') return Object.entries(value).map(([name, one]) => `${words(name)}: ${plain(one)}`).join('; ') || 'none'
  return String(value)
}

const isTable = (value) => value !== null && typeof value === 'object' && !Array.isArray(value)

/** The keys of a table with their values; a table within it is set off below its name. */
function rowsOf(table) {
  return h('dl', { class: 'pairs' }, Object.entries(table).map(([key, value]) => isTable(value) && Object.keys(value).length
    ? [h('dt', { class: 'group', text: key }), h('dd', { class: 'group' }, rowsOf(value))]
    : [h('dt', { text: key }), h('dd', { class: `num ${value === 'absent' || value === 'present' ? value : ''}`, text: plain(value) })]))
}

function configuration() {
  const { element, body } = card('Configuration that runs')
  element.classList.add('whole')
  const draw = whenChanged(({ notes = [], valid, ...rest }) => {
    const all = Object.entries(rest)
    const single = Object.fromEntries(all.filter(([, value]) => !isTable(value)))
    const shut = new Set([...body.querySelectorAll('details:not([open]) > summary')].map((summary) => summary.textContent))
    const section = ([name, value]) => h('details', { open: !shut.has(name) }, h('summary', { text: name }), rowsOf(value))
    redraw(body, notes.length ? h('ul', { class: 'findings' }, notes.map((note) => h('li', { text: note }))) : null,
      h('div', { class: 'sections' }, [['general', single], ...all.filter(([, value]) => isTable(value))].filter(([, value]) => Object.keys(value).length).map(section)))
  })
  return { element, body, draw }
}

function reload(drawAll) {
  const { element, body } = card('Reload')
  const result = h('output', { class: 'route-result' })
  replace(body, h('p', { class: 'dim', text: 'Reads the configuration again. Calls that are on keep what they began with.' }),
    h('button', { type: 'button', text: 'Reload the configuration', onclick: async () => {
      try {
        const { changed = [], restart = [] } = (await post('/reload')) ?? {}
        replace(result, changed.length ? `Changed: ${changed.join(', ')}. ` : 'Nothing has changed. ', restart.length ? h('b', { text: `Needs a restart: ${restart.join(', ')}.` }) : '')
        await renew()
        await drawAll()
      } catch (error) {
        replace(result, h('span', { class: 'inline-error', text: error.message }))
      }
    } }), result)
  return { element, body, draw: async () => {} }
}

function audit() {
  const { element, body } = card('Audit')
  async function draw() {
    const { entries = [] } = await get('/audit')
    redraw(body, entries.length ? h('table', {}, h('tbody', {}, entries.slice(0, 30).map((one) => h('tr', {},
      h('td', { class: 'num dim', title: moment(one.at), text: moment(one.at).slice(5) }), h('td', {}, h('b', { text: one.who || 'unknown' }), ` ${one.role ?? ''}`),
      h('td', { class: 'id', title: one.target }, words(one.act), one.target ? [' ', h('code', { class: 'dim', text: one.target.length > 12 ? `${one.target.slice(0, 10)}…` : one.target })] : null),
      h('td', { class: 'num', 'data-loud': one.result >= 400 || null, text: String(one.result) })))))
      : h('p', { class: 'dim', text: 'Nobody has done anything yet.' }))
  }
  return { element, body, draw }
}

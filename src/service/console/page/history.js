// Past calls: filters that stand in the address, full-text search, the record with its player.

import { bytes, get, has } from './api.js'
import { h, keyed, notice, replace, setAttr, setText } from './dom.js'
import { clock, count, masked, moment, price, words } from './format.js'
import { makePlayer } from './player.js'
import { drawWaterfall } from './waterfall.js'

const FILTERS = [
  ['text', 'search', 'Search what was said', 'history-search'], ['from', 'date', 'From'], ['to', 'date', 'To'],
  ['agent', 'text', 'Agent'], ['carrier', 'text', 'Carrier'], ['ending', 'text', 'Ending'], ['disposition', 'text', 'Disposition'],
]

const COLUMNS = [['Began', 'began'], ['Caller', 'caller'], ['Agent', 'agent'], ['Time', 'num'], ['Ending', ''], ['Cost', 'num cost']]

/** The fields of a record under one name each, whether it comes from the list or in full. Pure. */
export function tidy(record) {
  return {
    ...record,
    id: record.id ?? record.call_id,
    carrier_call_id: record.carrier_call_id ?? record.ucid,
    started: record.started_at ?? record.call_start_time,
    reason: record.ending?.reason ?? record.ending ?? '',
  }
}

export function makeHistory({ go }) {
  const fields = new Map(FILTERS.map(([name, type, title, testid]) => [name, h('input', { type, name, testid, placeholder: title, 'aria-label': title, title, autocomplete: 'off', onchange: () => apply(), oninput: type === 'search' ? () => applySoon() : null })]))
  const body = h('tbody')
  const more = h('button', { type: 'button', text: 'Older calls', hidden: true, onclick: () => read(true) })
  const note = h('div', { class: 'empty' })
  const side = h('div', { class: 'side' })
  const exports = h('span', { class: 'exports' })
  const list = h('section', { class: 'list', 'aria-label': 'Past calls' },
    h('form', { class: 'filters', role: 'search', onsubmit: (event) => { event.preventDefault(); apply() } }, [...fields.values()], exports),
    h('div', { class: 'scroller' },
      h('table', { class: 'calls', 'aria-label': 'Past calls' }, h('thead', {}, h('tr', {}, COLUMNS.map(([title, kind]) => h('th', { scope: 'col', class: kind, text: title })))), body), note, more))
  const split = h('div', { class: 'split' }, list, side)
  const element = h('div', { class: 'panel history' }, split)
  let records = []
  let cursor = null
  let indexing = 0
  let asked = new AbortController()
  let query = null
  let player = null
  let chosen = null
  let timer = 0

  const wanted = () => {
    const asks = new URLSearchParams()
    for (const [name, field] of fields) if (field.value.trim()) asks.set(name, field.value.trim())
    return asks
  }
  const address = (id) => `#/history${id ? `/${encodeURIComponent(id)}` : ''}${wanted().size ? `?${wanted()}` : ''}`
  const apply = () => {
    clearTimeout(timer)
    go(address(chosen))
  }
  const applySoon = () => {
    clearTimeout(timer)
    timer = setTimeout(apply, 300)
  }

  /** The filters as the service takes them: a day is the operator's own, and both ends belong. */
  function filters() {
    const asks = wanted()
    if (asks.has('from')) asks.set('from', new Date(`${asks.get('from')}T00:00:00`).toISOString())
    if (asks.has('to')) asks.set('to', new Date(`${asks.get('to')}T23:59:59.999`).toISOString())
    return asks
  }

  async function read(older = false) {
    asked.abort()
    asked = new AbortController()
    const { signal } = asked
    const asks = filters()
    if (older && cursor) asks.set('cursor', cursor)
    try {
      const answer = await get(`/records${asks.size ? `?${asks}` : ''}`, { signal })
      records = (older ? records : []).concat((answer.records ?? []).map(tidy))
      cursor = answer.cursor ?? null
      indexing = answer.indexing ?? 0
      draw('')
    } catch (error) {
      if (signal.aborted) return
      records = older ? records : []
      draw(error.message)
    }
  }

  function draw(failure) {
    keyed(body, records, (record) => record.id, makeRow, (row, record) => setAttr(row, 'aria-selected', record.id === chosen ? 'true' : 'false'))
    more.hidden = !cursor
    note.hidden = records.length > 0 && !failure && !indexing
    replace(note, failure ? h('p', { class: 'inline-error', testid: 'error', role: 'alert', text: failure }) : indexing ? h('p', { text: `${count(indexing)} calls are still being indexed and are not found yet.` })
      : h('p', { text: wanted().size ? 'No call matches these filters.' : 'No call has been recorded yet.' }))
    replace(exports, has('/records.csv') ? h('button', { type: 'button', text: 'CSV', title: 'Saves every call that these filters find', onclick: saveAll }) : null,
      h('button', { type: 'button', text: 'JSON', title: 'Saves the calls that are listed', onclick: () => save('calls.json', JSON.stringify(records, null, 2), 'application/json') }))
  }

  async function saveAll() {
    const asks = filters()
    try {
      save('calls.csv', await bytes(`/records.csv${asks.size ? `?${asks}` : ''}`), 'text/csv')
    } catch (error) {
      notice(`The list could not be saved: ${error.message}`, 'error')
    }
  }

  function save(download, content, type) {
    const link = h('a', { href: URL.createObjectURL(new Blob([content], { type })), download })
    link.click()
    setTimeout(() => URL.revokeObjectURL(link.href), 1000)
  }

  function makeRow(record) {
    const open = () => go(address(record.id))
    return h('tr', { testid: 'history-row', 'data-call-id': record.id, tabindex: '0', onclick: open, onkeydown: (event) => { if (event.key === 'Enter') open() } },
      h('td', { class: 'began' }, h('span', { class: 'year', text: moment(record.started).slice(0, 5) }), moment(record.started).slice(5, 16)), h('td', { class: 'caller', 'data-direction': record.direction, text: masked(record.direction === 'outbound' ? record.to : record.from) }), h('td', { class: 'agent', text: record.agent ?? '' }),
      h('td', { class: 'num', text: clock(record.duration_ms) }), h('td', { text: words(record.reason) }), h('td', { class: 'num cost', text: price(record.cost_usd ?? record.usage?.cost_usd) }))
  }

  async function show(id) {
    if (id === chosen && side.firstChild) return
    player?.close()
    player = null
    chosen = id
    split.dataset.open = id ? 'call' : ''
    for (const row of body.children) setAttr(row, 'aria-selected', row.dataset.callId === id ? 'true' : 'false')
    if (!id) return replace(side, h('p', { class: 'dim hint', text: 'Choose a call to read it and to hear its recording.' }))
    replace(side, h('p', { class: 'dim hint', text: 'Reading the record…' }))
    try {
      const record = tidy(await get(`/records/${encodeURIComponent(id)}`))
      if (chosen !== id) return
      player = makePlayer(record)
      replace(side, drawRecord(record, player, () => go(address(null))))
    } catch (error) {
      if (chosen === id) replace(side, h('p', { class: 'inline-error', testid: 'error', role: 'alert', text: error.message }))
    }
  }

  return {
    element,
    open(id, asks) {
      for (const [name, field] of fields) if (document.activeElement !== field || field.type !== 'search') field.value = asks.get(name) ?? ''
      const now = wanted().toString()
      if (now !== query) {
        query = now
        read()
      }
      show(id)
    },
    key(event) {
      if (event.key === '/') fields.get('text').focus()
      else if (event.key === 'Escape' && chosen) go(address(null))
      else if (event.key === 'j' || event.key === 'ArrowDown') step(body, 1)
      else if (event.key === 'k' || event.key === 'ArrowUp') step(body, -1)
      else return false
      return true
    },
    close() {
      asked.abort()
      clearTimeout(timer)
      player?.close()
    },
  }
}

function step(body, by) {
  const rows = [...body.children]
  const from = rows.indexOf(document.activeElement)
  rows[Math.max(0, Math.min(rows.length - 1, from < 0 ? 0 : from + by))]?.focus()
}

function drawRecord(record, player, close) {
  const facts = [record.agent && `agent ${record.agent}`, record.language, record.carrier, record.model, record.disposition && `disposition ${words(record.disposition)}`, record.ending?.by && `by ${words(record.ending.by)}`]
  const turns = record.analytics?.latency ?? record.latency ?? []
  const answers = Object.entries(record.answers ?? {})
  const title = h('b', { class: 'num' })
  setText(title, masked(record.direction === 'outbound' ? record.to : record.from))
  return h('article', { class: 'detail', 'aria-label': 'The record' },
    h('header', { class: 'detail-head' }, h('div', { class: 'detail-title' }, h('span', { class: 'pill', 'data-state': 'ended', text: words(record.reason || 'ended') }), title, h('span', { class: 'num timer', text: clock(record.duration_ms) }),
      h('button', { type: 'button', class: 'ghost close', 'aria-label': 'Close the record', text: '✕', onclick: close })),
    h('p', { class: 'facts' }, [moment(record.started), ...facts].filter(Boolean).map((fact) => h('span', { text: fact })), h('code', { class: 'id', text: record.carrier_call_id ?? record.id }))),
    record.summary ? h('p', { class: 'summary', text: record.summary }) : null,
    player.element,
    answers.length ? h('section', { class: 'card' }, h('h2', { text: 'Answers given' }), h('dl', { class: 'pairs' }, answers.map(([key, value]) => [h('dt', { text: words(key) }), h('dd', { text: typeof value === 'string' ? value : JSON.stringify(value) })]))) : null,
    turns.length ? h('section', { class: 'card', testid: 'waterfall' }, h('h2', { text: 'Answers' }), drawWaterfall(turns)) : null)
}

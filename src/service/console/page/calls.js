// The list of live calls: a table whose rows keep their place while they change.

import { mayCall, placeCall } from './dialog.js'
import { h, keyed, replace, setAttr, setText } from './dom.js'
import { age, calls, standing } from './feed.js'
import { clock, count, masked, price, seconds, words } from './format.js'

const COLUMNS = [
  ['State', 'state'], ['Caller', 'caller'], ['Agent', 'agent'], ['Lang', 'language'],
  ['Time', 'num'], ['Turns', 'num turns'], ['Answer', 'num answer'], ['Cost', 'num cost'],
]

/** The height of a row before there is one to measure. */
const ROW_PX = 34

export function makeList({ select }) {
  const body = h('tbody', { role: 'rowgroup' })
  const filter = h('input', { type: 'search', id: 'filter', placeholder: 'Filter the list', 'aria-label': 'Filter the list', title: 'By agent, state, number, id, carrier, language or node (key /)', oninput: () => update() })
  const shownCount = h('span', { class: 'dim num' })
  const empty = h('div', { class: 'empty' })
  const table = h('table', { class: 'calls live', role: 'table', 'aria-label': 'Live calls' },
    h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, COLUMNS.map(([title, kind]) => h('th', { class: kind, scope: 'col', role: 'columnheader', text: title })))), body)
  const scroller = h('div', { class: 'scroller' }, table, empty)
  scroller.addEventListener('scroll', () => requestAnimationFrame(update), { passive: true })
  const element = h('section', { class: 'list', testid: 'calls', 'aria-label': 'Calls' },
    h('div', { class: 'list-head' }, h('h1', { text: 'Live calls' }), shownCount, filter,
      mayCall() ? h('button', { type: 'button', class: 'small', testid: 'place-call', title: 'Have an agent call a number (key c)', text: 'Call…', onclick: placeCall }) : null), scroller)
  let chosen = null

  function matching() {
    const asked = filter.value.trim().toLowerCase()
    // Oldest first, as the service lists them: a new call never moves the others.
    const all = [...calls.values()].sort((a, b) => (a.started_at < b.started_at ? -1 : a.started_at > b.started_at ? 1 : a.id < b.id ? -1 : 1))
    if (!asked) return all
    return all.filter((call) => [call.agent, call.state, call.from, call.to, call.id, call.carrier, call.carrier_call_id, call.language, call.node]
      .some((field) => String(field ?? '').toLowerCase().includes(asked)))
  }

  function makeRow(call) {
    const cells = COLUMNS.map(([, kind]) => h('td', { class: kind, role: 'cell' }))
    const dot = h('i', { class: 'dot', 'aria-hidden': 'true' })
    const state = h('span')
    cells[0].append(dot, state)
    const row = h('tr', { class: 'call-row', role: 'row', testid: 'call-row', 'data-call-id': call.id, tabindex: '-1', onclick: () => select(call.id),
      onkeydown: (event) => { if (event.key === 'Enter' || event.key === ' ') { event.preventDefault(); select(call.id) } } }, cells)
    row.parts = { state, cells }
    return row
  }

  function updateRow(row, call, now, inSight) {
    const { state, cells } = row.parts
    setText(state, words(call.state))
    setAttr(row, 'data-state', call.state)
    setAttr(row, 'data-left', call.left ? true : null)
    setAttr(row, 'aria-selected', call.id === chosen ? 'true' : 'false')
    setText(cells[1], masked(call.direction === 'outbound' ? call.to : call.from))
    setAttr(cells[1], 'data-direction', call.direction)
    setText(cells[2], call.agent)
    setText(cells[3], call.language)
    if (inSight || !cells[4].firstChild) setText(cells[4], clock(age(call, now)))
    setText(cells[5], count(call.turns))
    setText(cells[6], seconds(call.answer_ms ?? NaN))
    setText(cells[7], price(call.cost_usd))
  }

  function update() {
    const now = Date.now()
    const rows = matching()
    // Timers out of sight stand still: a new text in each of 300 rows would cost a layout a second.
    const height = body.firstElementChild?.offsetHeight || ROW_PX
    const [first, last] = [scroller.scrollTop / height - 3, (scroller.scrollTop + (scroller.clientHeight || innerHeight)) / height + 3]
    let at = -1
    keyed(body, rows, (call) => call.id, makeRow, (row, call) => (at++, updateRow(row, call, now, at >= first && at <= last)))
    // One row can be reached with Tab; the arrows go on from it.
    const focusable = body.querySelector('tr:focus') ?? body.querySelector('tr[aria-selected="true"]') ?? body.firstElementChild
    for (const row of body.children) setAttr(row, 'tabindex', row === focusable ? '0' : '-1')
    setText(shownCount, filter.value.trim() ? `${rows.length} of ${calls.size}` : count(rows.length))
    table.hidden = rows.length === 0
    empty.hidden = rows.length > 0
    if (rows.length === 0) showEmpty()
  }

  function showEmpty() {
    const text = !standing.loaded ? (standing.reached ? 'Reading the calls…' : 'The calls cannot be read.')
      : calls.size ? 'No live call matches the filter.'
        : standing.draining ? 'No calls. The service is draining and takes no new ones.' : 'No calls right now. The next one appears here as it is answered.'
    if (empty.textContent !== text) replace(empty, h('p', { text }))
  }

  /** Moves the focus by `step` rows and opens the call there, if one is open. */
  function move(step, open) {
    const rows = [...body.children]
    if (!rows.length) return
    const from = rows.indexOf(body.querySelector('tr:focus') ?? body.querySelector('tr[aria-selected="true"]'))
    const next = rows[Math.max(0, Math.min(rows.length - 1, from < 0 ? 0 : from + step))]
    next.focus()
    next.scrollIntoView({ block: 'nearest' })
    if (open) select(next.dataset.callId)
  }

  return {
    element, update, move, placeCall,
    choose(id) { chosen = id; update() },
    focusFilter() { filter.focus(); filter.select() },
    focusRow(id) { body.querySelector(`tr[data-call-id="${CSS.escape(id)}"]`)?.focus() },
  }
}

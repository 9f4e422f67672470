// The selected call: what is said, what it costs, how long the caller waits, and what an operator
// may do.

import { makeActs, order } from './acts.js'
import { get, has, may, stream } from './api.js'
import { h, replace, setAttr, setText } from './dom.js'
import { age, calls } from './feed.js'
import { clock, count, masked, time, usd, wait, words } from './format.js'
import { drawWaterfall } from './waterfall.js'
import { makeWords, Spoken } from './words.js'

const MOST_EVENTS = 500

/** Opens the call `id`; `close()` is what the reader asks for. Returns the panel. */
export function openDetail(id, { close }) {
  const stop = new AbortController()
  const spoken = new Spoken()
  const events = []
  const said = makeWords()
  let call = calls.get(id) ?? { id, state: '' }
  let problem = ''
  const sound = { mode: null, open: null }

  const head = makeHead(close)
  const acts = makeActs({ id: () => call.id, call: () => call, sound, done: () => read() })
  const lanes = h('div', { class: 'lanes', title: 'The last two minutes: who began to speak when; how long follows from the words' })
  const waterfall = h('section', { class: 'card', testid: 'waterfall', 'aria-label': 'Waterfall of each turn' })
  const cost = h('section', { class: 'card', testid: 'cost', 'aria-label': 'Cost' })
  const happened = h('section', { class: 'card', 'aria-label': 'Tools, keys, transfers' })
  const line = h('section', { class: 'card', 'aria-label': 'Line and format' })
  const eventList = h('ol', { class: 'events num' })
  const eventBox = h('details', { class: 'card' }, h('summary', { text: 'Events as they come' }), eventList)
  const failure = h('p', { class: 'inline-error', hidden: true })
  const element = h('aside', { class: 'detail', testid: 'call-detail', 'data-call-id': id, 'aria-label': 'The selected call' },
    head.element, failure, acts.element, h('div', { class: 'detail-body' },
      h('div', { class: 'detail-main' }, lanes, said.element),
      h('div', { class: 'detail-side' }, cost, waterfall, happened, line, eventBox)))

  async function read() {
    try {
      call = { ...call, ...(await get(`/calls/${encodeURIComponent(id)}`, { signal: stop.signal })) }
      call.seen = Date.now()
      problem = ''
      spoken.settle(call.conversation ?? [])
    } catch (error) {
      if (stop.signal.aborted) return
      problem = error.status === 404 ? 'This call is over and no longer kept in memory. History has its record.' : error.message
    }
    draw()
  }

  let asked = 0
  const readSoon = () => {
    clearTimeout(asked)
    asked = setTimeout(read, 150)
  }

  function draw() {
    head.update(call)
    acts.update(call)
    failure.hidden = !problem
    setText(failure, problem)
    setAttr(element, 'data-state', call.state)
    said.update(call.conversation ?? [], spoken)
    drawLanes(lanes, call)
    const turns = call.latency ?? []
    replace(waterfall, h('h2', { text: 'Answers' }), turns.length ? drawWaterfall(turns) : h('p', { class: 'dim', text: 'No turn has been answered yet.' }))
    replace(cost, ...drawCost(call))
    replace(happened, ...drawHappened(call, events))
    replace(line, ...drawLine(call))
  }

  stream(`/calls/${encodeURIComponent(id)}/events`, {
    signal: stop.signal,
    heard(event, data) {
      events.push({ event, data })
      if (events.length > MOST_EVENTS) events.shift()
      eventList.prepend(h('li', {}, h('time', { text: time(data.at) }), ' ', h('b', { text: event }), ' ', h('span', { text: brief(data) })))
      while (eventList.children.length > MOST_EVENTS) eventList.lastChild.remove()
      if (event === 'state') call.state = data.state
      if (spoken.take(event, data) || event !== 'words') readSoon()
      else said.update(call.conversation ?? [], spoken)
    },
  })
  read()
  const slow = setInterval(() => call.state !== 'ended' && read(), 2500)
  const tick = setInterval(() => head.tick(call), 1000)

  return {
    element, acts,
    close() {
      stop.abort()
      clearInterval(slow)
      clearInterval(tick)
      clearTimeout(asked)
      sound.open?.close()
      element.remove()
    },
  }
}

const brief = (data) => Object.entries(data).filter(([name]) => name !== 'at').map(([name, value]) => `${name}=${typeof value === 'string' ? value : JSON.stringify(value)}`).join(' ')

function makeHead(close) {
  const number = h('b', { class: 'num' })
  let shown = false
  let last = {}
  const show = h('button', { type: 'button', class: 'ghost small', text: 'show', title: 'Show the whole number', onclick: () => { shown = !shown; update(last) } })
  const state = h('span', { class: 'pill' })
  const timer = h('span', { class: 'num timer' })
  const facts = h('p', { class: 'facts' })
  const element = h('header', { class: 'detail-head' },
    h('div', { class: 'detail-title' }, state, number, show, timer,
      h('button', { type: 'button', class: 'ghost close', 'aria-label': 'Close the call', text: '✕', onclick: close })), facts)
  function tick(call) {
    setText(timer, clock(call.state === 'ended' ? call.duration_ms : age({ duration_ms: call.duration_ms, seen: call.seen ?? Date.now() }, Date.now())))
  }
  function update(call) {
    last = call
    const party = call.direction === 'outbound' ? call.to : call.from
    setText(number, shown ? party || 'withheld' : masked(party))
    setText(show, shown ? 'hide' : 'show')
    setText(state, words(call.state || '…'))
    setAttr(state, 'data-state', call.state)
    tick(call)
    const ending = call.ending ? `ended: ${words(call.ending.reason)}, by ${words(call.ending.by)}` : null
    replace(facts, ...[
      ending, call.direction && `${call.direction} to ${call.direction === 'outbound' ? masked(call.to) : call.to || '–'}`, call.agent && `agent ${call.agent}`, call.language, call.carrier,
      call.model_provider && call.model_provider !== call.model ? `${call.model_provider} ${call.model}` : call.model, call.node && `node ${call.node}`,
      call.variant && `variant ${call.variant}`, call.started_at && `since ${time(call.started_at)}`,
    ].filter(Boolean).map((fact) => h('span', { text: fact })), h('code', { class: 'id', title: 'The carrier’s id of the call', text: call.carrier_call_id ?? call.id ?? '' }))
  }
  return { element, update, tick }
}

function drawLanes(lanes, call) {
  const SPAN = 120_000
  const end = new Date(call.started_at).getTime() + (call.duration_ms ?? 0)
  const begin = Math.max(new Date(call.started_at).getTime(), end - SPAN)
  const width = Math.max(end - begin, 1000)
  const lane = (name, side) => {
    const track = h('div', { class: `lane ${name}`, 'data-side': name })
    for (const entry of call.conversation ?? []) {
      const speaker = entry.speaker === 'user' ? 'caller' : entry.speaker === 'assistant' ? 'agent' : 'person'
      if (speaker !== side) continue
      const at = new Date(entry.timestamp).getTime()
      // The record knows when an utterance began; how long it was follows from its words.
      const length = Math.min(entry.heard_ms ?? ((entry.heard ?? entry.text ?? '').length * 62 + 300), end - at)
      if (at + length < begin || length <= 0) continue
      const piece = h('i', { class: speaker, title: entry.text ?? '', 'data-cut': entry.interrupted || null })
      piece.style.left = `${Math.max(0, ((at - begin) / width) * 100)}%`
      piece.style.width = `max(2px, ${(Math.min(length, at + length - begin) / width) * 100}%)`
      track.append(piece)
    }
    return h('div', { class: 'lane-row' }, h('span', { class: 'dim', text: name }), track)
  }
  if (!Number.isFinite(end)) return replace(lanes)
  // Only a call that somebody has taken over has a third side.
  const taken = call.state === 'taken_over' || (call.conversation ?? []).some((entry) => ['person', 'operator'].includes(entry.speaker))
  replace(lanes, lane('caller', 'caller'), lane('agent', 'agent'), taken && lane('operator', 'person'))
}

function drawCost(call) {
  const usage = call.usage ?? {}
  const rows = Object.entries(usage).filter(([, value]) => Number(value) > 0)
  return [h('h2', {}, 'Cost', h('b', { class: 'num', text: usd(call.cost_usd) })),
    h('dl', { class: 'pairs' }, [
      [h('dt', { text: 'turns' }), h('dd', { class: 'num', text: count(call.turns) })],
      [h('dt', { text: 'barge-ins' }), h('dd', { class: 'num', text: count(call.barge_ins) })],
      [h('dt', { text: 'model set-up' }), h('dd', { class: 'num', text: wait(call.model_setup_ms ?? NaN) })],
      [h('dt', { text: 'first sound' }), h('dd', { class: 'num', text: wait(call.first_audio_ms ?? NaN) })],
      ...rows.map(([name, value]) => [h('dt', { text: words(name) }), h('dd', { class: 'num', text: count(value) })]),
    ])]
}

function drawHappened(call, events) {
  const of = (kind) => events.filter(({ event }) => event === kind).map(({ data }) => ({ ...data, timestamp: data.at }))
  const tools = call.tools ?? of('tool')
  const keys = call.keys ?? of('key')
  const transfers = call.transfers ?? of('transfer')
  const incidents = call.incidents ?? []
  const rows = [
    ...tools.map((tool) => [tool.timestamp, 'tool', `${tool.name}${tool.withheld ? ' (withheld)' : ''}`, tool.arguments ? JSON.stringify({ arguments: tool.arguments, output: tool.output }, null, 1) : '']),
    ...keys.map((key) => [key.timestamp, 'key', key.withheld ? 'withheld' : key.key, '']),
    ...transfers.map((one) => [one.timestamp, 'transfer', `${one.destination}: ${words(one.outcome)}`, one.reason ? `reason: ${words(one.reason)}` : '']),
    ...incidents.map((one) => [one.timestamp ?? one.at, 'incident', `${words(one.kind)} ${one.detail ?? ''}`, '']),
  ].sort((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1))
  const answers = Object.entries(call.answers ?? {})
  return [h('h2', { text: 'Tools, keys, transfers' }),
    rows.length ? h('ol', { class: 'happened' }, rows.map(([at, kind, what, more]) => h('li', { 'data-kind': kind },
      h('time', { class: 'num dim', text: time(at) }), h('b', { text: kind }), more ? h('details', {}, h('summary', { text: what }), h('pre', { text: more })) : h('span', { text: what }))))
      : h('p', { class: 'dim', text: 'None so far.' }),
    answers.length ? h('dl', { class: 'pairs' }, answers.map(([key, value]) => [h('dt', { text: words(key) }), h('dd', { text: typeof value === 'string' ? value : JSON.stringify(value) })])) : null]
}

function drawLine(call) {
  const found = call.diagnosis
  const again = has('/calls/{id}/diagnosis', 'POST') && may('operator') && call.state !== 'ended'
    ? h('button', { type: 'button', class: 'small', text: 'Examine again', onclick: () => order('Examining the caller’s sound', `/calls/${call.id}/diagnosis`) }) : null
  if (!found) return [h('h2', {}, 'Line', again), h('p', { class: 'dim', text: 'Judged after half a second of voice.' })]
  const packets = found.packets ?? {}
  return [h('h2', {}, 'Line', h('span', { class: `verdict ${found.verdict}`, text: words(found.verdict) }), again),
    h('dl', { class: 'pairs' }, [
      ['reading', `${words(found.reading)}${found.corrected ? ', corrected' : ''}`], ['level', `${found.level_dbfs} dBFS`], ['peak', `${found.peak_dbfs} dBFS`],
      ['clipped', `${found.clipped_percent} %`], packets.rate_hz && ['rate', `${count(packets.rate_hz)} Hz`], packets.length_ms && ['packets', `${packets.length_ms} ms, ${packets.lost_percent ?? 0} % lost`],
      ['dropped frames', count(call.dropped_frames)],
    ].filter(Boolean).map(([name, value]) => [h('dt', { text: name }), h('dd', { class: 'num', text: value })])),
    (found.findings ?? []).length ? h('ul', { class: 'findings' }, found.findings.map((one) => h('li', { text: typeof one === 'string' ? words(one) : words(one.kind ?? JSON.stringify(one)) }))) : null]
}

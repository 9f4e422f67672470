// The live calls and the service's counters, kept current: from `/events` where the service has it,
// else by asking. Views subscribe; nothing here draws.

import { get, has, stream, text } from './api.js'
import { read } from './strip.js'

/** Every live call by its id, with `seen` (our clock when its fields were read) and `left`, when it
 *  ended. */
export const calls = new Map()
/** What the service says of itself. */
export const standing = { active: 0, max: 0, draining: false, reached: true, reason: '', live: false, spend: null, metrics: null, loaded: false }

const listeners = new Set()
let stop = new AbortController()

/** Calls `changed()` after each change, at most once a frame. Returns what ends that. */
export function subscribe(changed) {
  listeners.add(changed)
  return () => listeners.delete(changed)
}

let planned = false
function tell() {
  if (planned) return
  planned = true
  setTimeout(() => {
    planned = false
    for (const changed of listeners) changed()
  }, 100)
}

/** Begins to watch the service; ends what was watched before. */
export function begin() {
  end()
  stop = new AbortController()
  const { signal } = stop
  if (has('/events')) {
    stream('/events', {
      signal,
      heard,
      standing(open) {
        standing.live = open
        standing.reached = open
        // The list is read again after each gap: what ended meanwhile sends no event any more.
        if (open) readCalls()
        tell()
      },
    })
    every(10_000, readCalls, signal)
  } else {
    every(1000, readCalls, signal)
  }
  every(5000, readCounters, signal)
  every(1000, async () => sweep(), signal)
}

export function end() {
  stop.abort()
  calls.clear()
  standing.loaded = false
}

/** Asks again at once, after an order. */
export const refresh = () => Promise.all([readCalls(), readCounters()])

async function every(pause, work, signal) {
  while (!signal.aborted) {
    if (!document.hidden || pause > 5000) await work().catch(() => {})
    await new Promise((wake) => setTimeout(wake, pause))
  }
}

async function readCalls() {
  try {
    const answer = await get('/calls')
    const now = Date.now()
    const there = new Set()
    for (const call of answer.calls ?? []) {
      there.add(call.id)
      take(call, now)
    }
    for (const call of calls.values()) if (!there.has(call.id) && !call.left && now - call.seen > 900) leave(call, now)
    Object.assign(standing, { active: answer.active, max: answer.max_calls, draining: answer.draining, reached: true, reason: '', loaded: true })
  } catch (error) {
    if (error.status === 401) return
    Object.assign(standing, { reached: false, reason: error.message })
  }
  tell()
}

async function readCounters() {
  const [page, spend] = await Promise.all([
    has('/metrics') ? text('/metrics').catch(() => null) : null,
    has('/spend') ? get('/spend').catch(() => null) : null,
  ])
  if (page !== null) standing.metrics = read(page)
  standing.spend = spend
  tell()
}

function heard(event, data) {
  const now = Date.now()
  const id = data.id ?? data.call?.id
  if (event === 'call.started' || event === 'call.updated') take({ id, ...(data.call ?? data) }, now)
  else if (event === 'call.ended') {
    const call = calls.get(id)
    if (call) {
      Object.assign(call, data.call ?? data, { state: 'ended' })
      leave(call, now)
    }
  } else if (event === 'stats') {
    if (Number.isFinite(data.active)) standing.active = data.active
    if (Number.isFinite(data.max_calls)) standing.max = data.max_calls
    if (typeof data.draining === 'boolean') standing.draining = data.draining
  }
  tell()
}

function take(fields, now) {
  if (!fields.id) return
  const call = calls.get(fields.id)
  if (!call) {
    // A change of a call that is not known yet: the list has the rest.
    if (fields.started_at) calls.set(fields.id, { ...fields, seen: now })
    else readSoon()
    return
  }
  const said = call.state
  // Only a list or an event with the duration moves the clock that the row counts from.
  Object.assign(call, fields, Number.isFinite(fields.duration_ms) ? { seen: now } : {})
  if (call.state !== said) call.since = now
  if (call.state !== 'ended') delete call.left
}

let soon = 0
function readSoon() {
  clearTimeout(soon)
  soon = setTimeout(readCalls, 300)
}

function leave(call, now) {
  call.left = now
  call.state = 'ended'
  call.duration_ms = age(call, now)
}

/** How long a call has lasted by now, in milliseconds. */
export const age = (call, now) => (call.left ? call.duration_ms : (call.duration_ms ?? 0) + Math.max(0, now - call.seen))

/** Ended calls stay a while, so that the list does not jump under the pointer. */
const STAYS = 8000
function sweep() {
  const now = Date.now()
  for (const [id, call] of calls) if (call.left && now - call.left > STAYS && !call.kept) calls.delete(id)
  tell()
}


// The strip of counters with their last five minutes, from the metrics page. `read`, `quantile` and
// `Past` are pure.

import { h, setAttr, setText, svg } from './dom.js'
import { count, limit as sumSet, usd, wait } from './format.js'

/** Reads a Prometheus page into a map: series name with labels → value. */
export function read(page) {
  const series = new Map()
  for (const line of page.split('\n')) {
    if (!line.startsWith('switchboard_')) continue
    const space = line.lastIndexOf(' ')
    series.set(line.slice(0, space), Number(line.slice(space + 1)))
  }
  return series
}

/** The sum of every series of a name whose labels contain `label`. */
export function sum(series, name, label = '') {
  let total = 0
  for (const [key, value] of series) {
    if ((key === name || key.startsWith(`${name}{`)) && key.includes(label)) total += value
  }
  return total
}

/** The buckets of a histogram, `[upper bound, observations up to it]`, ascending. */
export function buckets(series, name, label = '') {
  const found = new Map()
  for (const [key, value] of series) {
    if (!key.startsWith(`${name}_bucket{`) || !key.includes(label)) continue
    const bound = /le="([^"]+)"/.exec(key)?.[1]
    const upper = bound === '+Inf' ? Infinity : Number(bound)
    found.set(upper, (found.get(upper) ?? 0) + value)
  }
  return [...found].sort((a, b) => a[0] - b[0])
}

/** The quantile `q` of what came between two readings of a histogram, or `null` without any. */
export function quantile(now, before, q) {
  const past = new Map(before)
  const steps = now.map(([upper, value]) => [upper, value - (past.get(upper) ?? 0)])
  const total = steps.at(-1)?.[1] ?? 0
  if (!(total > 0)) return null
  const wanted = total * q
  let [lower, below] = [0, 0]
  for (const [upper, value] of steps) {
    if (value >= wanted) {
      if (upper === Infinity) return lower
      return lower + ((upper - lower) * (wanted - below)) / Math.max(value - below, 1e-9)
    }
    ;[lower, below] = [upper, value]
  }
  return lower
}

const KEPT = 60
/** The fewest readings that are drawn: half a minute. */
const FEWEST = 6

/** The readings of the last five minutes. */
class Past {
  readings = []
  points = new Map()
  add(series) {
    this.readings.push(series)
    if (this.readings.length > KEPT) this.readings.shift()
  }
  get oldest() {
    return this.readings[0]
  }
  point(name, value) {
    const points = this.points.get(name) ?? []
    points.push(value)
    if (points.length > KEPT) points.shift()
    this.points.set(name, points)
    return points
  }
}

const SETUP = ['switchboard_call_setup_seconds']
const LATENCY = ['switchboard_turn_latency_seconds', 'part="total"']
const ERRORS = ['switchboard_model_errors_total', 'switchboard_calls_refused_total', 'switchboard_records_failed_total']

const TILES = [
  { name: 'calls', title: 'Live calls', hint: 'Calls with a live stream, of the places there are' },
  { name: 'setup', title: 'Set-up p50', hint: 'From the stream’s start to the first sound sent: half of the calls of the last 5 min took no longer' },
  { name: 'p50', title: 'Answer p50', hint: 'From the caller’s last word to the answer heard, last 5 min' },
  { name: 'p95', title: 'Answer p95', hint: 'As p50, of 19 in 20 answers' },
  { name: 'barge', title: 'Barge-ins', hint: 'Times a caller stopped the agent, last 5 min' },
  { name: 'spend', title: 'Spend today', hint: 'US dollars since midnight UTC' },
  { name: 'errors', title: 'Errors', hint: 'Model errors, refused calls and failed records, last 5 min' },
]

export function makeStrip() {
  const past = new Past()
  const tiles = new Map(TILES.map((tile) => [tile.name, makeTile(tile)]))
  const element = h('section', { class: 'strip', 'aria-label': 'Counters' }, [...tiles.values()].map((tile) => tile.element))
  let shown = null
  return {
    element,
    update(standing) {
      show(tiles.get('calls'), { value: standing.loaded ? count(standing.active) : '–', more: standing.max ? `of ${count(standing.max)}` : '' })
      show(tiles.get('spend'), { value: usd(standing.spend?.today_usd), more: limit(standing.spend), loud: standing.spend?.killed })
      if (!standing.metrics || standing.metrics === shown) return
      shown = standing.metrics
      past.add(shown)
      const before = past.oldest
      const grown = (name, label) => sum(shown, name, label) - sum(before, name, label)
      const setup = lately(shown, before, SETUP, 0.5)
      const p50 = lately(shown, before, LATENCY, 0.5)
      const p95 = lately(shown, before, LATENCY, 0.95)
      const barge = grown('switchboard_barge_in_seconds_count')
      const errors = ERRORS.reduce((total, name) => total + grown(name), 0)
      show(tiles.get('calls'), { points: past.point('calls', standing.active) })
      show(tiles.get('setup'), { ...setup, points: past.point('setup', setup.seconds) })
      show(tiles.get('p50'), { ...p50, points: past.point('p50', p50.seconds) })
      show(tiles.get('p95'), { ...p95, points: past.point('p95', p95.seconds), loud: p95.seconds > 2 })
      show(tiles.get('barge'), { value: count(barge), points: past.point('barge', barge) })
      show(tiles.get('spend'), { points: past.point('spend', Number(standing.spend?.today_usd ?? 0)) })
      show(tiles.get('errors'), { value: count(errors), points: past.point('errors', errors), loud: errors > 0 })
    },
  }
}

/** A quantile of the last five minutes, or of all the service knows if nothing happened in them. */
function lately(now, before, name, q) {
  const recent = now === before ? null : quantile(buckets(now, ...name), buckets(before, ...name), q)
  const seconds = recent ?? quantile(buckets(now, ...name), [], q)
  return seconds === null ? { value: '–', more: '', seconds: 0 } : { value: wait(seconds * 1000), more: recent === null ? 'since start' : '', seconds: recent ?? 0 }
}

const limit = (spend) => (spend?.killed ? 'kill switch on' : spend?.limits?.day?.hard_usd ? `of ${sumSet(spend.limits.day.hard_usd)}` : '')

function makeTile({ title, hint }) {
  const value = h('b', { class: 'num', text: '–' })
  const more = h('small', { class: 'dim' })
  const line = svg('path', { class: 'spark-line' })
  const area = svg('path', { class: 'spark-area' })
  const spark = svg('svg', { class: 'spark', viewBox: '0 0 100 24', preserveAspectRatio: 'none', 'aria-hidden': 'true' }, area, line)
  return { element: h('div', { class: 'tile', title: hint }, h('span', { class: 'label', text: title }), h('span', { class: 'tile-value' }, value, more), spark), value, more, line, area }
}

function show(tile, { value, more, points, loud }) {
  if (value !== undefined) setText(tile.value, value)
  if (more !== undefined) setText(tile.more, more)
  if (loud !== undefined) setAttr(tile.element, 'data-loud', loud || null)
  if (points === undefined) return
  // Fewer points are a stroke and no course.
  if (points.length < FEWEST) return
  const top = Math.max(...points, 1e-9)
  const step = 100 / (Math.max(points.length, FEWEST * 3) - 1)
  const first = 100 - (points.length - 1) * step
  const path = points.map((point, n) => `${n ? 'L' : 'M'}${(first + n * step).toFixed(1)} ${(22 - (point / top) * 20).toFixed(1)}`).join('')
  setAttr(tile.line, 'd', path)
  setAttr(tile.area, 'd', `${path}L100 24L${first.toFixed(1)} 24Z`)
}

// The waterfall of each turn: what the caller waited for, part after part. `parts` is pure.

import { h } from './dom.js'
import { wait } from './format.js'

const PARTS = [
  ['end_of_speech_ms', 'end of speech', 'The caller’s last word to the model’s noticing'],
  ['first_delta_ms', 'model', 'From there to the first piece of the answer'],
  ['first_sent_ms', 'sent', 'From there to the first frame sent'],
  ['first_heard_ms', 'heard', 'From there to the ear'],
]

/** The parts of a turn, `[key, from, length]` in milliseconds after the caller's last word. */
export function parts(turn) {
  let at = 0
  const found = []
  for (const [key] of PARTS) {
    const length = turn[key]
    if (!Number.isFinite(length)) continue
    found.push([key, at, length])
    at += length
  }
  return found
}

const total = (turn) => turn.total_ms ?? parts(turn).reduce((sum, [, , length]) => sum + length, 0)

/** Draws the turns, the newest first, on one scale. */
export function drawWaterfall(turns) {
  const top = Math.max(1000, ...turns.map((turn) => Math.max(total(turn), turn.filler_ms ?? 0)))
  const rows = [...turns].reverse().map((turn) => {
    const bar = h('div', { class: 'wf-bar' }, parts(turn).map(([key, from, length]) => {
      const [, name, hint] = PARTS.find(([known]) => known === key)
      const piece = h('i', { class: `wf-${key}`, title: `${name}: ${wait(length)}. ${hint}.` })
      piece.style.left = `${(from / top) * 100}%`
      piece.style.width = `max(2px, ${(length / top) * 100}%)`
      return piece
    }))
    if (Number.isFinite(turn.filler_ms)) {
      const mark = h('i', { class: 'wf-filler', title: `a filler was sent after ${wait(turn.filler_ms)}` })
      mark.style.left = `${(turn.filler_ms / top) * 100}%`
      bar.append(mark)
    }
    return h('div', { class: 'wf-row' }, h('span', { class: 'num dim', text: String(turn.turn) }), bar,
      h('b', { class: 'num', text: turn.total_ms === null ? 'not heard' : wait(total(turn)), 'data-loud': total(turn) > 2000 }))
  })
  const legend = h('div', { class: 'wf-legend' }, PARTS.map(([key, name, hint]) => h('span', { title: hint }, h('i', { class: `wf-${key}` }), name)),
    h('span', { class: 'num dim', text: `scale 0 to ${wait(top)}` }))
  return [h('div', { class: 'wf-rows' }, rows), legend]
}

// The Live panel: the counters, the list, and beside it the selected call, or the service while none
// is selected.

import { makeList } from './calls.js'
import { openDetail } from './detail.js'
import { h } from './dom.js'
import { calls, standing, subscribe } from './feed.js'
import { makeStrip } from './strip.js'

/** Makes the panel. `go(hash)` changes the address; `overview` is the service's panel. */
export function makeLive({ go, overview }) {
  const strip = makeStrip()
  const list = makeList({ select: (id) => go(`#/live/${id}`) })
  const side = h('div', { class: 'side' })
  const split = h('div', { class: 'split' }, list.element, side)
  const element = h('div', { class: 'panel live' }, strip.element, split)
  let detail = null
  let chosen = null

  const update = () => {
    strip.update(standing)
    list.update()
  }
  const unsubscribe = subscribe(update)

  function open(id) {
    if (id === chosen && side.firstChild) return
    detail?.close()
    const before = calls.get(chosen)
    if (before) before.kept = false
    chosen = id
    // An ended call stays in the list while somebody looks at it.
    const call = calls.get(id)
    if (call) call.kept = true
    detail = id ? openDetail(id, { close: () => go('#/live') }) : null
    split.dataset.open = id ? 'call' : ''
    if (detail) side.replaceChildren(detail.element)
    else {
      side.replaceChildren(overview.element)
      overview.begin()
    }
    list.choose(id)
  }

  function key(event) {
    if (event.key === 'j' || event.key === 'ArrowDown') list.move(1, Boolean(chosen))
    else if (event.key === 'k' || event.key === 'ArrowUp') list.move(-1, Boolean(chosen))
    else if (event.key === '/') list.focusFilter()
    else if (event.key === 'Escape' && chosen) {
      const was = chosen
      go('#/live')
      list.focusRow(was)
    } else if (event.key === 'c') list.placeCall()
    else if (detail && event.key === 'l') detail.acts.listen()
    else if (detail && event.key === 'o') detail.acts.takeOver()
    else if (detail && event.key === 'x') detail.acts.hangUp()
    else if (detail && event.key === 'w') detail.acts.whisper()
    else if (detail && event.key === 's') detail.acts.say()
    else if (detail && event.key === 't') detail.acts.transfer()
    else return false
    return true
  }

  update()
  return {
    element, open, key,
    close() {
      unsubscribe()
      detail?.close()
      overview.end()
    },
  }
}

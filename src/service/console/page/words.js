// The conversation of the selected call: what was said, what of it the caller heard, and what is
// being said now.

import { h, keyed, replace, setAttr, setText } from './dom.js'
import { time } from './format.js'

/** Splits what the agent said into the part the caller heard and the part nobody heard. Pure. */
export function cut(text, heard) {
  if (heard === null || heard === undefined) return { heard: '', pending: text ?? '', unheard: '' }
  const [all, part] = [text ?? '', heard]
  if (all.startsWith(part)) return { heard: part, pending: '', unheard: all.slice(part.length) }
  // What was heard is not the beginning of the text (another spelling): both are shown.
  return { heard: part, pending: '', unheard: part === all ? '' : all }
}

const SPEAKERS = { user: 'Caller', caller: 'Caller', assistant: 'Agent', agent: 'Agent', operator: 'Operator', person: 'Operator' }
const side = (speaker) => ({ user: 'caller', caller: 'caller', operator: 'person', person: 'person' })[speaker] ?? 'agent'

/** The items that are on now, from a call's event stream. */
export class Spoken {
  items = new Map()
  /** Takes a `words` or `heard` event; returns whether the record has more by now. */
  take(event, data) {
    if (event === 'words') {
      const known = this.items.get(data.item) ?? { item: data.item, speaker: data.speaker, text: '', at: data.at }
      if (data.withheld) known.text = '(withheld)'
      else known.text = data.final ? (data.text ?? '') : known.text + (data.text ?? '')
      known.done = data.final
      this.items.set(data.item, known)
      return data.final
    }
    if (event === 'heard') {
      const known = this.items.get(data.item)
      if (known) Object.assign(known, { heardMs: data.heard_ms, ofMs: data.of_ms, interrupted: data.interrupted })
      return true
    }
    return false
  }
  /** Forgets what `conversation` has by now. */
  settle(conversation) {
    const said = new Set(conversation.map((entry) => `${side(entry.speaker)} ${entry.text}`))
    for (const [item, known] of this.items) {
      if (known.done && said.has(`${side(known.speaker)} ${known.text}`)) this.items.delete(item)
    }
  }
}

export function makeWords() {
  const list = h('ol', { class: 'words', testid: 'words', 'aria-label': 'What was said', tabindex: '0' })
  const follow = h('button', { type: 'button', class: 'follow small', text: 'Newest words ↓', hidden: true, onclick: () => { stuck = true; settle() } })
  const element = h('div', { class: 'words-box' }, list, follow)
  let stuck = true
  // Whoever scrolls up to read is left there.
  list.addEventListener('scroll', () => {
    stuck = list.scrollHeight - list.scrollTop - list.clientHeight < 40
    follow.hidden = stuck
  })
  function settle() {
    if (stuck) list.scrollTop = list.scrollHeight
    follow.hidden = stuck
  }

  function makeEntry() {
    const who = h('span', { class: 'who' })
    const at = h('time', { class: 'num dim' })
    const text = h('p', {})
    const entry = h('li', {}, h('div', { class: 'entry-head' }, who, at), text)
    entry.parts = { who, at, text }
    return entry
  }

  function updateEntry(entry, said) {
    const { who, at, text } = entry.parts
    setAttr(entry, 'data-side', side(said.speaker))
    setAttr(entry, 'data-interrupted', said.interrupted || null)
    setText(who, `${SPEAKERS[said.speaker] ?? said.speaker ?? ''}${said.interrupted ? ' · interrupted' : ''}`)
    setText(at, time(said.timestamp))
    setAttr(at, 'datetime', said.timestamp)
    const parts = side(said.speaker) === 'agent' ? cut(said.text, said.heard) : { heard: said.text ?? '', pending: '', unheard: '' }
    const drawn = JSON.stringify(parts)
    if (entry.drawn === drawn) return
    entry.drawn = drawn
    const pieces = []
    if (parts.heard) pieces.push(h('span', { class: 'heard', testid: 'words-heard', text: parts.heard }))
    if (parts.pending) pieces.push(h('span', { class: 'pending', text: parts.pending, title: 'Being said; not known yet how much of it is heard' }))
    if (parts.unheard) pieces.push(h('span', { class: 'unheard', testid: 'words-unheard', text: parts.unheard, title: 'Generated, and never heard by the caller' }))
    replace(text, ...pieces)
  }

  return {
    element, list,
    update(conversation, spoken) {
      const now = [...spoken.items.values()].map((item) => ({
        key: item.item, speaker: item.speaker, text: item.text, timestamp: item.at, interrupted: item.interrupted,
        heard: side(item.speaker) === 'agent' ? null : item.text,
      }))
      const said = conversation.map((entry, n) => ({ key: `${n}`, ...entry }))
      keyed(list, [...said, ...now], (entry) => entry.key, makeEntry, updateEntry)
      list.dataset.empty = said.length + now.length ? '' : 'Nothing has been said yet.'
      settle()
    },
  }
}

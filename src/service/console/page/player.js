// The player of a recording: both tracks drawn, the words in step with the sound.

import { bytes } from './api.js'
import { h, replace, setAttr, setText, svg } from './dom.js'
import { clock } from './format.js'
import { cut } from './words.js'

const BARS = 480
/** The least that fills a track: noise stays small. */
const QUIETEST = 0.05

/** Who is on which channel of a recording. */
const SIDES = [
  ['caller', 'Caller', 'The caller'], ['agent', 'Agent', 'The agent, as the caller heard it'],
  ['person', 'Operator', 'Who took the call over, as the caller heard them'],
]

/** The loudest sample of each of `BARS` stretches. Pure. */
export function outline(samples, bars = BARS) {
  const step = Math.max(1, Math.floor(samples.length / bars))
  return Array.from({ length: bars }, (_, bar) => {
    let loudest = 0
    for (let n = bar * step; n < Math.min(samples.length, (bar + 1) * step); n += 4) loudest = Math.max(loudest, Math.abs(samples[n]))
    return loudest
  })
}

/** Makes the player of a record. The recording is fetched when somebody asks for it. */
export function makePlayer(record) {
  const stop = new AbortController()
  const audio = h('audio', { preload: 'none' })
  const began = new Date(record.started).getTime()
  const button = h('button', { type: 'button', class: 'primary', text: '▶ Play', onclick: toggle })
  const at = h('span', { class: 'num', text: `0:00 / ${clock(record.duration_ms)}` })
  const seek = h('input', { type: 'range', min: '0', max: String(Math.max(1, (record.duration_ms ?? 0) / 1000)), step: '0.1', value: '0', 'aria-label': 'Place in the recording', oninput: () => { audio.currentTime = Number(seek.value) } })
  const tracks = h('div', { class: 'tracks' })
  const failure = h('p', { class: 'inline-error', role: 'alert', hidden: true })
  const recorded = record.recording || record.recordings?.length
  const lines = (record.conversation ?? []).map((entry) => makeLine(entry))
  const list = h('ol', { class: 'words', testid: 'words', 'aria-label': 'What was said' }, lines.map(({ element }) => element))
  const element = h('div', {},
    recorded ? h('section', { class: 'player', testid: 'player', 'aria-label': 'Recording' }, h('div', { class: 'player-row' }, button, at, seek), tracks, failure, audio)
      : h('p', { class: 'dim hint', testid: 'player', text: 'This call was not recorded.' }),
    list)
  let url = ''
  let loading = false

  function makeLine(entry) {
    const from = (new Date(entry.timestamp).getTime() - began) / 1000
    const agent = entry.speaker === 'assistant' || entry.speaker === 'agent'
    const parts = agent ? cut(entry.text, entry.heard ?? entry.text) : { heard: entry.text ?? '', unheard: '' }
    const line = h('li', { 'data-side': agent ? 'agent' : entry.speaker === 'user' ? 'caller' : 'person', tabindex: recorded ? '0' : null, onclick: () => jump(from), onkeydown: (event) => { if (event.key === 'Enter') jump(from) } },
      h('div', { class: 'entry-head' }, h('span', { class: 'who', text: agent ? 'Agent' : entry.speaker === 'user' ? 'Caller' : 'Operator' }), h('time', { class: 'num dim', text: clock(from * 1000) })),
      h('p', {}, h('span', { class: 'heard', testid: 'words-heard', text: parts.heard }), parts.unheard ? h('span', { class: 'unheard', testid: 'words-unheard', text: parts.unheard }) : null))
    return { element: line, from }
  }

  async function load() {
    if (url || loading) return
    loading = true
    setText(button, 'Loading…')
    try {
      const sound = await bytes(`/records/${encodeURIComponent(record.id)}/audio`, stop.signal)
      url = URL.createObjectURL(new Blob([sound], { type: 'audio/wav' }))
      audio.src = url
      const decoded = await new OfflineAudioContext(1, 1, 8000).decodeAudioData(sound)
      seek.max = String(decoded.duration)
      const outlines = Array.from({ length: decoded.numberOfChannels }, (_, n) => outline(decoded.getChannelData(n)))
      // All on one scale, which the loudest fills: who is quieter than another looks so.
      const top = Math.max(QUIETEST, ...outlines.flat())
      replace(tracks, outlines.map((bars, n) => drawTrack(bars.map((loud) => loud / top), n)))
    } finally {
      loading = false
      setText(button, '▶ Play')
    }
  }

  async function toggle() {
    try {
      await load()
      if (audio.paused) await audio.play()
      else audio.pause()
    } catch (error) {
      if (stop.signal.aborted) return
      failure.hidden = false
      setText(failure, error.message)
    }
  }
  async function jump(seconds) {
    if (!recorded || !Number.isFinite(seconds)) return
    if (audio.paused) await toggle()
    audio.currentTime = Math.max(0, seconds)
  }
  audio.addEventListener('play', () => setText(button, '❚❚ Pause'))
  audio.addEventListener('pause', () => setText(button, '▶ Play'))
  audio.addEventListener('timeupdate', () => {
    const now = audio.currentTime
    if (document.activeElement !== seek) seek.value = String(now)
    setText(at, `${clock(now * 1000)} / ${clock((audio.duration || (record.duration_ms ?? 0) / 1000) * 1000)}`)
    for (const track of tracks.children) track.style.setProperty('--at', `${(now / (audio.duration || 1)) * 100}%`)
    const current = lines.findLast(({ from }) => from <= now + 0.1)
    for (const line of lines) setAttr(line.element, 'aria-current', line === current ? 'true' : null)
    current?.element.scrollIntoView({ block: 'nearest' })
  })

  return {
    element,
    close() {
      stop.abort()
      audio.pause()
      if (url) URL.revokeObjectURL(url)
    },
  }
}

function drawTrack(bars, channel) {
  const path = bars.map((loud, n) => `M${n} ${(20 - loud * 19).toFixed(1)}V${(20 + loud * 19 + 0.5).toFixed(1)}`).join('')
  const [side, name, title] = SIDES[channel] ?? SIDES[1]
  return h('div', { class: 'track-row' }, h('span', { class: 'dim', text: name }), h('div', { class: 'track', 'data-side': side, title },
    svg('svg', { viewBox: `0 0 ${BARS} 40`, preserveAspectRatio: 'none', 'aria-hidden': 'true' }, svg('path', { d: path }))))
}

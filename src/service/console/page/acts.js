// What an operator may do with the selected call.

import { has, hasSockets, may, post, service } from './api.js'
import { confirm } from './dialog.js'
import { h, notice, setAttr, setText } from './dom.js'
import { refresh } from './feed.js'
import { masked } from './format.js'
import { openSound } from './sound.js'

/** Gives an order and says how it went. Resolves to whether the service took it. */
export async function order(what, path, body) {
  try {
    await post(path, body ?? {})
    notice(what)
    refresh()
    return true
  } catch (error) {
    notice(`${what}: ${error.message}`, 'error')
    return false
  }
}

/** What an operator may do with the call: only what the service has and the role allows. */
export function makeActs({ id, call, sound, done }) {
  const path = (act) => `/calls/${encodeURIComponent(id())}/${act}`
  const can = (act, method = 'POST') => has(`/calls/{id}/${act}`, method) && may('operator')
  const name = () => `${masked(call().direction === 'outbound' ? call().to : call().from)} with ${call().agent ?? 'the agent'}`

  const hangUp = h('button', { type: 'button', class: 'danger', testid: 'hang-up', text: 'Hang up', onclick: async () => {
    const sure = await confirm({ title: `Hang up on ${name()}?`, detail: `The agent says goodbye and the call ends (${call().carrier_call_id ?? id()}).`, act: `Hang up ${masked(call().direction === 'outbound' ? call().to : call().from)}` })
    if (sure && (await order('Hanging up', path('hangup')))) done()
  } })
  const to = h('select', { testid: 'transfer-to', 'aria-label': 'Transfer to' }, Object.keys(service.configuration.transfers ?? {}).map((each) => h('option', { value: each, text: each })))
  const transfer = h('form', { class: 'act', onsubmit: (event) => { event.preventDefault(); order(`Transferring to ${to.value}`, path('transfer'), { destination: to.value }).then(done) } },
    to, h('button', { testid: 'transfer-send', text: 'Transfer' }))
  let paused = false
  const pause = h('button', { type: 'button', text: 'Pause recording', title: 'Silence in the recording; neither keys nor words are kept', onclick: async () => {
    if (await order(paused ? 'Recording' : 'Recording is paused', path('recording'), { paused: !paused })) {
      paused = !paused
      setText(pause, paused ? 'Resume recording' : 'Pause recording')
      setAttr(pause, 'data-on', paused || null)
    }
  } })
  const line = (act, placeholder, button) => {
    const field = h('input', { type: 'text', maxlength: '2000', placeholder, 'aria-label': placeholder, testid: `${act}-text`, autocomplete: 'off' })
    const form = h('form', { class: 'act wide', onsubmit: async (event) => {
      event.preventDefault()
      if (field.value.trim() && (await order(button === 'Say' ? 'The agent says it' : 'The agent is told', path(act), { text: field.value.trim() }))) field.value = ''
    } }, field, h('button', { testid: `${act}-send`, text: button }))
    return { field, form }
  }
  const whisper = line('whisper', 'Whisper to the agent; the caller does not hear it', 'Whisper')
  const say = line('say', 'The agent says this to the caller', 'Say')
  const ears = makeEars({ path, sound })
  const closed = h('p', { class: 'dim', text: 'Signed in as a viewer: calls can be read, not steered.' })
  const element = h('div', { class: 'acts' },
    h('div', { class: 'acts-row' },
      hasSockets() && can('listen', 'GET') ? [ears.listen, ears.meters] : null, hasSockets() && can('take-over', 'GET') ? [ears.takeOver, ears.giveBack] : null,
      can('transfer') && to.options.length ? transfer : null, can('recording') && service.configuration.recording?.dir !== null ? pause : null, can('hangup') ? hangUp : null),
    can('whisper') ? whisper.form : null, can('say') ? say.form : null, may('operator') ? null : closed)
  return {
    element,
    update(now) {
      element.hidden = now.state === 'ended'
      // While a person has the call, the agent is nobody’s to order.
      for (const part of say.form.elements) part.disabled = now.state === 'taken_over'
    },
    takeOver: () => !element.hidden && ears.takeOver.isConnected && (ears.giveBack.hidden ? ears.takeOver : ears.giveBack).click(),
    listen: () => !element.hidden && ears.listen.isConnected && ears.listen.click(),
    hangUp: () => !element.hidden && hangUp.isConnected && hangUp.click(),
    whisper: () => whisper.field.focus(), say: () => say.field.focus(), transfer: () => to.focus(),
  }
}

/** Listening in and taking over. */
function makeEars({ path, sound }) {
  const meter = (name) => { const bar = h('i'); return { bar, element: h('span', { class: 'meter', title: `${name}: level`, 'aria-hidden': 'true' }, bar) } }
  const [caller, agent] = [meter('caller'), meter('agent')]
  const meters = h('span', { class: 'meters', hidden: true }, caller.element, agent.element)
  const level = (side, value) => {
    const bar = side === 0 ? caller.bar : agent.bar
    bar.style.transform = `scaleX(${Math.min(1, value * 1.4).toFixed(2)})`
  }
  const listen = h('button', { type: 'button', testid: 'listen', text: 'Listen', 'aria-pressed': 'false', onclick: () => (sound.mode ? stop() : start('listen')) })
  const takeOver = h('button', { type: 'button', testid: 'take-over', text: 'Take over', onclick: () => start('take-over') })
  const giveBack = h('button', { type: 'button', class: 'primary', testid: 'give-back', text: 'Give back', hidden: true, onclick: () => { sound.open?.send({ give_back: true }); setTimeout(stop, 150) } })
  function show() {
    setText(listen, sound.mode === 'listen' ? 'Stop listening' : 'Listen')
    setAttr(listen, 'aria-pressed', sound.mode === 'listen' ? 'true' : 'false')
    listen.disabled = sound.mode === 'take-over'
    takeOver.hidden = sound.mode === 'take-over'
    giveBack.hidden = sound.mode !== 'take-over'
    meters.hidden = !sound.mode
  }
  function stop() {
    sound.open?.close()
    sound.open = sound.mode = null
    show()
  }
  async function start(mode) {
    stop()
    sound.mode = mode
    show()
    try {
      let opened = null
      opened = await openSound(path(mode), { mic: mode === 'take-over', level, ended: (reason) => {
        if (sound.open !== opened) return
        sound.open = sound.mode = null
        show()
        if (reason) notice(reason, 'error')
      } })
      if (sound.mode !== mode) return opened.close()
      sound.open = opened
    } catch (error) {
      sound.mode = null
      show()
      notice(error.name === 'NotAllowedError' ? 'The browser was not allowed to use the microphone.' : `The sound could not be opened: ${error.message}`, 'error')
    }
  }
  return { listen, takeOver, giveBack, meters }
}

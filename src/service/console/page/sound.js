// Sound in and out of the browser: mu-law at 8 kHz on one socket, an AudioWorklet on each side.

import { socket } from './api.js'

const RATE = 8000
const FRAME = 160
const AGENT = 1

/** Mu-law (ITU-T G.711) of a sample between −1 and 1. Pure. */
export function encode(sample) {
  let value = Math.max(-32635, Math.min(32635, Math.round(sample * 32768)))
  const sign = value < 0 ? 0x80 : 0
  value = Math.abs(value) + 132
  let exponent = 7
  for (let mask = 0x4000; exponent > 0 && !(value & mask); mask >>= 1) exponent--
  return ~(sign | (exponent << 4) | ((value >> (exponent + 3)) & 0x0f)) & 0xff
}

/** The sample of a mu-law byte, between −1 and 1. Pure. */
export function decode(byte) {
  const value = ~byte & 0xff
  const size = ((((value & 0x0f) << 3) + 132) << ((value >> 4) & 7)) - 132
  return (value & 0x80 ? -size : size) / 32768
}

const TABLE = Float32Array.from({ length: 256 }, (_, byte) => decode(byte))

/**
 * Opens a socket of sound. Messages of the service begin with the speaker (0 caller, 1 agent, 2 a
 * person of ours), then mu-law; on a `phone` line they are mu-law alone, of the agent, and the service is
 * told by its marks what has been played. `mic` sends the microphone as 20 ms messages. `level(side, 0..1)` is
 * told of each message, `ended(reason)` once. `first` is sent as JSON when the socket opens.
 */
export async function openSound(path, { phone = false, mic = false, first = null, play = () => true, level = () => {}, opened = () => {}, ended = () => {} }) {
  if (!isSecureContext) throw new Error('A browser gives sound and microphone only to pages over https, or of this machine: open the console through a tunnel.')
  // The browser asks for the microphone before any call is made.
  const microphone = mic
    ? await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true, channelCount: 1 } })
    : null
  // A browser may open its devices at their own rate only; the worklet resamples.
  const context = new AudioContext({ latencyHint: 'interactive' })
  let over = false
  let line = null
  const close = (reason = '') => {
    if (over) return
    over = true
    microphone?.getTracks().forEach((track) => track.stop())
    context.close()
    if (line && line.readyState < 2) line.close(1000)
    ended(reason)
  }
  try {
    await context.audioWorklet.addModule('worklet.js')
    await context.resume()
  } catch (error) {
    close()
    throw error
  }
  const speaker = new AudioWorkletNode(context, 'playout', { numberOfInputs: 0, outputChannelCount: [2], processorOptions: { rate: RATE } })
  speaker.connect(context.destination)
  line = socket(path)
  speaker.port.onmessage = ({ data }) => line.readyState === 1 && line.send(JSON.stringify({ played: data.played }))
  let wasOpen = false
  line.onopen = () => {
    wasOpen = true
    if (first) line.send(JSON.stringify(first))
    opened()
  }
  line.onmessage = ({ data }) => {
    if (typeof data === 'string') {
      if (phone) obey(data, speaker)
      return
    }
    const message = new Uint8Array(data)
    const side = phone ? AGENT : message[0]
    const from = phone ? 0 : 1
    const samples = new Float32Array(message.length - from)
    let loudest = 0
    for (let n = from; n < message.length; n++) {
      samples[n - from] = TABLE[message[n]]
      loudest = Math.max(loudest, Math.abs(samples[n - from]))
    }
    level(side, loudest)
    if (play(side)) speaker.port.postMessage({ side, samples }, [samples.buffer])
  }
  // A browser does not say why an upgrade was refused: a call that is over, or that somebody has.
  line.onclose = ({ code, reason }) => close(reason || (!wasOpen ? 'The service did not open the line. The call may be over, or in somebody else’s hands.' : code === 1000 ? '' : 'The line was closed.'))
  if (microphone) sendMicrophone(context, microphone, line, level)
  return { close, send: (order) => line.readyState === 1 && line.send(JSON.stringify(order)), mute: (quiet) => microphone?.getTracks().forEach((track) => (track.enabled = !quiet)) }
}

/** An order of the service to a phone: a mark in what is played, or to drop what is not played yet. */
function obey(text, speaker) {
  let order = {}
  try {
    order = JSON.parse(text)
  } catch {}
  if (typeof order.mark === 'string') speaker.port.postMessage({ side: AGENT, mark: order.mark })
  else if (order.clear) speaker.port.postMessage({ side: AGENT, clear: true })
}

function sendMicrophone(context, microphone, line, level) {
  const capture = new AudioWorkletNode(context, 'capture', { numberOfOutputs: 0, processorOptions: { rate: RATE, frame: FRAME } })
  context.createMediaStreamSource(microphone).connect(capture)
  capture.port.onmessage = ({ data }) => {
    // A socket that cannot keep up loses sound rather than falling behind.
    if (line.readyState !== 1 || line.bufferedAmount > RATE / 2) return
    const message = new Uint8Array(data.length)
    let loudest = 0
    for (let n = 0; n < data.length; n++) {
      message[n] = encode(data[n])
      loudest = Math.max(loudest, Math.abs(data[n]))
    }
    level('mic', loudest)
    line.send(message)
  }
}

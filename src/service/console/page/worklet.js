// The audio thread's side of `sound.js`: playing what comes, capturing the microphone. Both resample
// linearly between 8 kHz and the device's rate.

/** Longest sound that waits, in samples at 8 kHz: what is older is dropped, so that ears keep up. */
const MOST = 8000 * 0.4
/** Sound that is gathered before playing begins, against the network's unsteadiness. */
const LEAD = 8000 * 0.06

class Playout extends AudioWorkletProcessor {
  constructor({ processorOptions }) {
    super()
    this.step = processorOptions.rate / sampleRate
    this.tracks = new Map()
    this.port.onmessage = ({ data }) => {
      const track = this.tracks.get(data.side) ?? { waiting: [], marks: [], length: 0, taken: 0, at: 0, playing: false }
      this.tracks.set(data.side, track)
      if (data.clear) {
        // Marks of what is dropped are never reached.
        track.taken += track.length
        Object.assign(track, { waiting: [], marks: [], length: 0, at: 0, playing: false })
      } else if (data.mark !== undefined) {
        track.marks.push({ name: data.mark, place: track.taken + track.length })
      } else {
        track.waiting.push(data.samples)
        track.length += data.samples.length
        while (track.length > MOST && track.waiting.length > 1) {
          this.take(track)
          track.at = 0
        }
      }
    }
  }
  /** Takes the first samples off a track. */
  take(track) {
    const { length } = track.waiting.shift()
    track.length -= length
    track.taken += length
  }
  process(_, [output]) {
    for (const [side, track] of this.tracks) {
      this.play(track, output, side)
      while (track.marks.length && track.marks[0].place <= track.taken) this.port.postMessage({ played: track.marks.shift().name })
    }
    return true
  }
  play(track, output, side) {
    // What a mark ends is played without waiting for more.
    if (!track.playing && track.length < LEAD && !track.marks.length) return
    track.playing = true
    // The caller a little left, the agent a little right: two voices are told apart.
    const gains = side === 0 ? [0.9, 0.5] : [0.5, 0.9]
    for (let n = 0; n < output[0].length; n++) {
      const samples = track.waiting[0]
      if (!samples) {
        track.playing = false
        return
      }
      const place = Math.floor(track.at)
      const next = place + 1 < samples.length ? samples[place + 1] : (track.waiting[1]?.[0] ?? samples[place])
      const value = samples[place] + (next - samples[place]) * (track.at - place)
      output.forEach((channel, c) => (channel[n] += value * (gains[c] ?? 0.7)))
      track.at += this.step
      if (track.at >= samples.length) {
        track.at -= samples.length
        this.take(track)
      }
    }
  }
}

class Capture extends AudioWorkletProcessor {
  constructor({ processorOptions }) {
    super()
    this.step = sampleRate / processorOptions.rate
    this.frame = new Float32Array(processorOptions.frame)
    this.filled = 0
    this.next = this.step
    this.sum = 0
    this.taken = 0
  }
  process([input]) {
    if (!input?.[0]) return true
    for (const sample of input[0]) {
      // The mean over each output sample's time keeps most of what 8 kHz cannot carry out.
      this.sum += sample
      this.taken += 1
      this.next -= 1
      if (this.next > 0) continue
      this.next += this.step
      this.frame[this.filled++] = this.sum / this.taken
      this.sum = this.taken = 0
      if (this.filled === this.frame.length) {
        this.port.postMessage(this.frame.slice())
        this.filled = 0
      }
    }
    return true
  }
}

registerProcessor('playout', Playout)
registerProcessor('capture', Capture)

// How values are written. Pure.

const MINUTE = 60_000

/** `4:07`, `1:04:07`. */
export function clock(ms) {
  if (!Number.isFinite(ms)) return '–'
  const s = Math.max(0, Math.floor(ms / 1000))
  const [hours, minutes, seconds] = [Math.floor(s / 3600), Math.floor(s / 60) % 60, s % 60]
  const two = (n) => String(n).padStart(2, '0')
  return hours ? `${hours}:${two(minutes)}:${two(seconds)}` : `${minutes}:${two(seconds)}`
}

/** `540 ms`, `1.24 s`. */
export function wait(ms) {
  if (!Number.isFinite(ms)) return '–'
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`
}

/** `$0.034`; small sums keep their last figure. */
export function usd(value) {
  const sum = Number(value)
  if (value === null || value === undefined || !Number.isFinite(sum)) return '–'
  if (sum === 0) return '$0.00'
  return `$${sum.toFixed(sum < 0.1 ? 4 : sum < 10 ? 3 : 2)}`
}

/** `$0.034`: every sum of a column with as many figures, so that the points line up. */
export function price(value) {
  const sum = Number(value)
  return value === null || value === undefined || !Number.isFinite(sum) ? '–' : `$${sum.toFixed(3)}`
}

/** `$2.00`: a sum that somebody has set. */
export function limit(value) {
  return `$${Number(value).toFixed(2)}`
}

/** `0.54 s`: every wait of a column in one unit. */
export function seconds(ms) {
  return Number.isFinite(ms) ? `${(ms / 1000).toFixed(2)} s` : '–'
}

/** A whole number with separators. */
export function count(value) {
  return Number.isFinite(value) ? Math.round(value).toLocaleString('en') : '–'
}

/** A number of a phone with its middle hidden; `withheld` if there is none. */
export function masked(number) {
  if (!number) return 'withheld'
  const digits = number.replace(/\D/g, '').length
  if (digits < 6) return number
  return `${number.slice(0, number.startsWith('+') ? 3 : 2)}…${number.slice(-4)}`
}

/** Local time of day of an RFC 3339 instant or of milliseconds. */
export function time(at) {
  const date = new Date(at)
  return Number.isNaN(date.getTime()) ? '–' : date.toLocaleTimeString('en-GB')
}

/** Local date and time, to the second. */
export function moment(at) {
  const date = new Date(at)
  if (Number.isNaN(date.getTime())) return '–'
  const two = (n) => String(n).padStart(2, '0')
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${date.toLocaleTimeString('en-GB')}`
}

/** `3 d 4 h`, `4 h 7 min`, `7 min`, `12 s`. */
export function age(seconds) {
  if (!Number.isFinite(seconds)) return '–'
  const s = Math.floor(seconds)
  if (s < 60) return `${s} s`
  if (s < 3600) return `${Math.floor(s / 60)} min`
  if (s < 86_400) return `${Math.floor(s / 3600)} h ${Math.floor(s / 60) % 60} min`
  return `${Math.floor(s / 86_400)} d ${Math.floor(s / 3600) % 24} h`
}

/** `caller_hung_up` → `caller hung up`. */
export function words(name) {
  return String(name ?? '–').replaceAll('_', ' ')
}

/** How long ago an instant was, against `now` in milliseconds. */
export function ago(at, now = Date.now()) {
  const past = now - new Date(at).getTime()
  if (!Number.isFinite(past)) return '–'
  return past < MINUTE ? 'just now' : `${age(past / 1000)} ago`
}

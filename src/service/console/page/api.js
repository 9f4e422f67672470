// The admin listener: requests, event streams and sockets, all of the page's own origin.
//
// A sign-in sets a cookie that scripts cannot read. A service without `/sign-in` is spoken to with
// its bearer token, which is kept in this module's memory alone and is gone with the page.

let bearer = null
let onSignedOut = () => {}

/** What the service has: filled by `connect`. */
export const service = { version: '', routes: new Map(), me: { name: '', role: 'admin' }, configuration: {} }

/** An error of the service (`application/problem+json`), or of the way to it (`status` 0). */
export class Problem extends Error {
  constructor(status, detail) {
    super(detail)
    this.status = status
  }
}

const headers = (more = {}) => ({ accept: 'application/json', ...(bearer ? { authorization: `Bearer ${bearer}` } : {}), ...more })

async function send(method, path, body, options = {}) {
  let answer
  try {
    answer = await fetch(path, {
      method,
      headers: headers(body === undefined ? {} : { 'content-type': 'application/json' }),
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: 'same-origin',
      signal: options.signal ?? AbortSignal.timeout(options.patience ?? 10_000),
    })
  } catch (error) {
    if (options.signal?.aborted) throw error
    throw new Problem(0, error.name === 'TimeoutError' ? 'The service did not answer in time.' : 'The service cannot be reached.')
  }
  if (answer.ok) return answer
  let detail = `${answer.status} ${answer.statusText}`
  try {
    const problem = await answer.json()
    detail = problem.detail || problem.title || detail
  } catch {}
  if (answer.status === 401 && !options.quiet) onSignedOut()
  throw new Problem(answer.status, detail)
}

async function json(answer) {
  const text = await answer.text()
  try {
    return text ? JSON.parse(text) : null
  } catch {
    throw new Problem(answer.status, 'The service answered with something that is not JSON.')
  }
}

export const get = async (path, options) => json(await send('GET', path, undefined, options))
export const post = async (path, body = {}, options) => json(await send('POST', path, body, options))
/** The bytes of a file, for the player; takes longer than an order may. */
export const bytes = async (path, signal) => (await send('GET', path, undefined, { signal, patience: 120_000 })).arrayBuffer()
/** The text of a page of metrics. */
export const text = async (path) => (await send('GET', path)).text()

/** Whether the service has this path with this method. */
export const has = (path, method = 'GET') => service.routes.get(path)?.includes(method) ?? false

const RANK = { viewer: 0, operator: 1, admin: 2 }
/** Whether the signed-in person may do what this role may. */
export const may = (role) => (RANK[service.me.role] ?? 0) >= RANK[role]

/** Whether sockets can be opened: they take the cookie, and a bearer cannot be sent with one. */
export const hasSockets = () => bearer === null

/** Reads what the service has and who is signed in. Rejects with status 401 without a sign-in. */
export async function connect() {
  const index = await get('/', { quiet: true })
  service.version = index?.version ?? ''
  service.routes = new Map((index?.routes ?? []).map((route) => [route.path, route.methods ?? ['GET']]))
  if (has('/me')) service.me = await get('/me', { quiet: true })
  // The page is of use without it: the names of agents and destinations are missing then.
  await renew().catch(() => {})
}

let renewed = 0
/** Reads the configuration that runs, unless it was read within the last `age` milliseconds. */
export async function renew(age = 0) {
  if (!has('/configuration') || Date.now() - renewed < age) return
  renewed = Date.now()
  service.configuration = await get('/configuration', { quiet: true })
}

export function whenSignedOut(what) {
  onSignedOut = what
}

/** Signs in with a token: a cookie where the service sets one, else a bearer in memory. */
export async function signIn(token) {
  try {
    await post('/sign-in', { token }, { quiet: true })
  } catch (error) {
    if (![401, 404, 405].includes(error.status)) throw error
    bearer = token
  }
  try {
    await connect()
  } catch (error) {
    bearer = null
    throw error.status === 401 ? new Problem(401, 'This token is not known here.') : error
  }
}

export async function signOut() {
  if (bearer === null && has('/sign-out', 'POST')) await post('/sign-out')
  bearer = null
  onSignedOut()
}

/**
 * Reads server-sent events until `signal` aborts, and comes back after a broken connection with the
 * last id it has. `heard(event, data)` gets each one; `standing(true|false)` says whether the
 * stream is open. A stream that the service ends with 204 or that is refused is not asked again.
 */
export async function stream(path, { heard, standing = () => {}, signal }) {
  let last = null
  let pause = 500
  while (!signal.aborted) {
    try {
      const answer = await fetch(path, {
        headers: headers({ accept: 'text/event-stream', ...(last ? { 'last-event-id': last } : {}) }),
        credentials: 'same-origin',
        signal,
      })
      if (answer.status === 401) return onSignedOut()
      if (answer.status === 204 || (answer.status >= 400 && answer.status < 500)) return
      if (!answer.ok) throw new Problem(answer.status, answer.statusText)
      standing(true)
      pause = 500
      for await (const event of events(answer.body)) {
        if (event.id) last = event.id
        heard(event.name, event.data)
      }
    } catch {
      if (signal.aborted) return
    }
    standing(false)
    await new Promise((wake) => setTimeout(wake, pause))
    pause = Math.min(pause * 2, 10_000)
  }
}

async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader()
  let rest = ''
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    rest += value.replaceAll('\r\n', '\n')
    let end
    while ((end = rest.indexOf('\n\n')) >= 0) {
      const event = { id: '', name: 'message', data: null }
      let data = ''
      for (const line of rest.slice(0, end).split('\n')) {
        if (line.startsWith('id:')) event.id = line.slice(3).trim()
        else if (line.startsWith('event:')) event.name = line.slice(6).trim()
        else if (line.startsWith('data:')) data += line.slice(5).trim()
      }
      rest = rest.slice(end + 2)
      if (!data) continue
      try {
        event.data = JSON.parse(data)
      } catch {
        continue
      }
      yield event
    }
  }
}

/** Opens a socket at a path of this origin; messages are binary. */
export function socket(path) {
  const opened = new WebSocket(new URL(path, location.href.replace(/^http/, 'ws')))
  opened.binaryType = 'arraybuffer'
  return opened
}

// Builds and updates elements. Text is always a text node: nothing a caller says becomes markup.

const SVG = 'http://www.w3.org/2000/svg'

/**
 * Makes an element. `props`: `on…` are listeners, `class`, `testid`, `text`, booleans are attributes
 * that are there or not, all else is an attribute.
 */
export function h(tag, props = {}, ...children) {
  return fill(document.createElement(tag), props, children)
}

/** Makes an SVG element, as `h`. */
export function svg(tag, props = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), props, children)
}

function fill(element, props, children) {
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value)
    else if (name === 'text') element.textContent = value
    else if (name === 'testid') element.setAttribute('data-testid', value)
    else if (name === 'value') element.value = value
    else element.setAttribute(name, value === true ? '' : value)
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false))
  return element
}

/** Sets an element's text if it differs: an unchanged cell costs no layout. */
export function setText(element, text) {
  const wanted = String(text ?? '')
  if (element.firstChild?.nodeType === 3 && element.childNodes.length === 1) {
    if (element.firstChild.data !== wanted) element.firstChild.data = wanted
  } else if (element.textContent !== wanted || element.childNodes.length > 1) {
    element.textContent = wanted
  }
}

/** Sets an attribute if it differs; `null` and `false` remove it. */
export function setAttr(element, name, value) {
  if (value === null || value === undefined || value === false) {
    if (element.hasAttribute(name)) element.removeAttribute(name)
  } else {
    const wanted = value === true ? '' : String(value)
    if (element.getAttribute(name) !== wanted) element.setAttribute(name, wanted)
  }
}

/**
 * Keeps `parent`'s children in step with `items`, by key. Elements stay the same ones, so focus,
 * selection and the place in a scrolled list stay too. Returns the map of elements.
 */
export function keyed(parent, items, keyOf, make, update) {
  const known = parent.keyedElements ?? (parent.keyedElements = new Map())
  const wanted = new Set()
  let place = parent.firstChild
  for (const item of items) {
    const key = keyOf(item)
    wanted.add(key)
    let element = known.get(key)
    if (!element) {
      element = make(item)
      known.set(key, element)
    }
    update?.(element, item)
    if (element === place) place = place.nextSibling
    else parent.insertBefore(element, place)
  }
  for (const [key, element] of known) {
    if (!wanted.has(key)) {
      element.remove()
      known.delete(key)
    }
  }
  return known
}

/** Replaces all children. */
export function replace(parent, ...children) {
  parent.replaceChildren(...children.flat(Infinity).filter(Boolean))
  return parent
}

const FOCUSABLE = 'button, input, select, a[href], summary, [tabindex]'

/** Replaces all children. Whoever stands on one of them with the keyboard stands on the same one afterwards. */
export function redraw(parent, ...children) {
  const place = [...parent.querySelectorAll(FOCUSABLE)].indexOf(document.activeElement)
  replace(parent, ...children)
  if (place >= 0) [...parent.querySelectorAll(FOCUSABLE)].at(Math.min(place, parent.querySelectorAll(FOCUSABLE).length - 1))?.focus({ preventScroll: true })
  return parent
}

/** Whether a key press belongs to a field and not to the page. */
export function isTyping(event) {
  const target = event.target
  return target instanceof HTMLElement && (target.isContentEditable || /^(input|textarea|select)$/i.test(target.tagName))
}

/** A short note at the page's foot. Errors stay until they are closed. */
export function notice(text, kind = 'done') {
  const home = document.getElementById('notices')
  for (const other of home.querySelectorAll(`.notice.${kind}`)) other.remove()
  const close = h('button', { class: 'ghost small', type: 'button', 'aria-label': 'Close this note', text: '✕', onclick: () => element.remove() })
  const element = h('div', { class: `notice ${kind}`, role: kind === 'error' ? 'alert' : 'status', testid: kind === 'error' ? 'error' : undefined },
    h('span', { text }), close)
  home.append(element)
  if (kind !== 'error') setTimeout(() => element.remove(), 4000)
  return element
}

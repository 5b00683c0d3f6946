// The address in the page says everything that is seen.
import { computed, signal } from '@preact/signals'

export type View = 'map' | 'table' | 'tree'
const views: View[] = ['map', 'table', 'tree']
// What can be open beside the view.
export type Open = '' | 'route' | 'gateway' | 'object' | 'policy' | 'guardrails' | 'whatif' | 'request' | 'compare'

export interface Place { view: View; open: Open; id: string; params: Record<string, string> }

export const filterKeys = ['ns', 'gateway', 'kind', 'field', 'level', 'findings', 'mixed', 'changed', 'where', 'text']
// What belongs to what is open, and goes with it.
const openKeys = ['rule', 'via', 'tab', 'show', 'u', 'h', 'a', 'b', 'avia', 'bvia', 'offset']

function read(hash: string): Place {
  const [path, query] = hash.replace(/^#\/?/, '').split('?', 2)
  const params: Record<string, string> = {}
  new URLSearchParams(query ?? '').forEach((value, key) => { params[key] = value })
  const [first, ...rest] = path.split('/').map((part) => { try { return decodeURIComponent(part) } catch { return part } })
  const view = views.find((v) => v === params.view) ?? views.find((v) => v === first) ?? 'map'
  delete params.view
  if (views.includes(first as View) || !first) return { view, open: '', id: '', params }
  switch (first) {
    case 'gateway': return { view, open: 'gateway', id: 'gateway/' + rest.join('/'), params }
    case 'route': case 'object': case 'policy': return { view, open: first, id: rest.join('/'), params }
    case 'guardrails': case 'whatif': case 'request': case 'compare': return { view, open: first, id: '', params }
  }
  return { view, open: '', id: '', params }
}

const hash = signal(location.hash)
addEventListener('hashchange', () => { hash.value = location.hash })
// pointed is the object that the reader points at in the panel; the map lights it.
export const pointed = signal('')
export const place = computed<Place>(() => read(hash.value))

export function address(p: Place): string {
  const path = p.open === '' ? p.view
    : p.open === 'gateway' ? p.id
    : [p.open, ...(p.id ? p.id.split('/') : [])].map((part) => encodeURIComponent(part).replace(/%23/g, '%23')).join('/')
  const query = new URLSearchParams()
  if (p.open !== '') query.set('view', p.view)
  for (const key of Object.keys(p.params).sort()) if (p.params[key]) query.set(key, p.params[key])
  const text = query.toString()
  return '#/' + path + (text ? '?' + text : '')
}

// go changes a part of the address. What is open takes its own parameters along
// when it closes.
export function to(change: Partial<Place>): string {
  const now = place.value
  const params = { ...now.params }
  delete params.ctx
  delete params.at
  if (change.open !== undefined || change.id !== undefined) for (const key of openKeys) delete params[key]
  return address({ ...now, ...change, params: { ...params, ...change.params } })
}
export function go(change: Partial<Place>, replace = false): void {
  const target = to(change)
  if (target === location.hash) return
  if (replace) { history.replaceState(null, '', target); hash.value = target } else location.hash = target
}
export function jump(target: string): void { location.hash = target }
export function reset(target: string): void { history.replaceState(null, '', target); hash.value = target }

// An object by its id: httproute/shop/checkout#pay.
export function linkTo(id: string): string {
  const [object, section] = id.split('#', 2)
  const kind = object.split('/')[0]
  if (kind === 'gateway') return to({ open: 'gateway', id: object, params: section ? { via: section } : {} })
  if (kind === 'gatewayclass' || kind === 'listenerset' || kind === 'namespace' || kind === 'service') return to({ open: 'object', id })
  if (/policy(\.|$)/.test(kind) || !/route(\.|$)/.test(kind)) return to({ open: 'policy', id: object })
  return to({ open: 'route', id: object, params: section ? { rule: section } : {} })
}

const ownGroups = ['', 'gateway.networking.k8s.io', 'attache.dev']
export function idOf(ref: { group: string; kind: string; namespace: string; name: string; sectionName?: string }): string {
  const word = ref.kind.toLowerCase() + (ownGroups.includes(ref.group) ? '' : '.' + ref.group)
  return word + '/' + (ref.namespace ? ref.namespace + '/' : '') + ref.name + (ref.sectionName ? '#' + ref.sectionName : '')
}

// Questions to the server, or to the data in the file.
import { useLayoutEffect, useRef, useState } from 'preact/hooks'
import { signal } from '@preact/signals'
import { filterKeys, place } from './place'
import type { Summary, Tried } from './types'

interface Stored { place: string; answers: Record<string, unknown>; trial: Tried | null }
const stored = document.getElementById('data')
export const file: Stored | null = stored ? JSON.parse(stored.textContent ?? 'null') : null

export const version = signal('')
export const paused = signal(false)
export const online = signal(true)
export const summary = signal<Summary | null>(null)
export const trial = signal<Tried | null>(file?.trial ?? null)

export type Params = Record<string, string | undefined>
const kept = new Map<string, Promise<unknown>>()

function keyOf(name: string, params: Params): string {
  const keys = Object.keys(params).filter((k) => params[k]).sort()
  return name + '?' + keys.map((k) => k + '=' + params[k]).join('&')
}

export async function ask<T>(name: string, params: Params = {}, signal?: AbortSignal): Promise<T> {
  const key = keyOf(name, params)
  if (file) {
    if (key in file.answers) return file.answers[key] as T
    throw new Error('This is not in the file. Run the command to look at everything.')
  }
  const known = kept.get(key)
  if (known) return known as Promise<T>
  const query = new URLSearchParams()
  for (const k of Object.keys(params).sort()) if (params[k]) query.set(k, params[k]!)
  const text = query.toString()
  const answer = fetch('/api/v1/' + name + (text ? '?' + text : ''), { signal }).then(async (r) => {
    online.value = true
    if (!r.ok) throw new Error(((await r.json().catch(() => ({}))) as { error?: string }).error ?? r.statusText)
    return r.json()
  })
  kept.set(key, answer)
  answer.catch(() => kept.delete(key))
  if (kept.size > 200) kept.delete(kept.keys().next().value!)
  return answer as Promise<T>
}

export async function send<T>(method: string, path: string, body?: unknown): Promise<T> {
  const r = await fetch(path, { method, headers: { 'Content-Type': 'application/json' }, body: body === undefined ? undefined : JSON.stringify(body) })
  if (!r.ok) throw new Error(((await r.json().catch(() => ({}))) as { error?: string }).error ?? r.statusText)
  return (r.status === 204 ? undefined : await r.json()) as T
}

// filters are those of the address, with the edit that is looked at.
export function filters(): Params {
  const params: Params = { whatif: place.value.params.whatif }
  for (const key of filterKeys) params[key] = place.value.params[key]
  return params
}

// mapped asks for the map, with a node of its own for what was opened in a fold.
export function mapped(): Params {
  return file ? filters() : { ...filters(), open: place.value.params.unfold }
}

export interface Answer<T> { data: T | null; error: string; loading: boolean }

// useAnswer asks again when the question or the world changes. Until the new answer
// is there, the old one stays.
export function useAnswer<T>(name: string, params: Params | null): Answer<T> {
  const [answer, set] = useState<Answer<T>>({ data: null, error: '', loading: true })
  const question = useRef('')
  const key = params ? keyOf(name, params) : ''
  const of = version.value
  useLayoutEffect(() => { // before the page is painted: the answer is on its way meanwhile
    if (!params) { set({ data: null, error: '', loading: false }); return }
    let current = true
    if (question.current.split('?')[0] !== name) set({ data: null, error: '', loading: true })
    question.current = key
    ask<T>(name, params).then(
      (data) => { if (current) set({ data, error: '', loading: false }) },
      (error: Error) => { if (current) set({ data: null, error: error.message, loading: false }) })
    return () => { current = false }
  }, [key, of])
  return answer
}

export function forget(): void { kept.clear() }

export async function refresh(): Promise<void> {
  forget()
  const s = await ask<Summary>('summary')
  summary.value = s
  version.value = s.version
}

export const news = signal('')
let said = 0
// say tells who listens, at most every five seconds.
export function say(text: string): void {
  const wait = Math.max(0, said + 5000 - Date.now())
  said = Date.now() + wait
  setTimeout(() => { news.value = text }, wait)
}

// follow listens to what happens.
export function follow(): void {
  if (file) return
  const stream = new EventSource('/api/v1/events')
  stream.addEventListener('world', (e) => {
    online.value = true
    const event = JSON.parse((e as MessageEvent<string>).data) as { version: string; changed: string[]; many?: boolean }
    if (event.version === version.value || paused.value) return
    const n = event.changed.length
    refresh().then(() => { if (n > 0) say((event.many ? 'Many objects' : n === 1 ? '1 object' : n + ' objects') + ' changed') }, () => {})
  })
  stream.onerror = () => { online.value = false }
}

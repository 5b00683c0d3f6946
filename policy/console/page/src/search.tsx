// The search: objects, hostnames, policies; and requests.
import { Fragment, h } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { ask, file } from './api'
import { jump, linkTo, to } from './place'
import { Name, counted, refText } from './parts'
import type { Found, Rows } from './types'

interface Item { href: string; kind: string; text: string; detail?: string }

// inFile looks among the routes that a file has.
function inFile(q: string): Item[] {
  const seen = new Set<string>()
  return Object.entries(file!.answers).filter(([k]) => k.startsWith('routes?')).flatMap(([, v]) => (v as Rows).rows)
    .filter((r) => (refText(r.target) + ' ' + r.hostnames.join(' ')).toLowerCase().includes(q.toLowerCase()) && !seen.has(r.id) && seen.add(r.id))
    .slice(0, 30).map((r) => ({ href: linkTo(r.id), kind: 'route', text: refText(r.target), detail: r.hostnames.join(', ') }))
}

async function look(q: string): Promise<{ items: Item[]; total: number }> {
  if (!q.trim()) return { items: [], total: 0 }
  if (q.includes('://')) return { items: [{ href: to({ open: 'request', id: '', params: { u: q.trim() } }), kind: 'request', text: q.trim(), detail: 'who serves it, and what applies' }], total: 1 }
  if (file) { const items = inFile(q); return { items, total: items.length } }
  const found = await ask<Found>('search', { q: q.trim() })
  return { total: found.total, items: found.hits.map((x) => ({ href: x.type === 'namespace' ? to({ params: { ns: x.object.name } }) : linkTo(x.id), kind: x.type, text: refText(x.object), detail: x.detail })) }
}

export function Search() {
  const [q, setQ] = useState('')
  const [items, setItems] = useState<Item[]>([])
  const [total, setTotal] = useState(0)
  const [at, setAt] = useState(0)
  const [open, setOpen] = useState(false)
  const input = useRef<HTMLInputElement>(null)
  const mine = useRef(0)
  const of = useRef('')
  useEffect(() => {
    const key = (e: KeyboardEvent) => { if ((e.ctrlKey || e.metaKey) && e.key.toLowerCase() === 'k') { e.preventDefault(); input.current?.focus(); input.current?.select() } }
    addEventListener('keydown', key)
    return () => removeEventListener('keydown', key)
  }, [])
  useEffect(() => {
    const n = ++mine.current
    const timer = setTimeout(() => { look(q).then((f) => { if (n === mine.current) { of.current = q; setItems(f.items); setTotal(f.total); setAt(0) } }, () => {}) }, q.includes('://') ? 0 : 80)
    return () => clearTimeout(timer)
  }, [q])
  const leave = (x?: Item) => { if (!x) return; jump(x.href); setOpen(false); setQ(''); input.current?.blur() }
  // Who is quicker than the answer gets the first of what was asked for, not of what was shown.
  const choose = (i: number) => { if (of.current === q) leave(items[i]); else look(q).then((f) => leave(f.items[0]), () => {}) }
  const key = (e: KeyboardEvent) => {
    if (e.key === 'ArrowDown' || e.key === 'ArrowUp') { e.preventDefault(); setOpen(true); setAt((at + (e.key === 'ArrowDown' ? 1 : items.length - 1)) % Math.max(1, items.length)) }
    else if (e.key === 'Enter') { e.preventDefault(); choose(at) }
    else if (e.key === 'Escape') { e.stopPropagation(); setOpen(false); input.current?.blur() }
  }
  const shown = open && q.trim() !== ''
  return <div class="search" role="search">
    <input ref={input} type="text" role="combobox" aria-label="Search, or ask by a request" aria-expanded={shown} aria-controls="hits" aria-autocomplete="list" aria-activedescendant={shown && items.length ? 'hit-' + at : undefined}
      placeholder="Search, or POST https://…" autocomplete="off" spellcheck={false} value={q} onInput={(e) => { setQ((e.currentTarget as HTMLInputElement).value); setOpen(true) }} onFocus={() => setOpen(true)} onBlur={() => setTimeout(() => setOpen(false), 120)} onKeyDown={key} />
    <kbd aria-hidden="true">Ctrl K</kbd>
    <ul id="hits" role="listbox" aria-label="Found" hidden={!shown || items.length === 0}>
      {shown && items.map((x, i) => <li id={'hit-' + i} role="option" aria-selected={i === at} class={i === at ? 'at' : ''} onMouseDown={(e) => { e.preventDefault(); choose(i) }} onMouseEnter={() => setAt(i)}>
        <span class="kind">{x.kind}</span><span><Name>{x.text}</Name>{x.detail && <span class="under"><Name>{x.detail}</Name></span>}</span></li>)}
    </ul>
    {shown && items.length === 0 && <p class="nohits">Nothing is called so.</p>}
    <span class="hide" role="status">{shown ? counted(total, 'result') : ''}</span>
  </div>
}
export { Fragment }

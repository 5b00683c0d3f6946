// The tree: opened node by node, with exact counts.
import { Fragment, h } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { signal } from '@preact/signals'
import { ask, filters, useAnswer } from './api'
import { linkTo } from './place'
import { ChipOf, Empty, Name, Problem, Value, Waiting, counted } from './parts'
import type { Children, TreeNode } from './types'

const words: Record<string, string> = { GatewayClass: 'class', Gateway: 'Gateway', ListenerSet: 'listener set', Listener: 'listener', Namespace: 'namespace', RouteRule: 'rule' }

// here is the node that Tab leads to; the first, as long as none was chosen.
const here = signal('')

function Branch({ node, level, first }: { node: TreeNode; level: number; first?: boolean }) {
  const [open, setOpen] = useState(level < 2)
  const leaf = node.children === 0
  const key = (e: KeyboardEvent) => {
    const self = e.currentTarget as HTMLElement
    if (e.target !== self) return
    const items = Array.from(self.closest('[role=tree]')!.querySelectorAll<HTMLElement>('[role=treeitem]'))
    const at = items.indexOf(self)
    let next: HTMLElement | null | undefined
    switch (e.key) {
      case 'ArrowDown': next = items[at + 1]; break
      case 'ArrowUp': next = items[at - 1]; break
      case 'Home': next = items[0]; break
      case 'End': next = items[items.length - 1]; break
      case 'ArrowRight': if (!leaf && !open) setOpen(true); else next = items[at + 1]; break
      case 'ArrowLeft': if (!leaf && open) setOpen(false); else next = self.closest('ul')?.parentElement?.querySelector<HTMLElement>(':scope > [role=treeitem]'); break
      case 'Enter': case ' ': if (node.object && e.key === 'Enter') location.hash = linkTo(node.object); else setOpen(!open); break
      default: return
    }
    e.preventDefault()
    e.stopPropagation()
    next?.focus()
  }
  const choose = (e: MouseEvent) => {
    if ((e.target as HTMLElement).closest('a, button')) return
    if (node.object) location.hash = linkTo(node.object)
    else setOpen(!open)
  }
  return <li role="none">
    <div class="branch" role="treeitem" aria-level={level + 1} aria-expanded={leaf ? undefined : open} tabIndex={here.value === node.id || first && !here.value ? 0 : -1}
      onFocus={() => { here.value = node.id }} onKeyDown={key} onClick={choose}>
      {leaf ? <span class="turn" /> : <button type="button" class="turn" tabIndex={-1} aria-hidden="true" onClick={() => { here.value = node.id; setOpen(!open) }}>{open ? '▾' : '▸'}</button>}
      <span class="level">{words[node.level] ?? node.kind}</span>
      {node.object ? <a href={linkTo(node.object)} tabIndex={-1}><Name>{node.name}</Name></a> : <Name>{node.name}</Name>}
      {node.detail && node.level !== 'Namespace' && <span class="under"><Name>{node.detail}</Name></span>}
      {node.level !== 'Route' && node.level !== 'RouteRule' && <span class="under">{counted(node.routes, 'route')}</span>}
      {node.findings ? <span class="finding">{counted(node.findings, 'finding')}</span> : null}
      {(node.policies ?? []).map((c) => <ChipOf chip={c} />)}
      {(node.values ?? []).map((v) => <Value cell={v} field />)}
    </div>
    {open && !leaf && <Below parent={node.id} level={level + 1} />}
  </li>
}

function Below({ parent, level }: { parent: string; level: number }) {
  const { data, error } = useAnswer<Children>('tree', { ...filters(), parent: parent || undefined })
  const [more, setMore] = useState<TreeNode[]>([])
  const [next, setNext] = useState(0)
  useEffect(() => { setMore([]); setNext(data?.next ?? 0); if (!parent) here.value = '' }, [data])
  if (error) return <Problem text={error} />
  if (!data) return <Waiting />
  const load = () => {
    ask<Children>('tree', { ...filters(), parent: parent || undefined, offset: String(next) }).then((c) => { setMore([...more, ...c.children]); setNext(c.next ?? 0) }, () => {})
  }
  const list = [...data.children, ...more]
  if (!parent && !list.length) return <Empty title="Nothing passes the filter" />
  return <ul role={parent ? 'group' : 'tree'} aria-label={parent ? undefined : 'Topology'} onFocus={undefined}>
    {list.map((n, i) => <Branch key={n.id} node={n} level={level} first={!parent && i === 0} />)}
    {next > 0 && <li role="none"><button type="button" class="quiet" onClick={load}>{counted(data.total - list.length, 'more', 'more')}</button></li>}
  </ul>
}

export function Tree() {
  return <div class="treebox"><Fragment><Below parent="" level={0} /></Fragment></div>
}

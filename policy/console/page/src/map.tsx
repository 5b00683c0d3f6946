// The map: fixed columns from the GatewayClass to the rule. For assistive technology
// it is a tree.
import { Fragment, h } from 'preact'
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks'
import { file, mapped, say, useAnswer } from './api'
import { cleared } from './table'
import { go, idOf, linkTo, place, pointed, to } from './place'
import { chipTitle, Empty, kindShort, Name, Problem, Shape, still, Waiting, counted, levelWord, shapeOf, textOf } from './parts'
import type { Drawing, MapNode } from './types'

const gap = 10
const top = 34
const titles = ['GatewayClass', 'Gateway', 'Listener', 'Namespace', 'Route', 'Rule']

interface Placed { node: MapNode; at: number; x: number; y: number; height: number }
interface Layout { nodes: Placed[]; width: number; height: number; column: number; parents: number[][]; children: number[][] }

// linesOf are the chips in lines of a width, as far as one can know before they are drawn.
function chipLines(n: MapNode, width: number): number {
  let lines = 0, left = 0
  for (const c of n.policies ?? []) {
    const w = kindShort(c.kind).length * 6.6 + c.blocks.length * 11 + 20
    if (w > left) { lines++; left = width - 20 }
    left -= w + 4
  }
  return lines
}

// under is the second line of a node.
function under(n: MapNode): string {
  return n.column === 4 || n.column === 1 ? [n.namespace, n.detail].filter(Boolean).join(' · ') : n.detail ?? ''
}

function heightOf(n: MapNode, width: number): number {
  const values = Math.min(n.values?.length ?? 0, 6)
  return 32 + (under(n) ? 15 : 0) + values * 17 + chipLines(n, width) * 23
}

// calm leaves out of a rule what its route says already.
function calm(d: Drawing): MapNode[] {
  const nodes = d.nodes.map((n) => ({ ...n }))
  for (const [a, b] of d.edges) if (nodes[b].column === 5 && nodes[a].values) nodes[b].values = undefined
  return nodes
}

// screens is how tall a map may be, in pixels, to have its nodes beside what they are joined to.
// In a taller one that would be far down, and the first screen empty but for routes and rules.
const screens = 2200

// layout puts nodes beside what they are joined to: the tallest column first, the
// others at the middle of their neighbours, or from the top on where the map is too tall.
function layout(d: Drawing, room: number): Layout {
  const column = Math.max(172, Math.floor((room - 8) / 6))
  const nodes: Placed[] = calm(d).map((node, at) => ({ node, at, x: node.column * column, y: 0, height: heightOf(node, column - 44) }))
  const parents: number[][] = d.nodes.map(() => [])
  const children: number[][] = d.nodes.map(() => [])
  for (const [a, b] of d.edges) { children[a].push(b); parents[b].push(a) }
  const columns = titles.map((_, c) => nodes.filter((n) => n.node.column === c).sort((a, b) => a.node.row - b.node.row))
  const tall = columns.map((list) => list.reduce((sum, n) => sum + n.height + gap, 0))
  const start = tall.indexOf(Math.max(...tall))
  const beside = tall[start] <= screens
  const put = (c: number, of: (n: Placed) => number[]) => {
    let y = top
    columns[c].forEach((n) => {
      const near = beside || c >= 4 ? of(n) : []
      const want = near.length ? near.reduce((sum, i) => sum + nodes[i].y + nodes[i].height / 2, 0) / near.length - n.height / 2 : y
      n.y = Math.max(y, want)
      y = n.y + n.height + gap
    })
    if (!beside && c < 4) return
    // What was pushed down too far comes back up.
    let bottom = top + Math.max(...tall)
    for (let i = columns[c].length - 1; i >= 0; i--) {
      const n = columns[c][i]
      if (n.y + n.height > bottom) n.y = Math.max(top, bottom - n.height)
      bottom = Math.min(bottom, n.y - gap)
    }
  }
  put(start, () => [])
  for (let c = start - 1; c >= 0; c--) put(c, (n) => children[n.at])
  for (let c = start + 1; c < columns.length; c++) put(c, (n) => parents[n.at])
  const height = Math.max(...nodes.map((n) => n.y + n.height), 120) + 12
  return { nodes, width: column * 6, height, column, parents, children }
}

function curve(a: Placed, b: Placed, width: number): string {
  const x1 = a.x + width, y1 = a.y + a.height / 2, x2 = b.x, y2 = b.y + b.height / 2
  const middle = (x1 + x2) / 2
  return `M${x1} ${y1.toFixed(1)}C${middle} ${y1.toFixed(1)} ${middle} ${y2.toFixed(1)} ${x2} ${y2.toFixed(1)}`
}

// lit are the nodes on the paths through one. Namespaces join listeners and routes on
// the map only: which route is on which listener, the routes say.
function lit(l: Layout, at: number): Set<number> {
  const seen = new Set<number>([at])
  const walk = (from: number[], next: number[][], until: (i: number) => boolean) => {
    for (let list = from; list.length;) {
      const more: number[] = []
      for (const i of list) if (!until(i)) for (const j of next[i]) if (!seen.has(j)) { seen.add(j); more.push(j) }
      list = more
    }
  }
  const column = (i: number) => l.nodes[i].node.column
  const route = (i: number) => { seen.add(i); walk([i], l.children, () => false); l.parents[i].forEach((n) => seen.add(n)) }
  const up = (i: number) => { seen.add(i); walk([i], l.parents, () => false) }
  const routes = l.nodes.filter((n) => n.node.column === 4)
  if (column(at) >= 4) {
    for (const r of column(at) === 4 ? [at] : l.parents[at]) {
      seen.add(r)
      l.parents[r].forEach((n) => seen.add(n))
      if (column(at) === 4) walk([r], l.children, () => false)
      ;(l.nodes[r].node.via ?? []).forEach(up)
    }
    return seen
  }
  if (column(at) === 3) {
    routes.filter((r) => l.parents[r.at].includes(at)).forEach((r) => { route(r.at); (r.node.via ?? []).forEach(up) })
    return seen
  }
  walk([at], l.parents, () => false)
  const listeners = new Set<number>([at])
  walk([at], l.children, (i) => { if (column(i) === 2) listeners.add(i); return column(i) >= 2 })
  seen.forEach((i) => { if (column(i) === 2 && (column(at) < 2 || i === at)) listeners.add(i) })
  routes.filter((r) => (r.node.via ?? []).some((v) => listeners.has(v))).forEach((r) => route(r.at))
  return seen
}

function label(n: MapNode): string {
  const name = n.count > 1 ? n.name : `${titles[n.column] === 'Route' ? n.kind : titles[n.column]} ${n.namespace ? n.namespace + '/' : ''}${n.name}`
  const values = (n.values ?? []).map((v) => `${v.field} ${textOf(v.value)}, ${v.block} of the ${levelWord(v.level)}`).join('; ')
  const policies = (n.policies ?? []).map((p) => `${p.kind} ${p.namespace}/${p.name} (${p.blocks.join(', ')}${p.reason ? ', does not apply: ' + p.reason : ''})`).join('; ')
  return [name, n.detail, values, policies && 'policies: ' + policies, n.column < 5 ? counted(n.routes, 'route') : '',
    n.findings ? counted(n.findings, 'finding') : '', n.changed ? counted(n.changed, 'route') + ' changed' : '', n.mixed ? 'mixed' : ''].filter(Boolean).join(', ')
}

function targetOf(n: MapNode): string {
  if (n.count > 1) return to({ open: 'object', id: n.id })
  if (n.column === 3) return to({ params: { ...cleared(), ns: place.value.params.ns === n.name ? '' : n.name } })
  return linkTo(n.id)
}

const NodeOf = still(({ p, href, width, index, focused, look, onFocus, onHover }: {
  p: Placed; href: string; width: number; index: number; focused: boolean; look: string; onFocus: () => void; onHover: (on: boolean) => void
}) => {
  const n = p.node
  const values = n.values ?? []
  return <a class={'node column-' + n.column + ' ' + look + (n.count > 1 ? ' fold' : '') + (n.changed ? ' changed' : '')} href={href}
    style={{ left: p.x + 'px', top: p.y.toFixed(1) + 'px', width: width + 'px', height: p.height + 'px' }}
    role="treeitem" aria-level={n.column + 1} aria-selected={look.includes('selected')} tabIndex={focused ? 0 : -1} data-node={index}
    onFocus={onFocus} onMouseEnter={() => onHover(true)} onMouseLeave={() => onHover(false)}>
    <span class="hide">{label(n)}</span>
    <span aria-hidden="true">
    <span class="name"><Name>{n.name}</Name>{n.count > 1 || n.column === 5 || n.column === 4 ? null : <i>{n.routes.toLocaleString('en')}</i>}{n.findings ? <em class="mark" title={counted(n.findings, 'finding')}>!</em> : null}{n.mixed && n.count === 1 ? <em class="mixed" title="not the same on all paths">≠</em> : null}</span>
    {under(n) && <bdi class="detail">{under(n)}</bdi>}
    {values.slice(0, 6).map((v, i) => <bdi class={'line mk ' + shapeOf(v.block)} title={v.field + ': ' + textOf(v.value)}><b>{textOf(v.value)}</b> {v.field}{i === 5 && values.length > 6 ? ` +${values.length - 6}` : ''}</bdi>)}
    {n.policies?.length ? <span class="chips">{n.policies.map((c) => <bdi class={'chip' + (c.reason ? ' void' : '')} title={chipTitle(c)}>{c.blocks.map((b) => <Shape block={b} />)}{kindShort(c.kind)}</bdi>)}</span> : null}
    </span>
  </a>
})

export function Map() {
  const { data, error } = useAnswer<Drawing>('map', mapped())
  const box = useRef<HTMLDivElement>(null)
  const [room, setRoom] = useState(0)
  const [focus, setFocus] = useState(0)
  const [over, setOver] = useState(-1)
  useLayoutEffect(() => {
    if (!box.current) return
    const watch = new ResizeObserver(() => { const w = box.current?.clientWidth ?? 0; setRoom((old) => Math.abs(old - w) > 24 ? w : old) })
    watch.observe(box.current)
    setRoom(box.current.clientWidth)
    return () => watch.disconnect()
  }, [!data])
  const l = useMemo(() => data && room ? layout(data, room) : null, [data, room])
  useEffect(() => { if (data) say(counted(data.routes, 'route') + ' on the map') }, [data?.routes])
  // What is opened inside a fold comes out of it.
  const inside = place.value.open === 'route' || place.value.open === 'gateway' ? place.value.id : ''
  useEffect(() => {
    if (data && inside && !file && place.value.params.unfold !== inside && data.nodes.some((n) => n.count > 1) && !data.nodes.some((n) => n.id === inside)) go({ params: { unfold: inside } }, true)
  }, [data, inside])
  if (error) return <Problem text={error} />
  if (!data) return <Waiting />
  if (!data.nodes.length) return <Empty title={data.all ? 'No route passes the filter' : 'There is nothing to draw yet'}>{data.all ? <a href={to({ params: cleared() })}>Show everything</a> : 'GatewayClasses, Gateways and routes appear here.'}</Empty>
  return <div class="mapbox" ref={box} tabIndex={-1}>{l && <Sheet l={l} d={data} focus={Math.min(focus, l.nodes.length - 1)} setFocus={setFocus} over={over} setOver={setOver} />}</div>
}

function Sheet({ l, d, focus, setFocus, over, setOver }: {
  l: Layout; d: Drawing; focus: number; setFocus: (i: number) => void; over: number; setOver: (i: number) => void
}) {
  const width = l.column - 44
  useEffect(() => { performance.mark('map') }, [])
  const order = useMemo(() => l.nodes.map((_, i) => i).sort((a, b) => l.nodes[a].node.column - l.nodes[b].node.column || l.nodes[a].node.row - l.nodes[b].node.row), [l])
  const find = (id: string) => {
    const at = l.nodes.findIndex((n) => n.node.id === id)
    return at >= 0 ? at : l.nodes.findIndex((n) => n.node.members?.includes(id))
  }
  // The rule or the listener that is open, else the object that has it.
  const narrow = place.value.open ? find(idAt()) : -1
  const chosen = narrow >= 0 || !place.value.open ? narrow : find(place.value.id)
  const pointedAt = pointed.value ? find(pointed.value) : -1
  const light = over >= 0 ? over : pointedAt >= 0 ? pointedAt : chosen
  useEffect(() => {
    const box = document.querySelector('.mapbox'), n = chosen >= 0 ? l.nodes[chosen] : null
    if (box && n && (n.x < box.scrollLeft || n.x + l.column > box.scrollLeft + box.clientWidth)) box.scrollLeft = Math.max(0, n.x + l.column - box.clientWidth / 2)
    const node = document.querySelector('.node.selected'), r = node?.getBoundingClientRect()
    if (node && r && (r.top < 60 || r.bottom > innerHeight)) node.scrollIntoView({ block: 'center', inline: 'nearest' })
  }, [chosen, l])
  const on = useMemo(() => light >= 0 ? lit(l, light) : null, [l, light])
  const lines = useMemo(() => d.edges.map(([a, b]) => curve(l.nodes[a], l.nodes[b], width)).join(''), [l, width])
  const bright = on ? d.edges.filter(([a, b]) => on.has(a) && on.has(b)).map(([a, b]) => curve(l.nodes[a], l.nodes[b], width)).join('') : ''
  const typed = useRef({ text: '', at: 0 })
  const key = (e: KeyboardEvent) => {
    const next = nextNode(l, order, focus, e, typed.current)
    if (next < 0) return
    e.preventDefault()
    setFocus(next)
    document.querySelector<HTMLElement>(`[data-node="${next}"]`)?.focus()
  }
  return <Fragment>
    <div class="heads" style={{ width: l.width + 'px' }} aria-hidden="true">{d.columns.map((c, i) => <span style={{ left: i * l.column + 'px' }}>{titles[i]}<i>{c.total.toLocaleString('en')}</i></span>)}</div>
    <div class={'sheet' + (on ? ' dimmed' : '')} role="tree" aria-label="Topology with policies" onKeyDown={key} style={{ width: l.width + 'px', height: l.height + 'px' }}>
      <svg width={l.width} height={l.height} aria-hidden="true"><path class={d.edges.length > 150 ? 'edges many' : 'edges'} d={lines} />{bright && <path class="bright" d={bright} />}</svg>
      {order.map((i) => <NodeOf key={l.nodes[i].node.id} p={l.nodes[i]} href={targetOf(l.nodes[i].node)} width={width} index={i} focused={i === focus} onFocus={() => setFocus(i)}
        look={(on?.has(i) ? 'lit' : '') + (i === chosen ? ' selected' : '')} onHover={(in_) => setOver(in_ ? i : -1)} />)}
    </div>
    <Legend />
  </Fragment>
}

// idAt is the rule that is open.
function idAt(): string {
  const p = place.value
  return p.params.rule ? p.id + '#' + p.params.rule : p.params.via && p.open === 'gateway' ? p.id + '#' + p.params.via : p.id
}

function nextNode(l: Layout, order: number[], focus: number, e: KeyboardEvent, typed: { text: string; at: number }): number {
  const n = l.nodes[focus].node
  const beside = (step: number) => order.find((i) => l.nodes[i].node.column === n.column && l.nodes[i].node.row === n.row + step) ?? -1
  const first = (list: number[]) => [...list].sort((a, b) => l.nodes[a].node.row - l.nodes[b].node.row)[0] ?? -1
  switch (e.key) {
    case 'ArrowDown': return beside(1)
    case 'ArrowUp': return beside(-1)
    case 'ArrowRight': return first(l.children[focus])
    case 'ArrowLeft': return first(l.parents[focus])
    case 'Home': return order[0]
    case 'End': return order[order.length - 1]
  }
  if (e.key.length !== 1 || e.ctrlKey || e.metaKey || e.altKey || e.key === ' ') return -1
  typed.text = Date.now() - typed.at > 800 ? e.key : typed.text + e.key
  typed.at = Date.now()
  const at = order.indexOf(focus)
  const turn = [...order.slice(at + (typed.text.length === 1 ? 1 : 0)), ...order.slice(0, at + 1)]
  return turn.find((i) => l.nodes[i].node.name.toLowerCase().startsWith(typed.text.toLowerCase())) ?? -1
}

function Legend() {
  return <ul class="legend" aria-label="Shapes">
    <li><Shape block="default" />default: yields to what is more specific</li>
    <li><Shape block="override" />override: holds below</li>
    <li><Shape block="inline" />written in the rule</li>
    <li><Shape block="bounds" />bounds: limit the value</li>
  </ul>
}

export { idOf }

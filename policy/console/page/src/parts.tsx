// Small things that are shown in many places.
import { Component, Fragment, h, type ComponentChildren, type FunctionComponent } from 'preact'
import { useState } from 'preact/hooks'
import { idOf, linkTo } from './place'
import type { Cell, Chip, Ref } from './types'

export function textOf(value: unknown): string {
  if (value === null || value === undefined) return 'not set'
  if (typeof value === 'string') return value
  if (Array.isArray(value) && value.every((v) => typeof v !== 'object')) return value.join(', ')
  return JSON.stringify(value)
}

// The words of origins: what states a value, and how.
const shapes: Record<string, string> = { default: 'default', override: 'override', inline: 'inline', bound: 'bounds', bounds: 'bounds', direct: 'direct' }
export function shapeOf(block: string): string { return shapes[block] ?? 'default' }
export function Shape({ block }: { block: string }) {
  return <span class={'shape ' + (shapes[block] ?? 'default')} aria-hidden="true" />
}

const short: Record<string, string> = {
  GatewayClass: 'class', Gateway: 'Gateway', ListenerSet: 'listener set', Listener: 'listener', PlatformNamespace: 'platform',
  Namespace: 'namespace', Route: 'route', RouteRule: 'rule',
}
export function levelWord(level: string): string { return short[level] ?? level }

export function Name({ children }: { children: ComponentChildren }) { return <bdi>{children}</bdi> }

// Dotted is a hostname that breaks after its dots rather than anywhere.
export function Dotted({ text }: { text: string }) {
  return <bdi>{text.split('.').flatMap((part, i, all) => (i < all.length - 1 ? [part + '.', <wbr />] : [part]))}</bdi>
}

export function refText(ref: Ref): string {
  return ref.kind + ' ' + (ref.namespace ? ref.namespace + '/' : '') + ref.name + (ref.sectionName ? '#' + ref.sectionName : '')
}

export function Link({ of, children }: { of: Ref; children?: ComponentChildren }) {
  return <a href={linkTo(idOf(of))}><Name>{children ?? refText(of)}</Name></a>
}

export function originText(c: { block: string; level: string; from: Ref; limited?: boolean; beat?: number }): string {
  const said = c.block === 'inline' ? 'written in the ' + levelWord(c.level) : c.block + ' of the ' + levelWord(c.level) + ', ' + refText(c.from)
  return said + (c.limited ? ', limited' : '') + (c.beat ? ', beat ' + c.beat : '')
}

// Value is one value with its origin. It is made of few elements: a table has hundreds.
export function Value({ cell, field }: { cell: Cell; field?: boolean }) {
  return <span class="value" title={cell.field + ': ' + textOf(cell.value) + '\n' + originText(cell)}>
    {field && <bdi class="field">{cell.field} </bdi>}
    <bdi class="v">{textOf(cell.value)}</bdi>
    <span class={'origin mk ' + shapeOf(cell.block)}><span class="hide"> {cell.block} of the </span>{levelWord(cell.level)}</span>
    {cell.limited && <span class="limited mk bounds" title="limited by bounds or another field"><span class="hide">, limited</span></span>}
  </span>
}

// still is a component that is drawn anew only when one of its properties changes. Functions among
// them do not count: they are made anew each time and do the same.
export function still<P extends object>(draw: (props: P) => ComponentChildren): FunctionComponent<P> {
  return class extends Component<P> {
    shouldComponentUpdate(next: P): boolean {
      const now = this.props as P
      return (Object.keys(next) as (keyof P)[]).some((k) => typeof next[k] !== 'function' && next[k] !== now[k])
    }
    render(props: P) { return draw(props) }
  } as unknown as FunctionComponent<P>
}

// kindShort is a kind without what all policy kinds have in common.
export function kindShort(kind: string): string { return kind.split('.')[0].replace(/Policy$/, '') || kind }

export function chipTitle(c: Chip): string {
  return `${c.kind} ${c.namespace}/${c.name}\n${c.blocks.join(', ')}${c.reason ? '\ndoes not apply: ' + c.reason : ''}`
}

export function ChipOf({ chip }: { chip: Chip }) {
  return <a class={'chip' + (chip.reason ? ' void' : '')} title={chipTitle(chip)} href={linkTo(chip.id)}>
    {chip.blocks.map((b) => <Shape block={b} />)}<Name>{kindShort(chip.kind)}</Name><span class="hide"> {chip.kind} {chip.namespace}/{chip.name}: {chip.blocks.join(', ')}{chip.reason ? ', does not apply: ' + chip.reason : ''}</span>
  </a>
}

export function Count({ n, of, many }: { n: number; of: string; many?: string }) {
  return <Fragment>{n.toLocaleString('en')} {n === 1 ? of : many ?? of + 's'}</Fragment>
}
export function counted(n: number, of: string, many = of + 's'): string { return n.toLocaleString('en') + ' ' + (n === 1 ? of : many) }

export function Copy({ text, children }: { text: string; children: ComponentChildren }) {
  const [done, set] = useState(false)
  const copy = () => {
    navigator.clipboard?.writeText(text).then(() => { set(true); setTimeout(() => set(false), 1600) }, () => {})
  }
  return <button type="button" class="quiet" onClick={copy} title={text}>{done ? 'Copied' : children}</button>
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return <div class="empty"><p class="big">{title}</p>{children && <div>{children}</div>}</div>
}

export function Problem({ text }: { text: string }) { return <p class="problem" role="alert">{text}</p> }

export function Waiting() { return <p class="waiting" aria-busy="true">…</p> }

export function listenerText(l: { gateway: string; listenerSet: string; listener: string }): string {
  return l.gateway + ' · ' + l.listener + (l.listenerSet ? ' (of ' + l.listenerSet + ')' : '')
}

export function rulesText(rules: string[]): string {
  if (rules.length === 1 && rules[0] === '*') return 'all rules'
  return (rules.length === 1 ? (rules[0].startsWith('rules[') ? '' : 'rule ') : 'rules ') + rules.join(', ')
}

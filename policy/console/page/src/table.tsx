// The table: every route that passes the filter, with what applies on its paths.
import { Fragment, h } from 'preact'
import { useEffect, useMemo } from 'preact/hooks'
import { filters, say, summary, useAnswer } from './api'
import { idOf, linkTo, place, to } from './place'
import { Dotted, Empty, Name, Problem, still, Value, Waiting, counted, kindShort, listenerText, rulesText, textOf } from './parts'
import type { Cell, Change, Row, RowScope, Rows } from './types'

const size = 30

interface Column { title: string; of: (c: Cell) => boolean; field: boolean; kind: string }

// columnsOf are the policy kinds that are in use, or the fields of the one that is
// asked for.
function columnsOf(): Column[] {
  const kinds = (summary.value?.kinds ?? []).filter((k) => k.class === 'Inherited' && k.objects > 0)
  const chosen = kinds.find((k) => k.name === place.value.params.kind)
  if (chosen) {
    const only = place.value.params.field
    const fields = chosen.fields.filter((f) => !only || f === only || f.startsWith(only + '.')).slice(0, 8)
    return fields.map((f) => ({ title: f, of: (c: Cell) => c.field === f, field: false, kind: chosen.name }))
  }
  return kinds.slice(0, 6).map((k) => ({ title: kindShort(k.kind), of: (c: Cell) => c.policy === k.name, field: true, kind: k.name }))
}

function Paths({ scope, all }: { scope: RowScope; all: number }) {
  const parents = scope.parents ?? []
  return <div class="paths">
    {parents.slice(0, 2).map((l) => <div class="listener"><Name>{listenerText(l)}</Name></div>)}
    {parents.length > 2 && <div class="listener">and {parents.length - 2} more listeners</div>}
    {(all > 1 || scope.rules[0] !== '*') && <div class="rules"><Name>{rulesText(scope.rules)}</Name></div>}
  </div>
}

function changeOf(changes: Change[] | undefined, scope: RowScope, policy: string, field?: string): Change[] {
  const here = (c: Change) => (c.parents ?? []).some((l) => scope.parents.some((p) => p.gateway === l.gateway && p.listener === l.listener && p.listenerSet === l.listenerSet))
  return (changes ?? []).filter((c) => c.policy === policy && (!field || c.field === field) && here(c) &&
    (c.rules[0] === '*' || scope.rules[0] === '*' || c.rules.some((r) => scope.rules.includes(r))))
}

function Values({ cells, changes, field }: { cells: Cell[]; changes: Change[]; field: boolean }) {
  const gone = changes.filter((c) => !c.after && !cells.some((v) => v.field === c.field))
  if (!cells.length && !gone.length) return <span class="none" aria-label="nothing">–</span>
  return <Fragment>
    {cells.map((c) => {
      const change = changes.find((x) => x.field === c.field)
      if (!change) return <Value cell={c} field={field} />
      return <div class="changed">
        <del><span class="hide">before: </span><Name>{textOf(change.before?.value)}</Name></del>
        <Value cell={c} field={field} />
      </div>
    })}
    {gone.map((c) => <div class="changed"><span class="field"><Name>{c.field}</Name> </span><del><Name>{textOf(c.before?.value)}</Name></del> not set</div>)}
  </Fragment>
}

// RowOf is drawn anew only when something of it changes, not whenever the address does.
const RowOf = still(({ row, selected, href, columns }: { row: Row; selected: boolean; href: string; columns: Column[] }) => {
  const scopes: RowScope[] = row.scopes.length ? row.scopes : [{ parents: [], rules: ['*'], paths: 0, values: [] }]
  return <Fragment>
    {scopes.map((scope, i) => <tr class={(selected ? 'selected ' : '') + (i > 0 ? 'more' : 'first')}>
      {i === 0 && <th scope="row" rowSpan={scopes.length}>
        <a href={href} aria-current={selected ? 'true' : undefined} data-row>
          <span class="kind">{row.target.kind.replace(/Route$/, '')}</span> <Name>{row.target.name}</Name>
        </a>
        <div class="under"><Name>{row.target.namespace}</Name>{row.hostnames.length > 0 && <Fragment> · {row.hostnames.slice(0, 2).map((x, i) => <Fragment>{i > 0 && ', '}<Dotted text={x} /></Fragment>)}{row.hostnames.length > 2 ? ` +${row.hostnames.length - 2}` : ''}</Fragment>}</div>
        {row.findings > 0 && <span class="finding">{counted(row.findings, 'finding')}</span>}
        {row.left ? <span class="under">and {counted(row.left, 'more result')}</span> : null}
      </th>}
      <td data-title="Paths">{row.bound ? <Paths scope={scope} all={scopes.length} /> : row.published ? <span class="under">as published</span> : <span class="finding">bound to no listener</span>}</td>
      {columns.map((c) => <td data-title={c.title}>
        <Values cells={scope.values.filter(c.of)} field={c.field} changes={changeOf(row.changes, scope, c.kind, c.field ? undefined : c.title)} />
      </td>)}
    </tr>)}
  </Fragment>
})

// move goes from row to row with the arrow keys.
function move(e: KeyboardEvent) {
  const links = Array.from(document.querySelectorAll<HTMLElement>('[data-row]'))
  const at = links.indexOf(document.activeElement as HTMLElement)
  const next = e.key === 'ArrowDown' ? at + 1 : e.key === 'ArrowUp' ? at - 1 : e.key === 'Home' ? 0 : e.key === 'End' ? links.length - 1 : -1
  if (at < 0 || next < 0 || next >= links.length) return
  e.preventDefault()
  links[next].focus()
}

export function Table() {
  const p = place.value
  const offset = Number(p.params.offset ?? 0) || 0
  const { data, error } = useAnswer<Rows>('routes', { ...filters(), limit: String(size), offset: offset ? String(offset) : undefined })
  const columns = useMemo(columnsOf, [p.params.kind, p.params.field, summary.value])
  useEffect(() => { if (data) say(counted(data.total, 'route') + ' shown') }, [data?.total])
  if (error) return <Problem text={error} />
  if (!data) return <Waiting />
  if (!data.total) return <Empty title={data.all ? 'No route passes the filter' : 'There is no route here yet'}>{data.all ? <a href={to({ params: cleared() })}>Show all {data.all.toLocaleString('en')} routes</a> : 'Routes appear here as soon as there are any.'}</Empty>
  return <div class="tablebox">
    <table onKeyDown={move}>
      <caption class="hide">Routes with what applies on their paths, and who set it</caption>
      <thead><tr><th scope="col">Route</th><th scope="col">Paths</th>{columns.map((c) => <th scope="col"><Name>{c.title}</Name></th>)}</tr></thead>
      <tbody>{data.rows.map((row) => <RowOf key={row.id} row={row} selected={p.id === idOf(row.target)} href={linkTo(row.id)} columns={columns} />)}</tbody>
    </table>
    <Pages data={data} />
  </div>
}

export function cleared(): Record<string, string> {
  return { ns: '', gateway: '', kind: '', field: '', level: '', findings: '', mixed: '', changed: '', where: '', text: '', offset: '' }
}

function Pages({ data }: { data: Rows }) {
  const last = data.offset + data.rows.length
  return <nav class="pages" aria-label="Pages">
    <span>{data.offset + 1}–{last} of {counted(data.total, 'route')}, {counted(data.paths, 'path')}</span>
    {data.offset > 0 && <a href={to({ params: { offset: String(Math.max(0, data.offset - size)) } })} rel="prev">Previous</a>}
    {data.next ? <a href={to({ params: { offset: String(data.next) } })} rel="next">Next</a> : null}
  </nav>
}

// What data planes make of values: beside each value, and in a tab of its own.
import { Fragment, h } from 'preact'
import { useAnswer } from './api'
import { Empty, Name, Problem, Waiting, listenerText, rulesText } from './parts'
import { place } from './place'
import type { Enforced, Enforcement, Field, ListenerName, Outcome, Scope } from './types'

const verdicts = { Projected: 'enforced', Degraded: 'enforced with loss', Unsupported: 'not enforced' }
const looks = { Projected: 'good', Degraded: 'doubt', Unsupported: 'bad' }

export function useEnforcement(id: string, wanted = true) {
  return useAnswer<Enforcement>('enforcement', wanted ? { target: id.split('#')[0], whatif: place.value.params.whatif } : null)
}

function listenerOf(p: Enforced['parents'][number]): ListenerName {
  const name = (n?: { namespace: string; name: string }) => (n ? n.namespace + '/' + n.name : '')
  return { gateway: name(p.gateway), listenerSet: name(p.listenerSet), listener: p.listener ?? '' }
}

function ruleNames(e: Enforced): string[] { return (e.rules ?? []).map((r) => r.name || `rules[${r.index}]`) }

// about says whether an entry is about a path of a scope.
function about(e: Enforced, s: Scope): boolean {
  const rules = ruleNames(e)
  const listener = e.parents.map(listenerOf).some((a) => (s.parents ?? []).some((b) => a.gateway === b.gateway && (!a.listener || a.listener === b.listener)))
  return listener && (!rules.length || s.rules[0] === '*' || rules.some((r) => s.rules.includes(r)))
}

// Marks are the verdicts on one field, each once.
export function Marks({ known, scope, field }: { known?: Enforcement | null; scope: Scope; field: Field }) {
  const seen = new Set<string>()
  const list = (known?.enforcement ?? []).filter((e) => e.exporter && about(e, scope)).flatMap((e) => (e.fields ?? [])
    .filter((o) => o.policy === field.policy && o.field === field.field).map((o) => ({ e, o }))).filter(({ e, o }) => { const k = e.exporter + o.outcome + (o.reason ?? ''); return !seen.has(k) && seen.add(k) })
  if (!list.length) return null
  return <span class="marks">{list.map(({ e, o }) => <span class={'verdict ' + looks[o.outcome]} title={[e.exporter, o.message, ...(o.notes ?? [])].filter(Boolean).join('\n')}>
    <Name>{e.exporter}</Name>: {known!.planned && o.outcome !== 'Unsupported' ? 'would be ' : ''}{verdicts[o.outcome]}{o.reason ? ` (${o.reason})` : ''}</span>)}</span>
}

function Row({ o }: { o: Outcome }) {
  return <li><span class={'outcome ' + looks[o.outcome]}>{verdicts[o.outcome]}</span> <b><Name>{o.policy} {o.field}</Name></b>
    {o.as && <div class="under"><code><Name>{o.as}</Name></code></div>}
    {(o.reason || o.message) && <div class="under"><Name>{[o.reason, o.message].filter(Boolean).join(': ')}</Name></div>}
    {(o.notes ?? []).map((n) => <div class="under"><Name>{n}</Name></div>)}
  </li>
}

const worst = { Unsupported: 0, Degraded: 1, Projected: 2 }

export function EnforcementTab({ id }: { id: string }) {
  const { data, error } = useEnforcement(id)
  if (error) return <Problem text={error} />
  if (!data) return <Waiting />
  if (!data.enforcement.length) return <Empty title="Nothing is known of data planes"><p>No exporter knows the controller of its GatewayClass{data.planned ? '' : ', or exporting is not switched on'}.</p></Empty>
  return <Fragment>
    {data.planned && <p class="note">What exporters would make of it, if they were switched on.</p>}
    {data.enforcement.map((e) => <section class="scope">
      <h3><Name>{e.exporter || 'No exporter'}</Name> <span class="under">{e.state}</span></h3>
      <p class="under"><Name>{e.parents.map(listenerOf).map(listenerText).join(', ')}</Name>{ruleNames(e).length > 0 && <Fragment> · <Name>{rulesText(ruleNames(e))}</Name></Fragment>}{e.controller && <Fragment> · <Name>{e.controller}</Name></Fragment>}</p>
      {e.message && <p class="note"><Name>{e.message}</Name></p>}
      {e.refused && <p class="problem"><Name>{e.refused}</Name></p>}
      <ul class="plain">{[...e.fields ?? []].sort((a, b) => worst[a.outcome] - worst[b.outcome]).map((o) => <Row o={o} />)}</ul>
      {e.projected ? <p class="under">and {e.projected} more, enforced as stated</p> : null}
      {(e.objects ?? []).length > 0 && <p class="under">in {e.objects!.map((o, i) => <Fragment>{i > 0 && ', '}<Name>{o.kind} {o.namespace}/{o.name}</Name></Fragment>)}</p>}
    </section>)}
  </Fragment>
}

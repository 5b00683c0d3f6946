// The panel of one object.
import { Fragment, h, type ComponentChildren } from 'preact'
import { file, summary, trial, useAnswer, version } from './api'
import { go, linkTo, place, to } from './place'
import { ChipOf, Copy, Empty, Link, Name, Problem, Value, Waiting, counted, listenerText, refText, rulesText, textOf } from './parts'
import { EnforcementTab, useEnforcement } from './enforced'
import { CopyAs, WhyOf, heading } from './why'
import { edit } from './whatif'
import { yaml } from './yaml'
import type { Attached, Binding, Description, Effective, Enforcement, Ref, Scope } from './types'

export function Panel({ title, kind, children, tools }: { title: string; kind: string; children: ComponentChildren; tools?: ComponentChildren }) {
  const here = () => {
    const p = place.value
    return location.href.split('#')[0] + to({ params: { ...p.params, ctx: summary.value?.context ?? '', at: version.value } })
  }
  return <aside class="panel" aria-label={kind + ' ' + title}>
    <header>
      <div><span class="kind">{kind}</span><h2 tabIndex={-1}><Name>{title}</Name></h2></div>
      <a class="close" href={to({ open: '', id: '' })} aria-label="Close" title="Close (Esc)">×</a>
    </header>
    <div class="tools">{tools}<Copy text={here()}>Copy link</Copy></div>
    {children}
  </aside>
}

export function Tabs({ tabs }: { tabs: [string, string][] }) {
  const now = place.value.params.tab || tabs[0][0]
  const key = (e: KeyboardEvent) => {
    const at = tabs.findIndex(([k]) => k === now)
    const step = e.key === 'ArrowRight' ? 1 : e.key === 'ArrowLeft' ? -1 : 0
    if (!step) return
    e.preventDefault()
    const next = tabs[(at + step + tabs.length) % tabs.length][0]
    go({ params: { tab: next } }, true)
    document.getElementById('tab-' + next)?.focus()
  }
  return <div class="tabs" role="tablist" aria-label="About it" onKeyDown={key}>
    {tabs.map(([k, title]) => <button type="button" role="tab" id={'tab-' + k} aria-selected={k === now} aria-controls="tabpanel" tabIndex={k === now ? 0 : -1} onClick={() => go({ params: { tab: k } }, true)}>{title}</button>)}
  </div>
}

function nameOf(id: string): { kind: string; title: string } {
  const [kind, ...rest] = id.split('#')[0].split('/')
  return { kind, title: rest.join('/') }
}

const routeTabs: [string, string][] = [['why', 'Why'], ['effective', 'Effective'], ['attached', 'Attached'], ['bindings', 'Bindings'], ['enforcement', 'Enforcement'], ['status', 'Status'], ['yaml', 'YAML']]

export function RoutePanel() {
  const p = place.value
  const whole = useAnswer<Effective>('effective', { target: p.id, whatif: p.params.whatif })
  // Of a route that is too large for one answer, the rule or the listener that is chosen.
  const { rule, via } = p.params
  const part = useAnswer<Effective>('effective', whole.error && (rule || via) ? { target: p.id, rule, listener: via, whatif: p.params.whatif } : null)
  const data = whole.data ?? part.data
  const error = part.data ? '' : whole.error
  const { kind, title } = nameOf(p.id)
  const tab = p.params.tab || 'why'
  const shown = data ? narrowed(data.scopes, p.params.rule, p.params.via) : []
  const known = useEnforcement(p.id, p.open === 'route').data
  return <Panel kind={data?.target.kind ?? kind} title={title} tools={data && <Fragment>
    <CopyAs target={data.target} rule={p.params.rule} via={p.params.via} />
    <a class="quiet" href={to({ open: 'compare', id: '', params: { a: p.id } })}>Compare</a>
    {p.open === 'gateway' && <a class="quiet" href={to({ open: '', id: '', params: { gateway: title } })}>Only its routes</a>}
  </Fragment>}>
    <Tabs tabs={routeTabs} />
    <div role="tabpanel" id="tabpanel" aria-labelledby={'tab-' + tab} tabIndex={-1}>
      {error ? <Problem text={error} /> : !data ? <Waiting /> : <Fragment>
        {summary.value?.published && <p class="note">As published.</p>}
        {p.open === 'gateway' && (tab === 'why' || tab === 'effective') && <p class="note">What a route without policies of its own would get here.</p>}
        {(tab === 'why' || tab === 'effective') && <Narrow scopes={data.scopes} />}
        {tab === 'why' && <Why data={data} scopes={shown} known={known} />}
        {tab === 'effective' && <EffectiveTab scopes={shown} />}
        {tab === 'attached' && <AttachedTab id={p.id} />}
        {tab === 'bindings' && <BindingsTab id={p.id} bindings={data.bindings ?? []} />}
        {tab === 'enforcement' && <EnforcementTab id={p.id} />}
        {tab === 'status' && <StatusTab id={p.id} />}
        {tab === 'yaml' && <YamlTab id={p.id} />}
      </Fragment>}
    </div>
  </Panel>
}

function place3(l: { gateway: string; listener: string }): string { return l.gateway + '/' + l.listener }

// narrowed are the scopes of one rule and one listener.
function narrowed(scopes: Scope[], rule?: string, via?: string): Scope[] {
  const names = (l: { gateway: string; listener: string }) => { const full = place3(l); return full === via || full.endsWith('/' + via) || l.listener === via }
  return scopes.filter((s) => (!rule || s.rules[0] === '*' || s.rules.includes(rule)) && (!via || (s.parents ?? []).some(names)))
}

function Narrow({ scopes }: { scopes: Scope[] }) {
  const p = place.value.params
  const rules = Array.from(new Set(scopes.flatMap((s) => s.rules))).filter((r) => r !== '*')
  if (p.rule && !rules.includes(p.rule)) rules.push(p.rule)
  const listeners = Array.from(new Set(scopes.flatMap((s) => (s.parents ?? []).map(place3))))
  if (rules.length < 2 && listeners.length < 2) return null
  const pick = (key: string) => (e: Event) => go({ params: { [key]: (e.currentTarget as HTMLSelectElement).value } }, true)
  const via = listeners.find((l) => l === p.via || l.endsWith('/' + p.via)) ?? ''
  return <div class="narrow">
    {rules.length > 1 && <label>Rule <select value={p.rule ?? ''} onChange={pick('rule')}><option value="">all</option>{rules.map((r) => <option value={r}>{r}</option>)}</select></label>}
    {listeners.length > 1 && <label>Listener <select value={via} onChange={pick('via')}><option value="">all</option>{listeners.map((l) => <option value={l}>{l}</option>)}</select></label>}
  </div>
}

function Why({ data, scopes, known }: { data: Effective; scopes: Scope[]; known: Enforcement | null }) {
  return <Fragment>
    {scopes.map((s) => <section class="scope">
      <h3><Name>{rulesText(s.rules)}</Name> <span class="under"><Name>{heading(s)}</Name></span></h3>
      <WhyOf scope={s} known={known} />
    </section>)}
    {!data.scopes.length && <Empty title="On no path">{(data.bindings ?? []).map((b) => <p>{refText(b.parentRef)}: <b>{b.reason}</b>. <Name>{b.message}</Name></p>)}</Empty>}
    {data.scopes.length > 0 && !scopes.length && <Empty title="No such path"><a href={to({ params: { rule: '', via: '' } })}>Show all paths</a></Empty>}
    {(data.notInForce ?? []).length > 0 && <section class="scope"><h3>Not in force</h3>{data.notInForce!.map((r) => <p><Name>{r.policy}</Name> on <Name>{r.target}</Name>: <b>{r.reason}</b>. <Name>{r.message}</Name></p>)}</section>}
    {(data.direct ?? []).length > 0 && <section class="scope"><h3>Direct policies</h3>{data.direct!.map((d) => <p><Name>{d.policy}</Name> on <Name>{d.target}</Name></p>)}</section>}
  </Fragment>
}

function EffectiveTab({ scopes }: { scopes: Scope[] }) {
  return <Fragment>{scopes.map((s) => {
    const kinds = Array.from(new Set(s.fields.filter((f) => f.from).map((f) => f.policy)))
    return <section class="scope">
      <h3><Name>{rulesText(s.rules)}</Name> <span class="under"><Name>{heading(s)}</Name></span></h3>
      <dl class="effective">{kinds.map((k) => <Fragment><dt><Name>{k}</Name></dt><dd>{s.fields.filter((f) => f.policy === k && f.fromRef).map((f) =>
        <div><Value field cell={{ policy: k, field: f.field, value: f.value, level: f.level!, block: f.block!, from: f.fromRef!, limited: !!f.clampedBy, beat: f.beat.length }} /></div>)}</dd></Fragment>)}</dl>
      {!kinds.length && <p class="none">Nothing is set.</p>}
    </section>
  })}</Fragment>
}

export function AttachedList({ list, title }: { list: Attached[]; title: string }) {
  if (!list.length) return null
  return <section class="scope"><h3>{title}</h3><ul class="plain">{list.map((a) => {
    const [kind, name] = a.policy.split(' ')
    return <li class={a.reason === 'Accepted' ? '' : 'void'}>
      <ChipOf chip={{ id: kind.toLowerCase() + '/' + name, kind, namespace: name.split('/')[0], name: name.split('/')[1] ?? '', blocks: a.states, reason: a.reason === 'Accepted' ? undefined : a.reason }} />
      <a href={linkTo(policyId(kind, name))}><Name>{name}</Name></a> <span class="under">on <Name>{a.target}</Name></span>
      {a.reason !== 'Accepted' && <p class="note"><b>{a.reason}</b> <Name>{a.message ?? ''}</Name></p>}
    </li>
  })}</ul></section>
}

// policyId is the address of a policy by its kind as results have it.
export function policyId(kind: string, name: string): string { return kind.toLowerCase() + '/' + name }

function AttachedTab({ id }: { id: string }) {
  const { data, error } = useAnswer<Description>('describe', { target: id.split('#')[0], whatif: place.value.params.whatif })
  if (error) return <Problem text={error} />
  if (!data) return <Waiting />
  return <Fragment>
    <AttachedList title="On it" list={data.attached ?? []} />
    <AttachedList title="From above" list={data.above ?? []} />
    {!(data.attached ?? []).length && !(data.above ?? []).length && <Empty title="No policy reaches it" />}
    <Findings d={data} />
  </Fragment>
}

export function Findings({ d }: { d: Description }) {
  const list = d.findings ?? []
  if (!list.length) return null
  return <section class="scope"><h3>Findings</h3><ul class="plain">{list.map((f) => <li><span class="finding">!</span> {f.field && <code><Name>{f.field}</Name></code>} <Name>{f.message}</Name></li>)}</ul></section>
}

function BindingsTab({ id, bindings }: { id: string; bindings: Binding[] }) {
  const { data } = useAnswer<Description>('describe', { target: id.split('#')[0], whatif: place.value.params.whatif })
  return <Fragment>
    {bindings.map((b) => <section class="scope">
      <h3><Link of={{ ...b.parentRef, sectionName: undefined }} />{b.parentRef.sectionName && <span class="under"> listener <Name>{b.parentRef.sectionName}</Name></span>}</h3>
      {b.listeners.map((l) => <p><span class="good">bound</span> <Name>{listenerText(l)}</Name> <span class="under"><Name>{l.hostnames.join(', ') || 'every host'}</Name></span></p>)}
      {!b.accepted && <p class="problem"><b>Not bound: {b.reason}.</b> <Name>{b.message}</Name></p>}
    </section>)}
    {(data?.listeners ?? []).map((l) => <section class="scope"><h3><Name>{l.listener}</Name> <span class="under">{counted(l.attachedRoutes, 'route')}</span></h3>
      <ul class="plain">{l.routes.slice(0, 100).map((r) => <li><a href={linkTo(r.split(' ')[0].toLowerCase() + '/' + (r.split(' ')[1] ?? ''))}><Name>{r}</Name></a></li>)}</ul>
      {l.routes.length > 100 && <p class="under">and {l.routes.length - 100} more</p>}</section>)}
    {data && <Findings d={data} />}
  </Fragment>
}

interface Whole { object: Record<string, unknown>; place: string }

function useObject(id: string) { return useAnswer<Whole>('object', { target: id.split('#')[0] }) }

function StatusTab({ id }: { id: string }) {
  const { data, error } = useObject(id)
  if (error) return <Problem text={error} />
  if (!data) return <Waiting />
  if (!data.object.status) return <Empty title="No status">{summary.value?.files && <p>Manifests have none. On a cluster it says what controllers report.</p>}</Empty>
  return <pre tabIndex={0}><Name>{yaml(data.object.status)}</Name></pre>
}

export function YamlTab({ id }: { id: string }) {
  const { data, error } = useObject(id)
  if (error) return <Problem text={error} />
  if (!data) return <Waiting />
  const { status: _, ...rest } = data.object
  const text = yaml(rest)
  return <Fragment>
    <p class="note">{!file && <button type="button" class="quiet" onClick={() => edit(text)}>Try an edit</button>} {data.place && <Fragment>Written in <code><Name>{data.place}</Name></code> </Fragment>}<Copy text={text}>Copy</Copy></p>
    <pre tabIndex={0}><Name>{text}</Name></pre>
  </Fragment>
}

export function refOf(id: string): Ref {
  const [path, section] = id.split('#', 2)
  const parts = path.split('/')
  return { group: '', kind: parts[0], namespace: parts.length > 2 ? parts[1] : '', name: parts[parts.length - 1], sectionName: section }
}
export { textOf, trial }

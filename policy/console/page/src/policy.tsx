// A policy from its own side; any other object; the guardrails.
import { Fragment, h } from 'preact'
import { mapped, useAnswer } from './api'
import { linkTo, place, to } from './place'
import { Empty, Link, Name, Problem, Waiting, counted, refText } from './parts'
import { AttachedList, Findings, Panel, Tabs, YamlTab } from './panel'
import { yaml } from './yaml'
import type { Description, Drawing, Reversed } from './types'

const policyTabs: [string, string][] = [['reach', 'Reach'], ['yaml', 'YAML']]

export function PolicyPanel() {
  const p = place.value
  const { data, error } = useAnswer<Reversed>('reverse', { policy: p.id, whatif: p.params.whatif })
  const about = useAnswer<Description>('describe', { target: p.id, whatif: p.params.whatif })
  const [kind, ...name] = p.id.split('/')
  const tab = p.params.tab || 'reach'
  return <Panel kind={data?.policy.kind ?? kind} title={name.join('/')} tools={data && <a class="quiet" href={to({ open: '', id: '', params: { kind: data.policy.kind } })}>Routes with this kind</a>}>
    <Tabs tabs={policyTabs} />
    <div role="tabpanel" id="tabpanel" aria-labelledby={'tab-' + tab} tabIndex={-1}>
      {tab === 'yaml' ? <YamlTab id={p.id} /> : error ? <Problem text={error} /> : !data ? <Waiting /> : <Fragment>
        <Reach r={data} direct={(about.data?.facts ?? []).some((f) => f.value === 'Direct')} />
        {about.data && <section class="scope"><h3>What it says</h3><dl class="facts">{(about.data.facts ?? []).map((f) => <Fragment><dt>{f.name}</dt><dd><Name>{f.value}</Name></dd></Fragment>)}</dl>
          <ul class="plain">{(about.data.targets ?? []).map((t) => <li>on <Name>{t.target}</Name> <span class={t.reason === 'Accepted' ? 'good' : 'finding'}>{t.reason}</span></li>)}</ul></section>}
        {about.data && <Findings d={about.data} />}
      </Fragment>}
    </div>
  </Panel>
}

function Reach({ r, direct }: { r: Reversed; direct: boolean }) {
  if (direct) return <p class="note">This kind is not merged: each of its policies applies to its target as it stands.</p>
  const share = (n: number) => (r.paths ? (100 * n) / r.paths : 0) + '%'
  return <Fragment>
    <p class="reach"><b>In force</b> on {counted(r.inForce, 'path')}, <b>beaten</b> on {r.beaten.toLocaleString('en')}{r.nowhere.length > 0 && <Fragment>, <b>nowhere</b> on {counted(r.nowhere.length, 'target')}</Fragment>}.{r.inForce > r.whole && <span class="under"> Whole on {r.whole}, in part on {r.inForce - r.whole}.</span>}</p>
    {r.paths > 0 && <div class="bar" aria-hidden="true"><span class="whole" style={{ width: share(r.whole) }} /><span class="part" style={{ width: share(r.inForce - r.whole) }} /><span class="beaten" style={{ width: share(r.beaten) }} /></div>}
    {r.beatenBy.length > 0 && <section class="scope"><h3>Others win</h3><ul class="plain">{r.beatenBy.map((w) => <li><a href={linkTo(w.id)}><Name>{refText(w.by)}</Name></a> <span class="under">on {counted(w.paths, 'path')} of {counted(w.routes, 'route')}, such as <a href={linkTo(w.example)}><Name>{w.example}</Name></a></span></li>)}</ul></section>}
    {r.nowhere.length > 0 && <section class="scope"><h3>Nowhere</h3><ul class="plain">{r.nowhere.map((n) => <li><Link of={n.target} />: <b>{n.reason}</b>. <Name>{n.message}</Name></li>)}</ul></section>}
    <section class="scope"><h3>Routes it reaches <span class="under">{r.total.toLocaleString('en')}</span></h3>
      <ul class="plain">{r.routes.slice(0, 60).map((x) => <li><a href={linkTo(x.id)}><Name>{x.id}</Name></a> <span class="under">{x.inForce ? `in force on ${x.inForce} of ${counted(x.paths, 'path')}` : `beaten on ${counted(x.paths, 'path')}`}</span></li>)}</ul>
      {r.total > 60 && <p class="under">and {(r.total - 60).toLocaleString('en')} more</p>}
      {!r.total && <p class="none">It reaches no route.</p>}</section>
  </Fragment>
}

export function ObjectPanel() {
  const p = place.value
  if (p.id.startsWith('fold-')) return <FoldPanel />
  const { data, error } = useAnswer<Description>('describe', { target: p.id, whatif: p.params.whatif })
  const [kind, ...name] = p.id.split('/')
  return <Panel kind={data?.object.kind ?? kind} title={name.join('/')}>
    <Tabs tabs={[['about', 'About'], ['yaml', 'YAML']]} />
    <div role="tabpanel" id="tabpanel" aria-labelledby={'tab-' + (p.params.tab || 'about')} tabIndex={-1}>
      {p.params.tab === 'yaml' ? <YamlTab id={p.id} /> : error ? <Problem text={error} /> : !data ? <Waiting /> : <Fragment>
        <dl class="facts">{(data.facts ?? []).map((f) => <Fragment><dt>{f.name}</dt><dd><Name>{f.value}</Name></dd></Fragment>)}</dl>
        <AttachedList title="On it" list={data.attached ?? []} />
        <AttachedList title="From above" list={data.above ?? []} />
        {(data.listeners ?? []).length > 0 && <section class="scope"><h3>Listeners <span class="under">{data.listeners!.length}</span></h3><ul class="plain">{data.listeners!.slice(0, 60).map((l) => <li><a href={linkTo('gateway/' + l.gateway)}><Name>{l.gateway}</Name></a> · <Name>{l.listener}</Name> <span class="under">{counted(l.attachedRoutes, 'route')}</span></li>)}</ul></section>}
        <Findings d={data} />
      </Fragment>}
    </div>
  </Panel>
}

// FoldPanel lists what is folded into one node of the map.
function FoldPanel() {
  const p = place.value
  const { data } = useAnswer<Drawing>('map', mapped())
  const node = data?.nodes.find((n) => n.id === p.id)
  return <Panel kind="Together on the map" title={node?.name ?? 'No longer there'}>
    {node && <section class="scope">
      <p class="note">{node.column >= 4 ? 'The same applies to all of them, on the same listeners.' : 'Choose one, or filter, to see more.'}</p>
      <ul class="plain">{(node.members ?? []).map((m) => <li><a href={linkTo(m)}><Name>{m}</Name></a>{m.startsWith('gateway/') && !m.includes('#') && <a class="quiet" href={to({ open: '', id: '', params: { gateway: m.slice(8) } })}>Only its routes</a>}</li>)}</ul>
      {node.count > (node.members ?? []).length && <p class="under">and {(node.count - node.members!.length).toLocaleString('en')} more: the table has them all</p>}
    </section>}
  </Panel>
}

interface Guardrail { metadata: { name: string }; spec: Record<string, unknown> }

export function GuardrailsPanel() {
  const { data, error } = useAnswer<{ guardrails: Guardrail[] }>('guardrails', {})
  return <Panel kind="Rules about policies" title="Guardrails">
    {error ? <Problem text={error} /> : !data ? <Waiting /> : !data.guardrails.length ? <Empty title="There is no guardrail"><p>A PolicyGuardrail refuses edits for what they would change.</p></Empty>
      : data.guardrails.map((g) => <section class="scope"><details><summary><b><Name>{g.metadata.name}</Name></b> <span class="under">{String(g.spec.enforcement ?? g.spec.mode ?? '')}</span></summary><pre tabIndex={0}><Name>{yaml(g.spec)}</Name></pre></details></section>)}
  </Panel>
}

// Two routes side by side, or one route on two listeners; and who serves a request.
import { Fragment, h } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { ask, useAnswer } from './api'
import { go, idOf, linkTo, place, to } from './place'
import { Empty, Link, Name, Problem, Shape, Waiting, levelWord, listenerText, refText, rulesText, textOf } from './parts'
import { Panel } from './panel'
import type { Effective, Field, Found, Ref, Scope } from './types'

interface Choice { key: string; text: string; scope: Scope; rule: string; via: string }

// choicesOf are the paths of a route that one can compare.
function choicesOf(e: Effective | null): Choice[] {
  return (e?.scopes ?? []).flatMap((scope) => (scope.parents ?? []).flatMap((l) => scope.rules.map((rule) => ({
    key: l.gateway + '/' + l.listener + '|' + rule, text: listenerText(l) + ' · ' + rulesText([rule]), scope, rule, via: l.gateway + '/' + l.listener,
  }))))
}

function Side({ name, id, at, data, error }: { name: 'a' | 'b'; id: string; at: string; data: Effective | null; error: string }) {
  const [text, setText] = useState(id)
  const [hits, setHits] = useState<Found | null>(null)
  useEffect(() => setText(id), [id])
  useEffect(() => {
    if (!text || text === id) { setHits(null); return }
    const timer = setTimeout(() => { ask<Found>('search', { q: text }).then(setHits, () => {}) }, 150)
    return () => clearTimeout(timer)
  }, [text])
  const choices = choicesOf(data)
  const options = (hits?.hits ?? []).filter((x) => x.type === 'route' || x.type === 'gateway').slice(0, 20)
  const pick = (value: string) => { setText(value); if (options.some((o) => o.id === value)) go({ params: { [name]: value, [name + 'via']: '' } }) }
  return <div class="side">
    <label>{name === 'a' ? 'This' : 'With'} <input type="text" list={'routes-' + name} value={text} spellcheck={false} placeholder="a route" onInput={(e) => pick((e.currentTarget as HTMLInputElement).value)} onKeyDown={(e) => { if (e.key === 'Enter' && options[0]) go({ params: { [name]: options[0].id, [name + 'via']: '' } }) }} /></label>
    <datalist id={'routes-' + name}>{options.map((o) => <option value={o.id}>{refText(o.object)}</option>)}</datalist>
    {choices.length > 1 && <label>Path <select value={at || choices[0].key} onChange={(e) => go({ params: { [name + 'via']: (e.currentTarget as HTMLSelectElement).value } }, true)}>{choices.map((c) => <option value={c.key}>{c.text}</option>)}</select></label>}
    {error && <Problem text={error} />}
  </div>
}

export function ComparePanel() {
  const p = place.value.params
  const b = p.b || p.a
  const left = useAnswer<Effective>('effective', p.a ? { target: p.a, whatif: p.whatif } : null)
  const right = useAnswer<Effective>('effective', b ? { target: b, whatif: p.whatif } : null)
  const one = choicesOf(left.data), other = choicesOf(right.data)
  const x = one.find((c) => c.key === p.avia) ?? one[0]
  const y = other.find((c) => c.key === p.bvia) ?? (b === p.a ? other.find((c) => c.scope !== x?.scope) ?? other[1] ?? other[0] : other[0])
  const fields = (c?: Choice) => (c?.scope.fields ?? []).filter((f) => f.from)
  const keys = Array.from(new Set([...fields(x), ...fields(y)].map((f) => f.policy + ' ' + f.field))).sort()
  const find = (c: Choice | undefined, key: string) => fields(c).find((f) => f.policy + ' ' + f.field === key)
  const differ = keys.filter((k) => textOf(find(x, k)?.value) !== textOf(find(y, k)?.value))
  return <Panel kind="Compare" title={p.a && b && p.a !== b ? 'Two routes' : 'One route, two paths'}>
    <div class="sides"><Side name="a" id={p.a ?? ''} at={x?.key ?? ''} data={left.data} error={left.error} /><Side name="b" id={b ?? ''} at={y?.key ?? ''} data={right.data} error={right.error} /></div>
    {keys.length > 0 && <Fragment>
      <p class="note">{differ.length === 0 ? 'The same applies to both.' : differ.length === 1 ? '1 field differs.' : differ.length + ' fields differ.'}</p>
      <table class="compare"><thead><tr><th scope="col">Field</th><th scope="col">This</th><th scope="col">With</th></tr></thead>
        <tbody>{[...differ, ...keys.filter((k) => !differ.includes(k))].map((k) => <tr class={differ.includes(k) ? 'differs' : ''}><th scope="row"><Name>{k}</Name>{differ.includes(k) && <span class="hide"> differs</span>}</th><td><One field={find(x, k)} /></td><td><One field={find(y, k)} /></td></tr>)}</tbody></table>
    </Fragment>}
  </Panel>
}

function One({ field }: { field?: Field }) {
  if (!field) return <span class="none">not set</span>
  return <Fragment><b><Name>{textOf(field.value)}</Name></b> <span class={'origin ' + field.block}><Shape block={field.block!} />{levelWord(field.level!)}</span></Fragment>
}

interface Reply {
  request: { method: string; scheme: string; host: string; path: string }
  answers: {
    gateway?: { namespace: string; name: string }; listener?: string; port?: number; result: string; route?: Ref; rule?: { index: number; name?: string }
    hostname?: string; backends?: { kind: string; namespace: string; name: string; port: number; share: number }[]; notes?: string[]
    runnersUp?: { route: Ref; rule: { index: number; name?: string }; lostBy: string }[]; notBound?: { route: Ref; reason: string; message: string }[]
    origins?: { policy: string; field: string; level: string; block: string; from: Ref; beat: unknown[] }[]; effective?: Record<string, unknown>
  }[]
}

function at(value: unknown, field: string): unknown {
  return field.split('.').reduce<unknown>((v, k) => (v && typeof v === 'object' ? (v as Record<string, unknown>)[k] : undefined), value)
}

export function RequestPanel() {
  const p = place.value.params
  const { data, error } = useAnswer<Reply>('request', p.u ? { u: p.u, h: p.h, gateway: p.gateway, whatif: p.whatif } : null)
  const [text, setText] = useState(p.u ?? '')
  useEffect(() => setText(p.u ?? ''), [p.u])
  return <Panel kind="Request" title={p.u || 'Who serves it?'}>
    <form class="requestform" onSubmit={(e) => { e.preventDefault(); go({ params: { u: text } }) }}>
      <label>[METHOD] URL <input type="text" value={text} spellcheck={false} placeholder="POST https://www.example.com/pay" onInput={(e) => setText((e.currentTarget as HTMLInputElement).value)} /></label><button type="submit">Ask</button>
    </form>
    {error && <Problem text={error} />}
    {p.u && !data && !error && <Waiting />}
    {(data?.answers ?? []).map((a) => <section class="scope">
      <h3>{a.gateway ? <Fragment>Gateway <a href={linkTo(`gateway/${a.gateway.namespace}/${a.gateway.name}`)}><Name>{a.gateway.namespace}/{a.gateway.name}</Name></a> <span class="under"><Name>{a.listener ?? ''}</Name>{a.port ? ', port ' + a.port : ''}</span></Fragment> : 'No Gateway'}</h3>
      {a.route ? <p><span class="good">{a.result === 'Redirect' ? 'redirects' : 'serves it'}</span> <a href={linkTo(idOf(a.route) + (a.rule?.name ? '#' + a.rule.name : a.rule ? `#rules[${a.rule.index}]` : ''))}><Name>{refText(a.route)}</Name>, <Name>{a.rule?.name ? 'rule ' + a.rule.name : `rules[${a.rule?.index ?? 0}]`}</Name></a></p> : <p class="problem"><b>{a.result === 'NoRoute' ? 'No rule matches: the answer is 404.' : 'No listener serves it.'}</b></p>}
      {(a.notes ?? []).map((n) => <p class="note"><Name>{n}</Name></p>)}
      {(a.backends ?? []).map((b) => <p>to <Name>{b.kind} {b.namespace}/{b.name}{b.port ? ':' + b.port : ''}</Name> <span class="under">{b.share} %</span></p>)}
      {(a.origins ?? []).length > 0 && <dl class="effective">{Array.from(new Set(a.origins!.map((o) => o.policy))).map((k) => <Fragment><dt><Name>{k}</Name></dt><dd>{a.origins!.filter((o) => o.policy === k).map((o) => <div><span class="value"><span class="field"><Name>{o.field}</Name> </span><b><Name>{textOf(at(a.effective?.[k], o.field))}</Name></b><span class={'origin ' + o.block}><Shape block={o.block} />{o.block} <span class="under">{levelWord(o.level)}</span></span></span> <span class="from"><Link of={o.from} /></span></div>)}</dd></Fragment>)}</dl>}
      {(a.runnersUp ?? []).length > 0 && <Fragment><h4>Would come next</h4><ul class="plain">{a.runnersUp!.map((u) => <li><Link of={u.route} /> <span class="under">lost by {u.lostBy}</span></li>)}</ul></Fragment>}
      {(a.notBound ?? []).length > 0 && <Fragment><h4>Would match, and is not bound here</h4><ul class="plain">{a.notBound!.map((n) => <li><Link of={n.route} />: <b>{n.reason}</b>. <Name>{n.message}</Name></li>)}</ul></Fragment>}
    </section>)}
    {!p.u && <Empty title="Ask by request">Write a method and a URL: which listener, route and rule serve it, and what applies.</Empty>}
  </Panel>
}
export { to }

// What an edit would do. Nothing is applied.
import { Fragment, h } from 'preact'
import { useState } from 'preact/hooks'
import { file, say, send, trial } from './api'
import { go, idOf, linkTo, place, reset, to } from './place'
import { Copy, Name, Problem, counted, refText, textOf } from './parts'
import type { Group, Tried } from './types'

let draft = ''

// edit opens the drawer with a manifest to change.
export function edit(text: string) {
  draft = text
  go({ open: 'whatif', id: '' })
}

export function markdown(t: Tried): string {
  const cell = (text: string) => text.replace(/\|/g, '\\|').replace(/[\r\n]+/g, ' ')
  const rows = t.groups.map((g) => `| ${cell(g.policy)} | ${cell(g.field)} | ${cell(textOf(g.before))} | ${cell(textOf(g.after))} | ${where(g)} | ${cell(g.setBy.join(', '))} |`)
  const said = t.check.findings.map((f) => `- **${f.level}** ${cell([f.object, f.field, f.message].filter(Boolean).join(': '))}`)
  return [t.check.denied ? '## Denied' : '## Allowed', '', `${counted(t.diff.totals.routes, 'route')} and ${counted(t.diff.totals.gateways, 'Gateway')} change.`, '', ...said, said.length ? '' : undefined,
    '| policy | field | before | after | on | set by |', '|---|---|---|---|---|---|', ...rows, ''].filter((l) => l !== undefined).join('\n')
}

function where(g: Group): string {
  const parts = (g.namespaces ?? []).map((n) => n.namespace + ' ' + n.routes)
  const routes = g.routes ? counted(g.routes, 'route') + (parts.length ? ' (' + parts.slice(0, 3).join(', ') + (parts.length > 3 ? ', …' : '') + ')' : '') : ''
  return [routes, g.gateways ? counted(g.gateways, 'Gateway') : ''].filter(Boolean).join(' and ')
}

function download(name: string, type: string, text: string) {
  const link = document.createElement('a')
  link.href = URL.createObjectURL(new Blob([text], { type }))
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(link.href), 1000)
}

export function endTrial() {
  trial.value = null
  send('DELETE', '/api/v1/whatif').catch(() => {})
  go({ params: { whatif: '', changed: '' } })
}

export function Banner() {
  const name = place.value.params.whatif
  if (!name) return null
  const t = trial.value
  return <div class="banner" role="status">
    <span><b>Not applied.</b> This is how it would be{t && <Fragment>: {counted(t.diff.totals.routes, 'route')} in {counted(t.diff.totals.namespaces, 'namespace')} and {counted(t.diff.totals.gateways, 'Gateway')} change{t.check.denied && ', and it would be denied'}</Fragment>}.</span>
    {t && <a href={to({ open: 'whatif', id: '' })}>What changes</a>}
    {t && t.diff.totals.routes > 0 && <a href={to({ params: { changed: place.value.params.changed ? '' : '1' } })}>{place.value.params.changed ? 'Show all' : 'Only what changes'}</a>}
    {!file && <button type="button" onClick={endTrial}>End</button>}
  </div>
}

export function Drawer() {
  const [text, setText] = useState(draft)
  const [remove, setRemove] = useState(false)
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState('')
  const [over, setOver] = useState(false)
  const t = place.value.params.whatif ? trial.value : null
  const change = (value: string) => { draft = value; setText(value) }
  const attempt = async () => {
    setBusy(true); setError('')
    try {
      const answer = await send<Tried>('POST', '/api/v1/whatif', { files: text, delete: remove })
      trial.value = answer
      go({ params: { whatif: answer.name } })
      say(answer.check.denied ? 'It would be denied' : counted(answer.diff.totals.routes, 'route') + ' would change')
    } catch (e) { setError((e as Error).message) } finally { setBusy(false) }
  }
  const drop = async (e: DragEvent) => {
    e.preventDefault(); setOver(false)
    const files = Array.from(e.dataTransfer?.files ?? [])
    const texts = await Promise.all(files.map(async (f) => '# ' + f.name + '\n' + await f.text()))
    if (texts.length) change([text, ...texts].filter((s) => s.trim()).join('\n---\n'))
  }
  return <section class="drawer" aria-label="What if">
    <header><h2 tabIndex={-1}>What if</h2><span class="under">Try an edit. Nothing is applied.</span><a class="close" href={to({ open: '', id: '' })} aria-label="Close">×</a></header>
    <div class="drawerbody">
      {!file && <form onSubmit={(e) => { e.preventDefault(); attempt() }} class={over ? 'over' : ''} onDragOver={(e) => { e.preventDefault(); setOver(true) }} onDragLeave={() => setOver(false)} onDrop={drop}>
        <label class="hide" for="edit">Manifests</label>
        <textarea id="edit" spellcheck={false} value={text} placeholder={'Write manifests here, or drop files.\n\napiVersion: attache.dev/v1alpha1\nkind: TimeoutPolicy\n…'} onInput={(e) => change((e.currentTarget as HTMLTextAreaElement).value)}
          onKeyDown={(e) => { if (e.key === 'Enter' && (e.ctrlKey || e.metaKey)) { e.preventDefault(); attempt() } }} />
        <div class="row"><button type="submit" class="primary" disabled={busy || !text.trim()}>{busy ? 'Computing…' : 'Try it'}</button>
          <label class="check"><input type="checkbox" checked={remove} onChange={(e) => setRemove((e.currentTarget as HTMLInputElement).checked)} />delete these objects</label>
          {t && <button type="button" class="quiet" onClick={endTrial}>End</button>}</div>
        {error && <Problem text={error} />}
      </form>}
      {t ? <Outcome t={t} /> : <div class="outcomebox hint"><p class="big">What would change is shown here</p>
        <ul><li>which routes get which values, before and after;</li><li>whether it would be refused, in the words of the guardrail;</li><li>and on the map, hatched, where it changes.</li></ul>
        <p>Write a manifest, drop files, or begin with one that is there: <b>Try an edit</b> on the tab YAML.</p></div>}
    </div>
  </section>
}

function Outcome({ t }: { t: Tried }) {
  const denials = t.check.findings.filter((f) => f.level === 'denied')
  const others = t.check.findings.filter((f) => f.level !== 'denied')
  return <div class="outcomebox">
    <h3>{t.check.denied ? <span class="bad">Would be denied</span> : <span class="good">Would be allowed</span>} <span class="under">{counted(t.diff.totals.routes, 'route')}, {counted(t.diff.totals.gateways, 'Gateway')}, {counted(t.diff.totals.fields, 'change')}</span></h3>
    <ul class="plain">{[...denials, ...others].slice(0, 40).map((f) => <li class={f.level}><span class={'level ' + f.level}>{f.level}</span> <Name>{[f.object, f.field].filter(Boolean).join(' ')}{f.object || f.field ? ': ' : ''}{f.message}</Name></li>)}</ul>
    {t.warnings.map((w) => <p class="note"><Name>{w}</Name></p>)}
    {t.groups.length > 0 ? <table class="compare"><thead><tr><th scope="col">Field</th><th scope="col">Before</th><th scope="col">After</th><th scope="col">On</th></tr></thead>
      <tbody>{t.groups.slice(0, 60).map((g) => <tr><th scope="row"><Name>{g.policy}</Name> <b><Name>{g.field}</Name></b></th><td><del><Name>{textOf(g.before)}</Name></del></td><td><b><Name>{textOf(g.after)}</Name></b><div class="under">by <Name>{g.setBy.join(', ')}</Name></div></td><td><Name>{where(g)}</Name><div class="under">such as <a href={linkTo(idOf(g.example))}><Name>{refText(g.example)}</Name></a></div></td></tr>)}</tbody></table> : <p class="none">Nothing changes.</p>}
    <div class="row"><button type="button" class="quiet" onClick={() => download('what-if.json', 'application/json', JSON.stringify({ diff: t.diff, check: t.check }, null, 2))}>Save as JSON</button><Copy text={markdown(t)}>Copy as Markdown</Copy></div>
  </div>
}
export { reset }

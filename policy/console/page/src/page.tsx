// The page: who may look, what is seen, and where one is.
import { Fragment, h, render } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { ask, file, follow, news, online, paused, refresh, send, summary, trial, version } from './api'
import { ComparePanel, RequestPanel } from './compare'
import { Filters } from './filters'
import { Map } from './map'
import { RoutePanel } from './panel'
import { counted, Name } from './parts'
import { go, place, reset, to, type View } from './place'
import { GuardrailsPanel, ObjectPanel, PolicyPanel } from './policy'
import { Search } from './search'
import { Table } from './table'
import { Tree } from './tree'
import { Banner, Drawer } from './whatif'
import type { Tried } from './types'

const themes = ['auto', 'light', 'dark'] as const

function Theme() {
  const [theme, set] = useState<string>(() => { try { return localStorage.getItem('theme') ?? 'auto' } catch { return 'auto' } })
  useEffect(() => {
    if (theme === 'auto') delete document.documentElement.dataset.theme
    else document.documentElement.dataset.theme = theme
    try { localStorage.setItem('theme', theme) } catch { /* it is only forgotten */ }
  }, [theme])
  return <label class="theme"><span class="hide">Theme</span><select value={theme} onChange={(e) => set((e.currentTarget as HTMLSelectElement).value)}>{themes.map((t) => <option value={t}>{t === 'auto' ? 'Auto' : t === 'light' ? 'Light' : 'Dark'}</option>)}</select></label>
}

function Live() {
  const s = summary.value
  if (file) return <span class="state">a file</span>
  if (!online.value) return <span class="state off" role="status">no connection</span>
  if (!s?.live) return <span class="state">files</span>
  if (s.trouble) return <span class="state off">no news</span>
  return <button type="button" class={'state ' + (paused.value ? 'paused' : 'live')} aria-pressed={!paused.value} onClick={() => { paused.value = !paused.value; if (!paused.value) refresh().catch(() => {}) }}>{paused.value ? 'paused' : 'live'}</button>
}

function Hidden() {
  const list = summary.value?.hidden ?? []
  if (!list.length) return null
  return <details class="rights"><summary>{list.length === 1 ? <Name>{list[0].kind}</Name> : counted(list.length, 'kind')} hidden</summary><div class="pop"><p>You may not list:</p><ul class="plain">{list.map((x) => <li><b><Name>{x.kind}</Name></b> {x.namespaces ? `in ${counted(x.namespaces, 'namespace')}` : x.except?.length ? '' : 'everywhere'}{x.except?.length > 0 && <Fragment>{x.namespaces ? ', not ' : 'but '}in <Name>{x.except.join(', ')}</Name></Fragment>}</li>)}</ul><p class="under">What follows from them is shown as it is published, or not at all.</p></div></details>
}

function Problems() {
  const list = summary.value?.problems ?? []
  if (!list.length) return null
  return <details class="rights"><summary>{counted(list.length, 'problem')}</summary><div class="pop wide"><ul class="plain">{list.map((x) => <li><Name>{x}</Name></li>)}</ul></div></details>
}

function Header() {
  const s = summary.value
  return <header class="top">
    <a class="brand" href="#/map"><svg viewBox="0 0 20 20" width="18" height="18" aria-hidden="true"><path d="M3 4h6M3 10h9M3 16h6" /><circle cx="14" cy="4" r="2.4" /><circle cx="17" cy="10" r="2.4" /><circle cx="14" cy="16" r="2.4" /></svg>Effective policies</a>
    <span class="context" title={s?.context}><Name>{s?.context ?? ''}</Name>{s?.namespace && <Fragment> · <Name>{s.namespace}</Name></Fragment>}</span>
    <Search />
    <nav class="links" aria-label="More">
      <a href={to({ open: 'whatif', id: '' })}>What if</a>
      <a href={to({ open: 'guardrails', id: '' })}>Guardrails</a>
      <Problems /><Hidden /><Live /><Theme />
    </nav>
  </header>
}

function Views() {
  const s = summary.value
  const p = place.value
  const c = s?.counts
  return <div class="views">
    <div class="toggle" role="group" aria-label="View">{(s?.published ? ['table'] as View[] : ['map', 'table', 'tree'] as View[]).map((v) => <a href={to({ view: v, params: { offset: '' } })} aria-current={p.view === v || s?.published ? 'page' : undefined}>{v === 'map' ? 'Map' : v === 'table' ? 'Table' : 'Tree'}</a>)}</div>
    {c && <p class="totals">{counted(c.routes, 'route')} · {counted(c.gateways, 'Gateway')} · {counted(c.policies, 'policy', 'policies')}{c.unbound > 0 && <Fragment> · {c.unbound} bound to nothing</Fragment>}</p>}
  </div>
}

// Elsewhere says when a link was made of another world.
function Elsewhere() {
  const { ctx, at } = place.value.params
  const s = summary.value
  if (!s || !ctx && !at) return null
  const text = ctx && ctx !== s.context ? `The link was made of ${ctx}; this is ${s.context}.` : at && at !== s.version ? 'The link was made of an older state; this is how it is now.' : ''
  if (!text) return null
  return <div class="elsewhere" role="status"><Name>{text}</Name> <a href={to({})}>Dismiss</a></div>
}

// Trouble says why nothing newer comes; what is shown is from before.
function Trouble() {
  const text = summary.value?.trouble
  if (!text) return null
  return <div class="elsewhere trouble" role="status"><Name>{text.charAt(0).toUpperCase() + text.slice(1)}.</Name> What is shown is from before.</div>
}

function Side() {
  switch (place.value.open) {
    case 'route': case 'gateway': return <RoutePanel />
    case 'policy': return <PolicyPanel />
    case 'object': return <ObjectPanel />
    case 'guardrails': return <GuardrailsPanel />
    case 'request': return <RequestPanel />
    case 'compare': return <ComparePanel />
  }
  return null
}

function titleOf(): string {
  const p = place.value
  const what = p.id ? p.id.split('#')[0].split('/').slice(1).join('/') : { whatif: 'What if', guardrails: 'Guardrails', request: p.params.u ?? 'Request', compare: 'Compare' }[p.open as string] ?? { map: 'Map', table: 'Table', tree: 'Tree' }[p.view]
  return what + ' · ' + (summary.value?.context ?? 'Effective policies')
}

let before: Element | null = null

function App() {
  const p = place.value
  useEffect(() => { document.title = titleOf() })
  // The edit that an address names may be known to the server alone.
  useEffect(() => {
    if (p.params.whatif && !file && trial.value?.name !== p.params.whatif) {
      ask<Tried>('whatif', { whatif: p.params.whatif }).then((t) => { trial.value = t }, () => { trial.value = null; go({ params: { whatif: '', changed: '' } }, true) })
    }
  }, [p.params.whatif])
  // Focus goes to what was opened, and back to where it was.
  useEffect(() => {
    const panel = document.querySelector<HTMLElement>('.panel h2, .drawer h2')
    if (p.open && panel) { if (document.activeElement && document.activeElement !== document.body && !panel.contains(document.activeElement) && !document.activeElement.closest('.panel, .drawer')) before = document.activeElement; if (!document.activeElement?.closest('.panel, .drawer')) panel.focus({ preventScroll: true }) } else if (!p.open && before?.isConnected && document.activeElement === document.body) { (before as HTMLElement).focus({ preventScroll: true }); before = null }
  }, [p.open, p.id])
  useEffect(() => {
    const key = (e: KeyboardEvent) => { if (e.key === 'Escape' && place.value.open && !(e.target as HTMLElement).closest('textarea')) go({ open: '', id: '' }) }
    addEventListener('keydown', key)
    return () => removeEventListener('keydown', key)
  }, [])
  const side = p.open && p.open !== 'whatif'
  return <Fragment>
    <a class="skip" href="#main" onClick={(e) => { e.preventDefault(); document.getElementById('main')?.focus() }}>Skip to the routes</a>
    <Header />
    <Banner /><Trouble /><Elsewhere />
    <div class={'body' + (side ? ' with-panel' : '') + (p.open === 'whatif' ? ' with-drawer' : '') + (p.params.whatif ? ' trying' : '')}>
      <Filters />
      <main id="main" tabIndex={-1}>
        <h1 class="hide">Effective policies</h1>
        <Views />
        {summary.value?.published && <p class="note published"><b>As published.</b> You may not list what these values follow from, so they are read from the EffectivePolicy objects of your namespaces.</p>}
        {p.view === 'table' || summary.value?.published ? <Table /> : p.view === 'tree' ? <Tree /> : <Map />}
      </main>
      {side && <Side />}
      {p.open === 'whatif' && <Drawer />}
    </div>
    <p class="hide" role="status" aria-live="polite">{news.value}</p>
  </Fragment>
}

function Closed({ text }: { text: string }) {
  return <div class="closed"><h1>Effective policies</h1><p role="alert">{text}</p><p>Run <code>kubectl effective-policy ui</code> and open the link that it prints.</p></div>
}

async function start() {
  const root = document.getElementById('app')!
  const given = new URLSearchParams(location.hash.slice(1))
  const token = location.hash.startsWith('#token=') ? given.get('token') : null
  if (file && !location.hash) reset(file.place)
  if (token) {
    const open = given.get('open')
    reset(open && open.startsWith('#/') ? open : '#/map')
    try { await send('POST', '/session', { token }) } catch (e) {
      try { await refresh() } catch { render(<Closed text={(e as Error).message} />, root); return }
    }
  }
  try { await refresh() } catch (e) { render(<Closed text={(e as Error).message} />, root); return }
  performance.mark('ready')
  follow()
  render(<App />, root)
}

version.subscribe(() => {})
start()

// The filters, left of the view.
import { h } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { file, summary } from './api'
import { cleared } from './table'
import { filterKeys, go, place, to } from './place'
import { counted } from './parts'

function set(key: string, value: string) { go({ params: { [key]: value, offset: '' } }) }

// fewEnough is how many names one can choose from by looking; of more, one writes a part.
const fewEnough = 60

function Select({ name, title, options, none }: { name: string; title: string; options: { value: string; text: string }[]; none: string }) {
  const value = place.value.params[name] ?? ''
  if (options.length > fewEnough) return <Pick name={name} title={title} options={options} none={`${none} (${options.length})`} />
  return <label>{title}
    <select value={value} disabled={!!file} onChange={(e) => set(name, (e.currentTarget as HTMLSelectElement).value)}>
      <option value="">{none}</option>
      {value && !options.some((o) => o.value === value) && <option value={value}>{value}</option>}
      {options.map((o) => <option value={o.value}>{o.text}</option>)}
    </select>
  </label>
}

// Pick is a Select of many names: the first that have what is written are proposed.
function Pick({ name, title, options, none }: { name: string; title: string; options: { value: string; text: string }[]; none: string }) {
  const now = place.value.params[name] ?? ''
  const [text, setText] = useState(now)
  useEffect(() => setText(now), [now])
  const found = options.filter((o) => o.value.includes(text.trim())).slice(0, 12)
  const take = (value: string) => { if (value !== now && (!value || options.some((o) => o.value === value))) set(name, value) }
  return <label>{title}
    <input type="text" list={'list-' + name} value={text} placeholder={none} disabled={!!file} spellcheck={false} autocomplete="off" onInput={(e) => { const v = (e.currentTarget as HTMLInputElement).value; setText(v); take(v) }}
      onKeyDown={(e) => { if (e.key === 'Enter') take(options.some((o) => o.value === text) ? text : found[0]?.value ?? '') }} onBlur={() => setText(place.value.params[name] ?? '')} />
    <datalist id={'list-' + name}>{found.map((o) => <option value={o.value}>{o.text}</option>)}</datalist>
  </label>
}

function Check({ name, title, n }: { name: string; title: string; n?: number }) {
  return <label class="check"><input type="checkbox" disabled={!!file} checked={!!place.value.params[name]} onChange={(e) => set(name, (e.currentTarget as HTMLInputElement).checked ? '1' : '')} />{title}{n !== undefined && <span class="n">{n.toLocaleString('en')}</span>}</label>
}

// Line is a text that counts when one stops typing, or at Enter.
function Line({ name, title, hint, wait }: { name: string; title: string; hint: string; wait?: number }) {
  const now = place.value.params[name] ?? ''
  const [text, setText] = useState(now)
  useEffect(() => setText(now), [now])
  useEffect(() => {
    if (!wait || text === now) return
    const timer = setTimeout(() => set(name, text), wait)
    return () => clearTimeout(timer)
  }, [text])
  return <label>{title}
    <input type="text" value={text} placeholder={hint} disabled={!!file} spellcheck={false} autocomplete="off" onInput={(e) => setText((e.currentTarget as HTMLInputElement).value)}
      onKeyDown={(e) => { if (e.key === 'Enter') set(name, text) }} onBlur={() => { if (text !== now) set(name, text) }} />
  </label>
}

// Where there is room beside the map, the filters are open.
const roomy = matchMedia('(min-width: 1100px)')

const levels: Record<string, string> = { GatewayClass: 'GatewayClass', Gateway: 'Gateway', ListenerSet: 'ListenerSet', Listener: 'Listener', PlatformNamespace: 'Namespace, by the platform', Namespace: 'Namespace', Route: 'Route', RouteRule: 'Rule' }

export function Filters() {
  const s = summary.value
  if (!s) return null
  const p = place.value.params
  const kinds = s.kinds.filter((k) => k.class === 'Inherited' && k.objects > 0)
  const kind = kinds.find((k) => k.name === p.kind)
  const fields = Array.from(new Set((kind ? [kind] : kinds).flatMap((k) => k.fields))).sort()
  const active = filterKeys.filter((k) => p[k]).length
  const [wide, setWide] = useState(() => roomy.matches)
  useEffect(() => {
    const change = () => setWide(roomy.matches)
    roomy.addEventListener('change', change)
    return () => roomy.removeEventListener('change', change)
  }, [])
  return <details class="filters" open={wide} onToggle={(e) => setWide((e.currentTarget as HTMLDetailsElement).open)}>
    <summary>Filter{active > 0 && <span class="n">{active}</span>}</summary>
    <form onSubmit={(e) => e.preventDefault()} aria-label="Filter">
      <Line name="text" title="Name or hostname" hint="checkout" wait={180} />
      <Select name="ns" title="Namespace" none="All namespaces" options={s.namespaces.map((n) => ({ value: n.name, text: `${n.name} (${n.routes})` }))} />
      <Select name="gateway" title="Gateway" none="All Gateways" options={s.gateways.map((g) => ({ value: g.name, text: `${g.name} (${g.routes})` }))} />
      <Select name="kind" title="Policy kind" none="All kinds" options={kinds.map((k) => ({ value: k.name, text: k.name }))} />
      <Select name="field" title="Field" none="All fields" options={fields.map((f) => ({ value: f, text: f }))} />
      <Select name="level" title="Value set at" none="Any level" options={s.levels.map((l) => ({ value: l, text: levels[l] ?? l }))} />
      <fieldset><legend>Only routes</legend>
        <Check name="findings" title="with findings" n={s.counts.findings} />
        <Check name="mixed" title="with mixed paths" n={s.counts.mixed} />
        {p.whatif && <Check name="changed" title="that the edit changes" />}
      </fieldset>
      <Line name="where" title="Where (CEL)" hint={'effective.?TimeoutPolicy.?request.orValue("") == "60s"'} />
      {active > 0 && <a class="clear" href={to({ params: cleared() })}>Clear {counted(active, 'filter')}</a>}
    </form>
    {file && <p class="under">This file shows what was chosen when it was made. Filters need the command.</p>}
  </details>
}

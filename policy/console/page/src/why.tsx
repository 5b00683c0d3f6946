// Why: one row per field, with the ladder of the levels from the class to the rule.
import { Fragment, h } from 'preact'
import { Copy, Link, Name, Shape, kindShort, levelWord, listenerText, refText, rulesText, textOf } from './parts'
import { Marks } from './enforced'
import { go, idOf, place, pointed } from './place'
import type { Enforcement, Field, Ref, Scope } from './types'

const levels = ['GatewayClass', 'Gateway', 'ListenerSet', 'Listener', 'PlatformNamespace', 'Namespace', 'Route', 'RouteRule']

interface Step { level: string; block: string; value: unknown; from: Ref; on?: Ref; state: 'won' | 'lost' | 'bound' }

function stepsOf(f: Field): Step[] {
  const steps: Step[] = f.beat.map((b) => ({ level: b.level, block: b.block, value: b.value, from: b.fromRef, on: b.targetRefs?.[0], state: 'lost' as const }))
  if (f.fromRef && f.level && f.block) {
    steps.push({ level: f.level, block: f.block, value: f.clampedBy && f.stated !== undefined ? f.stated : f.value, from: f.fromRef, on: f.targetRef, state: 'won' })
  }
  // A value that is set by a bound has its own step; a bound that moved a value, too.
  if (f.clampedByRef) steps.push({ level: '', block: 'bounds', value: f.value, from: f.clampedByRef, state: 'bound' })
  return steps.sort((a, b) => (a.level === '' ? 1 : b.level === '' ? -1 : levels.indexOf(a.level) - levels.indexOf(b.level)))
}

// pointing lights on the map what a step of the ladder is attached to.
function pointing(s: Step) {
  const on = () => { if (s.on) pointed.value = idOf(s.on) }
  const off = () => { pointed.value = '' }
  return { onMouseEnter: on, onMouseLeave: off, onFocusCapture: on, onBlurCapture: off }
}

function Ladder({ field }: { field: Field }) {
  const steps = stepsOf(field)
  const stated = new Set(steps.map((s) => s.level))
  // The rungs between are shown, too: nobody states anything there.
  const rungs = levels.filter((l) => stated.has(l) || ['GatewayClass', 'Gateway', 'Listener', 'Route', 'RouteRule'].includes(l))
  return <ol class="ladder" aria-label="From the class down to the rule">
    {rungs.map((level) => {
      const here = steps.filter((s) => s.level === level)
      return <li class={here.length ? (here.some((s) => s.state === 'won') ? 'won' : 'lost') : 'silent'}>
        <span class="rung">{levelWord(level)}</span>
        {here.length === 0 && <span class="under">–</span>}
        {here.map((s) => <div class="step" {...pointing(s)}>
          <Shape block={s.block} /><span class="word">{s.block}</span>
          {s.state === 'lost' ? <del><Name>{textOf(s.value)}</Name></del> : <b><Name>{textOf(s.value)}</Name></b>}
          {s.state === 'lost' && <span class="hide">, beaten</span>}
          {s.state === 'won' && <span class="tag">{field.clampedBy ? 'wins, then limited' : 'wins'}</span>}
          <span class="from"><Link of={s.from} /></span>
        </div>)}
      </li>
    })}
    {steps.filter((s) => s.state === 'bound').map((s) => <li class="clamp">
      <span class="rung">limit</span>
      <div class="step" {...pointing(s)}><Shape block="bounds" /><span class="word">{field.limit ? 'never more than ' + field.limit : 'bounds'}</span><b><Name>{textOf(s.value)}</Name></b><span class="from"><Link of={s.from} /></span></div>
    </li>)}
  </ol>
}

function FieldRow({ field, scope, known, open, onToggle }: { field: Field; scope: Scope; known?: Enforcement | null; open: boolean; onToggle: () => void }) {
  const gone = !field.from
  return <div class={'why' + (open ? ' open' : '')}>
    <button type="button" aria-expanded={open} onClick={onToggle} data-field={field.policy + '.' + field.field}>
      <span class="field"><Name>{field.field}</Name></span>
      <b class={gone ? 'none' : undefined}><Name>{gone ? 'not set' : textOf(field.value)}</Name></b>
      {field.block && <span class={'origin ' + field.block}><Shape block={field.block} />{field.block} <span class="under">{levelWord(field.level!)}</span></span>}
      {field.clampedBy && <span class="limited"><Shape block="bounds" />limited from <Name>{textOf(field.stated)}</Name></span>}
      {field.beat.length > 0 && <span class="under">beat {field.beat.length}</span>}
      <Marks known={known} scope={scope} field={field} />
    </button>
    {open && <div class="because">
      <p>{sentence(field)}</p>
      <Ladder field={field} />
    </div>}
  </div>
}

function sentence(f: Field): string {
  const said = f.why.charAt(0).toUpperCase() + f.why.slice(1) + '.'
  if (!f.clampedBy) return said
  return said + (f.limit ? ` It is never more than ${f.limit}.` : ` Bounds of ${f.clampedBy} limit it to ${textOf(f.value)}.`)
}

export function heading(s: Scope): string {
  const listeners = (s.parents ?? []).map(listenerText)
  return listeners.slice(0, 3).join(', ') + (listeners.length > 3 ? ` and ${listeners.length - 3} more` : '')
}

// WhyOf shows the fields of one scope, by kind.
export function WhyOf({ scope, known }: { scope: Scope; known?: Enforcement | null }) {
  const shown = place.value.params.show ?? ''
  const kinds = Array.from(new Set(scope.fields.map((f) => f.policy)))
  const toggle = (key: string) => go({ params: { show: shown === key ? '' : key } }, true)
  return <Fragment>
    {kinds.map((kind) => <section class="kindbox">
      <h4><Name>{kind}</Name></h4>
      {scope.fields.filter((f) => f.policy === kind).map((f) => {
        const key = kind + '.' + f.field + '@' + scope.rules[0] + '@' + (scope.parents?.[0]?.listener ?? '')
        const open = shown === key || shown === kind + '.' + f.field || shown === f.field
        return <FieldRow field={f} scope={scope} known={known} open={open} onToggle={() => toggle(open ? shown : key)} />
      })}
    </section>)}
    {kinds.length === 0 && <p class="none">No policy reaches these paths.</p>}
    {(scope.invalid ?? []).map((text) => <p class="problem"><b>Invalid: </b><Name>{text}</Name></p>)}
    {(scope.ignored ?? []).map((text) => <p class="note">Ignored: <Name>{text}</Name></p>)}
    {(scope.notApplicable ?? []).length > 0 && <p class="note">Means nothing here: <Name>{scope.notApplicable!.join(', ')}</Name></p>}
  </Fragment>
}

export function command(target: Ref, rule?: string, via?: string): string {
  const listener = via ? ' --listener ' + via.split('/').slice(-2).join('/') : ''
  return `kubectl effective-policy explain ${target.kind.toLowerCase()}/${target.name}${target.namespace ? ' -n ' + target.namespace : ''}${rule ? ` --rule '${rule}'` : ''}${listener}`
}

export function CopyAs({ target, rule, via }: { target: Ref; rule?: string; via?: string }) {
  return <Copy text={command(target, rule, via)}>Copy as command</Copy>
}
export { kindShort, refText, rulesText }

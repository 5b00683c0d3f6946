// What the API answers, as far as the page reads it.

export interface Ref { group: string; kind: string; namespace: string; name: string; sectionName?: string }
export interface ListenerName { gateway: string; listenerSet: string; listener: string }
export interface Chip { id: string; kind: string; namespace: string; name: string; blocks: string[]; reason?: string }
export interface Cell { policy: string; field: string; value: unknown; level: string; block: string; from: Ref; limited?: boolean; beat?: number }
export interface Counted { name: string; routes: number }
export interface KindInfo { name: string; kind: string; group: string; class: string; objects: number; fields: string[] }
export interface Hidden { kind: string; group: string; namespaces: number; except: string[] }

export interface Summary {
  version: string; context: string; files: boolean; namespace: string; live: boolean; trouble?: string
  counts: { classes: number; gateways: number; listeners: number; namespaces: number; routes: number; paths: number; policies: number; unbound: number; findings: number; mixed: number }
  namespaces: Counted[]; gateways: Counted[]; more?: boolean; kinds: KindInfo[]; levels: string[]
  problems: string[]; hidden: Hidden[]; guardrails: number; published?: boolean
}

export interface RowScope { parents: ListenerName[]; rules: string[]; paths: number; values: Cell[] }
export interface Row {
  id: string; target: Ref; hostnames: string[]; rules: number; findings: number; bound: boolean; mixed: boolean
  scopes: RowScope[]; left?: number; changes?: Change[]; published?: boolean
}
export interface Rows { total: number; paths: number; all: number; offset: number; next?: number; rows: Row[] }

export interface MapNode {
  id: string; column: number; row: number; kind: string; namespace?: string; name: string; detail?: string
  count: number; members?: string[]; routes: number; findings?: number; changed?: number; mixed?: boolean
  policies?: Chip[]; values?: Cell[]; via?: number[]
}
export interface Drawing {
  columns: { level: string; total: number; nodes: number }[]; nodes: MapNode[]; edges: [number, number][]
  routes: number; paths: number; all: number
}

export interface TreeNode {
  id: string; object?: string; level: string; kind: string; name: string; detail?: string
  routes: number; children: number; findings?: number; policies?: Chip[]; values?: Cell[]
}
export interface Children { parent: string; total: number; routes: number; offset: number; next?: number; children: TreeNode[] }

export interface Beaten { value: unknown; from: string; fromRef: Ref; target: string; targetRefs: Ref[]; level: string; block: string }
export interface Field {
  policy: string; field: string; value: unknown; from?: string; target?: string; fromRef?: Ref; targetRef?: Ref
  level?: string; block?: string; beat: Beaten[]; clampedBy?: string; clampedByRef?: Ref; stated?: unknown; limit?: string; why: string
}
export interface Scope {
  parents: ListenerName[]; rules: string[]; fields: Field[]
  notSet: { policy: string; field: string; value: unknown; level: string; block: string; from: string; rule: string; by?: string }[]
  notApplicable?: string[]; invalid?: string[]; ignored?: string[]
}
export interface Binding {
  kind: string; namespace: string; name: string; parentRef: Ref & { port?: number }; accepted: boolean; reason: string; message: string
  listeners: (ListenerName & { hostnames: string[] })[]
}
export interface Refused { policy: string; target: string; reason: string; message: string }
export interface Effective {
  target: Ref; bindings?: Binding[]; scopes: Scope[]; notInForce?: Refused[]
  direct?: { policy: string; target: string; states?: string[] }[]
}
export interface Attached { policy: string; target: string; states: string[]; reason: string; message?: string }
export interface Description {
  object: Ref; facts?: { name: string; value: string }[]; attached?: Attached[]; above?: Attached[]
  listeners?: (ListenerName & { attachedRoutes: number; routes: string[] })[]; targets?: Refused[]
  findings?: { field: string; message: string }[]; references?: { field: string; to: string; state?: string }[]
}
export interface Reversed {
  policy: Ref; paths: number; inForce: number; whole: number; beaten: number
  nowhere: { target: Ref; reason: string; message: string }[]
  beatenBy: { by: Ref; id: string; paths: number; routes: number; example: string }[]
  routes: { id: string; paths: number; inForce: number }[]; total: number
}
// What a data plane makes of values, as status.enforcement of an EffectivePolicy has it.
export interface Outcome { policy: string; field: string; outcome: 'Projected' | 'Degraded' | 'Unsupported'; reason?: string; message?: string; as?: string; notes?: string[] }
export interface Enforced {
  exporter?: string; controller?: string; state: string; message?: string; refused?: string; projected?: number
  parents: { gateway: { namespace: string; name: string }; listenerSet?: { namespace: string; name: string }; listener?: string }[]
  rules?: { index: number; name?: string }[]; objects?: Ref[]; fields: Outcome[]
}
export interface Enforcement { enforcement: Enforced[]; planned: boolean }
export interface Hit { id: string; type: string; object: Ref; detail?: string }
export interface Found { total: number; hits: Hit[]; request?: string }

export interface Side { value: unknown; from: string; target: string; level: string; block: string; clampedBy?: string; fromRef: Ref }
export interface Change { target: Ref; parents: ListenerName[]; rules: string[]; policy: string; field: string; before: Side | null; after: Side | null }
export interface Group {
  policy: string; field: string; before: unknown; after: unknown; setBy: string[]; routes: number; gateways: number
  namespaces?: { namespace: string; routes: number }[]; example: Ref
}
export interface Finding { level: string; rule: string; object?: string; field?: string; message: string; guardrail?: string; paths?: number }
export interface Tried {
  name: string; left: number; groups: Group[]; warnings: string[]
  diff: { changes: Change[]; unbound?: unknown[]; totals: { routes: number; gateways: number; namespaces: number; fields: number } }
  check: { denied: boolean; denial?: string; findings: Finding[]; warnings: string[]; totals: { objects: number; denials: number; warnings: number; notes: number } }
}

// Manifests that tests make: many routes, and names that would do harm as markup.
import { writeFileSync } from 'node:fs'

const api = 'gateway.networking.k8s.io/v1'
const doc = (list) => list.map((o) => JSON.stringify(o)).join('\n---\n') + '\n'

function policies(namespace, kind, name, i) {
  const blocks = { TimeoutPolicy: { request: `${10 + i % 50}s`, backend: '5s' }, RetryPolicy: { maxRetries: 1 + i % 5, retryOn: ['5xx'] }, RateLimitPolicy: { requestsPerSecond: 100 + i % 7 } }
  return Object.entries(blocks).map(([k, block]) => ({ apiVersion: 'attache.dev/v1alpha1', kind: k, metadata: { name: `${kind}-${name}`.toLowerCase(), namespace },
    spec: { strategy: 'Patch', targetRef: { group: 'gateway.networking.k8s.io', kind, name }, default: block } }))
}

// many is the large cluster of docs/benchmarks.md.
export function many(path, routes) {
  const list = [], gateways = Math.max(1, Math.floor(routes / 20))
  for (let i = 0; i < 5; i++) list.push({ apiVersion: api, kind: 'GatewayClass', metadata: { name: `class-${i}` }, spec: { controllerName: 'example.com/gateway' } }, ...policies('infra', 'GatewayClass', `class-${i}`, i))
  for (let i = 0; i < gateways; i++) list.push({ apiVersion: api, kind: 'Gateway', metadata: { name: `gateway-${i}`, namespace: 'infra' }, spec: { gatewayClassName: `class-${i % 5}`,
    listeners: [0, 1, 2, 3].map((j) => ({ name: `http-${j}`, port: 8080 + j, protocol: 'HTTP', allowedRoutes: { namespaces: { from: 'All' } } })) } }, ...policies('infra', 'Gateway', `gateway-${i}`, i))
  for (let i = 0; i < routes; i++) {
    const parent = (n) => ({ name: `gateway-${n % gateways}`, namespace: 'infra' })
    list.push({ apiVersion: api, kind: 'HTTPRoute', metadata: { name: `route-${i}`, namespace: `team-${i % 100}` }, spec: { parentRefs: [parent(i), parent(i * 7 + 1)], hostnames: [`route-${i}.example.com`],
      rules: ['read', 'write'].map((name) => ({ name, matches: [{ path: { type: 'PathPrefix', value: '/' + name } }], backendRefs: [{ name: 'backend', port: 80 }] })) } })
    if (i % 10 === 0) list.push(...policies(`team-${i % 100}`, 'HTTPRoute', `route-${i}`, i))
  }
  writeFileSync(path, doc(list))
}

// alike are routes of one namespace to which the same applies.
export function alike(path, routes) {
  const list = [{ apiVersion: api, kind: 'GatewayClass', metadata: { name: 'c' }, spec: { controllerName: 'example.com/c' } },
    { apiVersion: api, kind: 'Gateway', metadata: { name: 'g', namespace: 'a' }, spec: { gatewayClassName: 'c', listeners: [{ name: 'l', port: 80, protocol: 'HTTP' }] } }, ...policies('a', 'Gateway', 'g', 0)]
  for (let i = 0; i < routes; i++) list.push({ apiVersion: api, kind: 'HTTPRoute', metadata: { name: `route-${i}`, namespace: 'a' }, spec: { parentRefs: [{ name: 'g' }], hostnames: [`route-${i}.example.com`], rules: [{ name: 'all' }] } })
  writeFileSync(path, doc(list))
}

// large is one route with another result on each of its thousand paths.
export function large(path) {
  const on = (name, target, block) => ({ apiVersion: 'attache.dev/v1alpha1', kind: 'TimeoutPolicy', metadata: { name, namespace: 'a' }, spec: { targetRef: { group: 'gateway.networking.k8s.io', ...target }, ...block } })
  const listeners = Array.from({ length: 64 }, (_, i) => `l${i}`), rules = Array.from({ length: 16 }, (_, i) => `r${i}`)
  writeFileSync(path, doc([{ apiVersion: api, kind: 'Gateway', metadata: { name: 'g', namespace: 'a' }, spec: { gatewayClassName: 'c', listeners: listeners.map((name, i) => ({ name, port: 1000 + i, protocol: 'HTTP' })) } },
    { apiVersion: api, kind: 'HTTPRoute', metadata: { name: 'large', namespace: 'a' }, spec: { parentRefs: [{ name: 'g' }], rules: rules.map((name) => ({ name })) } },
    ...listeners.map((name, i) => on(name, { kind: 'Gateway', name: 'g', sectionName: name }, { override: { connect: `${i + 1}s` } })),
    ...rules.map((name, i) => on(name, { kind: 'HTTPRoute', name: 'large', sectionName: name }, { default: { request: `${100 + i}s` } }))]))
}

export const markup = '<img src=x onerror="window.harmed=1">'
export const reversed = '\u202egnp.exe\u202c'

// hostile has texts where people can write them: in a guardrail, in a header's value,
// in the values and names of policies of somebody's kind.
export function hostile(path) {
  const kind = 'WidgetPolicy', group = 'hostile.example'
  writeFileSync(path, doc([
    { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'widgetpolicies.hostile.example', labels: { 'gateway.networking.k8s.io/policy': 'Inherited' } },
      spec: { group, names: { kind, plural: 'widgetpolicies', singular: 'widgetpolicy', listKind: kind + 'List' }, scope: 'Namespaced', versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } } }] } },
    { apiVersion: api, kind: 'GatewayClass', metadata: { name: 'c' }, spec: { controllerName: 'example.com/c' } },
    { apiVersion: api, kind: 'Gateway', metadata: { name: 'g', namespace: 'a' }, spec: { gatewayClassName: 'c', listeners: [{ name: 'l', port: 80, protocol: 'HTTP' }] } },
    { apiVersion: api, kind: 'HTTPRoute', metadata: { name: 'r'.repeat(253), namespace: 'a' }, spec: { parentRefs: [{ name: 'g' }], hostnames: ['a'.repeat(60) + '.' + 'b'.repeat(60) + '.example.com'], rules: [{ name: 'x', matches: [{ headers: [{ name: 'x-h', value: markup }] }] }] } },
    { apiVersion: group + '/v1', kind, metadata: { name: 'w', namespace: 'a' }, spec: { targetRef: { group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'g' }, default: { [markup]: markup, title: reversed, long: 'x'.repeat(3000) } } },
    { apiVersion: 'attache.dev/v1alpha1', kind: 'PolicyGuardrail', metadata: { name: 'g' }, spec: { cel: [{ expression: 'true', message: markup }] } },
  ]))
}

// A value as YAML, for reading. Texts that could be anything else are quoted.
function scalar(value: unknown): string {
  if (typeof value !== 'string') return JSON.stringify(value)
  if (value === '' || !/^[A-Za-z0-9/._*][\w ./*:@()+-]*$/.test(value) || /^(true|false|null|yes|no|on|off|y|n|~)$/i.test(value) || /^[\d.+-]/.test(value) && !isNaN(Number(value)) || /: |:$| #/.test(value) || value.endsWith(' ') || value.startsWith('*')) return JSON.stringify(value)
  return value
}

function lines(value: unknown, indent: string): string[] {
  if (Array.isArray(value)) {
    if (!value.length) return [indent + '[]']
    return value.flatMap((v) => {
      if (v === null || typeof v !== 'object') return [indent + '- ' + scalar(v)]
      const inner = lines(v, indent + '  ')
      inner[0] = indent + '- ' + inner[0].slice(indent.length + 2)
      return inner
    })
  }
  if (value !== null && typeof value === 'object') {
    const entries = Object.entries(value)
    if (!entries.length) return [indent + '{}']
    return entries.flatMap(([k, v]) => {
      if (v === null || typeof v !== 'object') return typeof v === 'string' && v.includes('\n') ? [indent + scalar(k) + ': |', ...v.replace(/\n$/, '').split('\n').map((l) => indent + '  ' + l)] : [indent + scalar(k) + ': ' + scalar(v)]
      if (Object.keys(v).length === 0) return [indent + scalar(k) + ': ' + (Array.isArray(v) ? '[]' : '{}')]
      return [indent + scalar(k) + ':', ...lines(v, Array.isArray(v) ? indent : indent + '  ')]
    })
  }
  return [indent + scalar(value)]
}

const order = ['apiVersion', 'kind', 'metadata', 'spec', 'status']
export function yaml(value: unknown): string {
  if (value && typeof value === 'object' && 'apiVersion' in value) {
    const object = value as Record<string, unknown>
    const sorted: Record<string, unknown> = {}
    for (const key of [...order, ...Object.keys(object)]) if (key in object) sorted[key] = object[key]
    return lines(sorted, '').join('\n')
  }
  return lines(value, '').join('\n')
}

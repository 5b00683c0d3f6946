// The budgets at 10,000 routes: measured and printed. What does not depend on the
// machine is asserted.
import { artefacts, launch, must, save, serve, test, watch } from './harness.mjs'
import { many } from './worlds.mjs'

const routes = Number(process.env.ATTACHE_UI_ROUTES ?? 10000)
const edit = `apiVersion: attache.dev/v1alpha1
kind: TimeoutPolicy
metadata: {name: gatewayclass-class-1, namespace: infra}
spec:
  strategy: Patch
  targetRef: {group: gateway.networking.k8s.io, kind: GatewayClass, name: class-1}
  override: {idle: 5m}
`

export async function budgets() {
  const path = artefacts + '/many.yaml'
  many(path, routes)
  const ui = await serve('-f', path)
  const browser = await launch()
  const page = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage()
  const errors = []
  watch(page, errors)
  const table = []
  const note = (what, value, budget) => { table.push(`| ${what} | ${value} | ${budget} |`); console.log(`      ${what}: ${value} (budget ${budget})`) }
  await page.goto(ui.link)
  await page.locator('.sheet, .tablebox').first().waitFor({ timeout: 60000 })
  await test('budgets: start', async () => {
    await page.reload()
    const began = await page.evaluate(() => performance.timeOrigin)
    await page.locator('.sheet').waitFor()
    const { paint, now } = await page.evaluate(() => ({ paint: performance.getEntriesByName('first-contentful-paint')[0]?.startTime, now: performance.now() }))
    must(began > 0, 'no clock')
    note('first paint', `${Math.round(paint)} ms`, '500 ms')
    note('the map is there and answers', `${Math.round(now)} ms`, '1,000 ms')
    const nodes = await page.locator('.node').count(), elements = await page.evaluate(() => document.querySelectorAll('*').length)
    note('drawn nodes', nodes, '400')
    note('elements in the document', elements, '3,000')
    must(nodes <= 400, nodes + ' nodes')
    must(elements <= 3000, elements + ' elements')
  })
  // From the event in the page to what it shows, without the test's own way there.
  const timed = (act, done) => page.evaluate(([a, d]) => new Promise((resolve) => {
    const began = performance.now()
    new Function(a)()
    const look = () => (new Function('return ' + d)() ? resolve(performance.now() - began) : requestAnimationFrame(look))
    look()
  }), [act, done])
  await test('budgets: table, panel, filter', async () => {
    await page.evaluate(() => { location.hash = '#/table' })
    await page.locator('.tablebox [data-row]').first().waitFor()
    note('elements with the table', await page.evaluate(() => document.querySelectorAll('*').length), '3,000')
    const open = await timed('document.querySelectorAll("[data-row]")[5].click()', 'document.querySelector(".panel .why")')
    note('click to panel', `${Math.round(open)} ms`, '100 ms')
    const filter = await timed('location.hash = "#/table?ns=team-7&kind=TimeoutPolicy"', '/of 100 routes/.test(document.querySelector(".pages")?.textContent ?? "")')
    note('filter', `${Math.round(filter)} ms`, '150 ms')
    note('script memory', `${Math.round((await page.evaluate(() => performance.memory.usedJSHeapSize)) / (1 << 20))} MiB`, '80 MB')
  })
  await test('budgets: an edit of a class', async () => {
    for (const what of ['an edit of a class, the first', 'an edit of a class, the next']) {
      const { ms, totals } = await page.evaluate(async (files) => {
        const began = performance.now()
        const r = await fetch('/api/v1/whatif', { method: 'POST', body: JSON.stringify({ files }) })
        const answer = await r.json()
        return { ms: performance.now() - began, totals: answer.diff?.totals ?? answer }
      }, edit)
      must(totals.routes > 0, JSON.stringify(totals))
      note(`${what} (${totals.routes} routes)`, `${Math.round(ms)} ms`, '1,000 ms')
    }
  })
  await test('budgets: nothing was logged', async () => must(errors.length === 0, errors.join('\n')))
  save('budgets.md', `| what, at ${routes} routes | measured | budget |\n|---|---|---|\n${table.join('\n')}\n`)
  await browser.close()
  await ui.stop()
}

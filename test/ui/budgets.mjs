// The budgets at 10,000 routes: measured and printed, as one waits for them and as processor time
// of the page's thread and of the command, which does not depend on what else the machine does.
// What does not depend on the machine at all is asserted. Then pictures of that many routes.
import { readFileSync } from 'node:fs'
import { artefacts, launch, must, save, serve, settled, test, watch } from './harness.mjs'
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

// processor is the time that a process has used so far, in milliseconds; 0 where that is not told.
function processor(pid) {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ')
    return 10 * (Number(fields[11]) + Number(fields[12]))
  } catch { return 0 }
}

// pictures are the states of many routes that are looked at.
const pictures = {
  map: '#/map', table: '#/table', tree: '#/tree', namespace: '#/map?ns=team-7', why: '#/route/httproute/team-7/route-107?show=TimeoutPolicy.request',
  policy: '#/policy/TimeoutPolicy/infra/gatewayclass-class-1', mixed: '#/map?mixed=1&gateway=infra/gateway-7', fold: '',
}

export async function budgets() {
  const path = artefacts + '/many.yaml'
  many(path, routes)
  const began = Date.now()
  const ui = await serve('-f', path)
  console.log(`      the command has read ${routes} routes: ${Date.now() - began} ms, ${processor(ui.pid)} ms of processor`)
  const browser = await launch()
  // What is timed is looked for by scripts of the test: the page's own policy would not let them in.
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, bypassCSP: true })
  const page = await context.newPage()
  const errors = []
  watch(page, errors)
  const cdp = await context.newCDPSession(page)
  await cdp.send('Performance.enable', { timeDomain: 'threadTicks' })
  const thread = async () => 1000 * (await cdp.send('Performance.getMetrics')).metrics.find((m) => m.name === 'TaskDuration').value
  const table = []
  const note = (what, value, budget, cpu) => {
    table.push(`| ${what} | ${value} | ${cpu ? `${Math.round(cpu.page)} + ${cpu.command} ms` : ''} | ${budget} |`)
    console.log(`      ${what}: ${value}${cpu ? `, processor ${Math.round(cpu.page)} ms in the page and ${cpu.command} ms in the command` : ''} (budget ${budget})`)
  }
  const spent = async (run) => {
    const before = { page: await thread(), command: processor(ui.pid) }
    const value = await run()
    return { value, cpu: { page: Math.max(0, await thread() - before.page), command: processor(ui.pid) - before.command } }
  }
  await page.goto(ui.link)
  await page.locator('.sheet, .tablebox').first().waitFor({ timeout: 120000 })
  await test('budgets: start', async () => {
    const { value, cpu } = await spent(async () => {
      await page.reload()
      await page.locator('.sheet').waitFor()
      return page.evaluate(() => ({ paint: performance.getEntriesByName('first-contentful-paint')[0]?.startTime, ready: performance.getEntriesByName('map')[0]?.startTime }))
    })
    note('first paint', `${Math.round(value.paint)} ms`, '500 ms')
    note('the map is there and answers', `${Math.round(value.ready)} ms`, '1,000 ms', cpu)
    const nodes = await page.locator('.node').count(), elements = await page.evaluate(() => document.querySelectorAll('*').length)
    note('drawn nodes', nodes, '400')
    note('elements in the document', elements, '3,000')
    must(nodes <= 400, nodes + ' nodes')
    must(elements <= 3000, elements + ' elements')
  })
  // From the event in the page to what it shows, without the test's own way there.
  const timed = (act, done) => spent(() => page.evaluate(([a, d]) => new Promise((resolve) => {
    const began = performance.now()
    new Function(a)()
    const look = () => (new Function('return ' + d)() ? resolve(performance.now() - began) : requestAnimationFrame(look))
    look()
  }), [act, done]))
  await test('budgets: table, panel, filter', async () => {
    await page.evaluate(() => { location.hash = '#/table' })
    await page.locator('.tablebox [data-row]').first().waitFor()
    const elements = await page.evaluate(() => document.querySelectorAll('*').length)
    note('elements with the table', elements, '3,000')
    must(elements <= 3000, elements + ' elements')
    const open = await timed('document.querySelectorAll("[data-row]")[5].click()', 'document.querySelector(".panel .why")')
    note('click to panel', `${Math.round(open.value)} ms`, '100 ms', open.cpu)
    const filter = await timed('location.hash = "#/table?ns=team-7&kind=TimeoutPolicy"', `document.querySelector(".pages")?.textContent.includes("of ${routes / 100} routes")`)
    note('filter of the table', `${Math.round(filter.value)} ms`, '150 ms', filter.cpu)
    const map = await timed('location.hash = "#/map?ns=team-9"', 'document.querySelector(".node.column-3")?.textContent.includes("team-9") && document.querySelectorAll(".node.column-3").length === 1')
    note('filter of the map', `${Math.round(map.value)} ms`, '150 ms', map.cpu)
    await cdp.send('HeapProfiler.collectGarbage')
    const heap = (await cdp.send('Performance.getMetrics')).metrics.find((m) => m.name === 'JSHeapUsedSize').value / 1e6
    note('script memory', `${Math.round(heap)} MB`, '80 MB')
    must(heap <= 80, heap + ' MB')
  })
  await test('budgets: an edit of a class', async () => {
    for (const what of ['an edit of a class, the first', 'an edit of a class, the next']) {
      const { value, cpu } = await spent(() => page.evaluate(async (files) => {
        const began = performance.now()
        const r = await fetch('/api/v1/whatif', { method: 'POST', body: JSON.stringify({ files }) })
        const answer = await r.json()
        return { ms: performance.now() - began, totals: answer.diff?.totals ?? answer }
      }, edit))
      must(value.totals.routes > 0, JSON.stringify(value.totals))
      note(`${what} (${value.totals.routes} routes)`, `${Math.round(value.ms)} ms`, '1,000 ms', cpu)
    }
  })
  await test('budgets: nothing was logged', async () => must(errors.length === 0, errors.join('\n')))
  save('budgets.md', `| what, at ${routes} routes | measured | processor, page + command | budget |\n|---|---|---|---|\n${table.join('\n')}\n`)
  await test('budgets: pictures', async () => {
    for (const [name, hash] of Object.entries(pictures)) {
      if (hash) await page.evaluate((h) => { location.hash = h }, hash)
      else {
        await page.evaluate(() => { location.hash = '#/map' })
        await page.locator('.node.fold').first().click()
      }
      for (const colorScheme of ['light', 'dark']) {
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
        for (const [width, height] of [[1440, 900], [1024, 768], [390, 844]]) {
          await page.setViewportSize({ width, height })
          await settled(page)
          must(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${name} is wider than ${width}`)
          await page.screenshot({ path: `${artefacts}/many-${name}-${width}-${colorScheme}.png` })
        }
      }
      await page.setViewportSize({ width: 1440, height: 900 })
    }
  })
  await browser.close()
  await ui.stop()
}

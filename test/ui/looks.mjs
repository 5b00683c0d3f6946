// How it looks, for people and for assistive technology: pictures, axe, hostile names.
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { artefacts, has, launch, must, serve, settled, test, watch } from './harness.mjs'
import { hostile } from './worlds.mjs'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

export const states = {
  map: '#/map', table: '#/table', tree: '#/tree', why: '#/route/httproute/shop/checkout?rule=pay&show=TimeoutPolicy.request',
  effective: '#/route/httproute/shop/api-route?tab=effective&view=table', attached: '#/route/httproute/shop/checkout?tab=attached&view=table', bindings: '#/route/httproute/payments/ledger?tab=bindings',
  gateway: '#/gateway/platform/edge', policy: '#/policy/TimeoutPolicy/platform/edge-timeouts?view=table', compare: '#/compare?a=httproute/shop/checkout',
  request: '#/request?u=POST+https%3A%2F%2Fwww.shop.example.com%2Fpay', whatif: '#/whatif?view=table', nothing: '#/table?ns=shop&text=nothing', guardrails: '#/guardrails', yaml: '#/route/httproute/shop/checkout?tab=yaml&view=table',
}

async function violations(page) {
  await page.evaluate(axe)
  return page.evaluate(async () => (await window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })).violations
    .map((v) => `${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160) + ' ' + (n.any[0]?.message ?? '')).join(' | ')}`))
}

export async function looks() {
  const ui = await serve('-f', 'examples/shop')
  const browser = await launch()
  // axe is evaluated by the test: the page's own policy would not let it in.
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, bypassCSP: true })
  const page = await context.newPage()
  const errors = []
  watch(page, errors)
  await page.goto(ui.link)
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    for (const [name, hash] of Object.entries(states)) {
      await test(`looks: ${name}, ${colorScheme}`, async () => {
        for (const [width, height] of [[1440, 900], [1024, 768], [390, 844], [320, 640]]) {
          await page.setViewportSize({ width, height })
          await page.evaluate((h) => { location.hash = h }, hash)
          await settled(page)
          must(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `wider than ${width}`)
          if (width !== 320) await page.screenshot({ path: `${artefacts}/${name}-${width}-${colorScheme}.png` })
          if (width === 1440 || width === 390) {
            const found = await violations(page)
            must(found.length === 0, `axe at ${width}:\n  ` + found.join('\n  '))
          }
        }
      })
    }
  }
  if (process.env.ATTACHE_UI_PICTURE) {
    await page.setViewportSize({ width: 1440, height: 900 })
    await page.emulateMedia({ colorScheme: 'light' })
    await page.evaluate((h) => { location.hash = h }, states.why)
    await settled(page)
    await page.screenshot({ path: process.env.ATTACHE_UI_PICTURE })
  }
  await test('looks: nothing was logged', async () => must(errors.length === 0, errors.join('\n')))
  await ui.stop()

  await test('hostile names are text', async () => {
    const path = artefacts + '/hostile.yaml'
    hostile(path)
    const bad = await serve('-f', path)
    const other = await (await browser.newContext({ viewport: { width: 390, height: 844 } })).newPage()
    const wrong = []
    watch(other, wrong)
    await other.goto(bad.link)
    for (const hash of ['#/map', '#/table', '#/tree', '#/route/httproute/a/' + 'r'.repeat(253) + '?tab=effective', '#/route/httproute/a/' + 'r'.repeat(253) + '?tab=yaml', '#/policy/widgetpolicy.hostile.example/a/w?tab=yaml', '#/guardrails', '#/route/%3Cimg%20src=x%20onerror=alert(1)%3E/a/b', '#/request?u=%3Cimg%20src=x%20onerror=alert(1)%3E']) {
      await other.evaluate((h) => { location.hash = h }, hash)
      await settled(other)
      must(await other.evaluate(() => !window.harmed && !document.querySelector('img, script:not([src])')), 'a name became markup at ' + hash)
      must(await other.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'a name breaks the layout at ' + hash)
    }
    await other.evaluate((h) => { location.hash = h }, '#/route/httproute/a/' + 'r'.repeat(253) + '?tab=effective')
    await has(other.getByRole('complementary'), 'onerror')
    must(await other.evaluate(() => [...document.querySelectorAll('bdi')].some((b) => b.textContent.includes('\u202e'))), 'a reversed text is not isolated')
    must(wrong.length === 0, wrong.join('\n'))
    await bad.stop()
  })
  await browser.close()
}

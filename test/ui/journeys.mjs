// What people do on the page: with the mouse, with the keyboard alone, by links.
import { has, launch, must, same, save, serve, test, watch, artefacts } from './harness.mjs'
import { readFileSync, statSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { alike, large } from './worlds.mjs'
import { program, tabTo } from './harness.mjs'

const edit = `apiVersion: attache.dev/v1alpha1
kind: TimeoutPolicy
metadata: {name: class-ceiling, namespace: platform}
spec:
  targetRef: {group: gateway.networking.k8s.io, kind: GatewayClass, name: edge}
  override: {request: 20s}
`

export async function journeys() {
  const ui = await serve('-f', 'examples/shop')
  const browser = await launch()
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } })
  const page = await context.newPage()
  const errors = []
  watch(page, errors)
  await page.goto(ui.link)
  const at = async (hash) => { await page.evaluate((h) => { location.hash = h }, hash); await page.waitForFunction((h) => location.hash.startsWith(h), hash) } // what is in a fold adds unfold
  const start = async () => { await at('#/map'); await page.getByRole('tree', { name: 'Topology' }).waitFor() }
  const panel = page.getByRole('complementary')
  const item = (name) => page.getByRole('treeitem', { name })
  const search = page.getByRole('combobox', { name: 'Search' })

  // Journeys: what somebody wants to know, the actions from the start page, and the answer. Each is
  // made with the mouse, with the keyboard alone, and by the link that the mouse led to. Everything
  // is found by its role and name, as assistive technology does; a question takes three actions.
  const click = (locator) => ({ mouse: () => locator.first().click(), keys: async () => { await tabTo(page, locator.first()); await page.keyboard.press('Enter') } })
  const tab = (name) => ({ mouse: () => page.getByRole('tab', { name }).click(), keys: () => tabTo(page, page.getByRole('tab', { name })) })
  const field = (name) => click(panel.getByRole('button', { name }))
  const link = (name) => click(page.getByRole('link', { name, exact: true }))
  const find = (text) => ({
    mouse: async () => { await search.click(); await search.fill(text); await page.getByRole('listbox', { name: 'Found' }).getByRole('option').first().click() },
    keys: async () => { await page.keyboard.press('Control+k'); await page.keyboard.type(text); await page.keyboard.press('Enter') },
  })
  const choose = (name, value) => {
    const box = page.getByRole('combobox', { name, exact: true })
    // A list forgets what was typed within a second, which a busy machine may need between two letters:
    // arrows do the rest.
    const away = () => box.evaluate((list, wanted) => [...list.options].findIndex((o) => o.value === wanted || o.label === wanted) - list.selectedIndex, value)
    const keys = async () => {
      await tabTo(page, box)
      await page.keyboard.type(value)
      for (let left = await away(), tries = 0; left !== 0 && tries < 50; left = await away(), tries++) await page.keyboard.press(left > 0 ? 'ArrowDown' : 'ArrowUp')
      await page.keyboard.press('Tab')
    }
    return { mouse: () => box.selectOption(value), keys }
  }
  const check = (name) => {
    const box = page.getByRole('checkbox', { name })
    return { mouse: () => box.check(), keys: async () => { await tabTo(page, box); await page.keyboard.press('Space') } }
  }
  const write = (name, text) => {
    const box = page.getByRole('textbox', { name })
    return { mouse: () => box.fill(text), keys: async () => { await tabTo(page, box); await page.keyboard.insertText(text) } }
  }
  const route = (name) => click(item(new RegExp('HTTPRoute ' + name)))
  const table = page.getByRole('table')
  const made = []
  const journey = async (name, actions, answer) => {
    made.push(name)
    await test('mouse: ' + name, async () => {
      await start()
      must(actions.length <= 3, actions.length + ' actions')
      for (const act of actions) await act.mouse()
      await answer()
    })
    const place = await page.evaluate(() => location.hash)
    await test('link: ' + name, async () => {
      await at('#/guardrails')
      await page.evaluate((h) => { location.hash = h }, place)
      await page.reload()
      await answer()
    })
    await test('keyboard: ' + name, async () => {
      await at('#/map')
      await page.reload()
      await page.getByRole('tree', { name: 'Topology' }).waitFor()
      for (const act of actions) await act.keys()
      await answer()
      same((await page.evaluate(() => location.hash)).replace(/try-\d+/, ''), place.replace(/try-\d+/, ''), 'where it leads')
    })
  }
  await journey('which timeout applies to checkout?', [route('shop/checkout')], () => has(panel, /request\s+60s/))
  await journey('why is it 60s, and not the 90s that the team wrote?', [route('shop/checkout'), field(/^request\b/)], async () => { await has(panel, 'wins, then limited'); await has(panel, '90s') })
  await journey('who is overridden by the platform on api-route?', [find('httproute/shop/api-route'), field(/requestsPerSecond.*200|200/)], () => has(panel.getByRole('list', { name: 'From the class' }), /override[\s\S]*200/))
  await journey('what does edge-timeouts reach, and who beats it?', [find('edge-timeouts')], async () => { await has(panel, /In force on 6 paths/); await has(panel, 'TimeoutPolicy shop/api-timeout') })
  await journey('which policies are attached to checkout?', [route('shop/checkout'), tab('Attached')], () => has(panel, 'shop/pay-once'))
  await journey('where is ledger bound?', [route('payments/ledger'), tab('Bindings')], () => has(panel, /platform\/internal · http/))
  await journey('who serves POST https://www.shop.example.com/pay?', [find('POST https://www.shop.example.com/pay')], () => has(panel, /serves it[\s\S]*shop\/checkout[\s\S]*rule pay/))
  await journey('what would change with 20s on the class?', [link('What if'), write('Manifests', edit), click(page.getByRole('button', { name: 'Try it' }))], () => has(page.getByRole('region', { name: 'What if' }), /6 routes[\s\S]*20s/))
  await test('the edit is ended', async () => { await page.getByRole('button', { name: 'End' }).first().click(); await page.getByText('Not applied.').waitFor({ state: 'detached' }) })
  await journey('which routes of payments have which values?', [link('Table'), choose('Namespace', 'payments')], () => has(table, /^(?![\s\S]*storefront)[\s\S]*authorise[\s\S]*ledger/))
  await journey('which routes are not the same on all paths?', [check(/mixed/)], async () => { await item(/storefront/).waitFor({ state: 'detached' }); await has(page.getByRole('tree'), 'checkout') })
  await journey('what would a new route on the Gateway edge get?', [click(item(/^Gateway platform\/edge/))], () => has(panel, /request\s+10s/))
  await journey('how does rule pay differ from the others?', [route('shop/checkout'), click(panel.getByRole('link', { name: 'Compare' }))], () => has(panel, /2 fields differ/))
  await journey('what do data planes make of it?', [route('shop/storefront'), tab('Enforcement')], () => has(panel, /data planes|enforced/))
  await journey('what does it come to, by kind?', [route('shop/storefront'), tab('Effective')], () => has(panel, /TimeoutPolicy[\s\S]*request 10s/))
  await journey('what is written, and where?', [route('shop/storefront'), tab('YAML')], async () => { await has(panel, /kind: HTTPRoute/); await has(panel, /examples\/shop\/.*:\d+/) })
  await journey('which guardrails are there?', [link('Guardrails')], () => has(panel, /guardrail/i))
  await journey('what goes through the Gateway internal?', [choose('Gateway', 'platform/internal')], async () => { await item(/storefront/).waitFor({ state: 'detached' }); await has(page.getByRole('tree'), 'ledger') })
  await journey('which values are set at the class?', [link('Table'), choose('Value set at', 'GatewayClass')], () => has(table, /ClientIP/))
  await journey('the request timeouts, and nothing else', [link('Table'), choose('Policy kind', 'TimeoutPolicy'), choose('Field', 'request')], async () => { await has(table.getByRole('columnheader', { name: 'request' }), 'request'); await table.getByRole('columnheader').nth(3).waitFor({ state: 'detached' }); must(await table.getByRole('columnheader').count() === 3, 'one column for the field') })
  await journey('a route of the table', [link('Table'), click(page.getByRole('link', { name: /^HTTP checkout/ }))], () => has(panel, /request\s+60s/))
  await journey('a Gateway of the tree', [link('Tree'), click(page.getByRole('treeitem', { name: /Gateway platform\/internal/ }))], () => has(panel, /platform\/internal/))
  await test('there are twenty journeys, and more', async () => must(made.length >= 20, made.length + ' journeys'))

  // By keyboard alone.
  await test('keyboard: the map is a tree', async () => {
    await start()
    await item(/^GatewayClass edge/).focus()
    await page.keyboard.press('ArrowRight')
    await has(page.locator(':focus'), /edge|internal/)
    await page.keyboard.press('ArrowLeft')
    await has(page.locator(':focus'), /GatewayClass edge/)
    await page.keyboard.press('End')
    must(await page.locator(':focus').getAttribute('aria-level') === '6', 'End leads to the last rule')
    await page.keyboard.press('Home')
    await page.keyboard.type('check')
    must(/checkout/.test(await page.locator(':focus').innerText()), 'letters find names')
    await page.keyboard.press('Enter')
    await has(panel, 'shop/checkout')
    await page.keyboard.press('Escape')
    await panel.waitFor({ state: 'detached' })
    must(/checkout/.test(await page.locator(':focus').innerText()), 'focus comes back')
  })
  await test('keyboard: search', async () => {
    await page.keyboard.press('Control+k')
    await page.keyboard.type('storefr')
    await has(page.getByRole('option'), 'storefront')
    await page.keyboard.press('ArrowDown')
    await page.keyboard.press('ArrowUp')
    await page.keyboard.press('Enter')
    await has(panel, 'shop/storefront')
  })
  await test('keyboard: tabs of the panel', async () => {
    await page.getByRole('tab', { name: 'Why' }).focus()
    await page.keyboard.press('ArrowRight')
    same(await page.getByRole('tab', { selected: true }).innerText(), 'Effective', 'tab')
    await page.keyboard.press('ArrowLeft')
    await page.keyboard.press('Escape')
  })
  await test('keyboard: rows of the table', async () => {
    await at('#/table')
    await page.getByRole('table').waitFor()
    await page.locator('[data-row]').first().focus()
    await page.keyboard.press('ArrowDown')
    await has(page.locator(':focus'), 'ledger')
    await page.keyboard.press('Enter')
    await has(panel, 'payments/ledger')
    await page.keyboard.press('Escape')
  })
  await test('keyboard: the tree opens and closes', async () => {
    await at('#/tree')
    const listener = page.getByRole('treeitem', { name: /^listener https/ })
    await listener.focus()
    await page.keyboard.press('ArrowRight')
    await page.getByRole('treeitem', { name: /^namespace shop/ }).waitFor()
    await page.keyboard.press('ArrowLeft')
    await page.getByRole('treeitem', { name: /^namespace shop/ }).waitFor({ state: 'detached' })
  })

  // By links.
  await test('link: a rule, with its field open', async () => {
    await at('#/route/httproute/shop/checkout?rule=pay&show=TimeoutPolicy.backend')
    await has(panel, 'Written in the route rule')
    await page.reload()
    await has(panel, 'Written in the route rule')
  })
  await test('link: back leads to where one was', async () => {
    await at('#/table?ns=shop')
    await at('#/route/httproute/shop/storefront?view=table&ns=shop')
    await has(panel, 'storefront')
    await page.goBack()
    await panel.waitFor({ state: 'detached' })
    same(await page.evaluate(() => location.hash), '#/table?ns=shop', 'address')
  })
  await test('link: a policy, by its kind', async () => { await at('#/policy/TimeoutPolicy/shop/checkout'); await has(panel, /In force on 2 paths/) })
  await test('link: of another context and an older state says so', async () => {
    await at('#/map?ctx=other&at=0'); await has(page.getByRole('status'), 'The link was made of other')
    await at('#/map?at=0'); await has(page.getByRole('status'), 'older state')
  })
  await test('link: a name that does not exist says so', async () => { await at('#/route/httproute/shop/none'); await has(panel.getByRole('alert'), 'there is no route'); await at('#/map') })
  await test('filter: CEL, and what is wrong with it', async () => {
    await at('#/table?where=' + encodeURIComponent('effective.?TimeoutPolicy.?request.orValue("") == "60s"')); await has(page.getByRole('table'), 'checkout')
    await at('#/table?where=1%2B'); await has(page.getByRole('alert'), /./)
    await at('#/map')
  })
  await test('nothing was logged, and nothing asked elsewhere', async () => { must(errors.length === 0, errors.join('\n')) })
  await test('a link that was used opens for nobody else', async () => {
    const other = await browser.newContext()
    const second = await other.newPage()
    await second.goto(ui.link)
    await has(second.getByRole('alert'), 'this link was used')
    await other.close()
  })

  await test('one file needs no server', async () => {
    const path = artefacts + '/shop.html'
    same(spawnSync(program, ['ui', '-f', 'examples/shop', '--out', path]).status, 0, 'exit code')
    must(statSync(path).size < 5 << 20, 'too large')
    must(/script-src 'sha256-|script-src &#39;sha256-/.test(readFileSync(path, 'utf8')), 'no policy')
    const alone = await browser.newPage()
    const wrong = []
    watch(alone, wrong)
    await alone.goto('file://' + path)
    await alone.getByRole('treeitem', { name: /HTTPRoute shop\/checkout/ }).click()
    await has(alone.getByRole('complementary'), /request\s+60s/)
    await alone.getByRole('link', { name: 'Table' }).click()
    await has(alone.getByRole('table'), 'storefront')
    await alone.getByRole('link', { name: 'Tree' }).click()
    await alone.getByRole('treeitem', { name: /^listener https/ }).waitFor()
    must(wrong.length === 0, wrong.join('\n'))
    await alone.close()
  })
  await test('link: a route that lies in a large fold comes out of it, and is lit', async () => {
    const path = artefacts + '/folded.yaml'
    alike(path, 600)
    const folded = await serve('-f', path)
    const own = await browser.newContext({ viewport: { width: 1440, height: 900 } })
    const second = await own.newPage()
    await second.goto(folded.link)
    await second.getByRole('treeitem', { name: /^600 routes/ }).waitFor()
    await second.evaluate(() => { location.hash = '#/route/httproute/a/route-577' })
    const node = second.getByRole('treeitem', { selected: true })
    await has(node, 'HTTPRoute a/route-577')
    must((await node.getAttribute('class')).includes('lit'), 'it is not lit')
    await second.getByRole('treeitem', { name: /^599 routes/ }).waitFor()
    same(await second.locator('.node.lit').count(), 6, 'lit nodes, from the class to the rule')
    await own.close()
    await folded.stop()
  })
  await test('a route that is too large for one answer is told rule by rule', async () => {
    const path = artefacts + '/large.yaml'
    large(path)
    const own = await serve('-f', path)
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 } })
    const second = await context.newPage()
    await second.goto(own.link)
    await second.getByRole('tree', { name: 'Topology' }).waitFor()
    await second.evaluate(() => { location.hash = '#/route/httproute/a/large?view=table' })
    await has(second.getByRole('alert'), 'ask for one rule')
    await has(second.getByRole('table'), /and [0-9]+ more results/)
    await second.evaluate(() => { location.hash = '#/route/httproute/a/large?rule=r3&via=a/g/l5' })
    await has(second.getByRole('complementary'), /request\s+103s/)
    await context.close()
    await own.stop()
  })
  await test('the end of the command is said', async () => {
    await ui.stop()
    await has(page.getByRole('status'), 'no connection')
  })
  await browser.close()
  save('journeys.txt', 'done\n')
}

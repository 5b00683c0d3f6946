// What people do on the page: with the mouse, with the keyboard alone, by links.
import { has, launch, must, same, save, serve, test, watch, artefacts } from './harness.mjs'
import { readFileSync, statSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { program } from './harness.mjs'

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
  const at = async (hash) => { await page.evaluate((h) => { location.hash = h }, hash); await page.waitForFunction((h) => location.hash === h, hash) }
  const start = async () => { await at('#/map'); await page.getByRole('tree', { name: 'Topology' }).waitFor() }
  const panel = page.getByRole('complementary')
  const item = (name) => page.getByRole('treeitem', { name })
  const search = page.getByRole('combobox', { name: 'Search' })

  // Twelve questions, each within three actions from the start page, by roles and
  // names alone.
  const asked = async (name, actions, answer) => test('question: ' + name, async () => {
    await start()
    must(actions.length <= 3, actions.length + ' actions')
    for (const act of actions) await act()
    await answer()
  })
  const click = (locator) => () => locator.first().click()
  const find = (text) => async () => { await search.fill(text); await search.press('Enter') }
  const tab = (name) => click(page.getByRole('tab', { name }))
  const field = (name) => click(panel.getByRole('button', { name }))
  await asked('which timeout applies to checkout?', [click(item(/HTTPRoute shop\/checkout/))], () => has(panel, /request\s+60s/))
  await asked('why is it 60s, and not the 90s that the team wrote?', [click(item(/HTTPRoute shop\/checkout/)), field(/^request\b/)], async () => { await has(panel, 'wins, then limited'); await has(panel, '90s') })
  await asked('who is overridden by the platform on api-route?', [find('httproute/shop/api-route'), field(/requestsPerSecond.*200|200/)], () => has(panel.getByRole('list', { name: 'From the class' }), /override[\s\S]*200/))
  await asked('what does edge-timeouts reach, and who beats it?', [find('edge-timeouts')], async () => { await has(panel, /In force on 6 paths/); await has(panel, 'TimeoutPolicy shop/api-timeout') })
  await asked('which policies are attached to checkout?', [click(item(/HTTPRoute shop\/checkout/)), tab('Attached')], () => has(panel, 'shop/pay-once'))
  await asked('where is ledger bound?', [click(item(/HTTPRoute payments\/ledger/)), tab('Bindings')], () => has(panel, /platform\/internal · http/))
  await asked('who serves POST https://www.shop.example.com/pay?', [find('POST https://www.shop.example.com/pay')], () => has(panel, /serves it[\s\S]*shop\/checkout[\s\S]*rule pay/))
  await asked('what would change with 20s on the class?', [click(page.getByRole('link', { name: 'What if' })), () => page.getByRole('textbox', { name: 'Manifests' }).fill(edit), click(page.getByRole('button', { name: 'Try it' }))],
    () => has(page.getByRole('region', { name: 'What if' }), /6 routes[\s\S]*20s/))
  await test('the edit is ended', async () => { await page.getByRole('button', { name: 'End' }).first().click(); await page.getByText('Not applied.').waitFor({ state: 'detached' }) })
  await asked('which routes of payments have which values?', [click(page.getByRole('link', { name: 'Table' })), () => page.getByRole('combobox', { name: 'Namespace' }).selectOption('payments')], () => has(page.getByRole('table'), /authorise[\s\S]*ledger/))
  await asked('which routes are not the same on all paths?', [() => page.getByRole('checkbox', { name: /mixed/ }).check()], async () => { await has(page.getByRole('tree'), 'checkout'); must(await item(/storefront/).count() === 0, 'storefront is not mixed') })
  await asked('what would a new route on the Gateway edge get?', [click(item(/^Gateway platform\/edge/))], () => has(panel, /request\s+10s/))
  await asked('how does rule pay differ from the others?', [click(item(/HTTPRoute shop\/checkout/)), click(panel.getByRole('link', { name: 'Compare' }))], () => has(panel, /2 fields differ/))

  // By keyboard alone.
  await test('keyboard: the map is a tree', async () => {
    await start()
    await item(/^GatewayClass edge/).focus()
    await page.keyboard.press('ArrowRight')
    await has(page.locator(':focus'), /edge|internal/)
    await page.keyboard.press('ArrowLeft')
    must(/GatewayClass edge/.test(await page.locator(':focus').innerText()), 'left leads back')
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
  await test('the end of the command is said', async () => {
    await ui.stop()
    await has(page.getByRole('status'), 'no connection')
  })
  await browser.close()
  save('journeys.txt', 'done\n')
}

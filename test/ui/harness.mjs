// Starts the command and a browser, and counts what went wrong.
import { spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { chromium } from 'playwright-core'

export const program = process.env.ATTACHE_PLUGIN ?? 'bin/kubectl-effective_policy'
export const artefacts = process.env.ATTACHE_UI_ARTEFACTS ?? '/tmp/attache-ui'
mkdirSync(artefacts, { recursive: true })

// serve runs "ui" and returns its link.
export function serve(...args) {
  const child = spawn(program, ['ui', '--no-browser', ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  const stop = () => new Promise((done) => { child.once('exit', done); child.kill('SIGINT') })
  return new Promise((resolve, reject) => {
    let out = '', err = ''
    child.stdout.on('data', (d) => { out += d; if (out.includes('\n')) resolve({ link: out.split('\n')[0], origin: out.split('/#')[0], stop, pid: child.pid }) })
    child.stderr.on('data', (d) => { err += d })
    child.on('exit', (code) => reject(new Error(`ui ended with ${code}: ${err}`)))
  })
}

export const launch = () => chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-dev-shm-usage'] })

// errors are what a page logs that it should not.
export function watch(page, errors) {
  page.on('pageerror', (e) => errors.push('script: ' + e.message))
  page.on('console', (m) => { if (m.type() === 'error' && !/favicon|ERR_CONNECTION|status of (4|5)/.test(m.text())) errors.push('console: ' + m.text()) })
  page.on('request', (r) => { if (!/^(http:\/\/(127\.0\.0\.1|localhost|\[::1\]):|data:|blob:|file:)/.test(r.url())) errors.push('asks ' + r.url()) })
}

let failed = 0, passed = 0
export async function test(name, run) {
  const began = Date.now()
  try { await run(); passed++; console.log(`ok    ${name} (${Date.now() - began} ms)`) } catch (e) { failed++; console.log(`FAIL  ${name}: ${e.stack ?? e}`) }
}
export function end() {
  console.log(`\n${passed} passed, ${failed} failed`)
  process.exitCode = failed ? 1 : 0
}
export function must(condition, message) { if (!condition) throw new Error(message) }
export function same(got, want, what) { if (got !== want) throw new Error(`${what}: ${JSON.stringify(got)}, want ${JSON.stringify(want)}`) }
export function save(name, text) { writeFileSync(`${artefacts}/${name}`, text) }

// has waits until the text of something has a part.
export async function has(locator, part) {
  await locator.first().waitFor({ timeout: 20000 })
  const until = Date.now() + 20000
  let text = ''
  while (Date.now() < until) {
    text = (await locator.allInnerTexts()).join('\n')
    if (part instanceof RegExp ? part.test(text) : text.includes(part)) return text
    await locator.page().waitForFunction(() => new Promise((r) => requestAnimationFrame(() => r(true))))
  }
  throw new Error(`no ${part} in: ${text.slice(0, 400)}`)
}

// tabTo moves the focus to something with the keyboard alone: Tab from control to control, and
// arrows within a tree or a list of tabs.
export async function tabTo(page, target) {
  await target.waitFor()
  const look = () => target.evaluate((e) => {
    const now = document.activeElement
    const group = e.closest('[role=tree], [role=tablist]')
    if (now === e) return ''
    if (!group || !group.contains(now)) return 'Tab'
    if (group.matches('[role=tablist]')) return 'ArrowRight'
    if (!group.matches('.sheet')) return 'ArrowDown'
    const level = (x) => Number(x.getAttribute('aria-level'))
    if (level(now) !== level(e)) return level(now) < level(e) ? 'ArrowRight' : 'ArrowLeft'
    return now.offsetTop < e.offsetTop ? 'ArrowDown' : 'ArrowUp'
  })
  for (let i = 0; i < 200; i++) {
    const key = await look()
    if (!key) return
    await page.keyboard.press(key)
  }
  throw new Error('no way leads there with the keyboard: ' + target)
}

// settled waits until nothing is asked and nothing is drawn any more.
export async function settled(page) {
  await page.waitForFunction(() => !document.querySelector('[aria-busy=true], .waiting') && document.fonts.status === 'loaded')
  await page.evaluate(() => new Promise((r) => requestAnimationFrame(() => requestAnimationFrame(() => r(true)))))
}

// node run.mjs [journeys] [looks] [budgets]: all of them without arguments.
import { end } from './harness.mjs'
const parts = process.argv.slice(2)
for (const part of ['journeys', 'looks', 'budgets']) {
  if (parts.length && !parts.includes(part)) continue
  console.log(`== ${part}`)
  await (await import(`./${part}.mjs`))[part]()
}
end()

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import test from 'ava'

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }

for (const program of ['cli', 'daemon', 'gateway']) {
  test(`D11 E9: ${program} --version prints the version of the product`, (t) => {
    const argv = [`dist/${program}/main.js`, '--version']
    t.is(execFileSync(process.execPath, argv, { encoding: 'utf8' }), `${version}\n`)
  })
}

/**
 * The identity provider as a program of its own: `node idp-process.js CONFIG.json`.
 * The file holds `IdpOptions`. Prints one line of JSON when it answers: issuer, clientId, clientSecret, caPem.
 * SIGHUP reads the accounts again (and prints `reloaded`), SIGTERM ends it.
 */
import { readFileSync } from 'node:fs'
import { type IdpOptions, startIdp } from './idp.ts'

const [, , configFile = ''] = process.argv
const read = (): IdpOptions => JSON.parse(readFileSync(configFile, 'utf8')) as IdpOptions
const options = read()
const accounts = [...options.accounts]
const { close, ...idp } = await startIdp({ ...options, accounts })
process.on('SIGHUP', () => {
  accounts.splice(0, accounts.length, ...read().accounts)
  console.log('reloaded')
})
console.log(JSON.stringify({ ready: true, ...idp }))
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void close())

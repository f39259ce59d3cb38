/** The wiki of the demonstration, asked for through the proxy port. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Browser } from '../../test/support/browser.ts'
import { answerPrompt } from '../../test/support/idp.ts'
import { must, run, startProcess } from './child-process.ts'
import type { Person } from './identity-provider.ts'
import type { Organisation } from './organisation.ts'
import { hostOf, NAMES, PORTS } from './policy-texts.ts'
import { expect } from './steps.ts'

/** curl's exit code for a refusal in the SOCKS handshake (CURLE_PROXY, since 7.73). */
const CURL_PROXY_REFUSED = 97

const wikiUrl = ({ lab }: Organisation): string => `http://${hostOf(lab, NAMES.wiki)}:${PORTS.web}/`

function curlVia(
  organisation: Organisation,
  option: string,
  scheme: string,
): Promise<{ code: number; stdout: string; stderr: string }> {
  const { host, port } = organisation.proxy
  return run([
    'curl',
    '-sS',
    '--max-time',
    '15',
    option,
    `${scheme}${host}:${port}`,
    wikiUrl(organisation),
  ])
}

export async function deniedBefore(organisation: Organisation): Promise<string> {
  const done = await curlVia(organisation, '--socks5-hostname', '')
  expect(
    done.code === CURL_PROXY_REFUSED && done.stderr.includes('(2)'),
    `curl ended with ${done.code}: ${done.stderr}`,
  )
  const log = readFileSync(organisation.files.webLog, 'utf8')
  expect(!log.includes('connection from'), 'the target saw a connection before any policy')
  return `refused (${done.stderr.trim()}); the target saw no connection`
}

export async function curl(
  organisation: Organisation,
  option: string,
  scheme: string,
): Promise<string> {
  const done = await curlVia(organisation, option, scheme)
  expect(done.stdout.includes('Private wiki'), `curl ended with ${done.code}: ${done.stderr}`)
  return `curl ${option} … ${wikiUrl(organisation)}: the page`
}

/** Nobody sees a failure: curl waits while its user logs in, and then has its page. */
export async function waitForLogin(organisation: Organisation, person: Person): Promise<string> {
  const { zt, folder, caFiles } = organisation
  await must([...zt, 'admin', 'sessions', 'revoke', '--user', person.email])
  const page = curlVia(organisation, '--socks5-hostname', '')
  const watch = await startProcess({
    argv: [...zt, 'prompts', '--watch', '--json', '--no-notify'],
    logFile: join(folder, 'prompts.log'),
    readyWhen: /"kind":"prompt"/,
  })
  const { prompt } = JSON.parse(watch.readyLine) as { prompt: { url: string } }
  const browser = new Browser({ ca: caFiles.map((file) => readFileSync(file, 'utf8')) })
  const { email, password } = person
  await answerPrompt(browser, { url: prompt.url, email, password })
  const done = await page
  await watch.stop()
  expect(done.stdout.includes('Private wiki'), `curl ended with ${done.code}: ${done.stderr}`)
  return `curl waited for the login at ${prompt.url}`
}

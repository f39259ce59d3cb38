/**
 * Values as text for people. Pure. Text from outside is stripped of control characters.
 */
import Table from 'cli-table3'
import type { DaemonStatus, LoginPrompt, PortalStatus, PostureStatus } from '#lib/api/control-api'
import type { Setting } from '#lib/api/setting'
import type { VisibleApplication } from '#lib/wire/control-message'
import { printable } from './printable.ts'
import { promptLine } from './prompt-text.ts'
import { style } from './style.ts'
import { transparentLines } from './transparent-text.ts'

const line = (name: string, value: string): string => `${name.padEnd(14)} ${printable(value)}`

/** The status as `zt status` shows it. */
export function statusText(status: DaemonStatus): string {
  const state =
    status.state === 'connected' ? style.green(status.state) : style.yellow(status.state)
  const why = status.reason === undefined ? '' : ` (${printable(status.reason)})`
  const lines = [
    `${'state'.padEnd(14)} ${state}${why}${sinceText(status)}`,
    ...(status.userEmail === undefined ? [] : [line('user', status.userEmail)]),
    ...(status.service === undefined ? [] : [line('service', serviceText(status.service))]),
    ...(status.deviceId === undefined ? [] : [line('device', status.deviceId)]),
    ...(status.gatewayUrl === undefined ? [] : [line('gateway', status.gatewayUrl)]),
    ...(status.certificateNotAfter === undefined
      ? []
      : [line('certificate', `valid until ${status.certificateNotAfter}`)]),
    ...(status.lock === undefined ? [] : [line('lock', lockText(status.lock))]),
    ...portalLines(status),
    line('connections', `${status.connections} warm, ${status.openFlows} flows`),
    ...(status.lastHeardAt === undefined ? [] : [line('last heard', status.lastHeardAt)]),
    line('proxy', `${status.proxy.host}:${status.proxy.port} (PAC: ${status.proxy.pacUrl})`),
    line('ours', [...status.domains, ...status.prefixes].join(', ') || '(nothing yet)'),
  ]
  if (status.transparent !== undefined) {
    lines.push(...transparentLines(status.transparent).map(([label, text]) => line(label, text)))
  }
  for (const check of status.posture) lines.push(line('posture', postureLine(check)))
  for (const prompt of status.prompts) lines.push(line('waits', promptLine(prompt)))
  const alarm = status.auditLog?.alarm
  if (alarm !== undefined) {
    const what = `${printable(alarm.reason)} at ${printable(alarm.at)}: tell your auditors`
    lines.push(`${'AUDIT LOG'.padEnd(14)} ${style.red(what)}`)
  }
  if (status.refusedOtherUsers > 0) {
    lines.push(line('refused', `${status.refusedOtherUsers} connections of other users`))
  }
  return lines.join('\n')
}

function postureLine({ name, result, detail, observedAt }: PostureStatus): string {
  const why = result === 'failed' && detail !== undefined ? `: ${detail}` : ''
  return `${name} ${result}${why}${observedAt === undefined ? '' : ` (seen ${observedAt})`}`
}

/** What this device tells the gateway of itself, in full. */
export function postureText(checks: readonly PostureStatus[]): string {
  if (checks.length === 0) return 'The gateway asks nothing about this device.'
  return tableText(
    ['check', 'kind', 'looks at', 'seen', 'told', 'result'],
    checks.map(({ name, kind, lookAt, observedAt, found, result, detail = '' }) => {
      const { kind: _, ...told } = found ?? { kind: 'none' }
      return [
        name,
        kind,
        lookAt.join(', '),
        observedAt ?? '',
        found === undefined ? '' : JSON.stringify(told),
        result === 'failed' ? `failed: ${detail}` : result,
      ]
    }),
  )
}

function sinceText({ since }: DaemonStatus): string {
  return since === undefined ? '' : ` since ${printable(since)}`
}

function lockText({ liftedUntil }: NonNullable<DaemonStatus['lock']>): string {
  return liftedUntil === undefined ? 'the tunnel stays on' : `lifted until ${liftedUntil}`
}

function portalLines({ portal }: DaemonStatus): string[] {
  return portal === undefined ? [] : [line('portal', portalText(portal))]
}

function portalText({ host, state, openUntil, obstacle }: PortalStatus): string {
  const what = `captive portal at ${host}`
  if (state === 'reachable') return `${what}: log in there`
  if (state === 'open') return `${what}: open until ${openUntil}, log in there`
  return obstacle === undefined
    ? `${what}: zt keeps you from it; "zt portal open" lets you log in there`
    : `${what}: zt keeps you from it (${obstacle})`
}

function serviceText({ name, expiresAt }: NonNullable<DaemonStatus['service']>): string {
  return expiresAt === undefined ? name : `${name} (token valid until ${expiresAt})`
}

/** What the user has to do in a browser. */
export function promptText(prompt: LoginPrompt): string {
  return [
    'Log in with a browser:',
    '',
    `  ${printable(prompt.verificationUrl)}`,
    `  code: ${style.bold(printable(prompt.userCode))}`,
    '',
    `The page must show these words: ${style.bold(printable(prompt.keyWords))}`,
    `The code is valid until ${printable(prompt.expiresAt)}.`,
  ].join('\n')
}

/** Rows under headings. */
export function tableText(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const table = new Table({ head: [...headings], style: { head: [], border: [] } })
  for (const row of rows) table.push(row.map(printable))
  return table.toString()
}

/** Applications the user may see. */
export function applicationsText(applications: readonly VisibleApplication[]): string {
  if (applications.length === 0) return 'No application admits you. Ask your administrator.'
  return tableText(
    ['application', 'destinations', 'protocol', 'UNIX users'],
    applications.map((one) => [
      one.name,
      one.destinations.join(', '),
      one.protocol ?? '',
      (one.unixUsers ?? []).join(', '),
    ]),
  )
}

/** Settings of the daemon, with their origins. */
export function settingsText(settings: readonly Setting[]): string {
  return tableText(
    ['setting', 'value', 'from'],
    settings.map(({ name, value, source }) => [name, valueText(value), source]),
  )
}

function valueText(value: Setting['value']): string {
  if (value === null) return '(none)'
  return typeof value === 'object' ? value.join(', ') || '(none)' : String(value)
}

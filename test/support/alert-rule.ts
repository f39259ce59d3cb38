/** Alert rules for tests. */
import { ok } from 'node:assert'
import type { PolicyDocument } from '../../gateway/policy/document.ts'
import { parsePolicy } from '../../gateway/policy/parse.ts'
import type { SshAlertRule } from '../../gateway/policy/ssh-alert-rule.ts'

/** Rules as a policy writes them, with names r0, r1 … where they have none. */
export function alertRules(...written: readonly object[]): PolicyDocument['sshAlerts'] {
  const parsed = parsePolicy({
    ssh_alerts: written.map((rule, at) => ({ name: `r${at}`, ...rule })),
  })
  ok(parsed.ok, JSON.stringify(parsed))
  return parsed.value.sshAlerts
}

export function alertRule(written: object): SshAlertRule {
  const [rule] = alertRules(written)
  ok(rule)
  return rule
}

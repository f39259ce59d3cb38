/** How an administrator's action is written down: in the audit log and in the gateway's own, before it takes effect. */
import type { FastifyRequest } from 'fastify'
import type { AuditFacts } from '#lib/audit/audit-entry'
import type { AdminDeps } from './admin-deps.ts'

/** @throws {Error} when it cannot be audited: the request fails then, and the action is not taken. */
export function noteAction(
  { audit, log }: Pick<AdminDeps, 'audit' | 'log'>,
  { ip }: Pick<FastifyRequest, 'ip'>,
  action: string,
  about: AuditFacts,
): void {
  audit.note('admin_action', { ...about, action, source: ip })
  log.info({ ...about, action, source: ip }, 'admin action')
}

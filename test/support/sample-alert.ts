/** An alert with nothing special in it. */
import type { Alert } from '../../gateway/alert/alert.ts'

export function sampleAlert(change: Partial<Alert> = {}): Alert {
  return {
    ...{ type: 'ssh_alert', id: 'a-1', rule: 'markers', action: 'end', match: 'exec' },
    ...{ session: 's-1', flowId: 'f-1', user: 'ann@example.com', deviceId: 'd-1' },
    ...{ unixUser: 'root', host: 'db1.corp.internal', port: 22, application: 'db' },
    ...{ at: '2026-01-02T03:04:05.678Z', offsetMs: 1500 },
    ...change,
  }
}

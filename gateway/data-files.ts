/**
 * Where things are in the data directory. docs/reference/storage.md says what each is.
 */

/** Name of the offline key, beside the configuration file until the administrator moves it away. */
export const RECIPIENTS_SIGNER_KEY = 'recipients-signer.key'

/** Paths in a data directory. */
export function dataFiles(data: string) {
  const keys = `${data}/keys`
  return {
    keys,
    gatewayCa: `${keys}/gateway-ca.crt`,
    recipientsSigner: `${keys}/recipients-signer.pub`,
    recordings: `${data}/recordings`,
    database: `${data}/zt.db`,
    adminHash: `${data}/admin.hash`,
  } as const
}

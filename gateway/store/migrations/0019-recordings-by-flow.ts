/** Whether a recording names a flow is asked of every old flow before its record goes. */
export const RECORDINGS_BY_FLOW = `
CREATE INDEX recordings_by_flow ON recordings (tenant, flow_id);
`

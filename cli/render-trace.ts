/** Steps of an evaluation as the admin API tells them, and as text. Pure. */
import { z } from 'zod'
import { printable } from './printable.ts'

export const traceStep = z.looseObject({
  phase: z.string(),
  name: z.string(),
  outcome: z.string(),
  detail: z.string().exactOptional(),
  selector: z.string().exactOptional(),
})

export function traceText({
  phase,
  name,
  outcome,
  detail,
  selector,
}: z.infer<typeof traceStep>): string {
  const more = [detail, selector].filter((one) => one !== undefined).join('; ')
  return printable(`  ${phase}: ${name}: ${outcome}${more === '' ? '' : ` (${more})`}`)
}

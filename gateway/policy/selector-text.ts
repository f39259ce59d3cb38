/** A selector as it is written in a policy, on one line: `group: engineers`. */
import { formatPrefix } from '#lib/net/prefix'
import type { Selector } from './document.ts'

export function selectorText(selector: Selector): string {
  switch (selector.kind) {
    case 'everyone':
      return 'everyone'
    case 'ip_range':
      return `ip_range: ${formatPrefix(selector.prefix)}`
    case 'claim':
      return `claim: ${selector.name} = ${selector.value}`
    case 'list':
      return `list: ${selector.list}`
    case 'rule_group':
      return `rule_group: ${selector.ruleGroup}`
    case 'device_posture':
      return `device_posture: ${selector.check}`
    case 'external':
      return `external: ${selector.evaluator}`
    case 'service_token':
      return selector.token === undefined ? 'service_token' : `service_token: ${selector.token}`
    case 'any_of':
      return `any_of: ${selector.selectors.map(selectorText).join(', ')}`
    default:
      return `${selector.kind}: ${selector.value}`
  }
}
